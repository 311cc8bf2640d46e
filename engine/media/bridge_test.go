package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestRelayBothWays(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		e := testEngine(t, Options{Driver: driver, Shards: 2})
		digits := make(chan Digit, 10)
		a := newPhone(t, e, SessionOptions{Events: Events{Digit: func(d Digit) { digits <- d }}}, codec.PCMU, nil)
		b := newPhone(t, e, SessionOptions{}, codec.PCMU, func(f *Format) { f.EventPayloadType = 96 })
		b.ssrc, b.seq, b.ts = 0x5678, 3, 1000
		Bridge(a.session, b.session)
		settled(t, a, b)
		for i := range 10 {
			a.says([]byte{byte(i), 1, 2, 3})
			b.says([]byte{byte(i), 4, 5, 6})
		}
		for _, end := range []struct {
			hears *phone
			mark  byte
		}{{b, 1}, {a, 4}} {
			packets := end.hears.hears(10)
			oneStream(t, packets)
			for i, q := range packets {
				if len(q.Payload) != 4 || q.Payload[0] != byte(i) || q.Payload[1] != end.mark {
					t.Errorf("packet %d carries %v", i, q.Payload)
				}
				if q.Marker != (i == 0) || q.Timestamp-packets[0].Timestamp != uint32(4*i) {
					t.Errorf("packet %d: marker %v, %d samples after the first", i, q.Marker, q.Timestamp-packets[0].Timestamp)
				}
				if q.SSRC == a.ssrc || q.SSRC == b.ssrc {
					t.Errorf("packet %d has the SSRC of the other side", i)
				}
			}
		}

		// A key goes through with the payload type the other side knows, and is reported.
		a.event('5', 160, false, true)
		a.event('5', 320, false, false)
		for range 3 {
			a.event('5', 800, true, false)
		}
		packets := b.hears(15)
		oneStream(t, packets)
		for _, q := range packets[10:] {
			if q.PayloadType != 96 || q.Payload[0] != 5 || q.Timestamp != packets[10].Timestamp {
				t.Errorf("a packet of the key: %v", q)
			}
		}
		if d := receive(t, digits); d != (Digit{Key: '5', Duration: 100 * time.Millisecond}) {
			t.Errorf("the key was reported as %v", d)
		}
	})
}

func TestRelayTranslatesLaws(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		e := testEngine(t, Options{Driver: driver})
		a := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
		b := newPhone(t, e, SessionOptions{Near: a.session}, codec.PCMA, nil)
		Bridge(a.session, b.session)
		settled(t, a, b)
		pcm := tone(1000, 8000, 0, 1600)
		for i := 0; i < len(pcm); i += frameSamples {
			for _, p := range []*phone{a, b} {
				payload := make([]byte, frameSamples)
				p.codec.Encode(payload, pcm[i:i+frameSamples])
				p.says(payload)
			}
		}
		for _, p := range []*phone{a, b} {
			packets := p.hears(10)
			for _, q := range packets {
				if q.PayloadType != number(p.codec) {
					t.Fatalf("the %v phone got payload type %d", p.codec, q.PayloadType)
				}
			}
			if db := decibels(amplitude(decode(p.codec, packets), 1000), 8000); db < -0.5 || db > 0.5 {
				t.Errorf("the %v phone hears the tone at %.2f dB", p.codec, db)
			}
		}
	})
}

// The packets that cross a loss or overtake each other keep their gaps and places.
func TestRelayKeepsGapsAndOrder(t *testing.T) {
	e := testEngine(t, Options{})
	a := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
	b := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
	Bridge(a.session, b.session)
	settled(t, a, b)
	for _, n := range []uint16{0, 1, 3, 2, 6} {
		a.sendRTP(rtp.Header{SequenceNumber: 65534 + n, Timestamp: 160 * uint32(n)}, []byte{byte(n)})
	}
	packets := b.hears(5)
	for i, n := range []uint16{0, 1, 3, 2, 6} {
		q := packets[i]
		if q.SequenceNumber-packets[0].SequenceNumber != n || q.Timestamp-packets[0].Timestamp != 160*uint32(n) || q.Payload[0] != byte(n) {
			t.Errorf("packet %d arrived as %v", n, q)
		}
	}
}

// Hold: the other side hears music, then the voice again, in what to its phone is
// one stream.
func TestHoldMusicIsOneStream(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		e := testEngine(t, Options{Driver: driver, Shards: 2})
		a := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
		b := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
		Bridge(a.session, b.session)
		stop := a.talk(400, 8000)
		defer stop()
		b.hears(10)
		music := NewPlayer([]*Clip{NewClip(8000, tone(1000, 8000, 0, 800))}, PlayOptions{Loop: true})
		b.session.Play(music)
		frame := func(all []rtp.Packet, hertz float64) int {
			n := 0
			for _, q := range all {
				if amplitude(decode(codec.PCMU, []rtp.Packet{q}), hertz) > 4000 {
					n++
				}
			}
			return n
		}
		b.hearsUntil(func(all []rtp.Packet) bool { return frame(all, 1000) >= 10 })
		Bridge(a.session, b.session)
		receive(t, music.Done())
		if music.Finished() {
			t.Error("music that was replaced says that it has finished")
		}
		packets := b.hearsUntil(func(all []rtp.Packet) bool {
			return frame(all[len(all)-min(5, len(all)):], 400) == 5
		})
		oneStream(t, packets)
		markers := 0
		for _, q := range packets {
			if q.Marker {
				markers++
			}
		}
		if markers != 3 {
			t.Errorf("%d talk spurts, not voice, music and voice", markers)
		}
	})
}
