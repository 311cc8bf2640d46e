package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// entries is a line's log, oldest first: "received 77513", "received 77513 by 15902".
func entries(t *testing.T, x *exchange, line string) []string {
	t.Helper()
	all, err := x.CallLog().Entries(within(t), line, 0)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range slices.Backward(all) {
		text := e.Kind + " " + e.Number
		if e.ByOther != "" {
			text += " by " + e.ByOther
		}
		texts = append(texts, text)
	}
	return texts
}

func records(t *testing.T, x *exchange) []callog.Record {
	t.Helper()
	all, err := x.CallLog().Records(within(t), callog.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b callog.Record) int { return a.Start.Compare(b.Start) })
	return all
}

func TestEachPersonsLogOfAGroupCall(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	h, _ := bridges([]string{"15901", "15902"}, engine.BridgeOptions{})
	x := start(t, h, func(o *engine.Options) { o.Metrics = metrics })
	rings, calls := make(chan *phone.Call, 2), make(chan *phone.Call, 1)
	x.phone("15901", ringing(rings))
	x.phone("15902", func(ctx context.Context, c *phone.Call) {
		if c.Ring(ctx) == nil {
			taking(calls)(ctx, c)
		}
	})
	a := x.dial(x.phone("77513", nil), "1")
	b := receive(t, calls, "the answer")
	talk(t, a, b)
	if !x.Busy("15902") || x.Busy("15901") {
		t.Error("who talks is busy, who only rang is not")
	}
	b.Hangup()
	ended(t, a)
	x.settled()
	for line, want := range map[string][]string{
		"77513": {"dialled 1"}, "15901": {"received 77513 by 15902"}, "15902": {"received 77513"},
	} {
		if got := entries(t, x, line); !slices.Equal(got, want) {
			t.Errorf("the log of %s: %q, want %q", line, got, want)
		}
	}
	r := records(t, x)
	if len(r) != 1 || r[0].Outcome != "answered" || r[0].By != "15902" || r[0].FromLine != "77513" || r[0].To != "1" || r[0].End.Before(r[0].Answered) {
		t.Errorf("records: %+v", r)
	}
	if got := counter(t, metrics, "belfry_calls_ended_total"); got != 1 {
		t.Errorf("%v calls have ended", got)
	}
}

func TestNobodyAnswersAndAllMissTheCall(t *testing.T) {
	t.Parallel()
	h, _ := bridges([]string{"15901", "15902"}, engine.BridgeOptions{})
	x := start(t, h)
	rings := make(chan *phone.Call, 2)
	x.phone("15901", ringing(rings))
	x.phone("15902", ringing(rings))
	a, err := x.phone("77513", nil).Start(within(t), "1")
	if err != nil {
		t.Fatal(err)
	}
	receive(t, rings, "one")
	receive(t, rings, "the other")
	a.Hangup()
	x.settled()
	for line, want := range map[string]string{"77513": "dialled 1", "15901": "missed 77513", "15902": "missed 77513"} {
		if got := entries(t, x, line); !slices.Equal(got, []string{want}) {
			t.Errorf("the log of %s: %q, want %q", line, got, want)
		}
	}
	if r := records(t, x); len(r) != 1 || r[0].Outcome != "noAnswer" || !r[0].Answered.IsZero() {
		t.Errorf("records: %+v", r)
	}
}

func TestLogsAfterATransfer(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	bCalls, cCalls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	x.phone("15902", taking(bCalls))
	x.phone("15903", taking(cCalls))
	a := x.dial(x.phone("77513", nil), "15902")
	b := receive(t, bCalls, "b")
	if err := b.Transfer(within(t), "15903"); err != nil {
		t.Fatal(err)
	}
	c := receive(t, cCalls, "c")
	talk(t, a, c)
	a.Hangup()
	ended(t, c)
	x.settled()
	for line, want := range map[string]string{"77513": "dialled 15902", "15902": "received 77513", "15903": "received 77513"} {
		if got := entries(t, x, line); !slices.Equal(got, []string{want}) {
			t.Errorf("the log of %s: %q, want %q", line, got, want)
		}
	}
}

func TestLengthIsThatOfTheConversation(t *testing.T) {
	t.Parallel()
	h, results := bridges([]string{"15901"}, engine.BridgeOptions{})
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Answer(ctx) == nil && c.Sleep(ctx, 2*time.Second) == nil {
			h(ctx, c)
		}
	})
	calls := make(chan *phone.Call, 1)
	x.phone("15901", taking(calls))
	a := x.dial(x.phone("77513", nil), "1")
	b := receive(t, calls, "b")
	talk(t, a, b)
	b.Hangup()
	r := receive(t, results, "Bridge")
	x.settled()
	e, err := x.CallLog().Entries(within(t), "15901", 0)
	if err != nil || len(e) != 1 {
		t.Fatalf("%v, %v", e, err)
	}
	if d := e[0].Length - r.Talked; d < -time.Second || d > time.Second {
		t.Errorf("they talked %v, the log says %v", r.Talked, e[0].Length)
	}
}

// counter is the sum of a counter's series.
func counter(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
