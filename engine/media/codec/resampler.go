package codec

import (
	"math"
	"sync"
)

// A Resampler brings one stream from one rate to another among 8000, 16000 and 48000 Hz,
// frame by frame: a polyphase FIR filter that keeps its history between frames, and
// so delays the sound by half its length (16 samples of the lower rate, 2 ms at 8 kHz).
// It is not for concurrent use and allocates nothing once made.
type Resampler struct {
	filter  *filter // nil: equal rates
	history []float32
}

// filter is what the resamplers from one rate to another share. It is never written to.
type filter struct {
	up, down int         // one of them is 1
	phases   [][]float32 // one for each output sample there is of an input sample
}

// The filters among the three rates, each computed when it is first asked for.
var (
	filter8to16  = sync.OnceValue(func() *filter { return newFilter(2, 1) })
	filter16to48 = sync.OnceValue(func() *filter { return newFilter(3, 1) })
	filter8to48  = sync.OnceValue(func() *filter { return newFilter(6, 1) })
	filter16to8  = sync.OnceValue(func() *filter { return newFilter(1, 2) })
	filter48to16 = sync.OnceValue(func() *filter { return newFilter(1, 3) })
	filter48to8  = sync.OnceValue(func() *filter { return newFilter(1, 6) })
)

func newFilter(up, down int) *filter {
	phases, _ := kernel(up, down)
	return &filter{up: up, down: down, phases: phases}
}

func filterFor(from, to int) *filter {
	switch [2]int{from, to} {
	case [2]int{8000, 16000}:
		return filter8to16()
	case [2]int{16000, 48000}:
		return filter16to48()
	case [2]int{8000, 48000}:
		return filter8to48()
	case [2]int{16000, 8000}:
		return filter16to8()
	case [2]int{48000, 16000}:
		return filter48to16()
	case [2]int{48000, 8000}:
		return filter48to8()
	}
	return nil
}

// NewResampler makes a resampler for one stream. Equal rates, and others than
// those three, get one that copies.
func NewResampler(from, to int) *Resampler {
	r := &Resampler{filter: filterFor(from, to)}
	if r.filter != nil {
		taps := len(r.filter.phases[0])
		r.history = make([]float32, taps-1+from/50)
	}
	return r
}

// Resample writes the next frame and returns its length, len(src)*to/from, for
// which dst has room. src may be of any length that the ratio of the rates
// divides; what remains is not heard.
func (r *Resampler) Resample(dst, src []int16) int {
	f := r.filter
	if f == nil {
		return copy(dst, src)
	}
	taps := len(f.phases[0])
	block := len(r.history) - (taps - 1)
	block -= block % f.down
	written := 0
	for len(src) >= f.down {
		n := min(len(src)-len(src)%f.down, block)
		window := r.history[taps-1:][:n]
		for i, v := range src[:n] {
			window[i] = float32(v)
		}
		written += f.run(dst[written:], r.history[:taps-1+n])
		copy(r.history, r.history[n:][:taps-1])
		src = src[n:]
	}
	return written
}

// run filters x, whose first taps-1 samples are history.
func (f *filter) run(dst []int16, x []float32) int {
	taps, n := len(f.phases[0]), 0
	for at := f.down - 1; at+taps <= len(x); at += f.down {
		window := x[at:][:taps]
		for _, phase := range f.phases {
			phase = phase[:len(window)]
			var sum0, sum1, sum2, sum3 float32
			for k := 0; k+4 <= len(window); k += 4 {
				sum0 += phase[k] * window[k]
				sum1 += phase[k+1] * window[k+1]
				sum2 += phase[k+2] * window[k+2]
				sum3 += phase[k+3] * window[k+3]
			}
			dst[n] = clip((sum0 + sum1) + (sum2 + sum3))
			n++
		}
	}
	return n
}

// clip rounds to the nearest sample there is.
func clip(v float32) int16 {
	if v < 0 {
		return int16(max(v-0.5, math.MinInt16))
	}
	return int16(min(v+0.5, math.MaxInt16))
}
