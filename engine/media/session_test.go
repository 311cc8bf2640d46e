package media

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestEcho(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		e := testEngine(t, Options{Driver: driver})
		p := newPhone(t, e, SessionOptions{}, codec.PCMA, nil)
		p.session.Echo()
		settled(t, p)
		for i := range 5 {
			p.says([]byte{byte(i), 2, 3})
		}
		packets := p.hears(5)
		oneStream(t, packets)
		for i, q := range packets {
			if q.Payload[0] != byte(i) || q.SSRC == p.ssrc || q.PayloadType != 8 {
				t.Errorf("packet %d came back as %v %v", i, q.Header, q.Payload)
			}
		}
		p.session.Silence()
	})
}

func TestIPv6(t *testing.T) {
	for _, bind := range []string{"::1", "::"} {
		onDrivers(t, func(t *testing.T, driver string) {
			e := testEngine(t, Options{Driver: driver})
			s, err := e.NewSession(SessionOptions{Bind: netip.MustParseAddr(bind)})
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			p := newPhone(t, e, SessionOptions{Bind: netip.IPv6Loopback()}, codec.PCMU, nil)
			p.session.Echo()
			settled(t, p)
			p.says([]byte{1, 2, 3})
			p.hears(1)
			eventually(t, "the packet is counted", func() bool { return p.session.Stats().PacketsOut == 1 })
		})
	}
}

// A session on [::] talks to phones on IPv4 too.
func TestDualStack(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		s, err := w.e.NewSession(SessionOptions{Bind: netip.IPv6Unspecified()})
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		if err := s.SetFormat(p.format()); err != nil {
			t.Fatal(err)
		}
		s.Echo()
		w.commands()
		b := rtpBytes(t, headerOf(p), []byte{1, 2, 3})
		if _, err := p.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(loopback, s.LocalAddr().Port())); err != nil {
			t.Fatal(err)
		}
		w.arrived(1)
		if q := p.hears(1)[0]; len(q.Payload) != 3 {
			t.Errorf("the phone hears %v", q)
		}
		s.Close()
	})
}

func TestTimeout(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver, RTPTimeout: 30 * time.Second})
		timeouts := make(chan struct{}, 10)
		p := newPhone(t, w.e, SessionOptions{Events: Events{Timeout: func() { timeouts <- struct{}{} }}}, codec.PCMU, nil)
		w.commands()
		after := func(d time.Duration) {
			w.clock.Advance(d)
			w.ticks(idleVisits)
		}
		none := func(why string) {
			t.Helper()
			marker := make(chan struct{})
			w.sh.tell(event{session: &Session{events: Events{Timeout: func() { close(marker) }}}})
			receive(t, marker) // all events before it have been delivered
			if len(timeouts) != 0 {
				t.Fatalf("a time-out %s", why)
			}
		}
		after(29 * time.Second)
		none("after 29 s")
		p.says(make([]byte, 160))
		w.arrived(1)
		after(29 * time.Second)
		none("29 s after a packet")
		after(2 * time.Second)
		receive(t, timeouts)
		after(time.Hour)
		none("that has been reported")

		f := p.format()
		f.Receive = false
		if err := p.session.SetFormat(f); err != nil {
			t.Fatal(err)
		}
		w.commands()
		after(time.Hour)
		none("where nothing is to be received")
		if err := p.session.SetFormat(p.format()); err != nil {
			t.Fatal(err)
		}
		w.commands()
		after(29 * time.Second)
		none("29 s after the re-INVITE")
		after(time.Second)
		receive(t, timeouts)
	})
}

func TestFormatErrors(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	for name, change := range map[string]func(*Format){
		"no codec":             func(f *Format) { f.Codec = codec.None },
		"nowhere to send":      func(f *Format) { f.Remote = netip.AddrPort{} },
		"port 0":               func(f *Format) { f.Remote = netip.AddrPortFrom(loopback, 0) },
		"0.0.0.0":              func(f *Format) { f.Remote = netip.MustParseAddrPort("0.0.0.0:4000") },
		"multicast":            func(f *Format) { f.Remote = netip.MustParseAddrPort("224.0.0.1:4000") },
		"broadcast":            func(f *Format) { f.Remote = netip.MustParseAddrPort("255.255.255.255:4000") },
		"RTCP to multicast":    func(f *Format) { f.RemoteRTCP = netip.MustParseAddrPort("224.0.0.1:4001") },
		"IPv6 from IPv4":       func(f *Format) { f.Remote = netip.MustParseAddrPort("[::1]:4000") },
		"payload type of RTCP": func(f *Format) { f.PayloadType = 72 },
		"payload type 128":     func(f *Format) { f.PayloadType = 128 },
		"event type 200":       func(f *Format) { f.EventPayloadType = 200 },
		"two of one type":      func(f *Format) { f.PayloadType, f.EventPayloadType = 96, 96 },
	} {
		f := p.format()
		change(&f)
		if err := p.session.SetFormat(f); !errors.Is(err, ErrBadFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	held := p.format()
	held.Remote, held.Send, held.Receive = netip.AddrPort{}, false, false
	if err := p.session.SetFormat(held); err != nil {
		t.Errorf("inactive without an address: %v", err)
	}
	w.commands()
	w.frames(1)
	p.session.Close()
	if err := p.session.SetFormat(p.format()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestPorts(t *testing.T) {
	e := testEngine(t, Options{MinPort: 21001, MaxPort: 21008}) // 21002 to 21007: three pairs, unless another program holds one
	var open []*Session
	seen := map[uint16]bool{}
	for {
		s, err := e.NewSession(SessionOptions{Bind: loopback})
		if errors.Is(err, ErrNoPorts) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		port := s.LocalAddr().Port()
		if port%2 != 0 || port < 21002 || port > 21006 || seen[port] {
			t.Fatalf("port %d after %v", port, seen)
		}
		seen[port] = true
		open = append(open, s)
	}
	if len(open) == 0 {
		t.Fatal("no session at all")
	}
	open[0].Close()
	var again *Session
	eventually(t, "the port is free again", func() bool {
		s, err := e.NewSession(SessionOptions{Bind: loopback})
		again = s
		return err == nil
	})
	if again.LocalAddr() != open[0].LocalAddr() {
		t.Errorf("the free port is %v, but %v was given", open[0].LocalAddr(), again.LocalAddr())
	}
}

func TestPortsComeBackLast(t *testing.T) {
	p, err := newPorts(20000, 20199)
	if err != nil {
		t.Fatal(err)
	}
	if p.left() != 100 {
		t.Fatalf("%d pairs", p.left())
	}
	first, _ := p.take()
	p.give(first)
	for range 99 {
		port, ok := p.take()
		if !ok || port == first || port%2 != 0 {
			t.Fatalf("port %d, %v, while others have been free longer than %d", port, ok, first)
		}
	}
	for _, bad := range [][2]uint16{{0, 100}, {101, 102}, {5000, 4000}} {
		if _, err := newPorts(bad[0], bad[1]); err == nil {
			t.Errorf("ports %v are accepted", bad)
		}
	}
	if p, err := newPorts(65534, 65535); err != nil || p.left() != 1 {
		t.Errorf("the last pair: %v", err)
	}
}

func TestUnknownDriver(t *testing.T) {
	if _, err := New(Options{Driver: "carrierPigeon"}); !errors.Is(err, ErrNoDriver) {
		t.Errorf("%v", err)
	}
	e := testEngine(t, Options{})
	if want := workingDrivers(t)[0]; e.Driver() != want {
		t.Errorf("auto picked %q, not %q", e.Driver(), want)
	}
	for _, name := range workingDrivers(t) {
		if e := testEngine(t, Options{Driver: name}); e.Driver() != name {
			t.Errorf("%q runs where %q was asked for", e.Driver(), name)
		}
	}
}

func TestClosedEngine(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
	player := NewPlayer([]*Clip{NewClip(8000, make([]int16, 80000))}, PlayOptions{})
	p.session.Play(player)
	r := NewRecorder(RecordOptions{})
	p.session.Record(r)
	m := e.NewMixer()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, player.Done())
	receive(t, r.Done())
	if err := e.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	// All of this is too late, and must neither hang nor leave anything running.
	late := NewPlayer([]*Clip{NewClip(8000, make([]int16, 80))}, PlayOptions{})
	p.session.Play(late)
	receive(t, late.Done())
	lateRecorder := NewRecorder(RecordOptions{})
	p.session.Record(lateRecorder)
	receive(t, lateRecorder.Done())
	m.Join(p.session, MemberOptions{}).Leave()
	inMixer := NewPlayer([]*Clip{NewClip(8000, make([]int16, 80))}, PlayOptions{})
	m.Play(inMixer)
	receive(t, inMixer.Done())
	m.Close()
	if _, err := e.NewSession(SessionOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("NewSession: %v", err)
	}
	if n := e.Stats().Sessions; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// Events after Close do not come.
func TestNoEventsAfterClose(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{Events: Events{Digit: func(d Digit) { t.Errorf("digit %c after Close", d.Key) }}}, codec.PCMU, nil)
	w.commands()
	p.event('1', 160, false, true)
	w.arrived(1)
	p.session.Close()
	w.sh.tell(event{session: p.session, digit: Digit{Key: '1'}})
	w.ticks(100)
}

// A source that is replaced on one side of a bridge leaves the other side silent.
func TestUnbridge(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	c := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	Bridge(c.session, b.session)
	w.commands()
	for _, p := range []*phone{a, b, c} {
		p.says([]byte{1, 2, 3})
	}
	w.arrived(3)
	b.hears(1)
	c.hears(1)
	w.frames(1)
	if n := a.session.Stats().PacketsOut; n != 0 {
		t.Errorf("the side that was left hears %d packets", n)
	}
	Bridge(a.session, a.session)
	b.session.Close()
	Bridge(c.session, b.session)
	w.commands()
	c.says([]byte{1})
	w.arrived(1)
	w.frames(1)
	if a.session.source != fromNothing || c.session.source != fromNothing {
		t.Errorf("sources are %v and %v after the bridges ended", a.session.source, c.session.source)
	}
}

// Two goroutines that bridge the same legs crosswise do not block each other, and
// sessions survive being moved to and fro.
func TestBridgesFromManyGoroutines(t *testing.T) {
	e := testEngine(t, Options{Shards: 4})
	var phones []*phone
	for range 6 {
		phones = append(phones, newPhone(t, e, SessionOptions{}, codec.PCMU, nil))
	}
	done := make(chan struct{})
	for g := range 4 {
		go func() {
			for i := range 25 {
				a, b := phones[(g+i)%6], phones[(g*2+i*3+1)%6]
				Bridge(a.session, b.session)
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		receive(t, done)
	}
	for i := 0; i < 6; i += 2 {
		Bridge(phones[i].session, phones[i+1].session)
	}
	// A packet may be swept before a bridge that was just asked for is made.
	eventually(t, "each hears its own peer", func() bool {
		right := 0
		for i, p := range phones {
			p.says([]byte{byte(i)})
			if all := p.all(); len(all) > 0 && all[len(all)-1].Payload[0] == byte(i^1) {
				right++
			}
		}
		return right == len(phones)
	})
}

func TestStats(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Echo()
	w.commands()
	for range 10 {
		p.says(make([]byte, 160))
		w.arrived(1)
		w.frames(1)
	}
	p.seq += 3 // lost on the way
	p.ts += 3 * 160
	p.says(make([]byte, 160))
	w.arrived(1)
	w.frames(1)
	s := p.session.Stats()
	if s.PacketsIn != 11 || s.PacketsOut != 11 || s.BytesIn != 11*172 || s.BytesOut != 11*172 || s.Lost != 3 {
		t.Errorf("session: %+v", s)
	}
	if !s.LastReceived.Equal(w.clock.Now().Add(-frameTicks*tickLength)) || s.Remote != p.addr() {
		t.Errorf("last received %v (now %v), sends to %v", s.LastReceived, w.clock.Now(), s.Remote)
	}
	if all := w.e.Stats(); all.Sessions != 1 || all.PacketsIn != 11 || all.BytesOut != 11*172 {
		t.Errorf("engine: %+v", all)
	}
	if DropSource.String() != "source" || DropReason(99).String() != "unknown" {
		t.Error("drop reasons have no names")
	}
}
