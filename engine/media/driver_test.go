package media

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// listener counts what a bare driver hands out, by socket.
type listener struct {
	heard   map[*socket][]string
	refused int
}

func (l *listener) packet(s *socket, b []byte, _ netip.AddrPort) {
	l.heard[s] = append(l.heard[s], string(b))
}

func (l *listener) unsent(*socket, int) { l.refused++ }

// bare is a driver without a shard, on a thread of its own.
func bare(t *testing.T, name string) (network, driver, *listener) {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the test
	n, _, err := pickNetwork(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.newDriver()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return n, d, &listener{heard: map[*socket][]string{}}
}

func openOn(t *testing.T, n network, d driver, port uint16) *socket {
	t.Helper()
	s, err := n.open(netip.AddrPortFrom(loopback, port), rtpBuffer)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.add(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, c *net.UDPConn, to *socket, b string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(b), to.addr); err != nil {
		t.Fatal(err)
	}
}

// sweepUntil sweeps until something is true.
func sweepUntil(t *testing.T, d driver, l *listener, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); d.sweep(l) {
		if time.Since(began) > patience {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// What was under way to a socket that is removed reaches nobody, least of all the
// one that takes its place, and its port is free at once.
func TestRemovedSocketIsDeaf(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		n, d, l := bare(t, driver)
		c := stranger(t)
		other, old := openOn(t, n, d, 0), openOn(t, n, d, 0)
		d.sweep(l)
		for round := range 50 {
			write(t, c, old, "old")
			write(t, c, other, "other")
			d.remove(other) // a ring takes in what waits for the others meanwhile
			d.remove(old)
			for _, s := range []*socket{other, old} {
				if err := n.closeSocket(s); err != nil {
					t.Fatal(err)
				}
			}
			oldPort, otherPort := old.addr.Port(), other.addr.Port()
			old, other = openOn(t, n, d, oldPort), openOn(t, n, d, otherPort)
			d.sweep(l)
			write(t, c, old, "new")
			sweepUntil(t, d, l, "the new socket hears", func() bool { return len(l.heard[old]) > 0 })
			for s, heard := range l.heard {
				if s != old || len(heard) != 1 || heard[0] != "new" {
					t.Fatalf("round %d: %v heard %q", round, s.addr, heard)
				}
			}
			clear(l.heard)
		}
		d.remove(old)
		d.remove(other)
		_, _ = n.closeSocket(old), n.closeSocket(other)
	})
}

// More datagrams than a ring has buffers, or a driver takes at once, all arrive; so
// do more sends than go to the kernel at once.
func TestMoreThanFitsAtOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		const sockets, each = 60, 80 // 4,800
		n, d, l := bare(t, driver)
		var all []*socket
		for range sockets {
			s := openOn(t, n, d, 0)
			all = append(all, s)
			t.Cleanup(func() { _ = n.closeSocket(s) })
		}
		d.sweep(l)
		for range each {
			for i, s := range all {
				if !d.send(s, []byte("packet"), all[(i+1)%sockets].addr) {
					t.Fatal("a send was refused")
				}
			}
		}
		d.submit()
		sweepUntil(t, d, l, "all has arrived", func() bool {
			total := 0
			for _, heard := range l.heard {
				total += len(heard)
			}
			return total == sockets*each
		})
		for _, s := range all {
			if len(l.heard[s]) != each {
				t.Errorf("%d of %d arrived at one socket", len(l.heard[s]), each)
			}
			d.remove(s)
		}
	})
}

// A flood on one socket keeps no other from being heard, and ends without a trace.
func TestFloodStarvesNobody(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		n, d, l := bare(t, driver)
		flooded, quiet := openOn(t, n, d, 0), openOn(t, n, d, 0)
		t.Cleanup(func() { _, _ = n.closeSocket(flooded), n.closeSocket(quiet) })
		c := stranger(t)
		d.sweep(l)
		for len(l.heard[flooded]) < 3*floodTestBurst {
			for range 60 {
				write(t, c, flooded, "flood")
			}
			write(t, c, quiet, "call")
			before := len(l.heard[quiet])
			for began := time.Now(); len(l.heard[quiet]) == before; d.sweep(l) {
				if time.Since(began) > patience {
					t.Fatal("a call is not heard beside the flood")
				}
			}
		}
		sweepUntil(t, d, l, "the flood has run dry", func() bool {
			before := len(l.heard[flooded])
			time.Sleep(tickLength)
			d.sweep(l)
			return len(l.heard[flooded]) == before
		})
		clear(l.heard)
		write(t, c, flooded, "after")
		sweepUntil(t, d, l, "it hears again", func() bool { return len(l.heard[flooded]) > 0 })
		d.remove(flooded)
		d.remove(quiet)
	})
}

const floodTestBurst = 400

// What the system refuses to send is counted as not sent, also where that is known
// late.
func TestRefusedSendIsCounted(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) {
			f.Remote = netip.MustParseAddrPort("240.0.0.1:4000") // which no host may have, and nothing can reach from the loopback
		})
		p.session.Play(NewPlayer([]*Clip{NewClip(8000, make([]int16, 8000))}, PlayOptions{Loop: true}))
		w.frames(10)
		w.commands()
		if s := p.session.Stats(); s.PacketsOut > 1 || s.BytesOut > 172 || s.Dropped[DropSend] < 8 {
			t.Errorf("%d packets and %d bytes went out, %d were refused", s.PacketsOut, s.BytesOut, s.Dropped[DropSend])
		}
	})
}

// Two sessions that send each other's packets back for ever hold nobody up.
func TestCircleEndsWithTheTick(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		other := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		for _, s := range [][2]*Session{{a.session, b.session}, {b.session, a.session}} {
			f := a.format()
			f.Remote = s[1].LocalAddr()
			if err := s[0].SetFormat(f); err != nil {
				t.Fatal(err)
			}
			s[0].Echo()
		}
		other.session.Echo()
		w.commands()
		b.session.Play(NewPlayer([]*Clip{NewClip(8000, make([]int16, 800))}, PlayOptions{}))
		w.ticks(50)
		other.says(make([]byte, 160))
		eventually(t, "the other phone is answered", func() bool {
			w.ticks(1)
			return len(other.all()) > 0
		})
	})
}

// What finds a socket's buffer full is counted, at the latest when the session ends.
func TestKernelDropsAreCounted(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the system does not tell
	}
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		w.ticks(4)
		const sent = 1000
		for range sent {
			p.says(make([]byte, 160))
		}
		w.ticks(200)
		p.session.Close()
		w.ticks(1)
		s := p.session.Stats()
		if s.Dropped[DropKernel] == 0 || s.PacketsIn+s.Dropped[DropKernel] != sent {
			t.Errorf("of %d packets %d were taken and %d dropped by the kernel", sent, s.PacketsIn, s.Dropped[DropKernel])
		}
		if n := w.e.Stats().Dropped[DropKernel]; n != s.Dropped[DropKernel] {
			t.Errorf("the engine counts %d", n)
		}
	})
}

// Sessions are spread over shards, and in a shard over the ticks of a frame, also
// after others have gone.
func TestSessionsAreSpread(t *testing.T) {
	w := newWorld(t, Options{})
	var all []*Session
	for range 40 {
		s, err := w.e.NewSession(SessionOptions{Bind: loopback})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	w.commands()
	for _, s := range all {
		if s.phase == 1 {
			s.Close()
		}
	}
	w.commands()
	for range 10 {
		if _, err := w.e.NewSession(SessionOptions{Bind: loopback}); err != nil {
			t.Fatal(err)
		}
	}
	w.commands()
	for phase, g := range w.sh.sessions {
		if len(g) != 10 {
			t.Errorf("%d sessions in phase %d", len(g), phase)
		}
	}
	e := testEngine(t, Options{Shards: 3})
	for range 30 {
		if _, err := e.NewSession(SessionOptions{Bind: loopback}); err != nil {
			t.Fatal(err)
		}
	}
	for i, sh := range e.shards {
		if n := sh.load.Load(); n != 10 {
			t.Errorf("%d sessions on shard %d", n, i)
		}
	}
}
