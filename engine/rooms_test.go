package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// rooming takes every call into the room "chess". Who is dialled says how: "m" a moderator, "w" waits for one,
// "e" ends the room with himself.
func rooming(results chan<- engine.ConferenceResult) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		how := c.Dialled()
		r, _ := c.Conference(ctx, "chess", engine.ConferenceOptions{
			Quiet: true, Moderator: strings.Contains(how, "m"), WaitForModerator: strings.Contains(how, "w"), EndWithMe: strings.Contains(how, "e"),
		})
		if results != nil {
			results <- r
		}
	}
}

func TestWaitingForTheModerator(t *testing.T) {
	t.Parallel()
	results := make(chan engine.ConferenceResult, 3)
	x := start(t, rooming(results))
	a := x.dial(x.phone("77501", nil), "w")
	b := x.dial(x.phone("77502", nil), "w")
	for _, c := range []*phone.Call{a, b} {
		hears(t, c, phone.Voice, 0) // the prompt, then music
	}
	from := b.Heard().Length()
	speak(t, a, 1000)
	if b.Heard().Has(phone.Beep) {
		t.Error("those who wait hear each other")
	}
	hears(t, b, phone.Voice, from)
	waitMembers(t, x, "chess", 2)
	room, _ := x.Room("chess")
	if !room.Kick(room.Members()[1].Call) {
		t.Error("who waits cannot be kicked")
	}
	ended(t, b)
	if r := receive(t, results, "b's end"); r.Outcome != engine.OutcomeKicked {
		t.Errorf("kicked while waiting: %+v", r)
	}
	m := x.dial(x.phone("77503", nil), "m")
	waitMembers(t, x, "chess", 2)
	talk(t, a, m)
	m.Hangup()
	a.Hangup()
}

func TestOwnerLeavesAndWhoComesThenHasANewRoom(t *testing.T) {
	t.Parallel()
	results := make(chan engine.ConferenceResult, 3)
	late := make(chan struct{})
	x := start(t, func(ctx context.Context, c *engine.Call) {
		rooming(results)(ctx, c)
		if c.From().Number == "77502" { // its handler goes on, so that the old room's last member is slow to go
			<-late
		}
	})
	owner := x.dial(x.phone("77501", nil), "e")
	b := x.dial(x.phone("77502", nil), "1")
	waitMembers(t, x, "chess", 2)
	old, _ := x.Room("chess")
	owner.Hangup()
	if r := receive(t, results, "one"); r.Outcome != engine.OutcomeLeft && r.Outcome != engine.OutcomeEnded {
		t.Errorf("%+v", r)
	}
	c := x.dial(x.phone("77503", nil), "1")
	waitMembers(t, x, "chess", 1)
	if room, _ := x.Room("chess"); room == old {
		t.Error("the newcomer is in the room that has ended")
	}
	close(late)
	ended(t, b)
	c.Hangup()
}

func TestMuteAllIsForThoseWhoComeLaterToo(t *testing.T) {
	t.Parallel()
	x := start(t, rooming(nil))
	m := x.dial(x.phone("77501", nil), "m")
	a := x.dial(x.phone("77502", nil), "1")
	waitMembers(t, x, "chess", 2)
	talk(t, a, m)
	room, _ := x.Room("chess")
	room.MuteAll(true)
	b := x.dial(x.phone("77503", nil), "1")
	waitMembers(t, x, "chess", 3)
	x.until("both are muted", func() bool {
		all := room.Members()
		return !all[0].Muted && all[1].Muted && all[2].Muted
	}, func() string { return "" })
	from := m.Heard().Length()
	speak(t, b, 1000)
	speak(t, a, 1000)
	if h := m.Heard(); h.Level(from, h.Length()) > -60 {
		t.Errorf("the muted are heard: %v, %.0f dBFS", h, h.Level(from, h.Length()))
	}
	room.MuteAll(false)
	talk(t, b, m)
	for _, c := range []*phone.Call{m, a, b} {
		c.Hangup()
	}
}

func TestMemberIsReplacedByATransfer(t *testing.T) {
	t.Parallel()
	conference := rooming(nil)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "15902" {
			bridging(ctx, c)
			return
		}
		conference(ctx, c)
	})
	calls := make(chan *phone.Call, 1)
	bPhone := x.phone("15902", taking(calls))
	m := x.dial(x.phone("77501", nil), "m")
	a := x.dial(x.phone("77502", nil), "15902")
	b := receive(t, calls, "b")
	inRoom := x.dial(bPhone, "1")
	waitMembers(t, x, "chess", 2)
	talk(t, inRoom, m)
	if err := b.TransferTo(within(t), inRoom); err != nil {
		t.Fatal(err)
	}
	talk(t, a, m)
	ended(t, b)
	ended(t, inRoom)
	room, _ := x.Room("chess")
	if all := room.Members(); len(all) != 2 || all[1].Number != "77502" {
		t.Errorf("members: %+v", all)
	}
	m.Hangup()
	a.Hangup()
}

// The last to leave closes the room; who comes at that moment must not find himself in it.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	x := start(t, rooming(nil))
	var all sync.WaitGroup
	for _, number := range []string{"1", "2", "3"} {
		p := x.phone(number, nil)
		all.Go(func() {
			for range 6 {
				c, err := p.Dial(within(t), "room")
				if err != nil {
					t.Error(err)
					return
				}
				x.until("he is in the room", func() bool {
					r, ok := x.Room("chess")
					if !ok {
						return false
					}
					for _, m := range r.Members() {
						if m.Number == number {
							return true
						}
					}
					return false
				}, x.Standing)
				c.Hangup()
				ended(t, c)
				x.until("he is free", func() bool { return !x.Busy(number) }, x.Standing)
			}
		})
	}
	all.Wait()
}
