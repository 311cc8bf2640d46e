package media

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestReceivesErrors(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	for name, change := range map[string]func(*Format){
		"a type twice":       func(f *Format) { f.Receives = []Payload{{96, codec.PCMU}, {96, codec.PCMA}} },
		"of no codec":        func(f *Format) { f.Receives = []Payload{{96, codec.None}} },
		"a type of RTCP":     func(f *Format) { f.Receives = []Payload{{72, codec.PCMU}} },
		"that of the events": func(f *Format) { f.Receives = []Payload{{101, codec.PCMU}} },
		"that of noise":      func(f *Format) { f.Receives, f.ComfortNoise = []Payload{{13, codec.PCMU}}, true },
		"too many":           func(f *Format) { f.Receives = make([]Payload, maxReceives+1) },
		"events of RTCP":     func(f *Format) { f.ReceivesEvent = 66 },
		"events at 44.1 kHz": func(f *Format) { f.EventClockRate = 44100 },
	} {
		f := p.format()
		change(&f)
		if err := p.session.SetFormat(f); !errors.Is(err, ErrBadFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each side numbers what it wants to get: what comes and what goes differ.
func TestPayloadTypesOfEachSide(t *testing.T) {
	w := newWorld(t, Options{})
	digits := make(chan Digit, 1)
	p := newPhone(t, w.e, SessionOptions{Events: Events{Digit: func(d Digit) { digits <- d }}}, codec.PCMA, func(f *Format) {
		f.PayloadType, f.EventPayloadType, f.ReceivesEvent = 97, 98, 99
		f.Receives = []Payload{{100, codec.PCMU}, {102, codec.PCMA}}
	})
	p.session.Echo()
	w.commands()
	for _, pt := range []uint8{100, 102, 0, 8} { // the last two are the static ones
		payload := make([]byte, 160)
		c := codec.PCMA
		if pt == 100 || pt == 0 {
			c = codec.PCMU
		}
		c.Encode(payload, tone(1000, 8000, 0, frameSamples))
		p.sendRTP(rtp.Header{PayloadType: pt, SequenceNumber: p.seq, Timestamp: p.ts}, payload)
		p.seq, p.ts = p.seq+1, p.ts+160
		w.arrived(1)
	}
	packets := p.hears(4)
	oneStream(t, packets)
	for i, q := range packets {
		pcm := make([]int16, frameSamples)
		codec.PCMA.Decode(pcm, q.Payload)
		if db := decibels(amplitude(pcm, 1000), 8000); q.PayloadType != 97 || db < -0.5 || db > 0.5 {
			t.Errorf("packet %d came back as payload type %d, at %.1f dB", i, q.PayloadType, db)
		}
	}
	for _, pt := range []uint8{97, 98, 101} {
		p.sendRTP(rtp.Header{PayloadType: pt, SequenceNumber: p.seq, Timestamp: p.ts}, make([]byte, 160))
	}
	p.sendRTP(rtp.Header{PayloadType: 99, SequenceNumber: p.seq, Timestamp: p.ts}, []byte{3, 0x8a, 3, 32})
	w.arrived(4)
	w.frames(1)
	if n := p.session.Stats().Dropped[DropPayloadType]; n != 3 {
		t.Errorf("%d packets were dropped for their payload type, not 3", n)
	}
	if d := receive(t, digits); d != (Digit{'3', 100 * time.Millisecond}) {
		t.Errorf("the key came as %v", d)
	}
}

// Our own stream, come back to us from the peer's address, goes no further.
func TestLoopedStreamIsDropped(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Echo()
	w.commands()
	p.ssrc = p.session.sender.ssrc
	for range 5 {
		p.says(make([]byte, 160))
	}
	w.arrived(5)
	w.frames(1)
	if s := p.session.Stats(); s.PacketsIn != 0 || s.PacketsOut != 0 || s.Dropped[DropLoop] != 5 {
		t.Errorf("%d taken, %d sent, %d dropped as a loop", s.PacketsIn, s.PacketsOut, s.Dropped[DropLoop])
	}
}

// A key goes from a clock of 8 kHz to one of 48 kHz and back: its length stays, and a
// long one goes on in segments where its duration has no room any more.
func TestEventsAcrossClocks(t *testing.T) {
	w := newWorld(t, Options{})
	digits := make(chan Digit, 4)
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.EventClockRate = 48000 })
	c := newPhone(t, w.e, SessionOptions{Events: Events{Digit: func(d Digit) { digits <- d }}}, codec.PCMU, func(f *Format) { f.EventClockRate = 48000 })
	d := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	Bridge(c.session, d.session)
	w.commands()
	sent := 0
	arrives := func() { // one at a time: the phone's socket holds no more than some hundred
		w.arrived(1)
		sent++
		b.hears(sent)
	}
	press := func(key byte, frames int) {
		for i := 1; i <= frames; i++ {
			a.event(key, 160*i, i == frames, i == 1)
			arrives()
			w.frames(1)
		}
		a.event(key, 160*frames, true, false)
		arrives()
		w.frames(2)
		a.ts += uint32(160 * (frames + 2))
	}
	press('7', 5)
	press('8', 250) // 5 s are 240,000 units of 48 kHz
	heard := b.hears(257)
	oneStream(t, heard)
	if len(heard) != 257 {
		t.Errorf("%d packets, not 257", len(heard))
	}
	markers := 0
	for _, q := range heard {
		if q.Marker {
			markers++
		}
	}
	if last := binary.BigEndian.Uint16(heard[5].Payload[2:]); last != 4800 || markers != 2 {
		t.Errorf("100 ms became %d units; %d presses", last, markers)
	}
	// The other bridge gets what the first sent, and says it at 8 kHz again.
	for i, q := range heard {
		c.sendRTP(q.Header, q.Payload)
		w.arrived(1)
		d.hears(i + 1)
		w.frames(1)
	}
	w.frames(20)
	for _, want := range []Digit{{'7', 100 * time.Millisecond}, {'8', 5 * time.Second}} {
		if got := receive(t, digits); got != want {
			t.Errorf("it was reported as %v, want %v", got, want)
		}
	}
	back := d.hears(257)
	oneStream(t, back)
	if last := binary.BigEndian.Uint16(back[256].Payload[2:]); last != 40000 || back[256].Timestamp != back[20].Timestamp {
		t.Errorf("5 s came back as %d units", last)
	}
}

// What a session sends by itself keeps to the event's clock too.
func TestSentDigitsAt48kHz(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.EventClockRate = 48000 })
	w.commands()
	done := make(chan error, 1)
	go func() { done <- p.session.SendDigits(t.Context(), "5", 3*time.Second, 0) }()
	eventually(t, "it was asked for", func() bool { return len(w.sh.commands) == 1 })
	eventually(t, "the key is sent", func() bool { w.ticks(1); return len(done) == 1 })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	packets := p.hears(152)
	var total, segment uint32
	for i, q := range packets {
		duration := uint32(binary.BigEndian.Uint16(q.Payload[2:]))
		if i > 0 && q.Timestamp != packets[i-1].Timestamp {
			total += maxSegment
		}
		segment = duration
		if q.Marker != (i == 0) {
			t.Errorf("packet %d: marker %v", i, q.Marker)
		}
	}
	if total+segment != 3*48000 {
		t.Errorf("3 s became %d units", total+segment)
	}
}
