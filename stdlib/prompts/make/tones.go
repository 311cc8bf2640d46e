package main

import "math"

// note is a sine, or a silence where hertz is 0.
type note struct{ hertz, seconds float64 }

// tone draws the sounds of the list that are not speech.
func tone(name string) ([]int16, bool) {
	notes := map[string][]note{
		"beep":             {{1000, 0.4}},
		"beeperr":          {{350, 0.2}, {0, 0.08}, {350, 0.2}},
		"ascending-2tone":  {{600, 0.12}, {800, 0.16}},
		"descending-2tone": {{800, 0.12}, {600, 0.16}},
		"confbridge-join":  {{523.25, 0.12}, {659.26, 0.18}},
		"confbridge-leave": {{659.26, 0.12}, {523.25, 0.18}},
	}[name]
	if notes == nil {
		return nil, false
	}
	var out []float64
	for _, n := range notes {
		out = append(out, sine(n)...)
	}
	return toPCM(out), true
}

// sine draws a note at toneLevel with edges of 8 ms, so that it does not click.
func sine(n note) []float64 {
	out := make([]float64, int(n.seconds*rate))
	amplitude := math.Sqrt2 * math.Pow(10, toneLevel/20)
	edge := rate * 8 / 1000
	for i := range out {
		if n.hertz == 0 {
			continue
		}
		gain := min(1, float64(min(i, len(out)-1-i))/float64(edge))
		out[i] = gain * amplitude * math.Sin(2*math.Pi*n.hertz*float64(i)/rate)
	}
	return out
}
