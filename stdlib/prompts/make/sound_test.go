package main

import (
	"bytes"
	"io/fs"
	"math"
	"testing"
	"testing/fstest"

	"github.com/belfry-pbx/belfry/engine/media"
	prompts "github.com/belfry-pbx/belfry/engine/prompt"
)

// pcmWAV is what a synthesiser writes.
func pcmWAV(pcm []int16) []byte {
	var b bytes.Buffer
	_ = media.WriteWAV(&b, media.NewClip(rate, pcm)) // a buffer takes everything
	return b.Bytes()
}

// decoded is pcm as it comes back out of encodeWAV.
func decoded(t *testing.T, pcm []int16) []int16 {
	t.Helper()
	files := fstest.MapFS{"en/x.wav": {Data: encodeWAV(pcm)}}
	s, err := prompts.New(prompts.Options{Sources: []fs.FS{files}}).Sound(t.Context(), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	return s.Clips[0].PCM()
}

func TestEncodingKeepsTheSound(t *testing.T) {
	// A sweep through the band of speech, swelling and fading.
	pcm := make([]int16, 3*rate+7)
	phase := 0.0
	for i := range pcm {
		at := float64(i) / float64(len(pcm))
		phase += 2 * math.Pi * (150 + 3000*at) / rate
		pcm[i] = int16(6000 * math.Sin(math.Pi*at) * math.Sin(phase))
	}
	got := decoded(t, pcm)
	if len(got) != len(pcm) {
		t.Fatalf("%d samples became %d", len(pcm), len(got))
	}
	signal, noise := 0.0, 0.0
	for i, v := range pcm {
		d := float64(v) - float64(got[i])
		signal += float64(v) * float64(v)
		noise += d * d
	}
	if db := 10 * math.Log10(signal/noise); db < 24 {
		t.Errorf("noise %.1f dB below the sound", db)
	}
}

func TestEncodingEveryLength(t *testing.T) {
	for _, n := range []int{1, 2, blockSamples - 1, blockSamples, blockSamples + 1, 2 * blockSamples} {
		pcm := make([]int16, n)
		for i := range pcm {
			pcm[i] = -1000
		}
		got := decoded(t, pcm)
		if len(got) != n || math.Abs(float64(got[n-1])+1000) > 50 {
			t.Errorf("%d samples became %d, the last of them %d", n, len(got), got[len(got)-1])
		}
	}
}

func TestFinishNeedsSound(t *testing.T) {
	if _, err := finish([][]float64{make([]float64, rate)}); err == nil {
		t.Error("silence passed for speech")
	}
}

func TestBandIsLimitedGently(t *testing.T) {
	for hertz, want := range map[float64][2]float64{30: {-60, -18}, 300: {-0.5, 0.1}, 1000: {-0.5, 0.1}, 3400: {-0.6, 0.1}, 7800: {-60, -12}} {
		s := make([]float64, rate)
		for i := range s {
			s[i] = math.Sin(2 * math.Pi * hertz * float64(i) / rate)
		}
		change := rms(bandLimit(s)[rate/4:]) - rms(s)
		if change < want[0] || change > want[1] {
			t.Errorf("%v Hz changed by %.1f dB", hertz, change)
		}
	}
}
