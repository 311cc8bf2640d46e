package playout

import (
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/fakenet"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

const ms = time.Millisecond

var nets = []struct {
	name string
	net  fakenet.Net
}{
	{"clean", fakenet.Net{}},
	{"loss 1%", fakenet.Net{Loss: 0.01}},
	{"loss 5%", fakenet.Net{Loss: 0.05}},
	{"loss 10%", fakenet.Net{Loss: 0.10}},
	{"loss 5% in bursts of 3", fakenet.Net{Loss: 0.05, Burst: 3}},
	{"jitter 20ms", fakenet.Net{Jitter: 20 * ms}},
	{"jitter 100ms", fakenet.Net{Jitter: 100 * ms}},
	{"jitter 100ms any order", fakenet.Net{Jitter: 100 * ms, AnyOrder: true}},
	{"reordering 5%", fakenet.Net{Reorder: 0.05}},
	{"duplicates 20%", fakenet.Net{Duplicate: 0.2}},
	{"clock 500ppm fast", fakenet.Net{Drift: 500}},
	{"clock 500ppm slow", fakenet.Net{Drift: -500}},
	{"spikes of 200ms", fakenet.Net{Spike: 200 * ms, SpikeEvery: 4 * time.Second}},
	{"stalls of 200ms", fakenet.Net{Stall: 200 * ms, StallEvery: 3 * time.Second}},
	{"all of it", fakenet.Net{Loss: 0.03, Burst: 2, Jitter: 60 * ms, Reorder: 0.02, Duplicate: 0.02, Drift: 200, Spike: 150 * ms, SpikeEvery: 10 * time.Second}},
}

// codecs are those there is an encoder for: Opus needs libopus.
func codecs() []codec.Codec {
	if !codec.Opus.CanEncode() {
		return []codec.Codec{codec.PCMU, codec.G722}
	}
	return []codec.Codec{codec.PCMU, codec.G722, codec.Opus}
}

// BenchmarkNet tells how sound comes through bad nets: dB from what a decoder makes of all packets (measure.SpectralDistance:
// 0 is the same), ms_delay between a packet's sending and its playing, and %_made_up or silent. Run it with -benchtime 1x.
func BenchmarkNet(b *testing.B) {
	receivers := []struct {
		name string
		make func(testing.TB, codec.Codec) receiver
	}{
		{"ours", func(t testing.TB, c codec.Codec) receiver { return newOurs(t, c) }},
		{"fixed 60ms, silence", func(t testing.TB, c codec.Codec) receiver { return newFixed(t, c, 12, false) }},
		{"none", func(t testing.TB, c codec.Codec) receiver { return &unbuffered{dec: newDecoder(t, c)} }},
		{"fixed 200ms", func(t testing.TB, c codec.Codec) receiver { return newFixed(t, c, 40, true) }},
	}
	for _, c := range codecs() {
		s := say(b, c, measure.Speech(c.SampleRate(), 20*time.Second), nil)
		for _, n := range nets {
			for _, r := range receivers {
				b.Run(strings.Join([]string{c.Name(), n.name, r.name}, "/"), func(b *testing.B) {
					for b.Loop() {
						rec := r.make(b, c)
						n.net.Seed = 1
						got, delay, concealed := receive(&s, n.net, rec)
						b.ReportMetric(measure.SpectralDistance(s.clean, got, c.SampleRate()), "dB")
						b.ReportMetric(delay, "ms_delay")
						b.ReportMetric(concealed, "%_made_up")
						b.ReportMetric(0, "ns/op")
					}
				})
			}
		}
	}
}

// The distances are of measure.SpectralDistance, a half more than were measured. Delays are from a packet's sending to its playing, the net's included.
func TestSoundThroughBadNets(t *testing.T) {
	limits := map[string]struct{ narrow, wide, delay float64 }{ // dB at 8 kHz, dB above, ms
		"clean":                  {0.02, 0.02, 40},
		"loss 1%":                {0.1, 0.3, 40},
		"loss 5%":                {0.4, 0.7, 40},
		"loss 10%":               {0.6, 1.1, 40},
		"loss 5% in bursts of 3": {0.4, 0.8, 40},
		"jitter 20ms":            {0.1, 0.1, 60},
		"jitter 100ms":           {0.2, 0.2, 150},
		"jitter 100ms any order": {0.2, 0.2, 150},
		"reordering 5%":          {0.15, 0.15, 80},
		"duplicates 20%":         {0.02, 0.02, 40},
		"clock 500ppm fast":      {0.02, 0.02, 40},
		"clock 500ppm slow":      {0.02, 0.02, 40},
		"spikes of 200ms":        {0.3, 0.4, 150},
		"stalls of 200ms":        {0.3, 0.4, 150},
		"all of it":              {0.6, 1, 150},
	}
	for _, c := range codecs() {
		t.Run(c.Name(), func(t *testing.T) {
			s := say(t, c, measure.Speech(c.SampleRate(), 6*time.Second), nil)
			for _, n := range nets {
				n.net.Seed = 3
				o := newOurs(t, c)
				got, delay, made := receive(&s, n.net, o)
				limit := limits[n.name]
				distance := measure.SpectralDistance(s.clean, got, c.SampleRate())
				t.Logf("%-22s %.3f dB, %3.0f ms, %.1f %% made up", n.name, distance, delay, made)
				most := limit.narrow
				if c.SampleRate() > 8000 {
					most = limit.wide
				}
				if distance > most {
					t.Errorf("%s: the sound is %.2f dB from what it should be, more than %.2f", n.name, distance, most)
				}
				if delay > limit.delay {
					t.Errorf("%s: the sound is %.0f ms late, more than %.0f", n.name, delay, limit.delay)
				}
			}
		})
	}
}
