package mailbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a data folder that can be opened again and again.
type site struct {
	dir   string
	clock *clock.Fake
	store *bolt.Store
	opts  Options
	*Mailboxes
}

func newSite(t testing.TB, o Options) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), clock: clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)), opts: o}
	s.open(t)
	t.Cleanup(func() { s.close(t) })
	return s
}

func (s *site) open(t testing.TB) {
	t.Helper()
	var err error
	s.store, err = bolt.Open(filepath.Join(s.dir, "belfry.db"), bolt.Options{Clock: s.clock})
	no(t, err)
	o := s.opts
	o.Dir, o.Store, o.Clock = filepath.Join(s.dir, "voicemail"), s.store, s.clock
	s.Mailboxes, err = Open(t.Context(), o)
	no(t, err)
}

func (s *site) close(t testing.TB) {
	t.Helper()
	no(t, s.Mailboxes.Close())
	no(t, s.store.Close())
}

func (s *site) restart(t testing.TB) {
	t.Helper()
	s.close(t)
	s.open(t)
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) box(t testing.TB, number string) *Mailbox {
	t.Helper()
	no(t, s.Create(t.Context(), number))
	m, err := s.Get(number)
	no(t, err)
	return m
}

// speech is sound in which every place is different.
func speech(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*rate))
	for i := range pcm {
		pcm[i] = int16(i*7 + i/100)
	}
	return pcm
}

func leave(t testing.TB, m *Mailbox, from string, d time.Duration, urgent bool) Message {
	t.Helper()
	draft, err := m.Begin(t.Context(), Caller{Number: from, Name: "Caller " + from})
	no(t, err)
	say(t, draft, speech(d))
	msg, err := draft.Commit(t.Context(), urgent)
	no(t, err)
	return msg
}

func say(t testing.TB, d *Draft, pcm []int16) {
	t.Helper()
	for len(pcm) > 0 { // in packets of 20 ms
		n := min(160, len(pcm))
		no(t, d.Write(pcm[:n]))
		pcm = pcm[n:]
	}
}

func (s *site) heard(t testing.TB, m *Mailbox, id string, want []int16) {
	t.Helper()
	clip, err := m.Sound(t.Context(), id)
	no(t, err)
	if clip.Rate() != rate || !slices.Equal(clip.PCM(), want) {
		t.Fatalf("message %s plays %v, not the %d samples that were said", id, clip.Duration(), len(want))
	}
}

func folder(t testing.TB, m *Mailbox, name string) (ids []string) {
	t.Helper()
	list, err := m.Messages(t.Context(), name)
	no(t, err)
	for _, msg := range list {
		ids = append(ids, msg.ID)
	}
	return ids
}

func files(t testing.TB, s *site, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "voicemail", dir))
	no(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestMessageIsKept(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	if _, err := s.Get("77513"); !errors.Is(err, ErrNoMailbox) {
		t.Fatalf("before it exists: %v", err)
	}
	m := s.box(t, "77513")
	no(t, s.Create(ctx, "77513")) // again
	said := speech(5*time.Second + 70*time.Millisecond)
	draft, err := m.Begin(ctx, Caller{"01865277513", "Anna \xff Smith"})
	no(t, err)
	say(t, draft, said)
	if draft.Length() != 5070*time.Millisecond {
		t.Errorf("length %v", draft.Length())
	}
	clip, err := draft.Sound()
	no(t, err)
	if !slices.Equal(clip.PCM(), said) {
		t.Errorf("the caller hears %v of what was said", clip.Duration())
	}
	msg, err := draft.Commit(ctx, true)
	no(t, err)
	want := Message{ID: msg.ID, Mailbox: "77513", From: "01865277513", Name: "Anna \ufffd Smith", Time: s.clock.Now(),
		Length: 5070 * time.Millisecond, Urgent: true, Folder: FolderNew}
	if msg != want {
		t.Errorf("committed %+v", msg)
	}
	for range 2 {
		list, err := m.Messages(ctx, FolderNew)
		no(t, err)
		if len(list) != 1 || list[0] != want {
			t.Errorf("messages %+v", list)
		}
		s.heard(t, m, msg.ID, said)
		s.restart(t)
		m = s.box(t, "77513")
	}
	if tmp := files(t, s, tmpDir); len(tmp) > 0 {
		t.Errorf("left behind: %v", tmp)
	}
}

// The silence by which a message ended is not part of it, after a restart neither.
func TestSilenceAtTheEndIsLeftOut(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, Options{})
	box := s.box(t, "77513")
	d, err := box.Begin(ctx, Caller{Number: "15902"})
	no(t, err)
	said := speech(5 * time.Second)
	no(t, d.Write(append(slices.Clone(said), make([]int16, 8*rate)...)))
	d.EndsInSilence(8 * time.Second)
	m, err := d.Commit(ctx, false)
	no(t, err)
	if m.Length != 5*time.Second {
		t.Errorf("it is %v long", m.Length)
	}
	s.heard(t, box, m.ID, said)
	s.restart(t)
	s.heard(t, s.box(t, "77513"), m.ID, said)
}

func TestDraftEndsOnce(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	for _, end := range []func(d *Draft){
		func(d *Draft) { d.Discard() },
		func(d *Draft) { _, err := d.Commit(t.Context(), false); no(t, err) },
	} {
		d, err := m.Begin(t.Context(), Caller{})
		no(t, err)
		say(t, d, speech(3*time.Second))
		end(d)
		d.Discard()
		_, commitErr := d.Commit(t.Context(), false)
		_, soundErr := d.Sound()
		for what, err := range map[string]error{"Write": d.Write([]int16{1}), "Commit": commitErr, "Sound": soundErr, "Restart": d.Restart()} {
			if !errors.Is(err, ErrEnded) {
				t.Errorf("%s after the end: %v", what, err)
			}
		}
	}
	if got := folder(t, m, FolderNew); len(got) != 1 {
		t.Errorf("messages %v", got)
	}
}

func TestShortMessageIsDropped(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	d, err := m.Begin(t.Context(), Caller{})
	no(t, err)
	say(t, d, speech(1990*time.Millisecond))
	if _, err := d.Commit(t.Context(), false); !errors.Is(err, ErrTooShort) {
		t.Errorf("told %v", err)
	}
	leave(t, m, "1", 2*time.Second, false)
	if got := folder(t, m, FolderNew); len(got) != 1 {
		t.Errorf("messages %v", got)
	}
	if tmp := files(t, s, tmpDir); len(tmp) > 0 {
		t.Errorf("left behind: %v", tmp)
	}
}

func TestRestartThrowsAwayWhatWasSaid(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	d, err := m.Begin(t.Context(), Caller{})
	no(t, err)
	say(t, d, speech(10*time.Second+50*time.Millisecond))
	no(t, d.flush())
	no(t, d.Restart())
	if d.Length() != 0 {
		t.Errorf("length %v", d.Length())
	}
	again := speech(13 * time.Second)[8000:]
	say(t, d, again[:30000])
	no(t, d.flush())
	say(t, d, again[30000:])
	msg, err := d.Commit(t.Context(), false)
	no(t, err)
	s.heard(t, m, msg.ID, again)
}

func TestFoldersAndLamp(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m := s.box(t, "77513")
	lamp := make(chan string, 100)
	s.OnWaiting(func(string, Waiting) { panic("somebody else's fault") })
	s.OnWaiting(func(number string, w Waiting) { lamp <- fmt.Sprint(number, w) })
	// shows waits for the lamp; close changes may come as one.
	shows := func(want Waiting) {
		t.Helper()
		for {
			select {
			case got := <-lamp:
				if got != fmt.Sprint("77513", want) {
					continue
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("the lamp does not show %+v", want)
			}
			break
		}
		if w, err := m.Waiting(ctx); err != nil || w != want {
			t.Fatalf("waiting %+v, %v", w, err)
		}
	}
	is := func(name string, want ...string) {
		t.Helper()
		if got := folder(t, m, name); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	a := leave(t, m, "1", 3*time.Second, false).ID
	shows(Waiting{New: 1})
	s.clock.Advance(time.Minute)
	b := leave(t, m, "2", 3*time.Second, true).ID
	shows(Waiting{New: 2, UrgentNew: 1})
	is(FolderNew, a, b)
	no(t, m.MarkHeard(ctx, b))
	shows(Waiting{New: 1, Old: 1, UrgentOld: 1})
	is(FolderSaved, b)
	no(t, m.Delete(ctx, a))
	shows(Waiting{Old: 1, UrgentOld: 1})
	is(FolderNew)
	is(FolderDeleted, a)
	no(t, m.Undelete(ctx, a))
	shows(Waiting{New: 1, Old: 1, UrgentOld: 1})
	is(FolderNew, a)
	no(t, m.Delete(ctx, a))
	no(t, m.Save(ctx, a))
	shows(Waiting{Old: 2, UrgentOld: 1})
	is(FolderSaved, a, b)
	no(t, m.Delete(ctx, b))
	no(t, m.Purge(ctx))
	shows(Waiting{Old: 1})
	is(FolderDeleted)
	if err := m.Undelete(ctx, b); !errors.Is(err, ErrNoMessage) {
		t.Errorf("undeleted after the log-in: %v", err)
	}
	if got := files(t, s, newDir); len(got) != 1 {
		t.Errorf("files %v", got)
	}
	if _, err := m.Messages(ctx, "family"); err == nil {
		t.Error("an unknown folder was accepted")
	}
	for what, err := range map[string]error{"MarkHeard": m.MarkHeard(ctx, "x"), "Save": m.Save(ctx, b), "Delete": m.Delete(ctx, "../x")} {
		if !errors.Is(err, ErrNoMessage) {
			t.Errorf("%s of no message: %v", what, err)
		}
	}
	if _, err := m.Sound(ctx, b); !errors.Is(err, ErrNoMessage) {
		t.Errorf("Sound of no message: %v", err)
	}
}

func TestDeletedMessageIsGoneAfterADay(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m := s.box(t, "77513")
	a, b := leave(t, m, "1", 3*time.Second, false).ID, leave(t, m, "2", 3*time.Second, false).ID
	no(t, m.Delete(ctx, a))
	s.clock.Advance(23 * time.Hour)
	no(t, m.Undelete(ctx, a))
	no(t, m.Delete(ctx, a))
	no(t, m.Delete(ctx, b))
	s.clock.Advance(24*time.Hour - time.Second)
	if got := folder(t, m, FolderDeleted); len(got) != 2 {
		t.Errorf("a second before the day is over: %v", got)
	}
	s.clock.Advance(time.Second)
	if got := folder(t, m, FolderDeleted); len(got) != 0 {
		t.Errorf("after a day: %v", got)
	}
	if err := m.Undelete(ctx, a); !errors.Is(err, ErrNoMessage) {
		t.Errorf("undeleted after a day: %v", err)
	}
	for len(files(t, s, newDir)) > 0 { // the hourly purge takes the files
		s.clock.Advance(10 * time.Minute)
		time.Sleep(time.Millisecond)
	}
}

func TestMessagesOfOthersAreOutOfReach(t *testing.T) {
	s := newSite(t, Options{})
	a, b := s.box(t, "7751"), s.box(t, "77513")
	msg := leave(t, b, "1", 3*time.Second, false)
	if _, err := a.Sound(t.Context(), msg.ID); !errors.Is(err, ErrNoMessage) {
		t.Errorf("told %v", err)
	}
	if got := folder(t, a, FolderNew); len(got) != 0 {
		t.Errorf("7751 has the messages of 77513: %v", got)
	}
	for _, bad := range []string{"", "../x", "775 13", "7/7", strings.Repeat("1", 30)} {
		if err := s.Create(t.Context(), bad); err == nil {
			t.Errorf("mailbox %q was made", bad)
		}
		if _, err := s.Get(bad); !errors.Is(err, ErrNoMailbox) {
			t.Errorf("mailbox %q: %v", bad, err)
		}
	}
}

func TestForward(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m, to := s.box(t, "77513"), s.box(t, "77514")
	msg := leave(t, m, "01865277000", 3*time.Second, true)
	s.clock.Advance(time.Hour)
	no(t, m.Forward(ctx, msg.ID, "77514", nil))
	no(t, m.Forward(ctx, msg.ID, "77514", media.NewClip(rate, speech(time.Second))))
	no(t, m.Forward(ctx, msg.ID, "77514", media.NewClip(48000, make([]int16, 48000))))
	list, err := to.Messages(ctx, FolderNew)
	no(t, err)
	if len(list) != 3 {
		t.Fatalf("%d messages arrived", len(list))
	}
	for i, length := range []time.Duration{3 * time.Second, 4 * time.Second, 4 * time.Second} {
		got := list[slices.IndexFunc(list, func(m Message) bool { return m.Length == length })]
		if got.From != "01865277000" || got.ForwardedBy != "77513" || !got.Urgent || !got.Time.Equal(msg.Time) {
			t.Errorf("copy %d: %+v", i, got)
		}
	}
	i := slices.IndexFunc(list, func(m Message) bool { return m.Length == 3*time.Second })
	s.heard(t, to, list[i].ID, speech(3*time.Second))
	if err := m.Forward(ctx, msg.ID, "99999", nil); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("to nobody: %v", err)
	}
	if err := m.Forward(ctx, "x", "77514", nil); !errors.Is(err, ErrNoMessage) {
		t.Errorf("nothing: %v", err)
	}
}

func TestGreetings(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m := s.box(t, "77513")
	has := func(kind string, want []int16) {
		t.Helper()
		clip, err := m.Greeting(ctx, kind)
		no(t, err)
		if (clip == nil) != (want == nil) || clip != nil && !slices.Equal(clip.PCM(), want) {
			t.Errorf("greeting %s is not what was recorded", kind)
		}
	}
	for _, kind := range GreetingKinds() {
		has(kind, nil)
	}
	first, second := speech(2*time.Second), speech(3 * time.Second)[8000:]
	no(t, m.SetGreeting(ctx, "busy", media.NewClip(rate, first)))
	no(t, m.SetGreeting(ctx, "name", media.NewClip(rate, second)))
	no(t, m.SetGreeting(ctx, "busy", media.NewClip(rate, second)))
	s.restart(t)
	m = s.box(t, "77513")
	has("busy", second)
	has("name", second)
	has("unavailable", nil)
	if got := files(t, s, greetingDir); len(got) != 2 {
		t.Errorf("files %v", got)
	}
	no(t, m.SetGreeting(ctx, "busy", nil))
	no(t, m.SetGreeting(ctx, "busy", nil))
	has("busy", nil)
	if got := files(t, s, greetingDir); len(got) != 1 {
		t.Errorf("files %v", got)
	}
	if _, err := m.Greeting(ctx, "christmas"); err == nil {
		t.Error("an unknown kind was accepted")
	}
	if err := m.SetGreeting(ctx, "busy", media.NewClip(rate, make([]int16, 6*60*rate))); !errors.Is(err, ErrTooLong) {
		t.Errorf("six minutes: %v", err)
	}
}

func TestQuota(t *testing.T) {
	s := newSite(t, Options{MaxMessages: 3, MaxTotal: 10 * time.Second})
	ctx := t.Context()
	m := s.box(t, "77513")
	full := func(want bool) {
		t.Helper()
		d, err := m.Begin(ctx, Caller{})
		if errors.Is(err, ErrFull) != want {
			t.Fatalf("full is not %v: %v", want, err)
		}
		if err == nil {
			d.Discard()
		}
	}
	a := leave(t, m, "1", 2*time.Second, false).ID
	leave(t, m, "2", 2*time.Second, false)
	full(false)
	under, err := m.Begin(ctx, Caller{}) // what is being recorded counts
	no(t, err)
	full(true)
	under.Discard()
	full(false)
	c := leave(t, m, "3", 2*time.Second, false).ID
	full(true)
	no(t, m.Delete(ctx, a)) // what is deleted does not
	full(false)
	no(t, m.Delete(ctx, c))
	leave(t, m, "4", 8*time.Second, false) // ten seconds altogether
	full(true)
	no(t, m.Undelete(ctx, a))
	s.restart(t)
	m = s.box(t, "77513")
	full(true)
	leave(t, s.box(t, "77514"), "1", 2*time.Second, false)
}

func TestConcurrentCallersKeepToTheQuota(t *testing.T) {
	s := newSite(t, Options{MaxMessages: 5})
	m := s.box(t, "77513")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			d, err := m.Begin(t.Context(), Caller{})
			if err != nil {
				if !errors.Is(err, ErrFull) {
					t.Error(err)
				}
				return
			}
			say(t, d, speech(2*time.Second))
			if _, err := d.Commit(t.Context(), false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := folder(t, m, FolderNew); len(got) != 5 {
		t.Errorf("%d messages", len(got))
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m, other := s.box(t, "77513"), s.box(t, "775131")
	kept := leave(t, other, "1", 3*time.Second, false).ID
	leave(t, m, "1", 3*time.Second, false)
	no(t, m.SetGreeting(ctx, "busy", media.NewClip(rate, speech(time.Second))))
	no(t, m.SetPINNow(ctx, "824613"))
	under, err := m.Begin(ctx, Caller{})
	no(t, err)
	say(t, under, speech(3*time.Second))
	no(t, s.Remove(ctx, "77513"))
	if _, err := under.Commit(ctx, false); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("committed to no mailbox: %v", err)
	}
	if err := s.Remove(ctx, "77513"); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := m.CheckPIN(ctx, "824613"); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("logged in to no mailbox: %v", err)
	}
	m = s.box(t, "77513") // the number is given out again
	if got := folder(t, m, FolderNew); len(got) != 0 {
		t.Errorf("the next owner has %v", got)
	}
	if clip, err := m.Greeting(ctx, "busy"); err != nil || clip != nil {
		t.Errorf("and the greeting, %v", err)
	}
	if r, err := m.CheckPIN(ctx, "824613"); err != nil || r != PINNotReady {
		t.Errorf("and the PIN: %v, %v", r, err)
	}
	if got := files(t, s, newDir); !slices.Equal(got, []string{kept + messageSuffix}) {
		t.Errorf("files %v", got)
	}
	if got := append(files(t, s, greetingDir), files(t, s, tmpDir)...); len(got) != 0 {
		t.Errorf("files %v", got)
	}
}

func TestList(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	a, b := s.box(t, "77513"), s.box(t, "100")
	leave(t, a, "1", 3*time.Second, false)
	no(t, a.MarkHeard(ctx, leave(t, a, "1", 4*time.Second, true).ID))
	no(t, b.SetDefaultPIN(ctx, "824613"))
	for range 3 {
		_, err := b.CheckPIN(ctx, "000000")
		no(t, err)
	}
	list, err := s.List(ctx)
	no(t, err)
	want := []Summary{
		{Number: "100", HasPIN: true, MustChangePIN: true, LockedUntil: s.clock.Now().Add(30 * time.Minute)},
		{Number: "77513", Waiting: Waiting{New: 1, Old: 1, UrgentOld: 1}, Length: 7 * time.Second},
	}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("list %+v", list)
	}
}

func TestWhatIsBeingSaidIsFlushedEachSecond(t *testing.T) {
	disk := newSimDisk()
	s := newSite(t, Options{FS: disk})
	m := s.box(t, "77513")
	d, err := m.Begin(t.Context(), Caller{})
	no(t, err)
	defer d.Discard()
	said := 0
	for range 5 {
		say(t, d, speech(time.Second))
		said += rate
		s.clock.BlockUntil(1)
		s.clock.Advance(time.Second)
		for disk.durableSamples(t) < said {
			time.Sleep(time.Millisecond)
		}
	}
}

func TestHourIsTheLongest(t *testing.T) {
	s := newSite(t, Options{FS: newSimDisk()})
	m := s.box(t, "77513")
	d, err := m.Begin(t.Context(), Caller{})
	no(t, err)
	minute := make([]int16, 60*rate)
	for range 60 {
		no(t, d.Write(minute))
	}
	if err := d.Write(minute[:1]); !errors.Is(err, ErrTooLong) {
		t.Errorf("told %v", err)
	}
	if msg, err := d.Commit(t.Context(), false); err != nil || msg.Length != time.Hour {
		t.Errorf("kept %v, %v", msg.Length, err)
	}
}

func TestClosedMailboxesRefuse(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	no(t, s.Mailboxes.Close())
	if _, err := m.Begin(context.Background(), Caller{}); !errors.Is(err, ErrClosed) {
		t.Errorf("told %v", err)
	}
}

func BenchmarkMessageOfTenSeconds(b *testing.B) {
	s := newSite(b, Options{MaxMessages: 1 << 30, MaxTotal: 1 << 60})
	m := s.box(b, "77513")
	said := speech(10 * time.Second)
	for b.Loop() {
		d, err := m.Begin(b.Context(), Caller{})
		no(b, err)
		no(b, d.Write(said))
		msg, err := d.Commit(b.Context(), false)
		no(b, err)
		no(b, m.Delete(b.Context(), msg.ID))
	}
}
