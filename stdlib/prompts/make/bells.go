package main

import "math"

// The hold music: eight bells ringing rounds, then the sixteen changes of plain
// hunt, then rounds again, at an unhurried pace. Every sound that passes the end
// goes on at the start, so the loop has no seam.
const (
	bellCount = 8
	blow      = 0.40   // seconds from one bell to the next
	rounds    = 4      // rows of rounds before and after the hunt
	tenor     = 277.18 // Hz, strike note of the deepest bell
)

// partial is one of the tones of a bell, relative to its strike note.
type partial struct{ ratio, level, decay float64 } // decay: seconds to fall by 60 dB

// partials are those of a bell tuned in the English way, with the minor third.
// The high ones are soft and short: a telephone makes them harsh.
var partials = [...]partial{
	{0.5, 0.45, 7.0},  // hum
	{1.0, 0.60, 3.6},  // prime
	{1.2, 0.45, 4.2},  // tierce
	{1.5, 0.18, 1.8},  // quint
	{2.0, 0.70, 2.8},  // nominal
	{3.0, 0.20, 1.0},  // superquint
	{4.17, 0.06, 0.5}, // octave nominal
}

// scale has the semitones of the bells above the tenor, treble first.
var scale = [bellCount]float64{12, 11, 9, 7, 5, 4, 2, 0}

// room has the reflections of a small ringing chamber: seconds and level.
var room = [...][2]float64{{0.019, 0.20}, {0.031, 0.16}, {0.047, 0.13}, {0.073, 0.10}, {0.109, 0.075}, {0.151, 0.055}, {0.199, 0.04}, {0.263, 0.028}}

// bells returns the loop, at rate.
func bells() []int16 {
	rows := huntRows()
	// After every second row (the backstroke) ringers leave the time of one blow.
	places := len(rows)*bellCount + len(rows)/2
	loop := make([]float64, int(float64(places)*blow*rate))
	random := uint32(1)
	at := 0
	for r, row := range rows {
		for _, bell := range row {
			// A little unevenness in time (8 ms) and force (1 dB), the same each run.
			early, soft := jitter(&random), jitter(&random)
			start := int((float64(at)*blow + 0.008*early) * rate)
			strike(loop, start, tenor*math.Pow(2, scale[bell]/12), math.Pow(10, soft/20))
			at++
		}
		if r%2 == 1 {
			at++
		}
	}
	loop = reflect(loop)
	gain := math.Pow(10, (musicLevel-rms(loop))/20)
	for i := range loop {
		loop[i] *= gain
	}
	return toPCM(loop)
}

// huntRows returns the rows that are rung; bell 0 is the treble.
func huntRows() [][bellCount]int {
	row := [bellCount]int{0, 1, 2, 3, 4, 5, 6, 7}
	var rows [][bellCount]int
	for range rounds {
		rows = append(rows, row)
	}
	for change := range 2 * bellCount {
		// By turns all pairs cross, and all but the first and last place.
		for i := change % 2; i+1 < bellCount; i += 2 {
			row[i], row[i+1] = row[i+1], row[i]
		}
		rows = append(rows, row)
	}
	for range rounds {
		rows = append(rows, row)
	}
	return rows
}

// strike adds one blow to the loop. Each partial is two tones a fraction of a
// hertz apart, as in a cast bell, which is never quite round.
func strike(loop []float64, start int, hertz, force float64) {
	const attack = 0.006 // seconds
	for _, p := range partials {
		f := hertz * p.ratio
		fall := math.Log(1000) / (p.decay * math.Sqrt(2*tenor/(hertz+tenor)))
		length := int(math.Log(3000) / fall * rate)
		low, high := 2*math.Pi*(f-0.2)/rate, 2*math.Pi*(f+0.25)/rate
		for i := range length {
			t := float64(i) / rate
			gain := force * p.level * math.Exp(-fall*t)
			if t < attack {
				gain *= 0.5 - 0.5*math.Cos(math.Pi*t/attack)
			}
			// The last tenth comes to nothing smoothly.
			if left := length - i; left < length/10 {
				gain *= float64(left) / float64(length/10)
			}
			v := gain * (0.65*math.Sin(low*float64(i)) + 0.35*math.Sin(high*float64(i)))
			loop[((start+i)%len(loop)+len(loop))%len(loop)] += v
		}
	}
}

// reflect adds the room, round the seam of the loop.
func reflect(loop []float64) []float64 {
	out := make([]float64, len(loop))
	copy(out, loop)
	for _, r := range room {
		delay := int(r[0] * rate)
		for i := range out {
			out[i] += r[1] * loop[(i-delay+len(loop))%len(loop)]
		}
	}
	return out
}

// jitter returns the next of a fixed series of numbers from -1 to 1.
func jitter(state *uint32) float64 {
	*state = *state*1664525 + 1013904223 // Numerical Recipes' constants
	return float64(int32(*state)) / (1 << 31)
}
