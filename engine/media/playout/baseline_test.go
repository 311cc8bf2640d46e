package playout

import (
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// What others do, modelled, to compare with: receivers that make frames of whole
// packets of 20 ms.

// fixed plays every packet a fixed time after the first one came. With jitter beyond that, packets are late and
// lost. What is lost is silent, or, if conceal, what the decoder makes of it.
type fixed struct {
	dec     codec.Decoder
	wait    int64 // ticks
	conceal bool

	begun     bool
	start     int64 // tick
	next      int   // packet
	came      map[int][]byte
	sum, lost float64
	frames    float64
}

func newFixed(t testing.TB, c codec.Codec, wait int64, conceal bool) *fixed {
	return &fixed{dec: newDecoder(t, c), wait: wait, conceal: conceal, came: map[int][]byte{}}
}

func (f *fixed) put(s *said, i int, now int64) {
	if !f.begun {
		f.begun, f.start, f.next = true, now+f.wait, i
	}
	f.came[i] = s.payloads[i]
}

func (f *fixed) frame(pcm []int16, now int64) {
	clear(pcm)
	if !f.begun || now < f.start {
		return
	}
	f.frames++
	f.sum += float64(now*5 - int64(f.next)*20)
	payload, ok := f.came[f.next]
	switch {
	case ok:
		f.dec.Decode(pcm, payload)
	case f.conceal:
		f.dec.Conceal(pcm)
		f.lost++
	default:
		f.lost++
	}
	f.next++
}

func (f *fixed) figures() (delay, concealed float64) {
	return f.sum / max(1, f.frames), 100 * f.lost / max(1, f.frames)
}

// unbuffered is a conference that takes sound as it comes, in whatever order: what is there is mixed,
// and what is not is silent; with more than 80 ms waiting, all of it is thrown away. So
// works Asterisk's ConfBridge without a jitter buffer, its default (jitterbuffer=no in
// confbridge.conf; the limit of four frames is that of its bridge_softmix).
type unbuffered struct {
	dec     codec.Decoder
	waiting []int
	said    *said

	sum, heard, frames float64
}

func (u *unbuffered) put(s *said, i int, _ int64) {
	u.said = s
	if len(u.waiting) > 4 {
		u.waiting = u.waiting[:0]
	}
	u.waiting = append(u.waiting, i)
}

func (u *unbuffered) frame(pcm []int16, now int64) {
	clear(pcm)
	if u.said != nil {
		u.frames++
	}
	if len(u.waiting) == 0 {
		return
	}
	i := u.waiting[0]
	u.waiting = u.waiting[1:]
	u.dec.Decode(pcm, u.said.payloads[i])
	u.sum += float64(now*5 - int64(i)*20)
	u.heard++
}

func (u *unbuffered) figures() (delay, concealed float64) {
	return u.sum / max(1, u.heard), 100 * (u.frames - u.heard) / max(1, u.frames)
}

func newDecoder(t testing.TB, c codec.Codec) codec.Decoder {
	t.Helper()
	d, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
