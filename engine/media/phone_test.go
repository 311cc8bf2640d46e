package media

import (
	"encoding/binary"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// patience is how long a test waits for what must come, before it fails.
const patience = 10 * time.Second

// onDrivers runs a test with each driver that works here.
func onDrivers(t *testing.T, test func(t *testing.T, driver string)) {
	for _, name := range workingDrivers(t) {
		t.Run(name, func(t *testing.T) { test(t, name) })
	}
}

// workingDrivers are all there are but io_uring where the system refuses it, as
// containers do.
func workingDrivers(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, status := range Probe() {
		if status.Available {
			names = append(names, status.Name)
		} else if !strings.HasPrefix(status.Reason, "io_uring_setup:") {
			t.Errorf("%s does not work: %s", status.Name, status.Reason)
		}
	}
	return names
}

func testEngine(t *testing.T, o Options) *Engine {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// phone is the other end of a session: a plain socket with pion's idea of RTP.
type phone struct {
	t       *testing.T
	conn    *net.UDPConn
	rtcp    *net.UDPConn
	session *Session
	codec   codec.Codec

	seq  uint16
	ts   uint32
	ssrc uint32

	mu    sync.Mutex
	heard []rtp.Packet
	came  chan struct{} // a packet did
}

// listenPair binds an even port and the next.
func listenPair(t *testing.T, addr netip.Addr) (rtpConn, rtcpConn *net.UDPConn) {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if port%2 == 0 {
			b, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port+1)))
			if err == nil {
				return a, b
			}
		}
		_ = a.Close()
	}
	t.Fatal("no free pair of ports")
	return nil, nil
}

// newPhone makes a phone and a session that knows it. change may alter the format.
func newPhone(t *testing.T, e *Engine, o SessionOptions, c codec.Codec, change func(*Format)) *phone {
	t.Helper()
	if !o.Bind.IsValid() {
		o.Bind = loopback
	}
	s, err := e.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, session: s, codec: c, seq: 65530, ts: 1 << 31, ssrc: 0x1234, came: make(chan struct{}, 1)}
	p.conn, p.rtcp = listenPair(t, o.Bind)
	read := make(chan struct{})
	go p.read(read)
	t.Cleanup(func() {
		s.Close()
		_ = p.conn.Close()
		_ = p.rtcp.Close()
		<-read
	})
	f := p.format()
	if change != nil {
		change(&f)
	}
	if err := s.SetFormat(f); err != nil {
		t.Fatal(err)
	}
	return p
}

// settled returns when all that was asked of the sessions is in force: otherwise a
// packet may be swept before it. It is for engines that run by themselves.
func settled(t *testing.T, phones ...*phone) {
	t.Helper()
	for _, p := range phones {
		done := make(chan struct{})
		p.session.mu.Lock()
		p.session.post(func() { close(done) })
		p.session.mu.Unlock()
		receive(t, done)
	}
}

func (p *phone) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *phone) format() Format {
	return Format{Remote: p.addr(), Codec: p.codec, PayloadType: number(p.codec), EventPayloadType: 101, Send: true, Receive: true}
}

func (p *phone) read(done chan<- struct{}) {
	defer close(done)
	b := make([]byte, 2000)
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return
		}
		var packet rtp.Packet
		if err := packet.Unmarshal(append([]byte(nil), b[:n]...)); err != nil {
			p.t.Errorf("the phone cannot read %x: %v", b[:n], err)
			continue
		}
		p.mu.Lock()
		p.heard = append(p.heard, packet)
		p.mu.Unlock()
		select {
		case p.came <- struct{}{}:
		default:
		}
	}
}

// all is what the phone has heard so far.
func (p *phone) all() []rtp.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]rtp.Packet(nil), p.heard...)
}

// hears waits for n packets, and returns all there are.
func (p *phone) hears(n int) []rtp.Packet {
	p.t.Helper()
	return p.hearsUntil(func(all []rtp.Packet) bool { return len(all) >= n })
}

func (p *phone) hearsUntil(enough func([]rtp.Packet) bool) []rtp.Packet {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		all := p.all()
		if enough(all) {
			return all
		}
		select {
		case <-p.came:
		case <-late.C:
			p.t.Fatalf("what should have come did not; there are %d packets", len(all))
		}
	}
}

// send sends one datagram as it is.
func (p *phone) send(b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, p.session.LocalAddr()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) sendRTP(h rtp.Header, payload []byte) {
	p.t.Helper()
	h.Version, h.SSRC = 2, p.ssrc
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(b)
}

// says sends a packet of sound that follows the one before.
func (p *phone) says(payload []byte) {
	p.t.Helper()
	p.sendRTP(rtp.Header{PayloadType: number(p.codec), SequenceNumber: p.seq, Timestamp: p.ts}, payload)
	p.seq++
	if p.codec == codec.Opus {
		p.ts += 960
	} else {
		p.ts += uint32(len(payload))
	}
}

// event sends one RFC 4733 packet; the timestamp is the caller's to move.
func (p *phone) event(key byte, duration int, end, marker bool) {
	p.t.Helper()
	payload := []byte{byte(indexKey(key)), 10, 0, 0}
	if end {
		payload[1] |= 0x80
	}
	binary.BigEndian.PutUint16(payload[2:], uint16(duration))
	p.sendRTP(rtp.Header{PayloadType: 101, Marker: marker, SequenceNumber: p.seq, Timestamp: p.ts}, payload)
	p.seq++
}

func indexKey(key byte) int {
	for i := range len(digitKeys) {
		if digitKeys[i] == key {
			return i
		}
	}
	return -1
}

// talk sends a tone, a frame each 20 ms, until the returned function is called.
func (p *phone) talk(hertz, amplitude float64) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		talker := newTalker(p.t, p.codec)
		frame := p.codec.SampleRate() / 50
		for at := 0; ; at += frame {
			p.says(talker.frame(toneAt(p.codec.SampleRate(), hertz, amplitude, at+frame)[at:]))
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// tone is a sine at 8 kHz.
func tone(hertz, amplitude float64, from, n int) []int16 {
	return toneAt(sampleRate, hertz, amplitude, from+n)[from:]
}

func toneAt(rate int, hertz, amplitude float64, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate))))
	}
	return pcm
}

// amplitude is how much of one frequency is in pcm (Goertzel's algorithm), as the
// amplitude of a sine.
func amplitude(pcm []int16, hertz float64) float64 { return amplitudeAt(sampleRate, pcm, hertz) }

func amplitudeAt(rate int, pcm []int16, hertz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hertz/float64(rate))
	var s1, s2 float64
	for _, v := range pcm {
		s1, s2 = float64(v)+w*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - w*s1*s2
	return 2 * math.Sqrt(max(0, power)) / float64(len(pcm))
}

// peak is the greatest amplitude of a sample.
func peak(pcm []int16) int32 {
	var top int32
	for _, v := range pcm {
		top = max(top, int32(v), -int32(v))
	}
	return top
}

func decibels(a, b float64) float64 { return 20 * math.Log10(max(a, 1e-3)/b) }

// number is the payload type that the tests' phones use for a codec.
func number(c codec.Codec) uint8 {
	if pt, ok := c.PayloadType(); ok {
		return pt
	}
	return 96
}

// talker encodes one stream of sound.
type talker struct {
	encoder codec.Encoder
	payload []byte
}

func newTalker(t testing.TB, c codec.Codec) *talker {
	t.Helper()
	e, err := codec.NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return &talker{encoder: e, payload: make([]byte, c.FrameBytes())}
}

// frame is the next 20 ms, valid until the next.
func (k *talker) frame(pcm []int16) []byte { return k.payload[:k.encoder.Encode(k.payload, pcm)] }

// decode puts the sound of packets in a row, at the codec's rate.
func decode(c codec.Codec, packets []rtp.Packet) []int16 {
	decoder, err := codec.NewDecoder(c)
	if err != nil {
		panic(err)
	}
	var pcm []int16
	room := make([]int16, 5760)
	for _, p := range packets {
		if p.PayloadType == number(c) {
			pcm = append(pcm, room[:decoder.Decode(room, p.Payload)]...)
		}
	}
	return pcm
}

// oneStream checks what makes packets one stream to a receiver: one SSRC, sequence
// numbers without a gap, timestamps that do not fall back.
func oneStream(t *testing.T, packets []rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if a.SSRC != b.SSRC {
			t.Fatalf("packet %d has another SSRC", i)
		}
		if b.SequenceNumber != a.SequenceNumber+1 {
			t.Fatalf("packet %d has sequence number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		}
		if int32(b.Timestamp-a.Timestamp) < 0 {
			t.Fatalf("packet %d has timestamp %d after %d", i, b.Timestamp, a.Timestamp)
		}
	}
}

// eventually waits for a condition that the engine brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// receive waits for a value on a channel.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// taken collects what a recorder writes.
type taken struct {
	mu  sync.Mutex
	pcm []int16
}

func (k *taken) write(pcm []int16) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pcm = append(k.pcm, pcm...)
	return nil
}

func (k *taken) all() []int16 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]int16(nil), k.pcm...)
}
