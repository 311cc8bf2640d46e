package exchangetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// taking answers every call and shows it to the test.
func taking(calls chan<- *phone.Call) phone.Handler {
	return func(ctx context.Context, c *phone.Call) {
		if c.Answer(ctx) == nil {
			calls <- c
			<-c.Done()
		}
	}
}

// ringing shows every call to the test and lets it ring.
func ringing(calls chan<- *phone.Call) phone.Handler {
	return func(ctx context.Context, c *phone.Call) {
		if c.Ring(ctx) == nil {
			calls <- c
			<-c.Done()
		}
	}
}

func TestAHuntGroupGoesOnToTheNextWhoAnswers(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	first, second := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("77610", ringing(first))
	x.phone("77611", taking(second))
	caller := x.phone("77513", nil)
	call, err := caller.Start(within(t), "15000")
	if err != nil {
		t.Fatal(err)
	}
	unanswered := <-first
	x.clock.Jump(16 * time.Second) // each rings for 15
	answered := <-second
	if err := call.WaitAnswered(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := unanswered.WaitEnded(within(t)); err != nil {
		t.Errorf("the first phone still rings: %v", err)
	}
	answered.Hangup()
	if err := call.WaitEnded(within(t)); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerTakesTheCallOffTheOtherPhones(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	rings, taken := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("77620", ringing(rings))
	x.phone("77621", func(ctx context.Context, c *phone.Call) {
		other := <-rings // both ring before one answers
		if c.Answer(ctx) == nil {
			taken <- c
			<-other.Done()
			<-c.Done()
		}
	})
	call := x.dial(x.phone("77513", nil), "15100")
	<-taken
	call.Hangup()
	eventually(t, "the call to be logged", func() bool { return len(entries(t, x, "77513")) == 1 })
	for line, kind := range map[string]string{"77620": callog.Received, "77621": callog.Received, "77513": callog.Dialled} {
		log := entries(t, x, line)
		if len(log) != 1 || log[0].Kind != kind {
			t.Errorf("the log of %s has %+v, want one call %s", line, log, kind)
		}
	}
}

func entries(t *testing.T, x *exchange, line string) []callog.Entry {
	t.Helper()
	list, err := x.Engine().CallLog().Entries(context.Background(), line, 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAnExecutivesCallsGoToTheAssistantUnlessTheCallerIsOnTheWhitelist(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	manager, assistant := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("77600", taking(manager))
	sam := x.phone("77601", taking(assistant))
	if err := x.Engine().Directory().List("whitelist-77600").Add(context.Background(), "77514"); err != nil {
		t.Fatal(err)
	}

	anybody := x.dial(x.phone("77513", nil), "77600")
	select {
	case c := <-assistant:
		c.Hangup()
	case c := <-manager:
		c.Hangup()
		t.Error("a caller who is not on the whitelist went straight through")
	}
	anybody.Hangup()

	for _, from := range []*phone.Phone{x.phone("77514", nil), sam} {
		c := x.dial(from, "77600")
		select {
		case <-manager:
		case <-assistant:
			t.Errorf("%s did not get through to the manager", from.Number())
		}
		c.Hangup()
	}
}

func TestSavingADialplanChangesTheNextCallAndDisturbsNone(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	a, b := x.phone("77513", nil), x.phone("77514", nil)
	before := x.dial(a, "15902")
	if _, err := b.Dial(within(t), "12321"); !isStatus(err, 404) {
		t.Fatalf("12321 before it exists: %v", err)
	}
	main, err := os.ReadFile(filepath.Join(x.dir, "main.lua"))
	if err != nil {
		t.Fatal(err)
	}
	generation := x.Host().Generation()
	x.write("main.lua", string(main)+"\nextension(\"12321\", function(call)\n  call:asnwer()\nend)\n")
	x.write("main.lua", string(main)+"\nextension(\"12321\", function(call)\n  call:answer()\n  call:sleep(\"1h\")\nend)\n")
	eventually(t, "the next generation", func() bool { return x.Host().Generation() > generation })
	x.dial(b, "12321").Hangup()
	if err := before.Err(); err != nil {
		t.Errorf("the call under way has ended: %v", err)
	}
	before.Hangup()
}

func isStatus(err error, code int) bool {
	var s *sip.StatusError
	return errors.As(err, &s) && s.Code == code
}

func TestALineRingsOnAllItsPhones(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	desk, cordless := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("15902", ringing(desk))
	x.phone("15902", taking(cordless))
	call := x.dial(x.phone("77513", nil), "15902")
	answered := <-cordless
	select {
	case unanswered := <-desk:
		if err := unanswered.WaitEnded(within(t)); err != nil {
			t.Errorf("the other phone still rings: %v", err)
		}
	case <-within(t).Done():
		t.Error("the other phone never rang")
	}
	call.Hangup()
	if err := answered.WaitEnded(within(t)); err != nil {
		t.Error(err)
	}
}
