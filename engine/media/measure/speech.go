package measure

import (
	"math"
	"math/rand/v2"
	"time"
)

// Speech is d of synthetic speech at rate, in Hz, the same at every call: sentences
// of syllables with vowels, fricatives, plosives and nasals, by changing voices of 95
// to 230 Hz, with pauses, over a faint noise; its active level is about -20 dBFS. The
// longer one begins with the shorter one. At another rate it says the same at the
// same time, but is not sample for sample the same sound.
func Speech(rate int, d time.Duration) []int16 { return Talker(rate, 1, d) }

// Talker is Speech of the same kind in other words, for every seed.
func Talker(rate int, seed uint64, d time.Duration) []int16 {
	t := &talker{
		rate:  float64(rate),
		plan:  rand.New(rand.NewPCG(seed, 0)),
		noise: rand.New(rand.NewPCG(seed, 1)),
	}
	samples := int(d * time.Duration(rate) / time.Second)
	t.pcm = make([]int16, 0, samples)
	for len(t.pcm) < samples {
		t.sentence(samples)
	}
	return t.pcm[:samples]
}

// Mean formants F1 to F3 of ten vowels, men, in Hz (Peterson and Barney, 1952).
var vowels = [...][3]float64{
	{270, 2290, 3010}, {390, 1990, 2550}, {530, 1840, 2480}, {660, 1720, 2410}, {730, 1090, 2440},
	{570, 840, 2410}, {440, 1020, 2240}, {300, 870, 2240}, {640, 1190, 2390}, {490, 1350, 1690},
}

var nasal = [3]float64{270, 1200, 2300}

// bandwidths of the formants F1 to F5, in Hz.
var bandwidths = [...]float64{70, 100, 150, 220, 300}

const formants = len(bandwidths)

// A talker is a source-filter synthesiser: pulses of the glottis and noise, through
// resonators that move from sound to sound.
type talker struct {
	rate  float64
	plan  *rand.Rand // what is said: as often at every rate
	noise *rand.Rand // every sample
	pcm   []int16

	elapsed float64 // s planned so far
	tract   float64 // formants against a man's
	pitch   float64 // Hz at the beginning of the sentence
	glottis float64 // 0..1, of the period

	formant [formants]float64 // Hz, on their way to the target
	voiced  float64           // amplitudes, likewise
	hissing float64
	vowel   [formants]resonator
	hiss    resonator
}

// A sound is what the talker aims at for a while.
type sound struct {
	duration float64 // s
	formant  [3]float64
	voiced   float64 // 0..1
	hissing  float64 // 0..1
	hiss     float64 // Hz, the middle of the noise's band
}

func (t *talker) sentence(samples int) {
	t.tract = t.between(0.95, 1.2)
	t.pitch = 95 + (t.tract-0.95)*480 + t.between(0, 15)
	syllables := 5 + t.plan.IntN(10)
	for i := range syllables {
		contour := 1.1 - 0.3*float64(i)/float64(syllables) // the voice falls
		for _, s := range t.syllable() {
			t.say(s, contour*t.between(0.94, 1.08), samples)
		}
		if t.plan.IntN(8) == 0 {
			t.say(sound{duration: t.between(0.04, 0.15), formant: nasal}, contour, samples)
		}
	}
	t.say(sound{duration: t.between(0.3, 1), formant: nasal}, 1, samples)
}

func (t *talker) syllable() []sound {
	vowel := sound{duration: t.between(0.07, 0.22), formant: vowels[t.plan.IntN(len(vowels))], voiced: t.between(0.6, 1)}
	var sounds []sound
	switch t.plan.IntN(6) {
	case 0, 1: // a fricative, sometimes a voiced one
		f := sound{duration: t.between(0.05, 0.13), formant: vowel.formant, hissing: t.between(0.2, 0.5), hiss: t.between(2200, 6000)}
		if t.plan.IntN(3) == 0 {
			f.voiced = 0.2
		}
		sounds = append(sounds, f)
	case 2, 3: // a plosive: the mouth is shut, then it bursts
		sounds = append(sounds,
			sound{duration: t.between(0.03, 0.07), formant: vowel.formant},
			sound{duration: t.between(0.008, 0.02), formant: vowel.formant, hissing: t.between(0.4, 0.9), hiss: t.between(1200, 4000)})
	case 4:
		sounds = append(sounds, sound{duration: t.between(0.05, 0.1), formant: nasal, voiced: 0.45})
	}
	sounds = append(sounds, vowel)
	if t.plan.IntN(3) == 0 { // a diphthong
		vowel.formant = vowels[t.plan.IntN(len(vowels))]
		vowel.duration *= 0.7
		sounds = append(sounds, vowel)
	}
	return sounds
}

func (t *talker) between(low, high float64) float64 { return low + (high-low)*t.plan.Float64() }

// say makes the samples of one sound, while there are not samples of them.
func (t *talker) say(s sound, contour float64, samples int) {
	t.elapsed += s.duration
	end := min(samples, int(t.elapsed*t.rate))
	const step = 0.0025 // s, how often the filters move
	for len(t.pcm) < end {
		t.move(s, step)
		for range min(int(step*t.rate), end-len(t.pcm)) {
			t.pcm = append(t.pcm, t.sample(t.pitch*contour))
		}
	}
}

// move brings all that moves nearer to its target, as tongue and lips do.
func (t *talker) move(s sound, step float64) {
	slow, quick := 1-math.Exp(-step/0.025), 1-math.Exp(-step/0.006)
	targets := [formants]float64{s.formant[0], s.formant[1], s.formant[2], 3500, 4500}
	for i, target := range targets {
		t.formant[i] += (target*t.tract - t.formant[i]) * slow
		t.vowel[i].tune(t.formant[i], bandwidths[i], t.rate)
	}
	t.voiced += (s.voiced - t.voiced) * quick
	t.hissing += (s.hissing - t.hissing) * quick
	if s.hiss > 0 {
		t.hiss.tune(s.hiss, 1200, t.rate)
	}
}

func (t *talker) sample(pitch float64) int16 {
	const (
		open   = 0.6 // of a period the glottis lets air through
		level  = 1100
		breath = 0.02
		faint  = 14 // of the noise beneath all
	)
	white := 2*t.noise.Float64() - 1
	t.glottis += pitch * (1 + 0.01*white) / t.rate
	t.glottis -= math.Floor(t.glottis)
	flow := 0.0
	if x := t.glottis / open; x < 1 {
		flow = 4*(2*x-3*x*x) + breath*white // the derivative of x²-x³
	}
	x := flow * t.voiced
	for i := range t.vowel {
		x = t.vowel[i].filter(x)
	}
	x += 0.5 * t.hiss.filter(white*t.hissing)
	return int16(min(max(math.Round(level*x+faint*white), math.MinInt16), math.MaxInt16))
}

// A resonator is two poles with a gain of 1 at 0 Hz; above the band it passes sound on.
type resonator struct {
	a, b, c float64
	y1, y2  float64
}

func (r *resonator) tune(hz, bandwidth, rate float64) {
	if hz > 0.48*rate {
		r.a, r.b, r.c = 1, 0, 0
		return
	}
	radius := math.Exp(-math.Pi * bandwidth / rate)
	r.c = -radius * radius
	r.b = 2 * radius * math.Cos(2*math.Pi*hz/rate)
	r.a = 1 - r.b - r.c
}

func (r *resonator) filter(x float64) float64 {
	y := r.a*x + r.b*r.y1 + r.c*r.y2
	r.y1, r.y2 = y, r.y1
	return y
}
