package codec

import "sync"

// A Resampler brings one stream from one rate to another among 8000, 16000 and 48000 Hz,
// frame by frame: polyphase FIR filters that keep their history between frames, and so delay the
// sound, by 1 ms between 16 and 48 kHz and by 2 ms at most where 8 kHz is one of them. It is flat up
// to 3.4 kHz, 7 kHz where neither rate is 8 kHz; what would be heard at a false pitch is 60 dB down.
// It is not for concurrent use and allocates nothing once made.
type Resampler struct {
	stages   []stage // none: the rates are equal
	from, to int     // Hz
	gain     float32
	in       []float32 // a block of 20 ms
}

// filter is a low-pass filter at the lower of two rates, at each of ratio positions between two of its samples. At
// the samples themselves it is 1 at the centre and 0 elsewhere, which costs nothing. It
// is shared by all resamplers and never written to.
type filter struct {
	ratio  int
	taps   int         // of a phase
	phases [][]float32 // without the first
}

// Each filter is computed when it is first asked for.
var (
	// Between 8 and 16 kHz, which falls from 3.4 to 4.6 kHz.
	filter8and16 = sync.OnceValue(func() *filter { return newFilter(2, 14) })
	// Between 16 and 48 kHz, which falls from 7 to 9 kHz.
	filter16and48 = sync.OnceValue(func() *filter { return newFilter(3, 16) })
	// The same for sound that comes from 8 kHz or goes there, and so ends before 4.6 kHz: it may fall slowly.
	filterNarrow = sync.OnceValue(func() *filter { return newFilter(3, 4) })
)

func newFilter(ratio, lobes int) *filter {
	const beta = 6 // about 63 dB of stop band
	phases, _ := kernel(ratio, 1, lobes, 1, beta)
	return &filter{ratio: ratio, taps: 2 * lobes, phases: phases[1:]}
}

// stage changes the rate by a filter's ratio, in blocks.
type stage struct {
	*filter
	up bool
	// lines hold what the filter looks back on and then the block: one of the whole sound going up; going
	// down ratio of them, which take the samples in turn.
	lines [][]float32
	out   []float32
}

// newStage makes a stage for blocks of n samples at the lower rate.
func newStage(f *filter, up bool, n int) stage {
	s := stage{filter: f, up: up, lines: make([][]float32, 1), out: make([]float32, n*f.ratio)}
	if !up {
		s.lines, s.out = make([][]float32, f.ratio), make([]float32, n)
	}
	for i := range s.lines {
		s.lines[i] = make([]float32, f.taps-1+n)
	}
	return s
}

// NewResampler makes a resampler for one stream. Equal rates, and others than
// those three, get one that copies.
func NewResampler(from, to int) *Resampler {
	const narrow, wide = 160, 320 // samples of 20 ms at 8 and 16 kHz
	r := &Resampler{from: from, to: to, gain: 1}
	switch [2]int{from, to} {
	case [2]int{8000, 16000}:
		r.stages = []stage{newStage(filter8and16(), true, narrow)}
	case [2]int{16000, 8000}:
		r.stages = []stage{newStage(filter8and16(), false, narrow)}
	case [2]int{16000, 48000}:
		r.stages = []stage{newStage(filter16and48(), true, wide)}
	case [2]int{48000, 16000}:
		r.stages = []stage{newStage(filter16and48(), false, wide)}
	case [2]int{8000, 48000}:
		r.stages = []stage{newStage(filter8and16(), true, narrow), newStage(filterNarrow(), true, wide)}
	case [2]int{48000, 8000}:
		r.stages = []stage{newStage(filterNarrow(), false, wide), newStage(filter8and16(), false, narrow)}
	default:
		return r
	}
	r.in = make([]float32, from/50)
	r.gain = min(1, float32(to)/float32(from)) // of the samples that a sum going down takes together
	return r
}

// Resample writes the next frame and returns its length, len(src)*to/from, for
// which dst has room. src may be of any length that the ratio of the rates
// divides; what remains is not heard.
func (r *Resampler) Resample(dst, src []int16) int {
	if r.stages == nil {
		return copy(dst, src)
	}
	src = src[:len(src)-len(src)%max(1, r.from/r.to)]
	written := 0
	for len(src) > 0 {
		block := r.in[:min(len(src), len(r.in))]
		for i, v := range src[:len(block)] {
			block[i] = r.gain * float32(v)
		}
		src = src[len(block):]
		for i := range r.stages {
			block = r.stages[i].run(block)
		}
		out := dst[written:][:len(block)]
		for i, v := range block {
			out[i] = round(v)
		}
		written += len(block)
	}
	return written
}

// run filters a block and returns the result, which is the stage's own.
func (s *stage) run(block []float32) []float32 {
	if s.up {
		out, line := s.out[:len(block)*s.ratio], s.lines[0]
		copy(line[s.taps-1:], block)
		clear(out)
		for i, v := range line[s.taps/2-1:][:len(block)] {
			out[i*s.ratio] = v
		}
		for i, phase := range s.phases {
			convolve(out[i+1:], s.ratio, phase, line[:s.taps-1+len(block)])
		}
		copy(line, line[len(block):][:s.taps-1])
		return out
	}
	n := len(block) / s.ratio
	for i, line := range s.lines {
		for j := range n {
			line[s.taps-1+j] = block[j*s.ratio+i]
		}
	}
	out := s.out[:n]
	copy(out, s.lines[0][s.taps/2:])
	for i, phase := range s.phases { // the earlier samples of a turn lie further behind
		convolve(out, 1, phase, s.lines[s.ratio-1-i][:s.taps-1+n])
	}
	for _, line := range s.lines {
		copy(line, line[n:][:s.taps-1])
	}
	return out
}

// convolve adds the sum of h[k]*x[i+k] to dst[i*stride], for each i for which x goes far enough.
func convolve(dst []float32, stride int, h, x []float32) {
	n, i := len(x)-len(h)+1, 0
	for ; i+4 <= n; i += 4 {
		x0, x1, x2, x3 := x[i:][:len(h)], x[i+1:][:len(h)], x[i+2:][:len(h)], x[i+3:][:len(h)]
		var sum0, sum1, sum2, sum3 float32
		for k, tap := range h {
			sum0 += tap * x0[k]
			sum1 += tap * x1[k]
			sum2 += tap * x2[k]
			sum3 += tap * x3[k]
		}
		at := dst[i*stride:]
		at[0] += sum0
		at[stride] += sum1
		at[2*stride] += sum2
		at[3*stride] += sum3
	}
	for ; i < n; i++ {
		var sum float32
		for k, v := range x[i:][:len(h)] {
			sum += h[k] * v
		}
		dst[i*stride] += sum
	}
}

// round is the nearest sample there is.
func round(v float32) int16 {
	n := int32(v+32768.5) - 32768 // what is converted is positive, so that it is rounded down
	return int16(saturate(n))
}
