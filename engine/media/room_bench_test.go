package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// crowd is conferences whose members all send: some a voice, the others the noise of a
// quiet room.
type crowd struct {
	w        *world
	conn     *net.UDPConn // of all phones
	sessions []*Session
	to       []netip.AddrPort
	voice    [][]byte // a second of packets
	noise    [][]byte
	talks    func(i int) bool
	frame    int
}

func newCrowd(b *testing.B, driver string, c codec.Codec, rooms, members int, talks func(i int) bool) *crowd {
	b.Helper()
	y := &crowd{w: newWorld(b, Options{Driver: driver}), talks: talks}
	var err error
	if y.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0))); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = y.conn.Close() })
	_ = y.conn.SetReadBuffer(4096) // full soon: what comes is dropped cheaply
	for range rooms {
		m := y.w.e.NewMixer()
		for range members {
			s, err := y.w.e.NewSession(SessionOptions{Bind: loopback})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.Close)
			err = s.SetFormat(Format{Remote: y.conn.LocalAddr().(*net.UDPAddr).AddrPort(), Codec: c, PayloadType: number(c), Send: true, Receive: true})
			if err != nil {
				b.Fatal(err)
			}
			m.Join(s, MemberOptions{})
			y.sessions, y.to = append(y.sessions, s), append(y.to, s.LocalAddr())
			y.w.commands() // before the queue is full
		}
	}
	voice, noise, rate := newTalker(b, c), newTalker(b, c), c.SampleRate()
	for i := range 50 {
		y.voice = append(y.voice, append(make([]byte, headerSize), voice.frame(toneAt(rate, 400, 6000, (i+1)*rate/50)[i*rate/50:])...))
		y.noise = append(y.noise, append(make([]byte, headerSize), noise.frame(toneAt(rate, 400, 10, (i+1)*rate/50)[i*rate/50:])...))
	}
	return y
}

// say sends each member's packet of this frame.
func (y *crowd) say() {
	for i, to := range y.to {
		packet := y.noise[y.frame%50]
		if y.talks(i) {
			packet = y.voice[y.frame%50]
		}
		c := y.sessions[i].format.Codec
		putHeader(packet, number(c), false, uint16(y.frame), uint32(y.frame*c.ClockRate()/50), uint32(i+1))
		_, _ = y.conn.WriteToUDPAddrPort(packet, to)
	}
	y.frame++
}

// run measures frames of 20 ms: all that is received, mixed and sent in it. One
// operation is a packet that is sent.
func (y *crowd) run(b *testing.B) {
	for range 20 { // who talks is known, the buffers have settled
		y.say()
		y.w.frames(1)
	}
	before, spent := y.w.e.Stats(), time.Duration(0)
	b.ReportAllocs()
	b.ResetTimer()
	frames := 0
	for n := 0; n < b.N; n += len(y.sessions) {
		b.StopTimer()
		y.say()
		begin := time.Now()
		b.StartTimer()
		y.w.frames(1)
		spent += time.Since(begin)
		frames++
	}
	b.StopTimer()
	after := y.w.e.Stats()
	want := float64(frames * len(y.sessions))
	b.ReportMetric(100*spent.Seconds()/(float64(frames)*0.020), "%core")
	b.ReportMetric(100*(1-float64(after.PacketsOut-before.PacketsOut)/want), "%lost-out")
	b.ReportMetric(100*(1-float64(after.PacketsIn-before.PacketsIn)/want), "%lost-in")
}

// A room of 200 of whom three talk.
func BenchmarkMixer200(b *testing.B) {
	for _, c := range []codec.Codec{codec.PCMU, codec.G722, codec.Opus} {
		if c.CanEncode() {
			b.Run(c.Name(), func(b *testing.B) {
				newCrowd(b, "", c, 1, 200, func(i int) bool { return i < 3 }).run(b)
			})
		}
	}
}

// A room of 1,000 of whom three talk.
func BenchmarkMixer1000(b *testing.B) {
	newCrowd(b, "", codec.PCMU, 1, 1000, func(i int) bool { return i < 3 }).run(b)
}

// 200 rooms of five: one talks in each.
func BenchmarkRooms200x5(b *testing.B) {
	newCrowd(b, "", codec.PCMU, 200, 5, func(i int) bool { return i%5 == 0 }).run(b)
}
