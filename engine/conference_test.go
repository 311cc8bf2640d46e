package engine_test

import (
	"context"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

func TestThreeInARoomHearEachOther(t *testing.T) {
	t.Parallel()
	results := make(chan engine.ConferenceResult, 3)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, _ := c.Conference(ctx, "chess", engine.ConferenceOptions{Quiet: true, EndWithMe: c.From().Number == "77501"})
		results <- r
	})
	owner := x.dial(x.phone("77501", nil), "89000")
	b := x.dial(x.phone("77502", nil), "89000")
	c := x.dial(x.phone("77503", nil), "89000")
	waitMembers(t, x, "chess", 3)
	talk(t, owner, b)
	talk(t, b, c)
	from := c.Heard().Length()
	if err := owner.Play(within(t), sine(1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WaitHeard(within(t), phone.Beep, from); err != nil {
		t.Errorf("the third does not hear the first: %v", err)
	}
	owner.Hangup()
	for _, other := range []*phone.Call{b, c} {
		if err := other.WaitEnded(within(t)); err != nil {
			t.Errorf("the room goes on without its owner: %v", err)
		}
	}
	for range 3 {
		<-results
	}
	if _, ok := x.Room("chess"); ok {
		t.Error("an empty room is still there")
	}
}

func TestRoomPinLockAndKick(t *testing.T) {
	t.Parallel()
	results := make(chan engine.ConferenceResult, 4)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, _ := c.Conference(ctx, "chess", engine.ConferenceOptions{Quiet: true, Pin: "4711", Moderator: c.From().Number == "77501"})
		results <- r
	})
	a := x.dial(x.phone("77501", nil), "89000")
	if err := a.SendDigits(within(t), "4711#"); err != nil {
		t.Fatal(err)
	}
	waitMembers(t, x, "chess", 1)
	wrong := x.dial(x.phone("77502", nil), "89000")
	if err := wrong.SendDigits(within(t), "1#2#3#"); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.Outcome != engine.OutcomeWrongPin {
		t.Errorf("three wrong PINs: %+v", r)
	}
	b := x.dial(x.phone("77503", nil), "89000")
	if err := b.SendDigits(within(t), "4711#"); err != nil {
		t.Fatal(err)
	}
	waitMembers(t, x, "chess", 2)
	room, _ := x.Room("chess")
	room.Lock(true)
	late := x.dial(x.phone("77504", nil), "89000")
	if err := late.SendDigits(within(t), "4711#"); err != nil {
		t.Fatal(err)
	}
	if r := <-results; r.Outcome != engine.OutcomeFull {
		t.Errorf("a locked room: %+v", r)
	}
	if !room.KickLast() {
		t.Error("nobody to kick")
	}
	if r := <-results; r.Outcome != engine.OutcomeKicked {
		t.Errorf("kicked: %+v", r)
	}
	a.Hangup()
}

func waitMembers(t *testing.T, x *exchange, room string, n int) {
	t.Helper()
	ctx := within(t)
	for {
		if r, ok := x.Room(room); ok && len(r.Members()) == n {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("room %s never had %d members", room, n)
		}
		<-pause()
	}
}
