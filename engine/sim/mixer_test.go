package sim

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
)

// In a conference everybody hears all but who is muted; what is played to all, or to one, is heard besides.
func TestConference(t *testing.T) {
	r := newRig(t)
	m := r.media.NewMixer()
	var s [3]*session
	var mb [3]engine.Member
	for i := range s {
		s[i] = r.session(nil)
		mb[i] = m.Join(s[i], media.MemberOptions{Muted: i == 2})
	}
	if !slices.Equal(s[0].peers(), []*session{s[1]}) || len(s[2].peers()) > 0 || !mb[2].Muted() {
		t.Errorf("with the third one muted: %v, %v", s[0].peers(), s[2].peers())
	}
	mb[2].SetMuted(false)
	if len(s[0].peers()) != 2 || len(s[2].peers()) != 2 || mb[2].Muted() {
		t.Errorf("with nobody muted: %v, %v", s[0].peers(), s[2].peers())
	}
	r.passes(time.Second)
	all, one := r.player(media.PlayOptions{}, clip("all", 4*time.Second)), r.player(media.PlayOptions{}, clip("one", 2*time.Second))
	m.Play(all)
	r.passes(time.Second)
	mb[1].Play(one)
	r.passes(time.Second)
	mb[0].Leave()
	r.passes(time.Second)
	if len(s[1].peers()) != 1 || !one.Finished() {
		t.Errorf("after one has left: %v", s[1].peers())
	}
	again := m.Join(s[1], media.MemberOptions{}) // another member of the same telephone
	again.Play(r.player(media.PlayOptions{}, clip("two", time.Minute)))
	r.passes(2 * time.Second)
	if !all.Finished() || len(s[1].peers()) != 1 {
		t.Errorf("after it came anew: finished %v, %v", all.Finished(), s[1].peers())
	}
	m.Play(r.player(media.PlayOptions{}, clip("to the end", time.Minute)))
	r.passes(time.Second)
	m.Close()
	r.passes(time.Second)
	r.hears(s[0], "conference 0-3, all 1-3")
	r.hears(s[1], "conference 0-7, all 1-5, one 2-4, two 4-7, to the end 6-7")
	r.hears(s[2], "conference 0-7, all 1-5, to the end 6-7")
}

// What comes to a conference that is over, or to who is not there, has ended.
func TestConferenceIsOver(t *testing.T) {
	r := newRig(t)
	m, s := r.media.NewMixer(), r.session(nil)
	left := m.Join(s, media.MemberOptions{})
	first := r.player(media.PlayOptions{}, clip("first", time.Minute))
	left.Play(first)
	s.Silence()
	if !isDone(first) {
		t.Error("a player goes on for who has left")
	}
	left.Leave() // it has
	own, all := r.player(media.PlayOptions{}, clip("own", time.Minute)), r.player(media.PlayOptions{}, clip("all", time.Minute))
	left.Play(own)
	m.Close()
	m.Play(all)
	late := m.Join(s, media.MemberOptions{})
	if !isDone(first) || !isDone(own) || !isDone(all) || late.Talking() || len(s.hearing()) > 0 {
		t.Errorf("done %v, %v, %v; it hears %v", isDone(first), isDone(own), isDone(all), s.hearing())
	}
	s.Close()
	m.Join(s, media.MemberOptions{}).Leave()
}

// Half a second of silence ends that somebody talks.
func TestTalking(t *testing.T) {
	r := newRig(t)
	s := r.session(nil)
	mb := r.media.NewMixer().Join(s, media.MemberOptions{Muted: true})
	if mb.Talking() {
		t.Error("it talks before it has said a word")
	}
	s.speak(time.Second)
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{100 * time.Millisecond, true}, {1300 * time.Millisecond, true}, {100 * time.Millisecond, false}} {
		r.passes(step.after)
		if mb.Talking() != step.want {
			t.Errorf("at %v: talking %v", r.Now().Sub(start), mb.Talking())
		}
	}
}

// The exchange is told of keys one after the other, each when it is let go; who talks to the telephone hears them.
func TestKeys(t *testing.T) {
	r := newRig(t)
	var told string
	a := r.session(func(d media.Digit) {
		told += string(d.Key)
		if d.Duration != 100*time.Millisecond {
			t.Errorf("%c was held for %v", d.Key, d.Duration)
		}
	})
	b := r.session(nil)
	r.media.Bridge(a, b)
	a.press('1')
	a.press('#')
	r.passes(99 * time.Millisecond)
	if told != "" {
		t.Errorf("%q was told of while the first key was down", told)
	}
	r.passes(100 * time.Millisecond)
	if told != "1" {
		t.Errorf("%q was told of while the second key was down", told)
	}
	r.passes(time.Second)
	a.press('5')
	r.passes(time.Second)
	if told != "1#5" || b.heardKeys() != "1#5" || a.heardKeys() != "" {
		t.Errorf("the exchange was told of %q, the other heard %q", told, b.heardKeys())
	}
	f := format()
	f.Send = false
	_ = b.SetFormat(f)
	a.press('0')
	r.passes(time.Second)
	if told != "1#50" || b.heardKeys() != "1#5" {
		t.Errorf("while b heard nothing, the exchange was told of %q and b heard %q", told, b.heardKeys())
	}
	f = format()
	f.Receive = false
	_ = a.SetFormat(f)
	a.press('6')
	r.passes(time.Second)
	_ = a.SetFormat(format())
	a.press('7')
	a.Close()
	a.press('8')
	r.passes(time.Second)
	if told != "1#50" {
		t.Errorf("while nothing arrived it was told of %q", told)
	}
}

// SendDigits returns when the last key has been sent, and a second one waits for the first.
func TestSendDigits(t *testing.T) {
	r := newRig(t)
	s, ctx := r.session(nil), context.Background()
	var ended []time.Duration
	send := func(digits string, each, gap time.Duration) {
		r.Go(func() {
			if err := s.SendDigits(ctx, digits, each, gap); err != nil {
				t.Error(err)
			}
			ended = append(ended, r.Now().Sub(start))
		})
	}
	send("12a", 0, 0)
	send("*", 200*time.Millisecond, 300*time.Millisecond)
	r.passes(450 * time.Millisecond)
	if s.heardKeys() != "12" {
		t.Errorf("it has heard %q so far", s.heardKeys())
	}
	r.passes(time.Minute)
	if want := []time.Duration{600 * time.Millisecond, 1100 * time.Millisecond}; !slices.Equal(ended, want) || s.heardKeys() != "12A*" {
		t.Errorf("ended %v, want %v; heard %q", ended, want, s.heardKeys())
	}
}

func TestSendDigitsFails(t *testing.T) {
	r := newRig(t)
	gone := errors.New("hung up")
	noEvents, silent := format(), format()
	noEvents.EventPayloadType, silent.Send = 0, false
	for name, c := range map[string]struct {
		digits string
		format media.Format
		during func(s *session, cancel context.CancelCauseFunc)
		want   error
	}{
		"no key":         {"1x2", format(), nil, media.ErrBadDigit},
		"no events":      {"1", noEvents, nil, media.ErrNoEvents},
		"not sending":    {"1", silent, nil, media.ErrNotSending},
		"closed":         {"12", format(), func(s *session, _ context.CancelCauseFunc) { s.Close() }, media.ErrClosed},
		"held meanwhile": {"12", format(), func(s *session, _ context.CancelCauseFunc) { _ = s.SetFormat(silent) }, media.ErrNotSending},
		"given up":       {"12", format(), func(_ *session, cancel context.CancelCauseFunc) { cancel(gone) }, gone},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			s := r.session(nil)
			_ = s.SetFormat(c.format)
			var err error
			over := false
			r.Go(func() { err = s.SendDigits(ctx, c.digits, 0, 0); over = true })
			r.passes(50 * time.Millisecond)
			if c.during != nil {
				c.during(s, cancel)
			}
			r.passes(time.Second)
			if !over || !errors.Is(err, c.want) || s.heardKeys() != "" {
				t.Errorf("over %v: %v, want %v; heard %q", over, err, c.want, s.heardKeys())
			}
		})
	}
}

// Ports tell sessions apart, also those that have ended, until they are needed again.
func TestPorts(t *testing.T) {
	r := newRig(t)
	first := r.session(nil)
	port := first.LocalAddr().Port()
	first.Close()
	first.Close()
	open := 0
	for ; ; open++ {
		if _, err := r.media.NewSession(first.LocalAddr().Addr(), nil, media.Events{}); err != nil {
			if !errors.Is(err, media.ErrNoPorts) {
				t.Error(err)
			}
			break
		}
		if open == 0 && r.media.at(port) != first {
			t.Error("the port of one that has ended was taken though others were free")
		}
	}
	if open != (lastPort-firstPort)/2+1 || r.media.Stats().Sessions != open {
		t.Errorf("there was room for %d, %d are open", open, r.media.Stats().Sessions)
	}
	if err := r.media.Close(); err != nil || r.media.Stats().Sessions != 0 {
		t.Errorf("%d are left open: %v", r.media.Stats().Sessions, err)
	}
}
