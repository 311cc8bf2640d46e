package media

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// every is each codec that this machine can encode.
func every() []codec.Codec {
	var all []codec.Codec
	for c := codec.PCMU; int(c) < codec.Count; c++ {
		if c.CanEncode() {
			all = append(all, c)
		}
	}
	return all
}

// conversation lets phones speak tones of their own, frame by frame.
type conversation struct {
	w       *world
	phones  []*phone
	talkers []*talker
	loud    float64 // amplitude of the tones
	at      int     // frames
}

func converse(t *testing.T, w *world, phones ...*phone) *conversation {
	t.Helper()
	c := &conversation{w: w, phones: phones, loud: 8000}
	for _, p := range phones {
		c.talkers = append(c.talkers, newTalker(t, p.codec))
	}
	return c
}

// change gives phone i another codec; it tells the session so, and speaks it from now on.
func (c *conversation) change(i int, to codec.Codec) {
	p := c.phones[i]
	c.w.t.Helper()
	p.codec, c.talkers[i] = to, newTalker(c.w.t, to)
	if err := p.session.SetFormat(p.format()); err != nil {
		c.w.t.Fatal(err)
	}
	c.w.commands()
}

// frames lets n frames pass in which phone i speaks at hertz[i]; 0: it sends nothing.
func (c *conversation) frames(n int, hertz ...float64) {
	c.w.t.Helper()
	for range n {
		sent := 0
		for i, p := range c.phones {
			if i >= len(hertz) || hertz[i] == 0 {
				continue
			}
			rate := p.codec.SampleRate()
			frame := rate / 50
			p.says(c.talkers[i].frame(toneAt(rate, hertz[i], c.loud, (c.at+1)*frame)[c.at*frame:]))
			sent++
		}
		c.at++
		c.w.arrived(sent)
		c.w.frames(1)
	}
}

// A tone of 1 kHz goes through a bridge between any two codecs: no gap, at its level, clean.
func TestToneThroughABridge(t *testing.T) {
	for _, from := range every() {
		for _, to := range every() {
			t.Run(from.Name()+" to "+to.Name(), func(t *testing.T) {
				w := newWorld(t, Options{})
				a := newPhone(t, w.e, SessionOptions{}, from, nil)
				b := newPhone(t, w.e, SessionOptions{}, to, nil)
				Bridge(a.session, b.session)
				w.commands()
				converse(t, w, a, b).frames(100, 1000)
				packets := b.hears(98)
				oneStream(t, packets)
				rate := to.SampleRate()
				got := decode(to, packets)
				report := measure.Tone(got[rate/2:], rate, 1000)
				t.Logf("%+v", report)
				const want = -12.25 // dBFS of a sine of 8000
				if report.Level < want-0.7 || report.Level > want+0.7 || report.Gaps != 0 {
					t.Errorf("%+v", report)
				}
				if report.THDN > -30 {
					t.Errorf("distortion and noise are at %.1f dB", report.THDN)
				}
				w.frames(300)
				if a.session.ear != nil && a.session.relays(from) && b.session.relays(from) {
					t.Error("a relayed session has an ear")
				}
			})
		}
	}
}

// What is said above 4 kHz goes through between two wideband codecs, and a phone that
// stops sending in its pauses does not stop the other's stream.
func TestWidebandAndSilenceSuppression(t *testing.T) {
	w := newWorld(t, Options{})
	all := every()
	wide := all[len(all)-1] // Opus, where it is
	a := newPhone(t, w.e, SessionOptions{}, codec.G722, nil)
	b := newPhone(t, w.e, SessionOptions{}, wide, nil)
	c := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	w.commands()
	talk := converse(t, w, a, b, c)
	talk.frames(60, 6000)
	if got := decode(wide, b.hears(58)); amplitudeAt(wide.SampleRate(), got[len(got)/2:], 6000) < 5000 {
		t.Errorf("6 kHz come at %.0f", amplitudeAt(wide.SampleRate(), got[len(got)/2:], 6000))
	}
	Bridge(a.session, c.session)
	w.commands()
	talk.frames(30, 1000)
	had := len(c.hears(28))
	talk.frames(50) // a pause
	talk.frames(30, 1000)
	packets := c.hears(had + 78)
	oneStream(t, packets)
	for i := 1; i < len(packets); i++ {
		if d := packets[i].Timestamp - packets[i-1].Timestamp; d != 160 {
			t.Errorf("packet %d is %d samples after the one before", i, d)
		}
	}
	if got := decode(codec.PCMU, packets[had+15:had+40]); peak(got) > 100 {
		t.Errorf("the pause has a peak of %d", peak(got))
	}
	if got := decode(codec.PCMU, packets[len(packets)-15:]); amplitude(got, 1000) < 7000 {
		t.Errorf("after the pause the tone is at %.0f", amplitude(got, 1000))
	}
}

// A re-INVITE that changes one side's codec changes from relaying to transcoding and
// back, each way by itself; to the other side it is one stream all along.
func TestCodecChangesInABridge(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMA, nil)
	Bridge(a.session, b.session)
	w.commands()
	talk := converse(t, w, a, b)
	talk.frames(30, 1000, 1000)
	if a.session.ear != nil || a.session.mouth != nil || b.session.ear != nil {
		t.Error("a relayed call has an ear or a mouth")
	}
	talk.change(0, codec.G722)
	talk.frames(40, 1000, 1000)
	if !a.session.transcodes || !b.session.transcodes {
		t.Error("it is not transcoded")
	}
	talk.change(1, codec.G722)
	talk.frames(80, 1000, 1000)
	if a.session.ear != nil || a.session.mouth != nil || b.session.ear != nil || b.session.mouth != nil {
		t.Error("after the codecs are the same again an ear or a mouth is left")
	}
	for _, p := range []*phone{a, b} {
		packets := p.hears(147)
		oneStream(t, packets)
		if n := len(packets); n > 152 {
			t.Errorf("150 frames became %d packets", n)
		}
		if got := decode(codec.G722, packets[len(packets)-50:]); amplitudeAt(16000, got[3200:], 1000) < 7000 {
			t.Errorf("at the end the tone is at %.0f", amplitudeAt(16000, got[3200:], 1000))
		}
	}
}

// Another clock of timestamps is another stream (RFC 7160), of which the peer is told.
func TestClockChangeBeginsAStream(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	p.session.Play(NewPlayer([]*Clip{NewClip(8000, tone(1000, 8000, 0, 8000))}, PlayOptions{Loop: true}))
	w.frames(10)
	first := p.hears(10)
	f := p.format()
	f.Codec, f.PayloadType = codec.Opus, 96
	if err := p.session.SetFormat(f); err != nil {
		t.Fatal(err)
	}
	w.frames(10)
	if !codec.Opus.CanEncode() {
		return
	}
	all := p.hears(20)
	oneStream(t, all[:10])
	oneStream(t, all[10:])
	if all[10].SSRC == first[0].SSRC || !all[10].Marker || all[11].Timestamp-all[10].Timestamp != 960 {
		t.Errorf("%v is followed by %v, %v", all[9].Header, all[10].Header, all[11].Header)
	}
}

// Keys pass through a transcoding bridge, during which no sound is sent.
func TestEventsThroughATranscoder(t *testing.T) {
	w := newWorld(t, Options{})
	a := newPhone(t, w.e, SessionOptions{}, codec.G722, nil)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	w.commands()
	talk := converse(t, w, a, b)
	talk.frames(10, 1000)
	for i := 1; i <= 8; i++ {
		a.event('4', 160*min(i, 6), i >= 6, i == 1)
		w.arrived(1)
		w.frames(1)
	}
	a.ts += 6 * 160
	talk.frames(10, 1000)
	packets := b.hears(24)
	oneStreamOfNumbers(t, packets)
	var events []rtp.Packet
	for i, q := range packets {
		if q.PayloadType != 101 {
			continue
		}
		if len(events) > 0 && len(events) < 6 && packets[i-1].PayloadType != 101 {
			t.Error("sound is sent amid the key")
		}
		events = append(events, q)
	}
	if len(events) != 8 || !events[0].Marker || events[7].Timestamp != events[0].Timestamp {
		t.Errorf("the key became %d packets: %v", len(events), events)
	}
}

// A key crosses from a leg whose clock is 48 kHz to one of 8 kHz, and the other way.
func TestEventsBetweenOpusAndG711(t *testing.T) {
	if !codec.Opus.CanEncode() {
		t.Log("without libopus there is no Opus to say")
		return
	}
	w := newWorld(t, Options{})
	digits := make(chan Digit, 2)
	report := SessionOptions{Events: Events{Digit: func(d Digit) { digits <- d }}}
	a := newPhone(t, w.e, report, codec.Opus, func(f *Format) { f.EventClockRate = 48000 })
	b := newPhone(t, w.e, report, codec.PCMU, nil)
	Bridge(a.session, b.session)
	w.commands()
	talk := converse(t, w, a, b)
	talk.frames(10, 1000, 1000)
	for _, c := range []struct {
		from, to  *phone
		unit, got int
	}{{a, b, 960, 160}, {b, a, 160, 960}} {
		for i := 1; i <= 7; i++ {
			c.from.event('6', c.unit*min(i, 5), i >= 5, i == 1)
			w.arrived(1)
			w.frames(1)
		}
		c.from.ts += uint32(5 * c.unit)
		talk.frames(10, 1000, 1000)
		if d := receive(t, digits); d != (Digit{'6', 100 * time.Millisecond}) {
			t.Errorf("it was reported as %v", d)
		}
		packets := c.to.hearsUntil(func(all []rtp.Packet) bool { return len(keysOf(all)) >= 7 })
		oneStreamOfNumbers(t, packets)
		for i, q := range keysOf(packets) {
			want := uint16(c.got * min(i+1, 5))
			if got := binary.BigEndian.Uint16(q.Payload[2:]); got != want || q.Timestamp != keysOf(packets)[0].Timestamp || q.Marker != (i == 0) {
				t.Errorf("packet %d of the key: %v lasts %d, want %d", i, q.Header, got, want)
			}
		}
	}
}

func keysOf(packets []rtp.Packet) (keys []rtp.Packet) {
	for _, q := range packets {
		if q.PayloadType == 101 {
			keys = append(keys, q)
		}
	}
	return keys
}

// oneStreamOfNumbers checks SSRC and sequence numbers: the packets that repeat the end
// of a key may stand among sound that is later.
func oneStreamOfNumbers(t *testing.T, packets []rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		if packets[i].SSRC != packets[0].SSRC || packets[i].SequenceNumber != packets[i-1].SequenceNumber+1 {
			t.Fatalf("%v follows %v", packets[i].Header, packets[i-1].Header)
		}
	}
}

// Comfort noise is passed on to who agreed to get it, and to nobody else; who
// decodes hears it.
func TestComfortNoise(t *testing.T) {
	w := newWorld(t, Options{})
	agreed := func(f *Format) { f.ComfortNoise = true }
	a := newPhone(t, w.e, SessionOptions{}, codec.PCMU, agreed)
	b := newPhone(t, w.e, SessionOptions{}, codec.PCMU, agreed)
	c := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	d := newPhone(t, w.e, SessionOptions{}, codec.G722, nil)
	hush := func() {
		a.sendRTP(rtp.Header{PayloadType: noisePayloadType, SequenceNumber: a.seq, Timestamp: a.ts}, []byte{40})
		a.seq++
		w.arrived(1)
		w.frames(1)
	}
	talk := converse(t, w, a, b, c, d)
	Bridge(a.session, b.session)
	w.commands()
	talk.frames(5, 1000)
	hush()
	if last := b.hears(6)[5]; last.PayloadType != noisePayloadType || len(last.Payload) != 1 || last.Payload[0] != 40 {
		t.Errorf("the noise came as %v %v", last.Header, last.Payload)
	}
	Bridge(a.session, c.session)
	w.commands()
	talk.frames(5, 1000)
	hush()
	talk.frames(5, 1000)
	for _, q := range c.hears(10) {
		if q.PayloadType != 0 {
			t.Errorf("who did not agree to noise gets %v", q.Header)
		}
	}
	Bridge(a.session, d.session)
	w.commands()
	talk.frames(20, 1000)
	hush()
	w.frames(50)
	got := decode(codec.G722, d.hears(65))
	quiet := got[len(got)-8000:]
	if db := measure.Level(quiet) - 3.01; db < -46 || db > -34 {
		t.Errorf("noise of -40 dBov is at %.1f", db)
	}
}
