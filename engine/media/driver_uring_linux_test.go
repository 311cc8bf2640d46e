package media

import (
	"errors"
	"testing"
	"time"
)

// After a flood a socket is received from as before, and all buffers are the
// kernel's again.
func TestFloodedSocketComesBack(t *testing.T) {
	if !Probe()[0].Available {
		return // workingDrivers tells where that is a fault
	}
	n, bareDriver, l := bare(t, "io_uring")
	d := bareDriver.(*uringDriver)
	s := openOn(t, n, d, 0)
	t.Cleanup(func() { _ = n.closeSocket(s) })
	c := stranger(t)
	d.sweep(l)
	sweepUntil(t, d, l, "it counts as flooded", func() bool {
		for range 90 {
			write(t, c, s, "flood")
		}
		return len(d.polled) == 1
	})
	sweepUntil(t, d, l, "it has calmed down", func() bool { time.Sleep(tickLength); return len(d.polled) == 0 })
	d.sweep(l)
	if e := d.slots[s.slot]; !e.armed || e.polled {
		t.Error("there is no receive request for it")
	}
	clear(l.heard)
	write(t, c, s, "after")
	sweepUntil(t, d, l, "it hears", func() bool { return len(l.heard[s]) == 1 })
	for id, n := range d.refs {
		if n != 0 {
			t.Errorf("buffer %d is held by %d", id, n)
		}
	}
	d.remove(s)
}

// brokenNetwork is a driver that the system refuses.
type brokenNetwork struct{ epollNetwork }

func (brokenNetwork) name() string { return "broken" }

func (brokenNetwork) newDriver() (driver, error) { return nil, errors.New("not permitted") }

// "auto" passes over what does not work, and says why; what is asked for by name
// is not replaced.
func TestFallback(t *testing.T) {
	all := []network{brokenNetwork{}, epollNetwork{}, portableNetwork{}}
	n, refused, err := pick(all, "auto")
	if err != nil || n.name() != "epoll" {
		t.Errorf("%v, %v", n, err)
	}
	if len(refused) != 1 || refused[0] != (DriverStatus{Name: "broken", Reason: "not permitted"}) {
		t.Errorf("refused: %v", refused)
	}
	if n, _, err = pick(all[:1], "broken"); err != nil || n.name() != "broken" {
		t.Errorf("by name: %v, %v", n, err)
	}
}
