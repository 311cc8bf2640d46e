package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// stranger is a socket that the session knows nothing of.
func stranger(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func rtpBytes(t *testing.T, h rtp.Header, payload []byte) []byte {
	t.Helper()
	h.Version = 2
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBadPacketsAreDroppedAndCounted(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		w.commands()
		p.session.Echo()
		w.commands()
		p.says(make([]byte, 160))
		w.arrived(1)
		w.frames(1)
		p.hears(1)
		good := func(n uint16) rtp.Header { return rtp.Header{SequenceNumber: p.seq + n, SSRC: p.ssrc} }
		header := rtpBytes(t, good(0), nil)
		for _, c := range []struct {
			reason DropReason
			b      []byte
		}{
			{DropTruncated, nil},
			{DropTruncated, header[:11]},
			{DropTruncated, append([]byte{0x8f}, header[1:]...)},                      // 15 CSRCs that are not there
			{DropTruncated, append([]byte{0x90}, header[1:]...)},                      // an extension that is not there
			{DropTruncated, append(append([]byte{0x90}, header[1:]...), 0, 0, 99, 0)}, // a longer extension than there is
			{DropTruncated, append(append([]byte{0xa0}, header[1:]...), 14)},          // more padding than packet
			{DropTruncated, append(append([]byte{0xa0}, header[1:]...), 0)},           // padding of nothing
			{DropOversized, rtpBytes(t, good(1), make([]byte, 1489))},
			{DropOversized, rtpBytes(t, good(1), make([]byte, 9000))},
			{DropVersion, append([]byte{0x40}, header[1:]...)},
			{DropVersion, append([]byte{0x00}, header[1:]...)},
			{DropPayloadType, rtpBytes(t, rtp.Header{PayloadType: 9, SSRC: p.ssrc}, make([]byte, 160))},
			{DropPayloadType, rtpBytes(t, rtp.Header{PayloadType: 8, SSRC: p.ssrc}, make([]byte, 160))},
			{DropPayloadType, append([]byte{0x80, 200}, header[2:]...)}, // RTCP without rtcp-mux
			{DropSSRC, rtpBytes(t, rtp.Header{SSRC: 99}, make([]byte, 160))},
		} {
			before := p.session.Stats()
			p.send(c.b)
			w.arrived(1)
			w.frames(1)
			after := p.session.Stats()
			if after.Dropped[c.reason] != before.Dropped[c.reason]+1 || after.Dropped.Total() != before.Dropped.Total()+1 || after.PacketsIn != before.PacketsIn {
				t.Errorf("%d bytes %.16x: dropped %v, then %v; want one %v more", len(c.b), c.b, before.Dropped, after.Dropped, c.reason)
			}
		}
		b := rtpBytes(t, good(0), make([]byte, 160))
		if _, err := stranger(t).WriteToUDPAddrPort(b, p.session.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		w.arrived(1)
		w.frames(1)
		if n := p.session.Stats().Dropped[DropSource]; n != 1 {
			t.Errorf("%d packets were dropped for their source, not 1", n)
		}
		// Nothing of all that went back, and the call goes on.
		p.says(make([]byte, 160))
		w.arrived(1)
		if packets := p.hears(2); len(packets) != 2 {
			t.Errorf("%d packets came back, not the good two", len(packets))
		}
		if total := w.e.Stats().Dropped.Total(); total != 16 {
			t.Errorf("the engine counts %d drops", total)
		}
	})
}

// Extensions, CSRCs and padding are read over and not passed on.
func TestHeaderExtrasAreLeftOut(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Echo()
	w.commands()
	h := rtp.Header{SSRC: p.ssrc, CSRC: []uint32{1, 2}, Extension: true, ExtensionProfile: 0xbede}
	if err := h.SetExtension(1, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	b := rtpBytes(t, h, []byte{1, 2, 3, 4, 0, 0, 0, 4})
	b[0] |= 0x20 // the last four bytes are padding
	p.send(b)
	w.arrived(1)
	q := p.hears(1)[0]
	if len(q.CSRC) != 0 || q.Extension || q.Padding || string(q.Payload) != "\x01\x02\x03\x04" {
		t.Errorf("it came back as %v %x", q.Header, q.Payload)
	}
}

// A real change of the peer's stream passes after its probation; a second stream
// beside the known one never does.
func TestSSRCChange(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Echo()
	w.commands()
	for i := range uint16(20) {
		p.says(make([]byte, 160))
		p.send(rtpBytes(t, rtp.Header{SSRC: 99, SequenceNumber: i}, []byte{1}))
	}
	w.arrived(40)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 20 || s.Dropped[DropSSRC] != 20 {
		t.Errorf("beside the known stream: %d accepted, %d dropped", s.PacketsIn, s.Dropped[DropSSRC])
	}
	p.ssrc, p.seq, p.ts = 77, 1000, 5
	for range 5 {
		p.says(make([]byte, 160))
	}
	w.arrived(5)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 23 || s.Dropped[DropSSRC] != 22 {
		t.Errorf("after a change: %d accepted, %d dropped", s.PacketsIn, s.Dropped[DropSSRC])
	}
	oneStream(t, p.hears(23))
}

// learner is a phone behind NAT: SDP told a private address, packets come from
// p's.
func learner(t *testing.T, w *world) *phone {
	t.Helper()
	told := stranger(t) // whom SDP names
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) {
		f.Learn = true
		f.Remote = told.LocalAddr().(*net.UDPAddr).AddrPort()
	})
	w.commands()
	return p
}

func TestLearning(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := learner(t, w)
		p.session.Echo()
		w.commands()
		thief := stranger(t)
		steal := func(n uint16) {
			b := rtpBytes(t, rtp.Header{SSRC: 666, SequenceNumber: n}, make([]byte, 160))
			if _, err := thief.WriteToUDPAddrPort(b, p.session.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			w.arrived(1)
		}
		p.says(make([]byte, 160)) // the first stream wins, though another comes between
		w.arrived(1)
		for i := range uint16(5) {
			steal(i)
			p.says(make([]byte, 160))
			w.arrived(1)
		}
		w.frames(1)
		s := p.session.Stats()
		if s.Remote != p.addr() {
			t.Fatalf("sends to %v, not to the learnt %v", s.Remote, p.addr())
		}
		if s.PacketsIn != 4 || s.Dropped[DropSource] != 7 { // two of the probation, five of the thief
			t.Errorf("%d accepted, %d dropped for their source", s.PacketsIn, s.Dropped[DropSource])
		}
		p.hears(4)
		for i := range uint16(50) { // locked: not even a long stream of a stranger moves it
			steal(100 + i)
		}
		w.frames(1)
		if s := p.session.Stats(); s.Remote != p.addr() || s.PacketsIn != 4 {
			t.Errorf("after a stranger's stream it sends to %v and has accepted %d", s.Remote, s.PacketsIn)
		}

		// A re-INVITE learns anew; the address found before is known at once.
		f := p.format()
		f.Remote, f.Learn = thief.LocalAddr().(*net.UDPAddr).AddrPort(), true
		if err := p.session.SetFormat(f); err != nil {
			t.Fatal(err)
		}
		w.commands()
		for range 3 {
			p.says(make([]byte, 160))
		}
		w.arrived(3)
		w.frames(1)
		if s := p.session.Stats(); s.Remote != p.addr() || s.PacketsIn != 5 {
			t.Errorf("after another SDP it sends to %v and has accepted %d", s.Remote, s.PacketsIn)
		}
		if err := p.session.SetFormat(f); err != nil {
			t.Fatal(err)
		}
		w.commands()
		p.says(make([]byte, 160))
		w.arrived(1)
		w.frames(1)
		if s := p.session.Stats(); s.PacketsIn != 6 {
			t.Errorf("the address learnt before is not believed: %d accepted", s.PacketsIn)
		}
	})
}

func TestLearningPrefersTheAddressOfSDP(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.Learn = true })
	w.commands()
	thief := stranger(t)
	for i := range uint16(2) { // not long enough to win
		b := rtpBytes(t, rtp.Header{SSRC: 666, SequenceNumber: i}, make([]byte, 160))
		if _, err := thief.WriteToUDPAddrPort(b, p.session.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	w.arrived(2)
	p.says(make([]byte, 160))
	w.arrived(1)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 1 || s.Remote != p.addr() {
		t.Errorf("%d accepted, sends to %v", s.PacketsIn, s.Remote)
	}
}

func TestLearningEnds(t *testing.T) {
	w := newWorld(t, Options{})
	p := learner(t, w)
	w.ticks(int(time.Minute / tickLength)) // a phone may begin late: the window opens with its first packet
	for i := range 10 {                    // a stream that is never consistent
		p.seq += 5
		p.says(make([]byte, 160))
		w.arrived(1)
		if i == 8 {
			w.clock.Advance(learnFor + time.Second)
			w.frames(1)
		}
	}
	for range 5 {
		p.says(make([]byte, 160))
	}
	w.arrived(5)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 0 || s.Remote == p.addr() {
		t.Errorf("after the window: %d accepted, sends to %v", s.PacketsIn, s.Remote)
	}
}

// A candidate that falls silent makes room for another.
func TestLearningForgetsASilentCandidate(t *testing.T) {
	w := newWorld(t, Options{})
	p := learner(t, w)
	b := rtpBytes(t, rtp.Header{SSRC: 666}, make([]byte, 160))
	if _, err := stranger(t).WriteToUDPAddrPort(b, p.session.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	w.arrived(1)
	w.ticks(200)
	for range 3 {
		p.says(make([]byte, 160))
	}
	w.arrived(3)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 1 || s.Remote != p.addr() {
		t.Errorf("%d accepted, sends to %v", s.PacketsIn, s.Remote)
	}
}

func TestNothingIsAcceptedThatIsNotExpected(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.Receive = false })
	p.session.Echo()
	w.commands()
	p.says(make([]byte, 160))
	w.arrived(1)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 0 || s.Dropped[DropDirection] != 1 || s.PacketsOut != 0 {
		t.Errorf("%+v", s)
	}
}

// A panic costs the session it happened in, and no other.
func TestPanicEndsOneSession(t *testing.T) {
	w := newWorld(t, Options{})
	told := make(chan struct{})
	p := newPhone(t, w.e, SessionOptions{Events: Events{Timeout: func() { close(told) }}}, codec.PCMU, nil)
	other := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	other.session.Echo()
	w.commands()
	p.session.source = fromPlayer // with none behind it
	w.ticksUntil("the panic has ended the session", func() bool { return w.e.Stats().Sessions == 1 })
	receive(t, told)
	other.says(make([]byte, 160))
	w.arrived(1)
	other.hears(1)
	// What its owner still asks of it does no harm.
	player := NewPlayer([]*Clip{NewClip(8000, make([]int16, 800))}, PlayOptions{})
	p.session.Play(player)
	r := NewRecorder(RecordOptions{})
	p.session.Record(r)
	w.ticks(4)
	receive(t, player.Done())
	receive(t, r.Done())
}

// headerOf is that of the phone's next packet.
func headerOf(p *phone) rtp.Header {
	return rtp.Header{PayloadType: number(p.codec), SequenceNumber: p.seq, Timestamp: p.ts, SSRC: p.ssrc}
}

// What is not a packet of the peer's stream gets no further than the counters, even
// where sound is decoded.
func TestBadInputNeverReachesADecoder(t *testing.T) {
	for _, c := range every() {
		w := newWorld(t, Options{})
		to := codec.PCMU
		if c <= codec.PCMA {
			to = codec.G722
		}
		p := newPhone(t, w.e, SessionOptions{}, c, nil)
		q := newPhone(t, w.e, SessionOptions{}, to, nil)
		Bridge(p.session, q.session)
		w.commands()
		var heard taken
		r := NewRecorder(RecordOptions{Write: heard.write})
		p.session.Record(r)
		w.commands()
		talk := converse(t, w, p)
		talk.frames(5, 1000)
		good := func(n int) rtp.Header {
			return rtp.Header{PayloadType: number(c), SequenceNumber: p.seq, Timestamp: p.ts, SSRC: p.ssrc + uint32(n)}
		}
		whole := rtpBytes(t, good(0), make([]byte, 160))
		bad := [][]byte{
			nil, whole[:1], whole[:headerSize-1],
			append([]byte{0x8f}, whole[1:20]...), append([]byte{0x90}, whole[1:14]...), append([]byte{0xa0}, append(append([]byte(nil), whole[1:]...), 255)...),
			append([]byte{0x40}, whole[1:]...), append([]byte{0xc0}, whole[1:]...),
			rtpBytes(t, good(0), make([]byte, 1489)), rtpBytes(t, good(0), make([]byte, 20000)),
			rtpBytes(t, good(1), make([]byte, 160)),
			rtpBytes(t, rtp.Header{PayloadType: 77, SSRC: p.ssrc}, make([]byte, 160)),
			rtpBytes(t, rtp.Header{PayloadType: number(to), SSRC: p.ssrc}, make([]byte, 160)),
			rtpBytes(t, rtp.Header{PayloadType: number(c), SSRC: p.session.sender.ssrc}, make([]byte, 160)),
		}
		before, dropped := p.session.ear.buffer.Stats().Packets, p.session.counts.dropped.Total()
		for _, b := range bad {
			p.send(b)
		}
		if _, err := stranger(t).WriteToUDPAddrPort(whole, p.session.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		w.arrived(len(bad) + 1)
		if n := p.session.ear.buffer.Stats().Packets - before; n != 0 {
			t.Errorf("%v: %d of them came as far as the decoder", c, n)
		}
		if n := p.session.counts.dropped.Total() - dropped; n != uint64(len(bad)+1) {
			t.Errorf("%v: %d were dropped, not %d", c, n, len(bad)+1)
		}
		p.send(rtpBytes(t, good(0), nil)) // nothing to decode, but the peer's
		w.arrived(1)
		p.seq++
		talk.frames(5, 1000)
		r.Stop()
		if d := r.Length(); d > 300*time.Millisecond {
			t.Errorf("%v: the recording is %v long", c, d)
		}
	}
}

// Whatever is in a payload, decoding it does no harm to anybody.
func FuzzPayload(f *testing.F) {
	w := newWorld(f, Options{})
	s, err := w.e.NewSession(SessionOptions{Bind: loopback})
	if err != nil {
		f.Fatal(err)
	}
	format := Format{
		Remote: netip.MustParseAddrPort("127.0.0.1:9"), Codec: codec.PCMU, ReceivesEvent: 101, ComfortNoise: true, Inband: true, Receive: true,
		Receives: []Payload{{0, codec.PCMU}, {8, codec.PCMA}, {9, codec.G722}, {96, codec.Opus}},
	}
	if err := s.SetFormat(format); err != nil {
		f.Fatal(err)
	}
	w.commands()
	seq := uint16(0)
	f.Add(uint8(96), uint32(960), []byte{0xfc, 0xff, 0xfe})
	f.Add(uint8(9), uint32(160), make([]byte, 7))
	f.Add(uint8(13), uint32(160), []byte{200, 1, 2, 3})
	f.Add(uint8(101), uint32(0), []byte{3, 0x8a, 3, 0x20})
	f.Fuzz(func(t *testing.T, pt uint8, step uint32, payload []byte) {
		b := append(make([]byte, headerSize), payload...)
		seq++
		putHeader(b, pt&0x7f, false, seq, uint32(seq)*160+step, 7)
		s.receive(w.sh, s.rtp, b, format.Remote)
		w.frames(1)
	})
}
