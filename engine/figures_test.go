package engine_test

import (
	"context"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// What is counted of a call: while it stands, by leg, and in its record.
func TestFiguresOfLegs(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.speaking("15902", taking(calls), pcma)
	a := x.dial(x.speaking("77513", nil, g722), "15902")
	b := receive(t, calls, "the call")
	talk(t, a, b)
	var live engine.CallInfo
	one := func(sound engine.Sound) func() bool {
		return func() bool {
			all := x.Calls()
			if len(all) != 1 || len(all[0].Legs) != 2 || all[0].Sound != sound {
				return false
			}
			live = all[0]
			return live.Legs[0].In > 40 && live.Legs[1].In > 40
		}
	}
	x.until("a call is transcoded", one(engine.Transcoded), x.Standing)
	for i, want := range []struct{ number, codec string }{{"77513", "G722"}, {"15902", "PCMA"}} {
		if l := live.Legs[i]; l.Number != want.number || l.Codec != want.codec || l.Out == 0 || l.Remote == "" {
			t.Errorf("leg %d: %+v", i, l)
		}
	}
	if err := a.Change(within(t), pcma); err != nil {
		t.Fatal(err)
	}
	x.until("a call is relayed", one(engine.Relayed), x.Standing)
	if err := b.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	x.until("a call's music is played", one(engine.Played), x.Standing)
	if live.Legs[0].Held || !live.Legs[1].Held {
		t.Errorf("who holds: %+v", live.Legs)
	}
	a.Hangup()
	ended(t, b)
	x.settled()
	records, err := x.CallLog().Records(context.Background(), callog.Filter{Limit: 1})
	if err != nil || len(records) != 1 || len(records[0].Legs) != 2 {
		t.Fatalf("the record: %+v, %v", records, err)
	}
	for i, l := range records[0].Legs {
		if l.Number != live.Legs[i].Number || l.Codec != "PCMA" || l.In < live.Legs[i].In {
			t.Errorf("leg %d of the record: %+v; it was %+v", i, l, live.Legs[i])
		}
	}
}
