package mailbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir, "voicemail"}, parts...)...)
}

func TestWhatWasBeingSaidBecomesAMessage(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	for i, d := range []time.Duration{3100 * time.Millisecond, time.Second, 900 * time.Millisecond, 0} {
		draft, err := m.Begin(t.Context(), Caller{Number: fmt.Sprint(i), Name: "Anna"})
		no(t, err)
		say(t, draft, speech(d))
	}
	s.restart(t) // with four callers in the middle of a sentence
	m = s.box(t, "77513")
	list, err := m.Messages(t.Context(), FolderNew)
	no(t, err)
	var got []string
	for _, msg := range list {
		got = append(got, fmt.Sprint(msg.From, " ", msg.Name, " ", msg.Length, " ", msg.Interrupted))
		s.heard(t, m, msg.ID, speech(msg.Length))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"0 Anna 3.1s true", "1 Anna 1s true"}) {
		t.Errorf("messages %q", got)
	}
	if left := files(t, s, tmpDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTornFileIsCutAfterItsLastWholeFrame(t *testing.T) {
	s := newSite(t, Options{})
	draft, err := s.box(t, "77513").Begin(t.Context(), Caller{})
	no(t, err)
	say(t, draft, speech(3*time.Second))
	name := s.path(draft.w.name)
	s.close(t)
	content, err := os.ReadFile(name)
	no(t, err)
	no(t, os.Truncate(name, int64(len(content)-1000)))
	s.open(t)
	m := s.box(t, "77513")
	ids := folder(t, m, FolderNew)
	if len(ids) != 1 {
		t.Fatalf("messages %v", ids)
	}
	s.heard(t, m, ids[0], speech(2800*time.Millisecond))
}

func TestFileWithoutIndexAndIndexWithoutFile(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m := s.box(t, "77513")
	lost, found := leave(t, m, "1", 3*time.Second, false), leave(t, m, "2", 3*time.Second, true)
	no(t, m.Delete(ctx, lost.ID))
	no(t, s.store.Bucket(messageBucket).Delete(ctx, messageKey("77513", found.ID)))
	no(t, os.Remove(s.path(messageFile(lost.ID))))
	no(t, os.WriteFile(s.path(newDir, "junk.rec"), []byte("junk"), 0o600))
	no(t, os.Rename(s.path(newDir, "junk.rec"), s.path(newDir, "0.rec")))
	for range 2 {
		s.restart(t)
		m = s.box(t, "77513")
		list, err := m.all(ctx)
		no(t, err)
		if len(list) != 1 || list[0] != found {
			t.Errorf("messages %+v, want %+v", list, found)
		}
		aside, err := s.store.Bucket(quarantineBucket).List(ctx, "")
		no(t, err)
		if len(aside) != 1 || !strings.Contains(aside[0].Key, lost.ID) {
			t.Errorf("put aside: %v", aside)
		}
		if got := files(t, s, quarantineDir); !slices.Equal(got, []string{"0.rec"}) {
			t.Errorf("put aside: %v", got)
		}
	}
	no(t, m.Purge(ctx)) // what is not there does not stand in the way
}

func TestDraftOfARemovedMailboxIsPutAside(t *testing.T) {
	s := newSite(t, Options{})
	draft, err := s.box(t, "77513").Begin(t.Context(), Caller{})
	no(t, err)
	say(t, draft, speech(3*time.Second))
	no(t, s.Remove(t.Context(), "77513"))
	for range 2 {
		s.restart(t)
		if got := files(t, s, quarantineDir); len(got) != 1 {
			t.Errorf("put aside: %v", got)
		}
		if got := append(files(t, s, tmpDir), files(t, s, newDir)...); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	}
}

func TestLostGreetingIsTheDefaultOne(t *testing.T) {
	s := newSite(t, Options{})
	no(t, s.box(t, "77513").SetGreeting(t.Context(), "busy", media.NewClip(rate, speech(time.Second))))
	for _, f := range files(t, s, greetingDir) {
		no(t, os.Remove(s.path(greetingDir, f)))
	}
	if clip, err := s.box(t, "77513").Greeting(t.Context(), "busy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the start: %v, %v", clip, err)
	}
	s.restart(t)
	if clip, err := s.box(t, "77513").Greeting(t.Context(), "busy"); err != nil || clip != nil {
		t.Errorf("after the start: %v, %v", clip, err)
	}
}

func TestDamagedMessage(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	msg := leave(t, m, "1", 3*time.Second, false)
	name := s.path(messageFile(msg.ID))
	content, err := os.ReadFile(name)
	no(t, err)
	content[len(content)*2/3]++
	no(t, os.WriteFile(name, content, 0o600))
	clip, err := m.Sound(t.Context(), msg.ID)
	no(t, err)
	if n := len(clip.PCM()); n < rate || !slices.Equal(clip.PCM(), speech(3 * time.Second)[:n]) {
		t.Errorf("%d samples are played, not what comes before the damage", n)
	}
	no(t, os.WriteFile(name, []byte("gone"), 0o600))
	if _, err := m.Sound(t.Context(), msg.ID); !errors.Is(err, ErrDamaged) {
		t.Errorf("told %v", err)
	}
}

func TestFloorOfFreeSpace(t *testing.T) {
	disk := newSimDisk()
	s := newSite(t, Options{FS: disk, MinFree: 1 << 20})
	m := s.box(t, "77513")
	disk.free = 1<<20 - 1
	if _, err := m.Begin(t.Context(), Caller{}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("told %v", err)
	}
	disk.free++
	leave(t, m, "1", 3*time.Second, false)
}

// full makes every new file fail, and the next flush.
func full(disk *simDisk) {
	flushed := false
	disk.setFault(func(op, name string) (bool, error) {
		if op == "create" || op == "sync" && !flushed {
			flushed = flushed || op == "sync"
			return true, &fs.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
		}
		return false, nil
	})
}

func TestFlushOnAFullDiskKeepsWhatIsThere(t *testing.T) {
	for _, last := range []bool{false, true} { // in the middle of the message, or at its end
		t.Run(fmt.Sprint("last ", last), func(t *testing.T) {
			disk := newSimDisk()
			s := newSite(t, Options{FS: disk})
			m := s.box(t, "77513")
			d, err := m.Begin(t.Context(), Caller{})
			no(t, err)
			said := speech(6 * time.Second)
			say(t, d, said[:5*rate])
			no(t, d.flush())
			say(t, d, said[5*rate:])
			full(disk)
			if !last {
				_ = d.flush()
				if err := d.Write(said[:frameSamples]); !errors.Is(err, ErrNoSpace) {
					t.Errorf("writing on: %v", err)
				}
			}
			msg, err := d.Commit(t.Context(), false)
			no(t, err)
			if msg.Length != 5*time.Second {
				t.Errorf("kept %v", msg.Length)
			}
			s.heard(t, m, msg.ID, said[:5*rate])
			after, err := readFile(disk.restarted(lost), messageFile(msg.ID))
			if err != nil || !slices.Equal(after.sound, said[:5*rate]) {
				t.Errorf("after a power cut %d samples are there, %v", len(after.sound), err)
			}
		})
	}
}

// Half a greeting, or half a copy, is worse than none: the original is still there.
func TestFullDiskMakesNoHalfCopies(t *testing.T) {
	disk := newSimDisk()
	s := newSite(t, Options{FS: disk})
	ctx := t.Context()
	m := s.box(t, "77513")
	s.box(t, "77514")
	msg := leave(t, m, "1", 3*time.Second, false)
	no(t, m.SetGreeting(ctx, "busy", media.NewClip(rate, speech(time.Second))))
	syncs := 0
	fault := func(op, name string) (bool, error) {
		if op == "sync" {
			syncs++
		}
		if op == "create" && syncs > 0 || op == "sync" && syncs == 2 { // the header's is the first
			return true, &fs.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
		}
		return false, nil
	}
	disk.setFault(fault)
	if err := m.Forward(ctx, msg.ID, "77514", nil); !errors.Is(err, ErrNoSpace) {
		t.Errorf("forwarding: %v", err)
	}
	syncs = 0
	if err := m.SetGreeting(ctx, "busy", media.NewClip(rate, speech(2*time.Second))); !errors.Is(err, ErrNoSpace) {
		t.Errorf("greeting: %v", err)
	}
	disk.setFault(nil)
	s.restart(t)
	if got := folder(t, s.box(t, "77514"), FolderNew); len(got) != 0 {
		t.Errorf("77514 has %v", got)
	}
	if clip, err := s.box(t, "77513").Greeting(ctx, "busy"); err != nil || clip == nil || clip.Duration() != time.Second {
		t.Errorf("greeting %v, %v", clip, err)
	}
}
