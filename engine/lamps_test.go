package engine_test

import (
	"fmt"
	"testing"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// A colleague's lamp shows that a line rings, talks, and is free again; who is in no group with it sees nothing.
func TestLampOfALine(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	rings, calls := make(chan *phone.Call, 1), make(chan *phone.Call, 1)
	b := x.phone("15902", ringing(rings))
	x.phone("77514", nil)
	x.phone("77515", nil)
	x.inGroup("15902")
	x.inGroup("77514")
	lamp := func(line string) string {
		all, ok := x.Watch("77514", line)
		if !ok {
			return "forbidden"
		}
		s := ""
		for _, d := range all {
			s += fmt.Sprintf("%s recipient=%t confirmed=%t;", d.Remote.User, d.Recipient, d.Confirmed)
		}
		return s
	}
	becomes := func(want string) {
		t.Helper()
		x.until("the lamp shows "+want, func() bool { return lamp("15902") == want }, func() string { return lamp("15902") })
	}
	a := x.phone("77513", nil)
	go func() {
		if c, err := a.Dial(within(t), "15902"); err == nil {
			calls <- c
		}
	}()
	rung := receive(t, rings, "ringing")
	becomes("77513 recipient=true confirmed=false;")
	if got := lamp("77513"); got != "forbidden" {
		t.Errorf("a line of no group is shown: %q", got)
	}
	if err := rung.Answer(within(t)); err != nil {
		t.Fatal(err)
	}
	becomes("77513 recipient=true confirmed=true;")
	receive(t, calls, "the answered call").Hangup()
	becomes("")

	// The line calls itself.
	if _, err := b.Dial(within(t), "77599"); err == nil {
		t.Error("nobody has 77599")
	}
	becomes("")
}

func TestPresenceOfALine(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.phone("15902", taking(calls))
	a := x.phone("77513", nil)
	x.inGroup("15902")
	x.inGroup("77513")
	is := func() string {
		p, ok := x.Present("77513", "15902")
		return fmt.Sprintf("%t %t %s", ok, p.Open, p.Note)
	}
	becomes := func(want string) {
		t.Helper()
		x.until("it is shown as "+want, func() bool { return is() == want }, is)
	}
	becomes("true true ")
	c := x.dial(a, "15902")
	becomes("true true On the phone")
	c.Hangup()
	becomes("true true ")
	if err := x.Directory().SetDND(within(t), "15902", true); err != nil {
		t.Fatal(err)
	}
	becomes("true false Do not disturb")
	if err := x.Directory().Add(within(t), directory.Line{Number: "15903", Kind: directory.NonPerson, PickupGroup: "lodge"}, "secret-of-15903"); err != nil {
		t.Fatal(err)
	}
	if p, ok := x.Present("77513", "15903"); !ok || p.Open || p.Note != "Offline" {
		t.Errorf("a line without a phone: %+v, %t", p, ok)
	}
	x.phone("77599", nil)
	if _, ok := x.Present("77599", "15902"); ok {
		t.Error("a line of no group is told")
	}
}
