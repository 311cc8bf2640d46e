package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// bridged is how a Bridge ended.
type bridged struct {
	engine.BridgeResult
	err error
}

// bridges answers every call with one Bridge, and tells how it ended.
func bridges(targets []string, o engine.BridgeOptions) (engine.HandlerFunc, <-chan bridged) {
	results := make(chan bridged, 8)
	return func(ctx context.Context, c *engine.Call) {
		r, err := c.Bridge(ctx, targets, o)
		results <- bridged{r, err}
	}, results
}

func TestOnlyThoseWhoLostToAnotherAreToldSo(t *testing.T) {
	t.Parallel()
	first := true
	x := start(t, func(ctx context.Context, c *engine.Call) {
		// The second Bridge of the same call is answered by nobody.
		for range 2 {
			if _, err := c.Bridge(ctx, []string{"15901", "15902"}, engine.BridgeOptions{}); err != nil {
				return
			}
		}
	})
	lost := make(chan *phone.Call, 2)
	x.phone("15902", ringing(lost))
	won := make(chan *phone.Call, 2)
	x.phone("15901", func(ctx context.Context, c *phone.Call) {
		if first {
			first = false
			taking(won)(ctx, c)
			return
		}
		ringing(won)(ctx, c)
	})
	a := x.dial(x.phone("77513", nil), "1")
	loser := receive(t, lost, "the loser rings")
	winner := receive(t, won, "the winner answers")
	ended(t, loser)
	if why := loser.Leg().EndReason(); !strings.Contains(why, "Call completed elsewhere") {
		t.Errorf("the loser is told %q", why)
	}
	winner.Hangup()
	ended(t, winner)
	again := []*phone.Call{receive(t, lost, "the second ringing"), receive(t, won, "the second ringing")}
	a.Hangup()
	for _, c := range again {
		ended(t, c)
		if why := c.Leg().EndReason(); why != "" {
			t.Errorf("nobody took the call, but %s is told %q", c.Phone().Number(), why)
		}
	}
}

func TestBothAnswerAtOnce(t *testing.T) {
	t.Parallel()
	h, results := bridges([]string{"15901", "15902", "15903"}, engine.BridgeOptions{})
	x := start(t, h)
	calls := make(chan *phone.Call, 3)
	for _, number := range []string{"15901", "15902", "15903"} {
		x.phone(number, taking(calls))
	}
	a := x.dial(x.phone("77513", nil), "1")
	x.until("one of three is left", func() bool { return len(x.Calls()) == 1 && x.Calls()[0].With != "" }, x.Standing)
	a.Hangup()
	if r := receive(t, results, "Bridge"); !errors.Is(r.err, engine.ErrHangup) || r.By == "" {
		t.Errorf("Bridge: %+v", r)
	}
	for len(calls) > 0 {
		ended(t, <-calls)
	}
}

func TestCallerGivesUpWhileItRings(t *testing.T) {
	t.Parallel()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{})
	x := start(t, h)
	calls := make(chan *phone.Call, 1)
	x.phone("15901", ringing(calls))
	a, err := x.phone("77513", nil).Start(within(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	b := receive(t, calls, "it rings")
	if !x.Busy("77513") {
		t.Error("who calls is not busy")
	}
	a.Hangup()
	ended(t, b)
	if r := receive(t, results, "Bridge"); !errors.Is(r.err, engine.ErrHangup) {
		t.Errorf("Bridge: %+v", r)
	}
	x.settled()
	if x.Busy("77513") || x.Busy("15901") {
		t.Error("a line is busy after the call")
	}
}

func TestCallerGivesUpJustAsSomebodyAnswers(t *testing.T) {
	t.Parallel()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{})
	x := start(t, h)
	var mu sync.Mutex
	var a *phone.Call
	x.phone("15901", func(ctx context.Context, c *phone.Call) {
		go func() {
			mu.Lock()
			defer mu.Unlock()
			a.Hangup()
		}()
		_ = c.Answer(ctx)
		<-c.Done()
	})
	p := x.phone("77513", nil)
	for range 5 {
		mu.Lock()
		var err error
		a, err = p.Start(within(t), "1")
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if r := receive(t, results, "Bridge"); !errors.Is(r.err, engine.ErrHangup) && !errors.Is(r.err, engine.ErrEnded) {
			t.Errorf("Bridge: %+v", r)
		}
		ended(t, a)
		x.settled()
	}
}

func TestSequentialRingsOneAfterAnotherWithinItsTime(t *testing.T) {
	t.Parallel()
	time1 := clock.NewJumping()
	h, results := bridges([]string{"15901", "15902", "15903"}, engine.BridgeOptions{
		Strategy: engine.Sequential, RingFor: 15 * time.Second, Timeout: 20 * time.Second,
	})
	x := start(t, h, jumping(time1))
	calls := make(chan *phone.Call, 3)
	for _, number := range []string{"15901", "15902", "15903"} {
		x.phone(number, ringing(calls))
	}
	a, err := x.phone("77513", nil).Start(within(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	for i, number := range []string{"15901", "15902"} {
		c := receive(t, calls, number)
		if c.Phone().Number() != number {
			t.Fatalf("%s rings as number %d", c.Phone().Number(), i)
		}
		time1.Jump([]time.Duration{15 * time.Second, 5 * time.Second}[i])
		ended(t, c)
	}
	if r := receive(t, results, "Bridge"); r.Outcome != engine.OutcomeNoAnswer || r.err != nil {
		t.Errorf("Bridge: %+v", r)
	}
	if len(calls) > 0 {
		t.Error("the third rang, beyond the time")
	}
	if err := a.WaitAnswered(within(t)); status(err) != 480 {
		t.Errorf("the caller got %v", err)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	time1 := clock.NewJumping()
	results := make(chan bridged, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, err := c.Bridge(ctx, strings.Split(c.Dialled(), "#"), engine.BridgeOptions{})
		results <- bridged{r, err}
	}, jumping(time1))
	x.phone("1", phone.IsBusy())
	x.phone("2", phone.Rejects())
	rings := make(chan *phone.Call, 1)
	x.phone("3", ringing(rings))
	x.phone("4", func(_ context.Context, c *phone.Call) { _ = c.Reject(503) })
	a := x.phone("77513", nil)
	for dialled, want := range map[string]engine.Outcome{
		"1": engine.OutcomeBusy, "2": engine.OutcomeRejected, "3": engine.OutcomeNoAnswer, "4": engine.OutcomeCongested,
		"5": engine.OutcomeUnreachable, "5#1": engine.OutcomeBusy, "1#3": engine.OutcomeNoAnswer,
	} {
		c, err := a.Start(within(t), dialled)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(dialled, "3") {
			receive(t, rings, "3 rings")
			time1.Jump(25 * time.Second)
		}
		if r := receive(t, results, dialled); r.Outcome != want || r.err != nil {
			t.Errorf("%s: %+v, want %s", dialled, r, want)
		}
		ended(t, c)
	}
}

func TestConversationHasALimit(t *testing.T) {
	t.Parallel()
	time1 := clock.NewJumping()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{Limit: 10 * time.Minute})
	x := start(t, h, jumping(time1))
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a := x.dial(x.phone("77513", nil), "1")
	b := receive(t, calls, "the answer")
	talk(t, a, b)
	time1.Jump(10 * time.Minute)
	ended(t, b)
	ended(t, a)
	if r := receive(t, results, "Bridge"); r.err != nil || r.Outcome != engine.OutcomeAnswered || r.Talked < 10*time.Minute {
		t.Errorf("Bridge: %+v", r)
	}
}

func TestCalledPersonHearsTheAnnouncementAndPressesTheKey(t *testing.T) {
	t.Parallel()
	h, _ := bridges([]string{"15901"}, engine.BridgeOptions{Announce: []engine.Prompt{{Name: "hello-world"}}, AnswerTo: "1"})
	x := start(t, h)
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a, err := x.phone("77513", nil).Start(within(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	b := receive(t, calls, "the answer")
	hears(t, b, phone.Voice, 0)
	press(t, b, "5")
	if a.Leg() != nil || a.Err() != nil {
		t.Fatalf("the wrong key: %v", a.Err())
	}
	press(t, b, "1")
	if err := a.WaitAnswered(within(t)); err != nil {
		t.Fatal(err)
	}
	talk(t, a, b)
	a.Hangup()
}

func TestAnsweringMachineCannotTakeTheCall(t *testing.T) {
	t.Parallel()
	time1 := clock.NewJumping()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{Announce: []engine.Prompt{{Name: "tone:beep"}}, AnswerTo: "1", Timeout: 25 * time.Second})
	x := start(t, h, jumping(time1))
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a, err := x.phone("77513", nil).Start(within(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	b := receive(t, calls, "the answer")
	hears(t, b, phone.Beep, 0)
	x.until("the exchange gives up", func() bool { time1.Jump(5 * time.Second); return len(results) > 0 }, x.Standing)
	ended(t, b)
	if r := receive(t, results, "Bridge"); r.Outcome != engine.OutcomeNoAnswer || r.err != nil {
		t.Errorf("Bridge: %+v", r)
	}
	ended(t, a)
}

func TestWhatTheCalledPhoneShows(t *testing.T) {
	t.Parallel()
	h, _ := bridges([]string{"15901"}, engine.BridgeOptions{
		CallerName: `Sales "UK"`, CallerNumber: "01865277513", Diversion: &engine.Diversion{Number: "15999>", Reason: "no-answer"},
	})
	x := start(t, h)
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a := x.dial(x.phone("77513", nil), "1")
	leg := receive(t, calls, "the call").Leg()
	if from := leg.From(); from.Display != `Sales "UK"` || from.User != "01865277513" {
		t.Errorf("From is %+v", from)
	}
	if d := leg.Diversion(); len(d) != 1 || d[0].Number != "15999>" || d[0].Reason != "no-answer" {
		t.Errorf("Diversion is %+v", d)
	}
	a.Hangup()
}

func TestWhoeverIsUnregisteredMissesTheCallAllTheSame(t *testing.T) {
	t.Parallel()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{})
	x := start(t, h)
	p := x.phone("15901", nil)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	x.until("15901 is gone", func() bool { return !x.Registered("15901") }, func() string { return "registered" })
	_, _ = x.phone("77513", nil).Dial(within(t), "1")
	if r := receive(t, results, "Bridge"); r.Outcome != engine.OutcomeUnreachable {
		t.Errorf("Bridge: %+v", r)
	}
	x.settled()
	if e := entries(t, x, "15901"); !slices.Equal(e, []string{"missed 77513"}) {
		t.Errorf("the log of 15901: %v", e)
	}
}
