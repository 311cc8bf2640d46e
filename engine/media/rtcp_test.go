package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// report reads the next compound packet at a socket.
func report(t *testing.T, conn *net.UDPConn) []rtcp.Packet {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(b[:n])
	if err != nil {
		t.Fatalf("%x: %v", b[:n], err)
	}
	if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
		t.Fatalf("%x: %v", b[:n], err)
	}
	return packets
}

// rtcpAddr is where the session takes reports.
func (p *phone) rtcpAddr() netip.AddrPort {
	a := p.session.LocalAddr()
	return netip.AddrPortFrom(a.Addr(), a.Port()+1)
}

func (p *phone) sendRTCP(packets ...rtcp.Packet) {
	p.t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.rtcp.WriteToUDPAddrPort(b, p.rtcpAddr()); err != nil {
		p.t.Fatal(err)
	}
}

func cname(ssrc uint32) *rtcp.SourceDescription {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "phone"}}}}}
}

func TestReports(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		p.session.Echo()
		w.commands()
		for range 10 {
			p.says(make([]byte, 160))
			w.arrived(1)
			w.frames(1)
		}
		p.seq += 10 // half of what it sends is lost
		p.ts += 1600
		p.says(make([]byte, 160))
		w.arrived(1)
		w.ticks(int(10 * time.Second / tickLength))
		heard := p.hears(11)
		packets := report(t, p.rtcp)
		sr, ok := packets[0].(*rtcp.SenderReport)
		if !ok || len(sr.Reports) != 1 || len(packets) != 2 {
			t.Fatalf("the report is %v", packets)
		}
		if sr.SSRC != heard[0].SSRC || sr.PacketCount != 11 || sr.OctetCount != 11*160 {
			t.Errorf("it says that %d packets, %d bytes were sent by %x", sr.PacketCount, sr.OctetCount, sr.SSRC)
		}
		seconds := time.Duration(sr.NTPTime>>32-2208988800) * time.Second
		if at := time.Unix(0, 0).Add(seconds); at.Before(start) || at.After(w.clock.Now()) {
			t.Errorf("it was sent at %v", at)
		}
		// The timestamp is that of the report's own time, on the same line as the sound's.
		elapsed := float64(sr.RTPTime-heard[10].Timestamp) / sampleRate
		if since := time.Unix(0, 0).Add(seconds).Sub(start).Seconds(); elapsed < since-1.5 || elapsed > since+1.5 {
			t.Errorf("its timestamp is %.2f s after the last packet's, %.2f s have passed", elapsed, since)
		}
		block := sr.Reports[0]
		if block.SSRC != p.ssrc || block.TotalLost != 10 || block.FractionLost != 121 || uint16(block.LastSequenceNumber) != p.seq-1 {
			t.Errorf("of what came it says %+v", block)
		}
		sdes, ok := packets[1].(*rtcp.SourceDescription)
		if !ok || len(sdes.Chunks) != 1 || sdes.Chunks[0].Source != sr.SSRC || sdes.Chunks[0].Items[0].Type != rtcp.SDESCNAME || len(sdes.Chunks[0].Items[0].Text) != 24 {
			t.Errorf("the description is %v", packets[1])
		}

		// The peer's own report, which it held for all the time since ours but 250 ms.
		lag := uint32(ntp(w.clock.Now())>>16) - uint32(sr.NTPTime>>16)
		p.sendRTCP(&rtcp.SenderReport{SSRC: p.ssrc, NTPTime: 0x1111_2222_3333_4444, Reports: []rtcp.ReceptionReport{
			{SSRC: 1, TotalLost: 99},
			{SSRC: sr.SSRC, TotalLost: 7, Jitter: 80, LastSenderReport: uint32(sr.NTPTime >> 16), Delay: lag - 65536/4},
		}}, cname(p.ssrc))
		w.arrived(1)
		w.frames(1)
		s := p.session.Stats()
		if s.RTT < 245*time.Millisecond || s.RTT > 255*time.Millisecond || s.RemoteLost != 7 || s.RemoteJitter != 10*time.Millisecond {
			t.Errorf("learnt: RTT %v, lost %d, jitter %v", s.RTT, s.RemoteLost, s.RemoteJitter)
		}

		// The next report answers it, as a receiver's: nothing has been sent since.
		for {
			w.ticks(int(8 * time.Second / tickLength))
			packets = report(t, p.rtcp)
			rr, ok := packets[0].(*rtcp.ReceiverReport)
			if ok && rr.Reports[0].LastSenderReport == 0x2222_3333 {
				if rr.Reports[0].FractionLost != 0 {
					t.Errorf("a period without packets lost %d/256", rr.Reports[0].FractionLost)
				}
				break
			}
		}
		p.session.Close()
		w.commands()
		for {
			packets = report(t, p.rtcp)
			if bye, ok := packets[len(packets)-1].(*rtcp.Goodbye); ok {
				if len(bye.Sources) != 1 || bye.Sources[0] != sr.SSRC {
					t.Errorf("goodbye from %v", bye.Sources)
				}
				break
			}
		}
	})
}

func TestReportsShareTheRTPPort(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.RTCPMux = true })
	w.commands()
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: p.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: p.session.sender.ssrc, TotalLost: 5}}}, cname(p.ssrc)})
	if err != nil {
		t.Fatal(err)
	}
	p.send(b)
	w.arrived(1)
	w.frames(1)
	if s := p.session.Stats(); s.RemoteLost != 5 || s.Dropped.Total() != 0 || s.PacketsIn != 0 {
		t.Errorf("%+v", s)
	}
	p.says(make([]byte, 160))
	w.arrived(1)
	w.ticks(int(8 * time.Second / tickLength))
	if q := p.hears(1)[0]; q.PayloadType != 73 { // 201 without the marker bit: what a receiver report looks like
		t.Errorf("the RTP port got %v", q)
	}
}

func TestBadReportsAreDropped(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	w.commands()
	good, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: p.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: p.session.sender.ssrc, TotalLost: 1}}}, cname(p.ssrc)})
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                      {},
		"half a header":                good[:4],
		"version 1":                    with(0, 0x41),
		"padding in the first":         with(0, 0xa1),
		"a description first":          good[32:],
		"a length beyond the packet":   with(3, 99),
		"more blocks than length":      with(0, 0x9f),
		"a second that is cut off":     good[:len(good)-4],
		"a second of another version":  with(32, 0x01),
		"something after the end":      append(append([]byte(nil), good...), 1, 2, 3),
		"a sender's that is too short": with(1, 200),
	} {
		before := p.session.Stats().Dropped[DropRTCP]
		if _, err := p.rtcp.WriteToUDPAddrPort(b, p.rtcpAddr()); err != nil {
			t.Fatal(err)
		}
		w.arrived(1)
		w.frames(1)
		if s := p.session.Stats(); s.Dropped[DropRTCP] != before+1 || s.RemoteLost != 0 {
			t.Errorf("%s: %d dropped, then %d; lost %d", name, before, s.Dropped[DropRTCP], s.RemoteLost)
		}
	}
	if _, err := stranger(t).WriteToUDPAddrPort(good, p.rtcpAddr()); err != nil {
		t.Fatal(err)
	}
	w.arrived(1)
	w.frames(1)
	if s := p.session.Stats(); s.Dropped[DropSource] != 1 || s.RemoteLost != 0 {
		t.Errorf("a stranger's report: %+v", s)
	}
}

// Behind NAT reports come from a port that nobody told: it is learnt from one that
// comes from RTP's host and names RTP's stream.
func TestReportsBehindNAT(t *testing.T) {
	w := newWorld(t, Options{})
	p := learner(t, w)
	rr := &rtcp.ReceiverReport{SSRC: p.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: p.session.sender.ssrc, TotalLost: 3}}}
	p.sendRTCP(rr)
	w.arrived(1)
	w.frames(1)
	if s := p.session.Stats(); s.RemoteLost != 0 || s.Dropped[DropSource] != 1 {
		t.Errorf("before RTP is learnt: %+v", s)
	}
	for range 3 {
		p.says(make([]byte, 160))
	}
	w.arrived(3)
	p.sendRTCP(&rtcp.ReceiverReport{SSRC: 99})
	p.sendRTCP(rr)
	w.arrived(2)
	w.frames(1)
	if s := p.session.Stats(); s.RemoteLost != 3 || s.Dropped[DropSource] != 4 { // two of RTP's probation
		t.Errorf("after it: %+v", s)
	}
	w.ticks(int(8 * time.Second / tickLength))
	report(t, p.rtcp)
}

func TestJitter(t *testing.T) {
	var r reception
	p := packet{ssrc: 1}
	arrival := uint32(1000)
	for i := range 400 {
		p.seq, p.timestamp = uint16(i), uint32(i*160)
		r.accepts(&p)
		late := uint32(i % 2 * 80) // every other packet comes 10 ms late
		r.count(&p, arrival+uint32(i*160)+late, true)
	}
	if j := r.jitterTime(); j < 9500*time.Microsecond || j > 10500*time.Microsecond {
		t.Errorf("jitter %v, want the 10 ms that arrival times differ by", j)
	}
	if r.lost() != 0 {
		t.Errorf("%d lost", r.lost())
	}
	p.seq = 399 // again
	r.count(&p, arrival, true)
	if r.lost() != -1 {
		t.Errorf("a duplicate makes %d lost", r.lost())
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	var r reception
	p := packet{ssrc: 1}
	for i := range 100 {
		p.seq = uint16(65500 + i)
		if i == 50 {
			continue
		}
		r.accepts(&p)
		r.count(&p, 0, false)
	}
	if r.lost() != 1 || r.highest != 65599 {
		t.Errorf("%d lost, highest %d", r.lost(), r.highest)
	}
	p.seq = 30000 // the sender began anew
	r.count(&p, 0, false)
	if r.lost() != 0 {
		t.Errorf("%d lost after a new beginning", r.lost())
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 1, 2, 3})
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0x12, 0x34})
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, _, ok := parseRTP(b); ok && (len(p.raw) < headerSize || len(p.raw) > len(b)) {
			t.Fatalf("%d bytes hold a packet of %d", len(b), len(p.raw))
		}
		if !validCompound(b) {
			return
		}
		for rest := b; len(rest) > 0; {
			size := packetSize(rest)
			(&Session{}).takeReport(&shard{}, rest[:size])
			rest = rest[size:]
		}
	})
}
