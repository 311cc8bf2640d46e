package media

import (
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestPlayerToRecorder(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		for _, c := range []struct {
			codec codec.Codec
			rate  int
		}{{codec.PCMU, 8000}, {codec.PCMA, 16000}, {codec.PCMU, 48000}} {
			e := testEngine(t, Options{Driver: driver, Shards: 2})
			const level = 8000
			// The clip's sound goes out by RTP to the phone, which plays it back; the recorder hears it.
			p := newPhone(t, e, SessionOptions{}, c.codec, nil)
			clip := NewClip(c.rate, toneAt(c.rate, 1000, level, c.rate*6/10))
			player := NewPlayer([]*Clip{clip}, PlayOptions{})
			p.session.Play(player)
			receive(t, player.Done())
			if !player.Finished() {
				t.Error("a player that came to its end has not finished")
			}
			packets := p.hears(30)
			oneStream(t, packets)
			if len(packets) != 30 {
				t.Errorf("600 ms became %d packets", len(packets))
			}
			for i, q := range packets {
				if q.Marker != (i == 0) || i > 0 && q.Timestamp-packets[i-1].Timestamp != 160 || len(q.Payload) != 160 {
					t.Fatalf("packet %d: %v", i, q)
				}
			}

			var heard taken
			r := NewRecorder(RecordOptions{Write: heard.write})
			p.session.Record(r)
			settled(t, p)
			for _, q := range packets {
				p.says(q.Payload)
			}
			eventually(t, "the recorder has 600 ms", func() bool { return r.Length() >= 600e6 })
			r.Stop()
			got := heard.all()[800:4000]
			if db := decibels(amplitude(got, 1000), level); db < -1 || db > 1 {
				t.Errorf("1 kHz came back at %.1f dB", db)
			}
			if db := decibels(amplitude(got, 2300), level); db > -30 {
				t.Errorf("2.3 kHz came with it, at %.1f dB", db)
			}
			if r.Reason() != Stopped || r.Err() != nil || r.Overflow() != 0 {
				t.Errorf("the recording ended %v, %v, %d lost", r.Reason(), r.Err(), r.Overflow())
			}
		}
	})
}
