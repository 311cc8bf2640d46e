package engine_test

import (
	"context"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// A line that lacks a permission hears why, pays nothing for it, and is told 403.
func TestARefusedCallerHearsWhy(t *testing.T) {
	t.Parallel()
	mux := &engine.Mux{}
	for _, r := range []engine.Route{
		{Pattern: "0.", Needs: "national", Refused: []engine.Prompt{{Name: "beep"}}},
		{Pattern: "00.", Needs: "international"},
	} {
		r.Handler = engine.HandlerFunc(func(context.Context, *engine.Call) { t.Error("a call got past the permissions") })
		if err := mux.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	x := start(t, mux.ServeCall)
	p := x.phone("77513", nil)
	for number, heard := range map[string]phone.SoundKind{"01865240000": phone.Beep, "0015555550123": phone.Voice} {
		call, err := p.Start(within(t), number)
		if err != nil {
			t.Fatal(err)
		}
		if err := call.WaitAnswered(within(t)); status(err) != 403 {
			t.Errorf("%s: %v, want 403", number, err)
		}
		if !call.Heard().Has(heard) {
			t.Errorf("%s: heard %v, want a %s", number, call.Heard(), heard)
		}
	}
}
