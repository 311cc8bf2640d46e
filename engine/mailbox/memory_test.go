package mailbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store/memory"
)

// simulated opens mailboxes in memory.
func simulated(t testing.TB, s *memory.Store, disk *Memory) *Mailboxes {
	t.Helper()
	b, err := Open(t.Context(), Options{
		Simulated: true, Store: s, FS: disk, Clock: clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)),
	})
	no(t, err)
	t.Cleanup(func() { no(t, b.Close()) })
	return b
}

func boxOf(t testing.TB, b *Mailboxes, number string) *Mailbox {
	t.Helper()
	no(t, b.Create(t.Context(), number))
	m, err := b.Get(number)
	no(t, err)
	return m
}

func plays(t testing.TB, m *Mailbox, id string, want []int16) {
	t.Helper()
	clip, err := m.Sound(t.Context(), id)
	no(t, err)
	if !slices.Equal(clip.PCM(), want) {
		t.Errorf("message %s plays %d samples, not the %d that were said", id, len(clip.PCM()), len(want))
	}
}

// Messages in memory are there when the mailboxes are opened again, and apart from those of a clone.
func TestMemoryKeepsMessagesApart(t *testing.T) {
	db, disk := memory.New(nil), NewMemory()
	first := simulated(t, db, disk)
	m := boxOf(t, first, "77513")
	kept := leave(t, m, "1", 3*time.Second, false)
	no(t, m.SetGreeting(t.Context(), "busy", media.NewClip(rate, speech(time.Second))))
	draft, err := m.Begin(t.Context(), Caller{}) // under way while it is cloned
	no(t, err)
	say(t, draft, speech(2*time.Second))

	x, y := simulated(t, db.Clone(nil), disk.Clone()), simulated(t, db.Clone(nil), disk.Clone())
	say(t, draft, speech(time.Second))
	last, err := draft.Commit(t.Context(), false)
	no(t, err)
	plays(t, m, last.ID, append(speech(2*time.Second), speech(time.Second)...))

	inX, inY := boxOf(t, x, "77513"), boxOf(t, y, "77513")
	a, b := leave(t, inX, "2", 4*time.Second, false), leave(t, inY, "3", 5*time.Second, false)
	no(t, inX.Delete(t.Context(), kept.ID))
	no(t, inX.Purge(t.Context()))
	no(t, inX.SetGreeting(t.Context(), "busy", nil))
	plays(t, inX, a.ID, speech(4*time.Second))
	plays(t, inY, b.ID, speech(5*time.Second))
	plays(t, inY, kept.ID, speech(3*time.Second))
	plays(t, m, kept.ID, speech(3*time.Second))
	for what, g := range map[string]struct {
		box  *Mailbox
		has  bool
		many int
	}{"the first": {m, true, 2}, "one clone": {inX, false, 2}, "the other": {inY, true, 3}} { // with the one cut short
		clip, err := g.box.Greeting(t.Context(), "busy")
		no(t, err)
		if (clip != nil) != g.has {
			t.Errorf("%s: greeting %v", what, clip)
		}
		if n := len(folder(t, g.box, FolderNew)); n != g.many {
			t.Errorf("%s has %d messages", what, n)
		}
	}
}

// Two clones that write on to the same file do not write into each other's.
func TestClonedFilesAreApart(t *testing.T) {
	disk := NewMemory()
	no(t, disk.MkdirAll("new"))
	write := func(d *Memory, text string) File {
		t.Helper()
		f, err := d.OpenFile("new/a", os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		no(t, err)
		_, err = f.Write([]byte(text))
		no(t, err)
		return f
	}
	for range 20 { // to have room behind the end
		write(disk, "0123456789")
	}
	x, y := disk.Clone(), disk.Clone()
	write(disk, "first")
	write(x, "in x ")
	write(y, "in y ")
	for d, want := range map[*Memory]string{disk: "first", x: "in x ", y: "in y "} {
		f, err := d.OpenFile("new/a", os.O_RDONLY, 0)
		no(t, err)
		all := make([]byte, 300)
		n, err := f.Read(all)
		no(t, err)
		if got := string(all[n-5 : n]); got != want || n != 205 {
			t.Errorf("%d bytes that end in %q, not in %q", n, got, want)
		}
	}
}

// A dry run hears an exchange's messages, and nothing that it does reaches the folder; nor does it make a message of what
// is just being said there.
func TestOverAFolder(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	msg := leave(t, m, "1", 3*time.Second, false)
	no(t, m.SetGreeting(t.Context(), "busy", media.NewClip(rate, speech(time.Second))))
	no(t, m.SetPINNow(t.Context(), "274951"))
	draft, err := m.Begin(t.Context(), Caller{})
	no(t, err)
	defer draft.Discard()
	say(t, draft, speech(3*time.Second))
	no(t, draft.flush())
	before := tree(t, s)

	disk, err := Over(os.DirFS(filepath.Join(s.dir, "voicemail")))
	no(t, err)
	dry := boxOf(t, simulated(t, memory.Over(s.store, s.clock), disk), "77513")
	plays(t, dry, msg.ID, speech(3*time.Second))
	if clip, err := dry.Greeting(t.Context(), "busy"); err != nil || clip == nil || clip.Duration() != time.Second {
		t.Errorf("greeting %v, %v", clip, err)
	}
	if r, err := dry.CheckPIN(t.Context(), "274951"); err != nil || r != PINNotReady {
		t.Errorf("without the key of the PINs: %v, %v", r, err)
	}
	leave(t, dry, "2", 3*time.Second, false)
	if n := len(folder(t, dry, FolderNew)); n != 2 {
		t.Errorf("%d messages", n)
	}
	no(t, dry.Delete(t.Context(), msg.ID))
	no(t, dry.Purge(t.Context()))
	no(t, dry.SetGreeting(t.Context(), "busy", nil))

	if after := tree(t, s); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
	s.heard(t, m, msg.ID, speech(3*time.Second))
	if n := len(folder(t, m, FolderNew)); n != 1 {
		t.Errorf("the exchange has %d messages", n)
	}
}

// tree is what is in the folder of the mailboxes.
func tree(t testing.TB, s *site) (text string) {
	for _, dir := range []string{tmpDir, newDir, greetingDir, quarantineDir} {
		text += fmt.Sprintln(dir, files(t, s, dir))
	}
	return text
}

// In a simulation ids are made without chance, those of one moment in their order, also after what is there already.
func TestSimulatedIDs(t *testing.T) {
	ids := func() (all []string) {
		db, disk := memory.New(nil), NewMemory()
		for range 2 {
			m := boxOf(t, simulated(t, db, disk), "77513")
			for range 2 {
				all = append(all, leave(t, m, "1", 2*time.Second, false).ID)
			}
			db, disk = db.Clone(nil), disk.Clone()
		}
		return all
	}
	a, b := ids(), ids()
	if !slices.Equal(a, b) {
		t.Errorf("%v, then %v", a, b)
	}
	if !slices.IsSorted(a) || len(slices.Compact(a)) != 4 {
		t.Errorf("ids %v", a)
	}
}
