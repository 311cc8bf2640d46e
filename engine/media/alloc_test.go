package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// leg is a session and a socket that talks to it and reads nothing: all that a
// measurement needs.
type leg struct {
	conn    *net.UDPConn
	session *Session
	to      netip.AddrPort
	packet  []byte
	seq     uint16
}

func newLeg(t testing.TB, w *world, c codec.Codec) *leg {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4096) // full soon: what comes is dropped cheaply
	s, err := w.e.NewSession(SessionOptions{Bind: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); _ = conn.Close() })
	err = s.SetFormat(Format{Remote: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Codec: c, PayloadType: number(c), EventPayloadType: 101, Send: true, Receive: true})
	if err != nil {
		t.Fatal(err)
	}
	l := &leg{conn: conn, session: s, to: s.LocalAddr(), packet: make([]byte, headerSize)}
	l.packet = append(l.packet, newTalker(t, c).frame(toneAt(c.SampleRate(), 400, 8000, c.SampleRate()/50))...)
	return l
}

func (l *leg) say(payloadType uint8, size int) {
	putHeader(l.packet, payloadType, false, l.seq, uint32(l.seq)*uint32(l.session.sender.clockRate()/50), 7)
	l.seq++
	_, _ = l.conn.WriteToUDPAddrPort(l.packet[:headerSize+size], l.to)
}

func TestPacketPathAllocatesNothing(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		relayed, translated := newLeg(t, w, codec.PCMU), newLeg(t, w, codec.PCMA)
		Bridge(relayed.session, translated.session)
		wide, narrow := newLeg(t, w, codec.G722), newLeg(t, w, codec.PCMU)
		Bridge(wide.session, narrow.session)
		mixed, listener := newLeg(t, w, codec.PCMU), newLeg(t, w, codec.PCMA)
		m := w.e.NewMixer()
		m.Join(mixed.session, MemberOptions{})
		m.Join(listener.session, MemberOptions{})
		m.Play(NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{Loop: true}))
		music := newLeg(t, w, codec.PCMU)
		music.session.Play(NewPlayer([]*Clip{ramp(0, 8000), ramp(0, 81)}, PlayOptions{Loop: true}))
		quiet := newLeg(t, w, codec.PCMA)
		quiet.session.Play(NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{Loop: true, Volume: -6}))
		r := NewRecorder(RecordOptions{})
		relayed.session.Record(r)
		echo := newLeg(t, w, codec.PCMU)
		echo.session.Echo()
		w.commands()
		legs := []*leg{relayed, translated, mixed, echo, wide, narrow}
		before := w.e.Stats()
		frame := func() {
			for _, l := range legs {
				l.say(l.session.format.PayloadType, frameSamples)
			}
			relayed.say(101, eventSize)
			relayed.say(55, 1) // one to be dropped
			w.clock.Advance(100 * time.Millisecond)
			for range frameTicks {
				w.sh.step()
			}
		}
		for range 20 { // until all buffers are as large as they get
			frame()
		}
		n := testing.AllocsPerRun(100, frame) // more at once would be a flood
		if n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
		after := w.e.Stats()
		if in, out := after.PacketsIn-before.PacketsIn, after.PacketsOut-before.PacketsOut; in < 810 || out < 1150 {
			t.Errorf("%d packets in and %d out: not what was to be measured", in, out)
		}
		r.Stop()
	})
}

// One operation is one packet: received, checked, its header rewritten, and sent.
// The time to send it to the session is not counted.
func BenchmarkRelay(b *testing.B) {
	const legs = 100 // that have a packet in the same sweep
	for _, name := range workingDrivers(b) {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, Options{Driver: name})
			var all []*leg
			for range legs {
				all = append(all, newLeg(b, w, codec.PCMU))
			}
			for i := 0; i < legs; i += 2 {
				Bridge(all[i].session, all[i+1].session)
			}
			w.commands()
			w.ticks(1)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += legs {
				b.StopTimer()
				for _, l := range all {
					l.say(0, frameSamples)
				}
				b.StartTimer()
				w.sh.step()
			}
			b.StopTimer()
			if out := w.e.Stats().PacketsOut; out < uint64(b.N)*9/10 {
				b.Errorf("%d packets went out, not %d", out, b.N)
			}
		})
	}
}

// One operation is a packet of a transcoded call: received, decoded, resampled,
// encoded and sent.
func BenchmarkTranscode(b *testing.B) {
	const legs = 20
	for _, pair := range [][2]codec.Codec{{codec.PCMU, codec.G722}, {codec.G722, codec.PCMA}, {codec.PCMU, codec.Opus}, {codec.Opus, codec.PCMU}} {
		if !pair[0].CanEncode() || !pair[1].CanEncode() {
			continue
		}
		b.Run(pair[0].Name()+"-"+pair[1].Name(), func(b *testing.B) {
			w := newWorld(b, Options{})
			var all []*leg
			for range legs {
				from, to := newLeg(b, w, pair[0]), newLeg(b, w, pair[1])
				Bridge(from.session, to.session)
				all = append(all, from)
			}
			w.commands()
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%legs > 0 {
					continue
				}
				b.StopTimer()
				for _, l := range all {
					l.say(number(pair[0]), len(l.packet)-headerSize)
				}
				b.StartTimer()
				w.frames(1)
			}
		})
	}
}

// One operation is a frame of a player, encoded and sent.
func BenchmarkPlayer(b *testing.B) {
	for _, c := range []struct {
		name   string
		codec  codec.Codec
		volume float64
	}{{"asRecorded", codec.PCMU, 0}, {"softer", codec.PCMU, -6}, {"G722", codec.G722, 0}, {"opus", codec.Opus, 0}} {
		if !c.codec.CanEncode() {
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, Options{})
			l := newLeg(b, w, c.codec)
			l.session.Play(NewPlayer([]*Clip{ramp(0, 80000)}, PlayOptions{Loop: true, Volume: c.volume}))
			w.commands()
			b.ReportAllocs()
			for b.Loop() {
				l.session.playFrame(w.sh)
			}
		})
	}
}

// One operation is a session's visit, with nothing to do.
func BenchmarkVisit(b *testing.B) {
	w := newWorld(b, Options{})
	l := newLeg(b, w, codec.PCMU)
	w.commands()
	b.ReportAllocs()
	for b.Loop() {
		l.session.visit(w.sh)
	}
}
