package measure

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// spectrumOf is the discrete Fourier transform of pcm, filled up with zeros to n, a
// power of two.
func spectrumOf(pcm []int16, n int) []complex128 {
	x := make([]complex128, n)
	for i, v := range pcm {
		x[i] = complex(float64(v), 0)
	}
	transform(x)
	return x
}

// transform is the discrete Fourier transform, in place; len(x) is a power of two
// and at least 2.
func transform(x []complex128) {
	n := len(x)
	shift := 64 - bits.TrailingZeros(uint(n))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	turns := make([]complex128, n/2)
	for i := range turns {
		turns[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/float64(n))
	}
	for size := 2; size <= n; size *= 2 {
		half, stride := size/2, n/size
		for start := 0; start < n; start += size {
			for k := range half {
				even, odd := x[start+k], x[start+k+half]*turns[k*stride]
				x[start+k], x[start+k+half] = even+odd, even-odd
			}
		}
	}
}

// inverse undoes transform.
func inverse(x []complex128) {
	for i, v := range x {
		x[i] = cmplx.Conj(v)
	}
	transform(x)
	scale := complex(1/float64(len(x)), 0)
	for i, v := range x {
		x[i] = cmplx.Conj(v) * scale
	}
}
