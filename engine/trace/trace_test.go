package trace

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/belfry-pbx/belfry/engine/clock"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func newLog(t *testing.T, o Options) (*Log, *clock.Fake) {
	t.Helper()
	c := clock.NewFake(start)
	o.Clock = c
	return New(o), c
}

// lines are a call's steps in short.
func lines(t *testing.T, l *Log, id string) []string {
	t.Helper()
	_, steps, err := l.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range steps {
		line := fmt.Sprintf("%d %v %s", s.Seq, s.Offset, s.Text)
		if s.Kind == SIP {
			line += fmt.Sprintf(" [%s → %s]", s.From, s.To)
		}
		if s.At != "" {
			line += " " + s.At
		}
		all = append(all, line)
	}
	return all
}

func message(dialog, from, to, raw string) Step {
	return Step{Dialog: dialog, Kind: SIP, From: from, To: to, Raw: Clean([]byte(raw))}
}

func TestACallsStoryIsInOrder(t *testing.T) {
	l, c := newLog(t, Options{})
	l.Add(message("d1", "192.0.2.1:5060", Exchange, "INVITE sip:77513@chorus SIP/2.0\r\nCall-ID: d1\r\n\r\n"))
	c.Advance(time.Millisecond)
	l.Add(message("d1", Exchange, "192.0.2.1:5060", "SIP/2.0 401 Unauthorized\r\n\r\n"))
	c.Advance(time.Millisecond)
	l.Begin("c1", "77612", "77513")
	l.Join("c1", "d1", "77612")
	l.Add(Step{Call: "c1", Kind: Script, Text: "call:bridge 77513", At: "main.lua:6"})
	l.Join("c1", "d2", "77513")
	l.Add(message("d2", Exchange, "192.0.2.2:5060", "INVITE sip:77513@192.0.2.2 SIP/2.0\r\n\r\n"))
	c.Advance(time.Second)
	l.Add(message("d2", "192.0.2.2:5060", Exchange, "SIP/2.0 180 Ringing\r\n\r\n"))
	l.End("c1", "answered")
	l.Add(message("d2", "192.0.2.2:5060", Exchange, "SIP/2.0 200 OK\r\n\r\n"))
	c.Advance(linger)
	l.Begin("c2", "", "") // sweeps
	l.Add(message("d2", "192.0.2.2:5060", Exchange, "BYE sip:x SIP/2.0\r\n\r\n"))
	want := []string{
		"1 0s INVITE 77513 [77612 → belfry]",
		"2 1ms 401 Unauthorized [belfry → 77612]",
		"3 2ms call:bridge 77513 main.lua:6",
		"4 2ms INVITE 77513 [belfry → 77513]",
		"5 1.002s 180 Ringing [77513 → belfry]",
		"6 1.002s 200 OK [77513 → belfry]",
	}
	if d := cmp.Diff(want, lines(t, l, "c1")); d != "" {
		t.Error(d)
	}
	info, _, _ := l.Get("c1")
	if info.From != "77612" || info.To != "77513" || info.Outcome != "answered" || !info.Start.Equal(start) || info.Steps != 6 {
		t.Errorf("the call in short is %+v", info)
	}
}

func TestADialogThatMovesTellsItsNewCall(t *testing.T) {
	l, _ := newLog(t, Options{})
	l.Join("c1", "d1", "77612")
	l.Add(message("d1", "a:1", Exchange, "REFER sip:x SIP/2.0\r\n\r\n"))
	l.Join("c2", "d1", "77612")
	l.Add(message("d1", "a:1", Exchange, "BYE sip:x SIP/2.0\r\n\r\n"))
	if got := lines(t, l, "c1"); len(got) != 1 {
		t.Errorf("the first call has %q", got)
	}
	if got := lines(t, l, "c2"); len(got) != 1 || !strings.Contains(got[0], "BYE") {
		t.Errorf("the second call has %q", got)
	}
}

func TestNoCredentialsKeysOrDigitsInMessages(t *testing.T) {
	for _, raw := range []string{
		"INVITE sip:1@x SIP/2.0\r\nAuthorization: Digest username=\"7\", response=\"SECRET\"\r\nTo: <sip:1@x>\r\n\r\nv=0\r\n",
		"INVITE sip:1@x SIP/2.0\r\nproxy-AUTHORIZATION : Digest\r\n response=\"SECRET\",\r\n\tcnonce=SECRET\r\nTo: <sip:1@x>\r\n\r\nv=0\r\n",
		"INVITE sip:1@x SIP/2.0\r\nTo: <sip:1@x>\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n",
		"INVITE sip:1@x SIP/2.0\r\nTo: <sip:1@x>\r\n\r\nv=0\r\nk=clear:SECRET\r\n",
		"INFO sip:1@x SIP/2.0\r\nTo: <sip:1@x>\r\n\r\nSignal= SECRET\r\nDuration=160\r\nv=0",
	} {
		got := Clean([]byte(raw))
		if strings.Contains(got, "SECRET") || !strings.Contains(got, "To: <sip:1@x>") || !strings.Contains(got, "v=0") {
			t.Errorf("of\n%s\nis kept\n%s", raw, got)
		}
	}
	if got := Clean([]byte("INFO sip:1@x SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n7")); strings.HasSuffix(got, "7") {
		t.Errorf("a key that was pressed is kept: %q", got)
	}
	long := "INVITE sip:1@x SIP/2.0\r\nX: " + strings.Repeat("x", 3*maxRaw) + "\r\n\r\n"
	if got := Clean([]byte(long)); len(got) > maxRaw+16 {
		t.Errorf("of a long message %d octets are kept", len(got))
	}
}

func TestAPinThatComesToLightIsHidden(t *testing.T) {
	l, _ := newLog(t, Options{})
	for _, key := range "5829" {
		l.Add(Step{Call: "c", Kind: Media, Text: "key " + string(key) + " pressed", Fields: Keys(string(key))})
	}
	l.Add(Step{Call: "c", Kind: Media, Text: "read 5829", Fields: Keys("5829")})
	l.Add(Step{Call: "c", Kind: Script, Text: "ringing 75829", At: "main.lua:3"})
	l.Hide("c", "5829")
	want := []string{"1 0s key* pressed", "2 0s key* pressed", "3 0s key* pressed", "4 0s key* pressed", "5 0s read*", "6 0s ringing 7* main.lua:3"}
	if d := cmp.Diff(want, lines(t, l, "c")); d != "" {
		t.Error(d)
	}
	_, steps, _ := l.Get("c")
	for _, s := range steps {
		if strings.Contains(fmt.Sprint(s.Fields), "5829") {
			t.Errorf("the fields of %q are %v", s.Text, s.Fields)
		}
	}
}

func TestEverythingIsBounded(t *testing.T) {
	l, c := newLog(t, Options{Calls: 10})
	big := Step{Kind: Media, Text: strings.Repeat("é", 4*maxText), Fields: make([]Field, 1000)}
	for i := range 100_000 {
		big.Call = "endless"
		l.Add(big)
		l.Add(message(fmt.Sprint("d", i), "a:1", Exchange, "INVITE sip:1@x SIP/2.0\r\n\r\n"+strings.Repeat("x", 500)))
		l.Add(message("other", "a:1", Exchange, "BYE sip:1@x SIP/2.0\r\n\r\n"))
	}
	info, steps, err := l.Get("endless")
	if err != nil || info.Lost == 0 || info.Steps != len(steps) || info.Steps+info.Lost != 100_000 {
		t.Errorf("of 100,000 steps %d are kept and %d lost, %v", len(steps), info.Lost, err)
	}
	if s := l.live["endless"]; s.size() > maxStory+maxTail+2*chunkSize {
		t.Errorf("one call takes %d octets", s.size())
	}
	if len(l.dialogs) > maxEarly || len(l.early) > maxEarly {
		t.Errorf("%d dialogs of nobody", len(l.dialogs))
	}
	l.Add(Step{Call: "endless", Kind: Call, Text: "ended"})
	if _, steps, _ := l.Get("endless"); steps[len(steps)-1].Text != "ended" {
		t.Error("what call control says is lost with the rest")
	}
	for i := range 100 {
		id := fmt.Sprint("c", i)
		l.Join(id, id, "1")
		l.End(id, "answered")
		c.Advance(linger)
	}
	l.Begin("last", "", "")
	if len(l.past) != 10 || len(l.live) != 2 || len(l.dialogs) > maxEarly {
		t.Errorf("%d calls have ended, %d stand, %d dialogs", len(l.past), len(l.live), len(l.dialogs))
	}
	if all, err := l.List(3); err != nil || len(all) != 3 || all[0].ID != "last" || all[1].ID != "c99" {
		t.Errorf("the latest calls are %+v, %v", all, err)
	}
	l.End("endless", "")
	l.End("last", "")
	c.Advance(linger)
	l.Begin("x", "", "")
	if want := int64(0); l.size != want {
		t.Errorf("%d octets are counted for calls that have ended", l.size)
	}
}

func TestFollowing(t *testing.T) {
	l, c := newLog(t, Options{})
	l.Add(Step{Call: "c", Kind: Call, Text: "one"})
	told := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- l.Follow(t.Context(), "c", func(s Step) error { told <- s.Text; return nil })
	}()
	if got := <-told; got != "one" {
		t.Errorf("first %q", got)
	}
	l.Add(Step{Call: "c", Kind: Call, Text: "two"})
	if got := <-told; got != "two" {
		t.Errorf("then %q", got)
	}
	l.End("c", "answered")
	for {
		c.Advance(linger)
		l.Begin("d", "", "") // sweeps, and says so
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		case got := <-told:
			t.Errorf("after the end %q", got)
		default:
		}
	}
}

// A message as it came is kept as one that was cleaned first, whether its call is known yet or not, and whoever made it may
// write over it.
func TestMessagesAsTheyCome(t *testing.T) {
	raws := []string{
		"INVITE sip:77513@chorus SIP/2.0\r\nCall-ID: d\r\n\r\nv=0\r\n",
		"SIP/2.0 180 Ringing\r\nCall-ID: d\r\n\r\n",
		"BYE sip:77513@chorus SIP/2.0\r\nAuthorization: Digest secret\r\n\r\n",
		"SIP/2.0 200 OK\r\nX: " + strings.Repeat("x", 2*maxRaw) + "\r\n\r\n",
	}
	steps := func(add func(l *Log, dialog string, raw []byte, s Step)) []Step {
		l, c := newLog(t, Options{})
		for i, raw := range raws {
			b := []byte(raw)
			add(l, "d", b, Step{Time: c.Now(), Kind: SIP, From: "192.0.2.1:5060", To: Exchange})
			clear(b)
			if i == 0 {
				l.Join("c", "d", "77513")
			}
		}
		_, all, err := l.Get("c")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	got := steps(func(l *Log, dialog string, raw []byte, s Step) { l.AddMessage([]byte(dialog), raw, s) })
	want := steps(func(l *Log, dialog string, raw []byte, s Step) {
		s.Dialog, s.Raw = dialog, Clean(raw)
		l.Add(s)
	})
	if len(got) != len(raws) || !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	for _, s := range got {
		if strings.Contains(s.Raw, "Digest") || s.Raw == "" {
			t.Errorf("kept %q", s.Raw)
		}
	}
}

// A message in which nothing is found at a glance has nothing to hide at a close look.
func FuzzHasSecret(f *testing.F) {
	for _, s := range []string{
		"BYE sip:1@2 SIP/2.0\r\nProxy-authorization : Digest\r\n\r\n", "INVITE\r\n\r\nv=0\r\na=crypto:1 x\r\nk=clear:x\r\na=key-mgmt:x\r\n",
		"INFO\r\n\r\nSignal= 5\r\nDuration=160\r\n", "INFO\r\n\r\n5", "INFO\n\n\n 5\n", "a\r\n\r\na=sendrecv\r\nm=audio 1 RTP/AVP 0\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		body, close := false, false
		for line := range bytes.Lines(raw) {
			close = close || secretFrom(line, body) >= 0
			body = body || len(line) <= 2
		}
		if got := hasSecret(raw); got != close {
			t.Errorf("%q: at a glance %v, at a close look %v", raw, got, close)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(appendStep(nil, &Step{Kind: SIP, Time: start, Text: "x", Fields: Keys("1")}, nil, start, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		steps, dialogs := decode(start, b)
		finish(Info{}, steps, dialogs)
		if len(steps) > len(b) || len(steps) != len(dialogs) {
			t.Errorf("%d octets give %d steps", len(b), len(steps))
		}
	})
}

func BenchmarkCall(b *testing.B) {
	invite := []byte("INVITE sip:77513@chorus SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1\r\n" + strings.Repeat("X-Header: something of a length\r\n", 20) + "\r\n")
	l := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range []string{"d1", "d2"} {
			l.Join("c", d, "77513")
			for range 8 {
				l.AddMessage([]byte(d), invite, Step{Time: l.clock.Now(), Kind: SIP, From: "192.0.2.1:5060", To: Exchange})
			}
		}
		for range 12 {
			l.Add(Step{Call: "c", Kind: Call, Text: "ringing 77513", At: "main.lua:12"})
		}
		l.End("c", "answered")
		l.mu.Lock()
		l.leaving[0].ended = l.leaving[0].ended.Add(-time.Hour)
		l.sweep()
		l.mu.Unlock()
	}
}
