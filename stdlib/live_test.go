package stdlib_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/stdlib"
)

// patience bounds every wait; it is not what is measured.
const patience = 30 * time.Second

func TestTheShippedDialplansHaveNoProblems(t *testing.T) {
	for _, dir := range []string{"chorus", "starter"} {
		problems, err := scripts.Check(context.Background(), scripts.Options{Dir: "../dialplans/" + dir, Stdlib: stdlib.Files, Prompts: shortPrompts(t)})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", dir, p)
		}
	}
}

// shortPrompts are all shipped prompts, a tenth of a second each.
func shortPrompts(t *testing.T) *prompt.Library {
	t.Helper()
	var wav bytes.Buffer
	if err := media.WriteWAV(&wav, sine(100*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"music/short.wav": {Data: wav.Bytes()}}
	for name := range prompts(t) {
		files["en/"+name+".wav"] = &fstest.MapFile{Data: wav.Bytes()}
	}
	return prompt.New(prompt.Options{Sources: []fs.FS{files}})
}

func sine(length time.Duration) *media.Clip {
	pcm := make([]int16, 8*length.Milliseconds())
	for i := range pcm {
		pcm[i] = int16(9000 * math.Sin(2*math.Pi*440*float64(i)/8000))
	}
	return media.NewClip(8000, pcm)
}

// served is chorus on a real exchange, on loopback.
type served struct {
	*engine.Engine
	t      *testing.T
	traces *trace.Log
}

func serve(t *testing.T) served {
	t.Helper()
	data := t.TempDir()
	db, err := bolt.Open(filepath.Join(data, "belfry.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	traces := trace.New(trace.Options{})
	e, err := engine.New(context.Background(), engine.Options{
		Trace: traces,
		Store: db, Data: data, Realm: "chorus", UDP: []string{"127.0.0.1:0"}, Prompts: shortPrompts(t), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := scripts.Open(scripts.Options{Dir: "../dialplans/chorus", Engine: e, Stdlib: stdlib.Files, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	e.SetHandler(host)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, e.Close(), db.Close()); err != nil {
			t.Error(err)
		}
		noPINs(t, traces)
	})
	return served{e, t, traces}
}

// noPINs looks through the traces of whole calls for what was entered as a PIN in any of these tests.
func noPINs(t *testing.T, traces *trace.Log) {
	all, err := traces.List(100)
	if err != nil || len(all) == 0 {
		t.Errorf("no call has a trace, %v", err)
	}
	for _, i := range all {
		_, steps, err := traces.Get(i.ID)
		if err != nil {
			t.Error(err)
		}
		text, err := json.Marshal(steps)
		if err != nil {
			t.Error(err)
		}
		var pressed strings.Builder
		for _, s := range steps {
			if key, ok := strings.CutPrefix(s.Text, "pressed "); ok && len(key) == 1 {
				pressed.WriteString(key)
			}
		}
		for _, pin := range pins {
			if strings.Contains(string(text), pin) || strings.Contains(pressed.String(), pin) {
				t.Errorf("the trace of call %s to %s has the PIN %s: %s", i.ID, i.To, pin, text)
			}
		}
	}
}

// pins are those that are entered, right and wrong ones.
var pins = []string{"274951", "830462", "111112", "111113", "111114", "246810", "975310", "864213", "531864"}

func (s served) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// line adds a telephone on a wall, with a mailbox whose PIN is 274951.
func (s served) line(number string) *mailbox.Mailbox {
	s.t.Helper()
	l := directory.Line{Number: number, Name: "Wall " + number, Kind: directory.NonPerson, Permissions: []string{"national"}, Voicemail: true}
	if err := s.Directory().Add(s.ctx(), l, "secret-of-"+number); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Mailboxes().Create(s.ctx(), number); err != nil {
		s.t.Fatal(err)
	}
	box, err := s.Mailboxes().Get(number)
	if err == nil {
		err = box.SetPINNow(s.ctx(), "274951")
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return box
}

// phone connects a telephone to a line.
func (s served) phone(number string, behaviour phone.Handler) *phone.Phone {
	s.t.Helper()
	p, err := phone.New(phone.Options{Server: s.Addrs("udp")[0], Number: number, Secret: "secret-of-" + number, Incoming: behaviour})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			s.t.Error(err)
		}
	})
	if err := p.Register(s.ctx()); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s served) dial(p *phone.Phone, number string) *phone.Call {
	s.t.Helper()
	c, err := p.Dial(s.ctx(), number)
	if err != nil {
		s.t.Fatalf("%s calls %s: %v", p.Number(), number, err)
	}
	return c
}

func (s served) press(c *phone.Call, keys string) {
	s.t.Helper()
	if err := c.SendDigits(s.ctx(), keys); err != nil && !errors.Is(err, media.ErrClosed) {
		s.t.Error(err)
	}
}

// until waits for something to be so.
func (s served) until(what string, so func() bool) {
	s.t.Helper()
	late := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late:
			s.t.Fatalf("not in %s: %s", patience, what)
		}
	}
}

func TestAMessageIsLeftHeardAndDeleted(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.line("77513")
	box := s.line("77514")
	waiting := func() mailbox.Waiting {
		w, err := box.Waiting(s.ctx())
		if err != nil {
			t.Fatal(err)
		}
		return w
	}

	call := s.dial(s.phone("77513", nil), "01865277514") // no phone there: voicemail
	if err := call.Play(s.ctx(), sine(4*time.Second)); err != nil {
		t.Fatal(err)
	}
	call.Hangup()
	s.until("the message is there", func() bool { return waiting().New == 1 })

	owner := s.dial(s.phone("77514", nil), "*97")
	s.press(owner, "274951#")
	s.press(owner, "1")
	s.until("the message is heard", func() bool { return waiting() == mailbox.Waiting{Old: 1} })
	s.press(owner, "7")
	s.until("the message is deleted", func() bool { return waiting() == mailbox.Waiting{} })
	s.press(owner, "7")
	s.until("the message is back", func() bool { return waiting() == mailbox.Waiting{Old: 1} })
	s.press(owner, "7")
	s.until("the message is deleted again", func() bool { return waiting() == mailbox.Waiting{} })
	s.press(owner, "#")
	if err := owner.WaitEnded(s.ctx()); err != nil {
		t.Error(err)
	}
	s.until("the message is gone for good", func() bool {
		deleted, err := box.Messages(s.ctx(), "deleted")
		return err == nil && len(deleted) == 0
	})
}

// The PIN that a telephone on a wall was given is changed at the first log-in; the new one holds ten minutes later, and
// till then the old one.
func TestADefaultPinIsChangedAtTheFirstLogIn(t *testing.T) {
	t.Parallel()
	s := serve(t)
	box := s.line("77514")
	if err := box.SetDefaultPIN(s.ctx(), "274951"); err != nil {
		t.Fatal(err)
	}
	owner := s.dial(s.phone("77514", nil), "*97")
	s.press(owner, "274951#")
	s.press(owner, "830462#830462#")
	s.until("the PIN is no longer the default one", func() bool {
		must, err := box.MustChangePIN(s.ctx())
		return err == nil && !must
	})
	s.press(owner, "#")
	for pin, want := range map[string]mailbox.PINResult{"274951": mailbox.PINOK, "830462": mailbox.PINWrong} {
		if got, err := box.CheckPIN(s.ctx(), pin); err != nil || got != want {
			t.Errorf("within ten minutes %s is %s, %v; want %s", pin, got, err, want)
		}
	}
	if err := owner.WaitEnded(s.ctx()); err != nil {
		t.Error(err)
	}
}

func TestThreeWrongPinsEndTheCallAndLockTheMailbox(t *testing.T) {
	t.Parallel()
	s := serve(t)
	box := s.line("77514")
	call := s.dial(s.phone("77514", nil), "*97")
	s.press(call, "111112#")
	s.press(call, "111113#")
	s.press(call, "111114#")
	if err := call.WaitEnded(s.ctx()); err != nil {
		t.Error(err)
	}
	if result, err := box.CheckPIN(s.ctx(), "274951"); err != nil || result != mailbox.PINLocked {
		t.Errorf("the right PIN is %s, %v", result, err)
	}
}

func TestARoomWithItsModerator(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.line("77513")
	s.line("77514")
	members := func() []engine.MemberInfo {
		if room, ok := s.Room("faculty"); ok {
			return room.Members()
		}
		return nil
	}
	enter := func(number, pin string) *phone.Call {
		call := s.dial(s.phone(number, nil), "89000")
		s.press(call, pin+"#")
		if err := call.Play(s.ctx(), sine(time.Second)); err != nil { // the name
			t.Fatal(err)
		}
		s.press(call, "#")
		return call
	}
	guest := enter("77513", "246810")
	s.until("the guest waits", func() bool { return len(members()) == 1 })
	owner := enter("77514", "975310")
	s.until("both are there", func() bool { return len(members()) == 2 && members()[1].Moderator })

	s.press(owner, "2")
	s.until("the guest is muted", func() bool { return members()[0].Muted && !members()[1].Muted })
	s.press(owner, "4")
	s.until("the room is locked", func() bool { room, _ := s.Room("faculty"); return room.Locked() })
	s.press(owner, "2")
	s.until("the guest is heard", func() bool { return !members()[0].Muted })
	s.press(guest, "1")
	s.until("the guest mutes himself", func() bool { return members()[0].Muted })
	s.press(owner, "9")
	for _, call := range []*phone.Call{guest, owner} {
		if err := call.WaitEnded(s.ctx()); err != nil {
			t.Error(err)
		}
	}
	s.until("the room is gone", func() bool { return members() == nil })
}

func TestAHuntGroupOnRealPhones(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, number := range []string{"77513", "77610", "77611", "77612"} {
		s.line(number)
	}
	s.phone("77610", phone.IsBusy())
	s.phone("77611", phone.AnswersAfter(0, nil)) // 77612 is not connected
	call := s.dial(s.phone("77513", nil), "15000")
	s.until("77611 has the call", func() bool {
		calls := s.Calls()
		return len(calls) == 1 && calls[0].With == "77611"
	})
	call.Hangup()
	s.until("it is over", func() bool { return len(s.Calls()) == 0 })
}
