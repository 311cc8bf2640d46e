package engine_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/phone"
)

type voicemail struct {
	engine.VoicemailResult
	err error
}

// leavingAMessage takes every call to the mailbox that was dialled.
func leavingAMessage(o engine.VoicemailOptions, results chan<- voicemail) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		r, err := c.RecordVoicemail(ctx, c.Dialled(), o)
		if results != nil {
			results <- voicemail{r, err}
		}
	}
}

func (x *exchange) mailbox(number string) *mailbox.Mailbox {
	x.t.Helper()
	if err := x.Mailboxes().Create(within(x.t), number); err != nil {
		x.t.Fatal(err)
	}
	box, err := x.Mailboxes().Get(number)
	if err != nil {
		x.t.Fatal(err)
	}
	return box
}

func messages(t *testing.T, box *mailbox.Mailbox) []mailbox.Message {
	t.Helper()
	all, err := box.Messages(within(t), "new")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var briefly = engine.VoicemailOptions{Greeting: []engine.Prompt{{Name: "silence:0.1s"}}, Silence: time.Second}

// speakFor says something for some seconds.
func speakFor(t *testing.T, c *phone.Call, seconds int) {
	t.Helper()
	for range seconds {
		speak(t, c, 700)
	}
}

func TestWhatBecomesOfAMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		o       engine.VoicemailOptions
		caller  func(t *testing.T, c *phone.Call)
		want    engine.Outcome
		gone    bool          // the caller hung up
		length  time.Duration // of the one message there then is, at least
		urgent  bool
		hearing phone.SoundKind // after the message
	}{
		{"hang-up during the greeting", engine.VoicemailOptions{Greeting: []engine.Prompt{{Name: "silence:1m"}}},
			func(t *testing.T, c *phone.Call) { c.Hangup() }, "", true, 0, false, ""},
		{"hang-up during the beep", engine.VoicemailOptions{Greeting: []engine.Prompt{{Name: "silence:0.1s"}}},
			func(t *testing.T, c *phone.Call) { hears(t, c, phone.Beep, 0); c.Hangup() }, engine.OutcomeTooShort, true, 0, false, ""},
		{"hang-up in the middle keeps what was said", briefly,
			func(t *testing.T, c *phone.Call) { hears(t, c, phone.Beep, 0); speakFor(t, c, 3); c.Hangup() }, engine.OutcomeSaved, true, 2500 * time.Millisecond, false, ""},
		{"hang-up after a word", briefly,
			func(t *testing.T, c *phone.Call) { hears(t, c, phone.Beep, 0); speakFor(t, c, 1); c.Hangup() }, engine.OutcomeTooShort, true, 0, false, ""},
		{"nothing is said", briefly,
			func(t *testing.T, c *phone.Call) {}, engine.OutcomeTooShort, false, 0, false, phone.Voice},
		{"silence ends it", briefly,
			func(t *testing.T, c *phone.Call) { hears(t, c, phone.Beep, 0); speakFor(t, c, 3) }, engine.OutcomeSaved, false, 2500 * time.Millisecond, false, phone.Voice},
		{"hash and hang-up at the menu", briefly,
			func(t *testing.T, c *phone.Call) {
				hears(t, c, phone.Beep, 0)
				speakFor(t, c, 3)
				press(t, c, "#")
				hears(t, c, phone.Voice, c.Heard().Length())
				c.Hangup()
			}, engine.OutcomeSaved, true, 2500 * time.Millisecond, false, ""},
		{"marked urgent", briefly,
			func(t *testing.T, c *phone.Call) { hears(t, c, phone.Beep, 0); speakFor(t, c, 3); press(t, c, "#4") }, engine.OutcomeSaved, false, 2500 * time.Millisecond, true, phone.Voice},
		{"recorded again and accepted", briefly,
			func(t *testing.T, c *phone.Call) {
				hears(t, c, phone.Beep, 0)
				speakFor(t, c, 1)
				from := c.Heard().Length()
				press(t, c, "#3")
				hears(t, c, phone.Beep, from)
				speakFor(t, c, 3)
				press(t, c, "#1")
			}, engine.OutcomeSaved, false, 2500 * time.Millisecond, false, phone.Voice},
		{"impatient keys before the beep end nothing", briefly,
			func(t *testing.T, c *phone.Call) { press(t, c, "##"); hears(t, c, phone.Beep, 0); speakFor(t, c, 3) }, engine.OutcomeSaved, false, 2500 * time.Millisecond, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			results := make(chan voicemail, 1)
			x := start(t, leavingAMessage(tt.o, results))
			box := x.mailbox("15901")
			c := x.dial(x.phone("77513", nil), "15901")
			tt.caller(t, c)
			r := receive(t, results, "the outcome")
			if r.Outcome != tt.want || errors.Is(r.err, engine.ErrHangup) != tt.gone {
				t.Errorf("%+v, want %s", r, tt.want)
			}
			ended(t, c)
			if tt.hearing != "" && !c.Heard().Has(tt.hearing) {
				t.Errorf("the caller is told nothing: %v", c.Heard())
			}
			x.settled()
			all := messages(t, box)
			if tt.length == 0 {
				if len(all) > 0 {
					t.Errorf("there is a message: %+v", all)
				}
				return
			}
			if len(all) != 1 || all[0].From != "77513" || all[0].Length < tt.length || all[0].Length > tt.length+3*time.Second || all[0].Urgent != tt.urgent || all[0].ID != r.Message {
				t.Fatalf("messages: %+v, want one of %v", all, tt.length)
			}
			clip, err := box.Sound(within(t), all[0].ID)
			if err != nil || strongest(clip.PCM()) != 700 {
				t.Errorf("the message is not what was said: %v", err)
			}
		})
	}
}

func TestFullMailboxSaysSo(t *testing.T) {
	t.Parallel()
	results := make(chan voicemail, 1)
	x := start(t, leavingAMessage(briefly, results))
	box := x.mailbox("15901")
	for range 100 {
		d, err := box.Begin(within(t), mailbox.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(make([]int16, 20000)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Commit(within(t), false); err != nil {
			t.Fatal(err)
		}
	}
	c := x.dial(x.phone("77513", nil), "15901")
	if r := receive(t, results, "the outcome"); r.Outcome != engine.OutcomeFull || r.err != nil {
		t.Errorf("%+v", r)
	}
	ended(t, c)
	if h := c.Heard(); !h.Has(phone.Voice) || h.Has(phone.Beep) {
		t.Errorf("the caller hears %v", h)
	}
}

func TestDiskFullAtTheStartTellsTheCaller(t *testing.T) {
	t.Parallel()
	results := make(chan voicemail, 1)
	disk := &fullDisk{}
	x := start(t, leavingAMessage(briefly, results), disk.use(t))
	x.mailbox("15901")
	disk.full.Store(true)
	c := x.dial(x.phone("77513", nil), "15901")
	if r := receive(t, results, "the outcome"); r.Outcome != engine.OutcomeFailed || r.err != nil {
		t.Errorf("%+v", r)
	}
	ended(t, c)
	if h := c.Heard(); !h.Has(phone.Voice) || h.Has(phone.Beep) {
		t.Errorf("the caller hears %v", h)
	}
}

func TestDiskFullInTheMiddleKeepsTheBeginning(t *testing.T) {
	t.Parallel()
	results := make(chan voicemail, 1)
	disk := &fullDisk{}
	x := start(t, leavingAMessage(briefly, results), disk.use(t))
	box := x.mailbox("15901")
	c := x.dial(x.phone("77513", nil), "15901")
	hears(t, c, phone.Beep, 0)
	speakFor(t, c, 4)
	disk.full.Store(true)
	_ = c.Play(within(t), sine(700)) // and is told before he has said it
	if r := receive(t, results, "the outcome"); r.Outcome != engine.OutcomeSaved || r.err != nil {
		t.Errorf("%+v", r)
	}
	ended(t, c)
	if all := messages(t, box); len(all) != 1 || all[0].Length < 2*time.Second || all[0].Length > 5*time.Second {
		t.Errorf("messages: %+v", all)
	}
}

// fullDisk is a folder on a disk that may become full.
type fullDisk struct {
	root *os.Root
	full atomic.Bool
}

func (d *fullDisk) use(t *testing.T) func(*engine.Options) {
	return func(o *engine.Options) {
		dir := filepath.Join(o.Data, "voicemail")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		d.root, o.MailDisk = root, d
	}
}

func (d *fullDisk) space() error {
	if d.full.Load() {
		return syscall.ENOSPC
	}
	return nil
}

func (d *fullDisk) OpenFile(name string, flag int, perm fs.FileMode) (mailbox.File, error) {
	if flag&os.O_CREATE != 0 && d.space() != nil {
		return nil, d.space()
	}
	f, err := d.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return fullFile{f, d}, nil
}

func (d *fullDisk) Rename(from, to string) error { return d.root.Rename(from, to) }
func (d *fullDisk) Remove(name string) error     { return d.root.Remove(name) }
func (d *fullDisk) MkdirAll(name string) error   { return d.root.MkdirAll(name, 0o700) }
func (d *fullDisk) SyncDir(string) error         { return nil }
func (d *fullDisk) Free() (int64, error)         { return 1 << 40, nil }
func (d *fullDisk) Close() error                 { return d.root.Close() }

func (d *fullDisk) ReadDir(name string) ([]string, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

type fullFile struct {
	*os.File
	disk *fullDisk
}

func (f fullFile) Write(b []byte) (int, error) {
	if err := f.disk.space(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}
