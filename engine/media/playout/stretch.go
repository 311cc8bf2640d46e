package playout

import "math"

// Sound is made longer and shorter by one period of the voice, which overlaps the
// one beside it: overlap-add by similarity (Verhelst and Roelands, "An overlap-add
// technique based on waveform similarity for high quality time-scale modification
// of speech", ICASSP 1993).

const (
	pastTime     = 15                                    // ms: the longest period of a voice, 67 Hz
	analysisRate = 8000                                  // Hz, at which periods are looked for
	analysisSize = (pastTime + 20) * analysisRate / 1000 // samples: the past and a frame
)

// cut takes n samples out: the first n that wait turn into the n after them.
func (f *fifo) cut(n int) {
	a, b := f.pcm[f.from:f.from+n], f.pcm[f.from+n:f.from+2*n]
	blend(b, a, b)
	copy(f.pcm[f.from+n-f.past:f.from+n], f.pcm[f.from-f.past:f.from])
	f.from += n
}

// insert puts n samples in: the first n that wait are heard turning back into the n before them.
func (f *fifo) insert(n int) {
	f.room(n)
	copy(f.pcm[f.from+n:f.to+n], f.pcm[f.from:f.to])
	f.to += n
	blend(f.pcm[f.from:f.from+n], f.pcm[f.from+n:f.from+2*n], f.pcm[f.from-n:f.from])
}

// merge has the first n of the size samples after what waits, which are not yet added, overlap
// the last n that wait, and adds them.
func (f *fifo) merge(n, size int) {
	if n == 0 {
		f.to += size
		return
	}
	last, first := f.pcm[f.to-n:f.to], f.pcm[f.to:f.to+n]
	blend(last, last, first)
	copy(f.pcm[f.to:], f.pcm[f.to+n:f.to+size])
	f.to += size - n
}

// blend fills dst with what begins as a and ends as b. Dst may be either.
func blend(dst, a, b []int16) {
	n := int32(len(dst))
	for i := range dst {
		k := int32(i) + 1
		dst[i] = int16((int32(a[i])*(n+1-k) + int32(b[i])*k) / (n + 1))
	}
}

// period is the length in samples, from least to longest, in which the sound repeats best
// where what waits begins: after that, or around that. It is 0 where nothing is
// alike, which is a correlation between 0 and 1.
func (f *fifo) period(around bool, least, longest, rate int, alike float64) int {
	k := rate / analysisRate
	var space [analysisSize]int16
	past := f.past / k
	ahead := 2 * longest
	if around {
		ahead = longest
	}
	s := space[:past+ahead/k]
	thin(s, f.pcm[f.from-f.past:], k)
	best, most := 0, alike
	for n := least / k; n <= longest/k; n++ {
		if c := correlation(pair(s, past, n, around)); c > most {
			best, most = n, c
		}
	}
	if k == 1 || best == 0 {
		return best
	}
	rough := best * k
	best, most = rough, -1
	for n := max(least, rough-k); n <= min(longest, rough+k); n++ {
		if c := correlation(pair(f.pcm, f.from, n, around)); c > most {
			best, most = n, c
		}
	}
	return best
}

// pair is the n samples on both sides of at, or the n from there on and the n after them.
func pair(s []int16, at, n int, around bool) (a, b []int16) {
	if around {
		at -= n
	}
	return s[at : at+n], s[at+n : at+2*n]
}

// thin fills dst with the means of k samples each.
func thin(dst, pcm []int16, k int) {
	for i := range dst {
		sum := 0
		for _, v := range pcm[i*k : (i+1)*k] {
			sum += int(v)
		}
		dst[i] = int16(sum / k)
	}
}

// correlation is how alike a and b are: 1 for the same but for their level.
func correlation(a, b []int16) float64 {
	var ab, aa, bb int64
	b = b[:len(a)]
	for i, v := range a {
		w := int64(b[i])
		ab += int64(v) * w
		aa += int64(v) * int64(v)
		bb += w * w
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}
