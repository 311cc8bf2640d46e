package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

type callCmd struct {
	dataFlag
	From      string         `placeholder:"N" help:"The line to call from. Default: the demo's first."`
	Secret    string         `env:"BELFRY_SECRET" help:"That line's secret; needed with --server only."`
	Server    string         `placeholder:"HOST:PORT" help:"Call there, without looking for an exchange on this machine."`
	Transport string         `enum:"udp,tcp" default:"udp" help:"udp or tcp."`
	Press     string         `placeholder:"DIGITS" help:"Keys to press a second after the answer."`
	Say       string         `type:"existingfile" placeholder:"FILE.wav" help:"What to say, after a beep or once the other side is silent. Default: a hummed scale, after a beep only."`
	Save      string         `type:"path" placeholder:"FILE.wav" help:"Where to keep what is heard."`
	For       *time.Duration `help:"How long to stay on the line; what is being said is said to its end. Default: 10s, and longer while somebody speaks."`
	Ring      time.Duration  `default:"60s" help:"How long to let it ring."`
	Number    string         `arg:"" help:"The number to call."`
}

func (k *callCmd) Run(ctx context.Context, c *console) error {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer cancel()
	clip, err := k.words()
	if err != nil {
		return err
	}
	who, m, err := k.caller(ctx)
	if err != nil {
		return err
	}
	s := newStory(c, who.Number, k.Number, k.Transport)
	p, err := phone.New(phone.Options{
		Server: who.Server, Number: who.Number, User: who.User, Secret: who.Secret, Transport: k.Transport, Events: s.event,
	})
	if err != nil {
		return world("", "%s", err)
	}
	before := messages(ctx, m, k.Number)
	s.tell("calling %s%s at %s", k.Number, asWho(who.Number), who.Server)
	call, err := p.Start(ctx, k.Number)
	if err == nil {
		err = k.follow(ctx, s, call, clip)
	}
	if ctx.Err() != nil { // Ctrl-C
		err = context.Canceled
	}
	if call != nil {
		call.Hangup()
		if waitErr := k.settle(call); waitErr != nil {
			c.say("%s", waitErr)
		}
	}
	if err := errors.Join(k.save(s, call), p.Close()); err != nil {
		return err
	}
	if call != nil && s.answered {
		k.findMessage(s, m, before)
	}
	return errors.Join(s.finish(call), s.outcome(who, err))
}

// caller finds the exchange and a line to call from. m is nil with --server.
func (k *callCmd) caller(ctx context.Context) (manage.Caller, manage.Manager, error) {
	if k.Server != "" {
		return manage.Caller{Server: k.Server, Number: k.From, User: k.From, Secret: k.Secret}, nil, nil
	}
	m, err := k.client(ctx)
	if err != nil {
		return manage.Caller{}, nil, err
	}
	who, err := m.Caller(ctx, k.From)
	if err != nil {
		return who, nil, err
	}
	if k.Secret != "" {
		who.User, who.Secret = who.Number, k.Secret
	}
	return who, m, nil
}

func asWho(number string) string {
	if number == "" {
		return " as a stranger"
	}
	return " as " + number
}

// words is what the caller says.
func (k *callCmd) words() (*media.Clip, error) {
	if k.Say == "" {
		return spoken(), nil
	}
	f, err := os.Open(k.Say)
	if err != nil {
		return nil, yours("", "reading what to say: %s", err)
	}
	defer f.Close()
	clip, err := media.ReadWAV(f)
	if err != nil {
		return nil, yours("a WAV file of 16-bit PCM, µ-law or A-law, at 8 to 48 kHz can be said", "reading %s: %s", k.Say, err)
	}
	return clip, nil
}

// follow sees the call through: keys, words, and hanging up when the time is over.
func (k *callCmd) follow(ctx context.Context, s *story, call *phone.Call, clip *media.Clip) error {
	ringing, cancel := clock.WithTimeout(ctx, clock.Real(), k.Ring)
	defer cancel()
	if err := call.WaitAnswered(ringing); err != nil {
		return err
	}
	s.answered = true
	stay, cancel := k.patience(ctx, call)
	defer cancel()
	if k.Press != "" {
		if clock.Sleep(stay, clock.Real(), time.Second) != nil {
			return nil
		}
		if err := call.SendDigits(ctx, k.Press); err != nil {
			return ended(call, err)
		}
		s.tell("pressed %s", k.Press)
	}
	if !k.myTurn(stay, call) {
		_ = call.WaitEnded(stay)
		return nil
	}
	s.tell("speaking")
	began := time.Now()
	if err := call.Play(ctx, clip); err != nil {
		return ended(call, err)
	}
	s.tell("spoke for %s", seconds(time.Since(began).Seconds()))
	if k.Say != "" {
		_ = call.WaitEnded(stay) // there may be an answer
	}
	return nil
}

// myTurn waits until it is time to speak: after a beep, or, with something of one's own to
// say, when the other side has been silent for two seconds.
func (k *callCmd) myTurn(stay context.Context, call *phone.Call) bool {
	if k.Say == "" {
		_, err := call.WaitHeard(stay, phone.Beep, 0)
		return err == nil
	}
	const silence = 2 * time.Second
	for {
		h := call.Heard()
		if h.Has(phone.Beep) || h.Length() > silence && !h.SpokenWithin(silence) {
			return true
		}
		select {
		case <-call.Done():
			return false
		default:
		}
		if clock.Sleep(stay, clock.Real(), 100*time.Millisecond) != nil {
			return false
		}
	}
}

// How long a call lasts that is not told how long: this long, and longer while somebody speaks.
const stayFor, stayAtMost = 10 * time.Second, time.Minute

// patience ends when it is time to hang up.
func (k *callCmd) patience(ctx context.Context, call *phone.Call) (context.Context, context.CancelFunc) {
	if k.For != nil {
		return clock.WithTimeout(ctx, clock.Real(), *k.For)
	}
	stay, cancel := clock.WithTimeout(ctx, clock.Real(), stayAtMost)
	go func() {
		defer cancel()
		if clock.Sleep(stay, clock.Real(), stayFor) != nil {
			return
		}
		for call.Heard().SpokenWithin(2*time.Second) && clock.Sleep(stay, clock.Real(), 200*time.Millisecond) == nil {
		}
	}()
	return stay, cancel
}

// ended is nil for an error that only says that the call is over.
func ended(call *phone.Call, err error) error {
	select {
	case <-call.Done():
		return nil
	default:
		return err
	}
}

// settle waits for the end that Hangup began.
func (k *callCmd) settle(call *phone.Call) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := call.WaitEnded(ctx); err != nil {
		return fmt.Errorf("the exchange does not confirm that the call is over: %w", err)
	}
	return nil
}

func (k *callCmd) save(s *story, call *phone.Call) error {
	if k.Save == "" || call == nil {
		return nil
	}
	f, err := os.Create(k.Save)
	if err != nil {
		return yours("", "keeping what was heard: %s", err)
	}
	if err := errors.Join(call.Heard().SaveWAV(f), f.Close()); err != nil {
		return world("", "keeping what was heard in %s: %s", k.Save, err)
	}
	s.saved = k.Save
	return nil
}

// messages is how many messages a number's mailbox has; 0 if that cannot be told.
func messages(ctx context.Context, m manage.Manager, number string) map[string]bool {
	known := map[string]bool{}
	if m == nil {
		return known
	}
	box, err := m.Mailbox(ctx, number)
	if err != nil {
		return known
	}
	for _, one := range box.Messages {
		known[one.ID] = true
	}
	return known
}

// findMessage looks whether the call has left a message: not at once, since the exchange
// must first have it on the disk.
func (k *callCmd) findMessage(s *story, m manage.Manager, before map[string]bool) {
	if m == nil || !s.heardBeep {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for {
		box, err := m.Mailbox(ctx, k.Number)
		if err != nil {
			return
		}
		for _, one := range box.Messages {
			if !before[one.ID] {
				s.message = one.Seconds
				s.tell("left a message of %s in mailbox %s", seconds(one.Seconds), k.Number)
				return
			}
		}
		if clock.Sleep(ctx, clock.Real(), 50*time.Millisecond) != nil {
			return
		}
	}
}

// outcome is the call's exit code: nil when it was answered.
func (s *story) outcome(who manage.Caller, err error) error {
	var status *sip.StatusError
	switch {
	case s.answered && (err == nil || errors.Is(err, context.Canceled)): // the latter: hung up by Ctrl-C
		return nil
	case errors.Is(err, phone.ErrNoExchange):
		return noServer("start it: belfry serve   or try: belfry demo", "no exchange answers at %s by %s", who.Server, s.transport)
	case errors.As(err, &status):
		return refusal(who, s.number, status)
	case errors.Is(err, context.DeadlineExceeded):
		return world("let it ring longer with --ring", "%s did not answer", s.number)
	case errors.Is(err, context.Canceled):
		return world("", "given up")
	}
	return world("", "%s", err)
}

func refusal(who manage.Caller, number string, status *sip.StatusError) error {
	switch status.Code {
	case 401, 403, 407:
		if who.Secret == "" {
			return yours("call from a line: --from N", "the exchange lets no stranger call %s", number)
		}
		return yours("see what the line may dial: belfry line show "+who.Number, "the exchange refuses %s: wrong secret, or %s lacks the permission", number, who.Number)
	case 404, 410, 484, 604:
		return yours("no extension of the dialplan takes it; belfry check finds mistakes", "%s: number unobtainable", number)
	case 486, 600:
		return world("", "%s is busy", number)
	case 408, 480, 487:
		return world("", "%s did not answer", number)
	case 603:
		return world("", "%s declined", number)
	case 503:
		return world("try again in a moment", "the exchange is full or stopping")
	}
	return world("", "%s: %d %s", number, status.Code, status.Reason)
}
