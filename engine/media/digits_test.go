package media

import (
	"context"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// eventPacket is one RFC 4733 packet as the detector sees it.
type eventPacket struct {
	tick     int64
	key      byte
	ts       uint32
	duration int
	end      bool
	marker   bool
	ssrc     uint32
}

func (e eventPacket) packet() *packet {
	raw := make([]byte, headerSize+eventSize)
	raw[headerSize] = byte(indexKey(e.key))
	if e.end {
		raw[headerSize+1] = 0x80
	}
	binary.BigEndian.PutUint16(raw[headerSize+2:], uint16(e.duration))
	return &packet{marker: e.marker, timestamp: e.ts, ssrc: e.ssrc, raw: raw}
}

func TestDetector(t *testing.T) {
	const ms = time.Millisecond
	long := func() (ps []eventPacket) { // 10 s of '5': two segments
		for i := 1; i <= 500; i++ {
			p := eventPacket{tick: int64(4 * i), key: '5', ts: 1000, duration: 160 * i, marker: i == 1, end: i == 500}
			if p.duration > maxSegment {
				p.ts, p.duration = 1000+maxSegment, p.duration-maxSegment
			}
			ps = append(ps, p)
		}
		return ps
	}
	for _, c := range []struct {
		name string
		in   []eventPacket
		want []Digit
	}{
		{"by the book", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 320, false, false, 7}, {8, '1', 100, 480, true, false, 7},
			{12, '1', 100, 480, true, false, 7}, {16, '1', 100, 480, true, false, 7},
		}, []Digit{{'1', 60 * ms}}},
		{"no marker, same key twice", []eventPacket{
			{0, '1', 100, 160, false, false, 7}, {4, '1', 100, 320, true, false, 7}, {4, '1', 100, 320, true, false, 7},
			{20, '1', 1000, 160, false, false, 7}, {24, '1', 1000, 320, true, false, 7}, {28, '1', 1000, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}, {'1', 40 * ms}}},
		{"END lost, silence after it", []eventPacket{
			{0, '#', 100, 160, false, true, 7}, {4, '#', 100, 320, false, false, 7},
		}, []Digit{{'#', 40 * ms}}},
		{"END lost, another press after it", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 320, false, false, 7},
			{20, '2', 1000, 160, false, true, 7}, {24, '2', 1000, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}, {'2', 40 * ms}}},
		{"END lost, the same key without marker after it", []eventPacket{
			{0, '1', 100, 160, false, false, 7}, {4, '1', 100, 320, false, false, 7},
			{24, '1', 1000, 160, false, false, 7}, {28, '1', 1000, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}, {'1', 40 * ms}}},
		{"only an END arrives", []eventPacket{{0, 'D', 100, 800, true, false, 7}}, []Digit{{'D', 100 * ms}}},
		{"an END overtakes its press", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 480, true, false, 7}, {5, '1', 100, 320, false, false, 7}, {8, '1', 100, 480, true, false, 7},
		}, []Digit{{'1', 60 * ms}}},
		{"a new press overtakes the END of the one before", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '2', 1000, 160, false, true, 7}, {5, '1', 100, 320, true, false, 7}, {8, '2', 1000, 320, true, false, 7},
		}, []Digit{{'1', 20 * ms}, {'2', 40 * ms}}},
		{"marker on every packet", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 320, false, true, 7}, {8, '1', 100, 480, true, true, 7}, {8, '1', 100, 480, true, true, 7},
		}, []Digit{{'1', 60 * ms}}},
		{"timestamp moves with each packet", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 260, 320, false, false, 7}, {8, '1', 420, 480, false, false, 7},
			{12, '1', 580, 640, true, false, 7}, {16, '1', 740, 640, true, false, 7}, {20, '1', 740, 640, true, false, 7},
		}, []Digit{{'1', 80 * ms}}},
		{"timestamp never moves", []eventPacket{
			{0, '1', 0, 160, false, true, 7}, {4, '1', 0, 320, true, false, 7}, {8, '1', 0, 320, true, false, 7},
			{200, '1', 0, 160, false, true, 7}, {204, '1', 0, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}, {'1', 40 * ms}}},
		{"the END again after a stall", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 320, true, false, 7}, {300, '1', 100, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}}},
		{"a stall within a press", []eventPacket{
			{0, '1', 100, 160, false, true, 7}, {4, '1', 100, 320, false, false, 7}, {300, '1', 100, 480, false, false, 7}, {304, '1', 100, 640, true, false, 7},
		}, []Digit{{'1', 40 * ms}}},
		{"ten seconds", long(), []Digit{{'5', 10 * time.Second}}},
		{"timestamps wrap", []eventPacket{
			{0, '1', 1<<32 - 100, 160, false, true, 7}, {4, '1', 1<<32 - 100, 320, true, false, 7},
			{20, '2', 900, 160, false, true, 7}, {24, '2', 900, 320, true, false, 7},
		}, []Digit{{'1', 40 * ms}, {'2', 40 * ms}}},
		{"another stream begins", []eventPacket{
			{0, '1', 1 << 30, 160, true, true, 7}, {4, '2', 5, 160, false, true, 8}, {8, '2', 5, 320, true, false, 8},
		}, []Digit{{'1', 20 * ms}, {'2', 40 * ms}}},
		{"flash and tones are no digits", []eventPacket{{0, '?', 100, 160, true, true, 7}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d detector
			var got []Digit
			note := func(digit Digit) {
				if digit.Key != 0 {
					got = append(got, digit)
				}
			}
			last := int64(0)
			for _, e := range c.in {
				for last++; last < e.tick; last++ {
					if digit, ok := d.expire(last); ok {
						note(digit)
					}
				}
				earlier, now := d.event(e.packet(), e.tick)
				note(earlier)
				note(now)
				last = e.tick
			}
			digit, _ := d.expire(last + 1000)
			note(digit)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func FuzzDetector(f *testing.F) {
	f.Add([]byte{1, 0x80, 0, 160}, uint32(7), true)
	f.Fuzz(func(t *testing.T, payload []byte, ts uint32, marker bool) {
		var d detector
		p := &packet{marker: marker, timestamp: ts, raw: append(make([]byte, headerSize), payload...)}
		presses := 0
		for tick := range int64(3) {
			earlier, now := d.event(p, tick)
			for _, digit := range []Digit{earlier, now} {
				if digit.Key != 0 {
					presses++
				}
			}
		}
		if _, ok := d.expire(1000); ok {
			presses++
		}
		if presses > 1 {
			t.Errorf("one event was reported %d times", presses)
		}
	})
}

func TestSendDigits(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		w := newWorld(t, Options{Driver: driver})
		p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		player := NewPlayer([]*Clip{NewClip(8000, tone(1000, 8000, 0, 800))}, PlayOptions{Loop: true})
		p.session.Play(player)
		w.frames(3)
		done := make(chan error, 1)
		go func() { done <- p.session.SendDigits(t.Context(), "1d", 80*time.Millisecond, 60*time.Millisecond) }()
		eventually(t, "the digits are asked for", func() bool { return len(w.sh.commands) == 1 })
		w.ticksUntil("they are sent", func() bool { return len(done) == 1 || !p.session.digits.busy() })
		if err := receive(t, done); err != nil {
			t.Fatal(err)
		}
		after := len(p.hears(int(w.e.Stats().PacketsOut)))
		w.frames(2)
		packets := p.hears(after + 2)
		oneStream(t, packets)

		var presses [][]rtp.Packet
		for i, q := range packets {
			if q.PayloadType != 101 {
				continue
			}
			if q.Marker {
				presses = append(presses, nil)
				if prior := packets[i-1]; int32(q.Timestamp-prior.Timestamp) < 160 {
					t.Errorf("the key begins at %d, within the frame before it (%d)", q.Timestamp, prior.Timestamp)
				}
			}
			presses[len(presses)-1] = append(presses[len(presses)-1], q)
		}
		if len(presses) != 2 {
			t.Fatalf("%d presses were sent, not 2", len(presses))
		}
		for i, code := range []byte{1, 15} {
			press := presses[i]
			if len(press) != 6 {
				t.Fatalf("press %d has %d packets, not 3 and 3 with the end bit", i, len(press))
			}
			for j, q := range press {
				ends := j >= 3
				wantDuration := uint16(min(j+1, 4) * 160)
				if q.Timestamp != press[0].Timestamp || q.Payload[0] != code || q.Marker != (j == 0) ||
					q.Payload[1]&0x80 != 0 != ends || binary.BigEndian.Uint16(q.Payload[2:]) != wantDuration {
					t.Errorf("press %d, packet %d: %v %x", i, j, q.Header, q.Payload)
				}
			}
		}
		last := packets[len(packets)-1]
		for _, q := range packets[after:] {
			if q.PayloadType == 0 && q.Marker && q.Timestamp-presses[1][0].Timestamp < 640 {
				t.Errorf("the sound goes on at %d, amid the key at %d", q.Timestamp, presses[1][0].Timestamp)
			}
		}
		if last.PayloadType != 0 {
			t.Error("the music does not go on")
		}
	})
}

// What one session sends another reports: the two halves agree.
func TestDigitsFromSessionToSession(t *testing.T) {
	e := testEngine(t, Options{})
	got := make(chan byte, 32)
	a, err := e.NewSession(SessionOptions{Bind: loopback})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewSession(SessionOptions{Bind: loopback, Events: Events{Digit: func(d Digit) { got <- d.Key }}})
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range [][2]*Session{{a, b}, {b, a}} {
		err := end[0].SetFormat(Format{Remote: end[1].LocalAddr(), Codec: codec.PCMU, EventPayloadType: 101, Send: true, Receive: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	const keys = "0123456789*#ABCD1122"
	if err := a.SendDigits(t.Context(), keys, 40*time.Millisecond, 40*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for i := range len(keys) {
		if key := receive(t, got); key != keys[i] {
			t.Fatalf("key %d is %c, not %c", i, key, keys[i])
		}
	}
	a.Close()
	b.Close()
}

func TestSendDigitsErrors(t *testing.T) {
	e := testEngine(t, Options{})
	s, err := e.NewSession(SessionOptions{Bind: loopback})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendDigits(t.Context(), "1", 0, 0); !errors.Is(err, ErrNoEvents) {
		t.Errorf("without a format: %v", err)
	}
	p := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
	if err := p.session.SendDigits(t.Context(), "1x", 0, 0); !errors.Is(err, ErrBadDigit) {
		t.Errorf("a digit x: %v", err)
	}
	f := p.format()
	f.Send = false
	if err := p.session.SetFormat(f); err != nil {
		t.Fatal(err)
	}
	if err := p.session.SendDigits(t.Context(), "1", 0, 0); !errors.Is(err, ErrNotSending) {
		t.Errorf("on hold: %v", err)
	}
	if err := p.session.SetFormat(p.format()); err != nil {
		t.Fatal(err)
	}

	hungUp := errors.New("hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- p.session.SendDigits(ctx, "111111111111111111111", 0, 0) }()
	p.hears(3)
	cancel(hungUp)
	if err := receive(t, failed); !errors.Is(err, hungUp) {
		t.Errorf("with the context ended: %v", err)
	}
	// The key that was down is still ended properly.
	p.hearsUntil(func(all []rtp.Packet) bool { return all[len(all)-1].Payload[1]&0x80 != 0 })

	go func() { failed <- p.session.SendDigits(t.Context(), "22222222222", 0, 0) }()
	p.hearsUntil(func(all []rtp.Packet) bool { return all[len(all)-1].Payload[0] == 2 })
	p.session.Close()
	if err := receive(t, failed); !errors.Is(err, ErrClosed) {
		t.Errorf("with the session closed: %v", err)
	}
	if err := p.session.SendDigits(t.Context(), "1", 0, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
