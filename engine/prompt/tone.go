package prompt

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

const (
	toneRate = 8000 // Hz

	// toneLevel is the RMS of a tone, in dB below a square wave of full scale:
	// -17 dBm0 (0 dBm0 is 6.15 dB below that, ITU-T G.711), about as loud as the
	// prompts, and within what ITU-T E.180 section 5 allows for tones.
	toneLevel = -17 - 6.15
	beepLevel = -18.0

	maxSilence = time.Hour
)

// burst is a stretch of a cadence: tones sounding together, or none.
type burst struct {
	length time.Duration
	louder float64 // dB
	hertz  []float64
}

// tones has the United Kingdom's tones, each one turn of its cadence (BT SIN 350
// section 6, ITU-T E.180 supplement 2). Two tones together are each 3 dB lower; the
// second burst of congestion is 6 dB louder than the first. A steady tone has
// whole periods of all its frequencies, so that it loops without a click.
func tones() map[string][]burst {
	const ms = time.Millisecond
	return map[string][]burst{
		"dial":         {{2000 * ms, 0, []float64{350, 440}}},
		"ringing":      {{400 * ms, 0, []float64{400, 450}}, {200 * ms, 0, nil}, {400 * ms, 0, []float64{400, 450}}, {2000 * ms, 0, nil}},
		"busy":         {{375 * ms, 0, []float64{400}}, {375 * ms, 0, nil}},
		"congestion":   {{400 * ms, 0, []float64{400}}, {350 * ms, 0, nil}, {225 * ms, 6, []float64{400}}, {525 * ms, 0, nil}},
		"unobtainable": {{2000 * ms, 0, []float64{400}}},
		"beep":         {{400 * ms, beepLevel - toneLevel, []float64{1000}}},
	}
}

// Tone returns a tone by name: dial, ringing, busy, congestion, unobtainable, as
// the United Kingdom has them, which loop, and beep, which does not.
func Tone(name string) (Sound, bool) {
	cadence, ok := tones()[name]
	if !ok {
		return Sound{}, false
	}
	steady := len(cadence) == 1 && name != "beep"
	var pcm []int16
	for _, b := range cadence {
		pcm = append(pcm, b.draw(steady)...)
	}
	return Sound{Clips: []*media.Clip{media.NewClip(toneRate, pcm).Named("tone:" + name)}, Loop: name != "beep"}, true
}

// draw makes the samples of a burst. Its edges take 5 ms, as a switched sine
// clicks; a steady tone has none.
func (b burst) draw(steady bool) []int16 {
	pcm := make([]int16, int(b.length*toneRate/time.Second))
	if len(b.hertz) == 0 {
		return pcm
	}
	amplitude := 32768 * math.Pow(10, (toneLevel+b.louder)/20) * math.Sqrt(2/float64(len(b.hertz)))
	const edge = toneRate * 5 / 1000
	for i := range pcm {
		v := 0.0
		for _, f := range b.hertz {
			v += math.Sin(2 * math.Pi * f * float64(i) / toneRate)
		}
		if !steady {
			v *= min(1, float64(min(i, len(pcm)-1-i))/edge)
		}
		pcm[i] = int16(math.Round(amplitude * v))
	}
	return pcm
}

// allTones draws every tone, by name.
func allTones() map[string]Sound {
	all := map[string]Sound{}
	for name := range tones() {
		all[name], _ = Tone(name)
	}
	return all
}

// toneNames lists the tones as prompts name them.
func toneNames() []string {
	var names []string
	for name := range tones() {
		names = append(names, "tone:"+name)
	}
	slices.Sort(names)
	return names
}

// silence is a stretch without sound: "2s", "1m30s" or seconds, an hour at most.
func silence(length string) (Sound, error) {
	d, err := time.ParseDuration(length)
	if err != nil {
		seconds, numeric := strconv.ParseFloat(length, 64)
		if numeric != nil || !(seconds >= 0 && seconds <= maxSilence.Seconds()) {
			return Sound{}, fmt.Errorf("%q is not a length of silence: want one as 2s or 500ms, up to %v", length, maxSilence)
		}
		d = time.Duration(seconds * float64(time.Second))
	}
	if d < 0 || d > maxSilence {
		return Sound{}, fmt.Errorf("%q is not a length of silence: want one as 2s or 500ms, up to %v", length, maxSilence)
	}
	// One second, shared, as often as needed, and the rest.
	var s Sound
	name := "silence:" + d.String()
	if whole := int(d / time.Second); whole > 0 {
		s.Clips = slices.Repeat([]*media.Clip{media.NewClip(toneRate, make([]int16, toneRate)).Named(name)}, whole)
	}
	if rest := int(d % time.Second * toneRate / time.Second); rest > 0 {
		s.Clips = append(s.Clips, media.NewClip(toneRate, make([]int16, rest)).Named(name))
	}
	return s, nil
}

// numberedSilence makes what the Asterisk sets have as files: silence/1 to
// silence/10, in seconds.
func numberedSilence(name string) (Sound, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "silence/"))
	if !strings.HasPrefix(name, "silence/") || err != nil || n < 1 || n > 10 {
		return Sound{}, false
	}
	s, err := silence(strconv.Itoa(n))
	return s, err == nil
}
