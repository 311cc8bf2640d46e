package playout

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/fakenet"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// An hour with a clock that is 500 ppm, 1.8 s, wrong.
func TestClocksThatRunApart(t *testing.T) {
	s := say(t, codec.PCMU, measure.Speech(8000, 30*time.Second), nil)
	for all := s.payloads; len(s.payloads) < 50*3600; {
		s.payloads = append(s.payloads, all...)
	}
	for _, ppm := range []float64{500, -500} {
		o := newOurs(t, codec.PCMU)
		receive(&s, fakenet.Net{Seed: 2, Drift: ppm, Jitter: 10 * ms}, o)
		st := o.Stats()
		if st.Late+st.Lost+st.Dropped > 0 {
			t.Errorf("%v ppm: %d packets were late, %d lost and %d dropped", ppm, st.Late, st.Lost, st.Dropped)
		}
		if made := st.Concealed - fade*interval; made > 200*ms { // the end is concealed
			t.Errorf("%v ppm: %v was made up that never was missing", ppm, made)
		}
		if st.Delay > 60*ms {
			t.Errorf("%v ppm: sound waits %v at the end of an hour", ppm, st.Delay)
		}
		if change := st.Stretched - st.Compressed; (change.Seconds()+ppm*3600e-6) > 0.2 || (change.Seconds()+ppm*3600e-6) < -0.2 {
			t.Errorf("%v ppm: %v was put in and %v taken out", ppm, st.Stretched, st.Compressed)
		}
	}
}
