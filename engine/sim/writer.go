package sim

import "time"

const (
	voiceHertz = 250                    // of a square wave
	voiceLevel = 4000                   // its amplitude
	blockSize  = 200 * time.Millisecond // of what is written at once: a frame of a message
)

// writer makes the samples of a recording: as many as time has passed.
type writer struct {
	world   *World
	rate    int // Hz
	since   time.Time
	written int64 // samples

	voice, zeros []int16 // a block of each
}

func (w *writer) begin() { w.since = w.world.Now() }

// due is how many samples are to be written.
func (w *writer) due() int64 { return samplesIn(w.world.Now().Sub(w.since), w.rate) - w.written }

// write has n samples written, block by block.
func (w *writer) write(n int64, block func(n int64) error) error {
	for n > 0 {
		k := min(n, samplesIn(blockSize, w.rate))
		if err := block(k); err != nil {
			return err
		}
		n -= k
		w.written += k
	}
	return nil
}

// sound is n samples, a block at most, of a voice or of silence.
func (w *writer) sound(voice bool, n int64) []int16 {
	if w.zeros == nil {
		size := samplesIn(blockSize, w.rate)
		w.zeros, w.voice = make([]int16, size), make([]int16, size)
		half := w.rate / voiceHertz / 2
		for i := range w.voice {
			if w.voice[i] = voiceLevel; i/half%2 > 0 {
				w.voice[i] = -voiceLevel
			}
		}
	}
	if voice {
		return w.voice[:n]
	}
	return w.zeros[:n]
}

// arm sets a timer to when so many samples more are due, though no later than real recorders write.
func (w *writer) arm(t *timer, left int64, f func()) *timer {
	n := w.written + min(left, samplesIn(writeEvery, w.rate))
	at := w.since.Add((time.Duration(n)*time.Second + time.Duration(w.rate) - 1) / time.Duration(w.rate)) // rounded up
	d := at.Sub(w.world.Now())
	if t == nil {
		return w.world.afterFunc(d, f)
	}
	t.Reset(d)
	return t
}

// rateOf is the rate of a recording for which one was asked.
func rateOf(hz int) int {
	if hz != 16000 && hz != 48000 {
		return 8000
	}
	return hz
}

// durationOf is how long n samples last.
func durationOf(n int64, rate int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(rate)
}

// samplesIn is how many samples there are in d, rounded down.
func samplesIn(d time.Duration, rate int) int64 {
	return int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second)
}
