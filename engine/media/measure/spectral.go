package measure

import (
	"math"
	"slices"
)

// Edges of the critical bands, in Hz (Zwicker, 1961).
var bark = [...]float64{
	100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
	4400, 5300, 6400, 7700, 9500, 12000, 15500,
}

const (
	furthestMove = 400 // steps of 2.5 ms: how far got's delay may wander, either way: a second
	moveCost     = 0.5 // dB a step of 2.5 ms, once
)

// SpectralDistance is how different got sounds from reference, in dB, whatever became
// of the waveform: the mean, over frames of 20 ms every 10 ms in which either is
// heard, of the difference between their levels in the critical bands up to half the
// rate, root mean square over the bands. What is over 40 dB below the reference's
// loudest counts as 40 dB below: it is hardly heard.
//
// Got is followed where its delay changes, as adaptive jitter buffers and concealment
// change it, by up to a second in steps of 2.5 ms; a change of 10 ms costs as much as 2 dB
// in one frame. 0 is the same sound; the README has reference values.
func SpectralDistance(reference, got []int16, rate int) float64 {
	delay := int(math.Round(Delay(reference, got)))
	step := rate / 400
	said, heard := frames(reference, rate, 4*step, 0), frames(got, rate, step, delay-furthestMove*step)
	floor := faintest
	for _, f := range said {
		floor = max(floor, f.loudest())
	}
	floor -= 40
	for _, f := range append(heard, said...) {
		f.raise(floor)
	}
	silence := make(frame, bandsBelow(rate))
	for i := range silence {
		silence[i] = floor
	}
	// cost[d] is what the cheapest way through the frames so far costs, if the last
	// of them was found at d steps.
	cost, active := make([]float64, 2*furthestMove+1), 0
	for i, f := range said {
		if f.loudest() > floor {
			active++
		}
		for d := 1; d < len(cost); d++ {
			cost[d] = min(cost[d], cost[d-1]+moveCost)
		}
		for d := len(cost) - 2; d >= 0; d-- {
			cost[d] = min(cost[d], cost[d+1]+moveCost)
		}
		for d := range cost {
			other := silence
			if at := 4*i + d; at < len(heard) {
				other = heard[at]
			}
			cost[d] += f.distance(other)
		}
	}
	return slices.Min(cost) / float64(max(1, active))
}

// A frame is 20 ms of sound: its level in every band, in dB.
type frame []float64

func (f frame) loudest() float64 { return slices.Max(f) }

func (f frame) raise(floor float64) {
	for i := range f {
		f[i] = max(f[i], floor)
	}
}

func (f frame) distance(other frame) float64 {
	sum := 0.0
	for i := range f {
		sum += (f[i] - other[i]) * (f[i] - other[i])
	}
	return math.Sqrt(sum / float64(len(f)))
}

// bandsBelow is how many bands begin below nine tenths of half the rate.
func bandsBelow(rate int) int {
	n := 0
	for n < len(bark)-1 && bark[n] < 0.45*float64(rate) {
		n++
	}
	return n
}

// frames cuts pcm up, a frame every hop samples from start, which may be before it.
func frames(pcm []int16, rate, hop, start int) []frame {
	length, n := rate/50, 2
	for n < length {
		n *= 2
	}
	window := make([]float64, length)
	for i := range window {
		window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(length))
	}
	x := make([]complex128, n)
	var all []frame
	for ; start+length <= len(pcm); start += hop {
		clear(x)
		for i := max(0, -start); i < length; i++ {
			x[i] = complex(float64(pcm[start+i])*window[i], 0)
		}
		transform(x)
		f := make(frame, bandsBelow(rate))
		for b := range f {
			low, high := int(math.Round(bark[b]*float64(n)/float64(rate))), int(math.Round(bark[b+1]*float64(n)/float64(rate)))
			sum := 0.0
			for _, v := range x[low:min(high, n/2)] {
				sum += real(v)*real(v) + imag(v)*imag(v)
			}
			f[b] = decibel(sum / float64(length*length) / fullScale)
		}
		all = append(all, f)
	}
	return all
}
