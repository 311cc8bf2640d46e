package phone

import (
	"math"
	"time"
)

const (
	sampleRate = 8000
	// frameSize is 20 ms: 350, 400 and 450 Hz are then whole numbers of periods and do not leak into one another.
	frameSize = 160
	binWidth  = sampleRate / frameSize // 50 Hz
	frameTime = 20 * time.Millisecond

	silenceLevel = -50.0 // dBFS; quieter is silence
	pure         = 0.85  // share of a frame's energy that a tone has where it should be
)

func decibels(meanSquare float64) float64 {
	if meanSquare <= 0 {
		return -96
	}
	return max(-96, 10*math.Log10(meanSquare/(32768*32768)))
}

func level(pcm []int16) float64 {
	if len(pcm) == 0 {
		return -96
	}
	return decibels(energy(pcm) / float64(len(pcm)))
}

func energy(pcm []int16) (sum float64) {
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum
}

// frameKind is what 20 ms sound like.
type frameKind uint8

const (
	quiet frameKind = iota
	noise           // no tone: speech, music
	tone350450
	tone400450
	tone400
	toneOther
)

// classify tells what a frame sounds like; frequency is set for toneOther.
func classify(frame []int16) (kind frameKind, frequency int) {
	total := energy(frame)
	if decibels(total/frameSize) < silenceLevel {
		return quiet, 0
	}
	share := func(hz int) float64 { return goertzel(frame, float64(hz)) / total }
	e350, e400, e450 := share(350), share(400), share(450)
	switch {
	case e350+e450 > pure && e350 > 0.2 && e450 > 0.2:
		return tone350450, 0
	case e400+e450 > pure && e400 > 0.2 && e450 > 0.2:
		return tone400450, 0
	case e400 > pure:
		return tone400, 0
	}
	// Below 600 Hz a vowel can be as pure as a tone.
	for bin := 600 / binWidth; bin < 2600/binWidth; bin += 2 {
		a, b, c := share((bin-1)*binWidth), share(bin*binWidth), share((bin+1)*binWidth)
		if a+b+c > pure {
			return toneOther, int(math.Round((a*float64(bin-1) + b*float64(bin) + c*float64(bin+1)) / (a + b + c) * binWidth))
		}
	}
	return noise, 0
}

// goertzel is the energy of a frame at one frequency, on energy's scale.
func goertzel(frame []int16, hz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hz/sampleRate)
	var s1, s2 float64
	for _, v := range frame {
		s1, s2 = float64(v)+w*s1-s2, s1
	}
	return (s1*s1 + s2*s2 - w*s1*s2) * 2 / float64(len(frame))
}

// listener makes sounds out of frames: runs of one kind, then cadences of runs.
type listener struct {
	rest   []int16 // less than a frame
	frames int     // heard so far
	sounds []Sound
	open   int // index+1 of the sound that is going on; 0: none
	news   []news
	noise  func(frame int)  // is told of each frame of noise; nil: nobody is
	run    run              // of frames of one kind
	doubt  int              // frames in a row that are of another kind than the run
	on     [2]time.Duration // lengths of the last two bursts of 400 Hz, the latest last
	off    time.Duration    // the pause between them
	ended  time.Duration    // when the last burst of 400 Hz ended
}

type news struct {
	sound Sound
	ended bool
}

type run struct {
	kind      frameKind
	start     int // frame
	frequency int
}

func (l *listener) hear(pcm []int16) {
	l.rest = append(l.rest, pcm...)
	for len(l.rest) >= frameSize {
		kind, hz := classify(l.rest[:frameSize])
		l.rest = l.rest[frameSize:]
		if kind == noise && l.noise != nil {
			l.noise(l.frames)
		}
		l.frame(kind, hz)
		l.frames++
	}
	l.rest = append([]int16(nil), l.rest...) // let go of what was used
}

func (l *listener) all() []Sound { return l.sounds }

func (l *listener) takeNews() []news {
	n := l.news
	l.news = nil
	return n
}

func (l *listener) at(frame int) time.Duration { return time.Duration(frame) * frameTime }

// frame adds one frame: to the run, or as the beginning of the next.
func (l *listener) frame(kind frameKind, hz int) {
	same := kind == l.run.kind && (kind != toneOther || abs(hz-l.run.frequency) <= 25)
	if same {
		l.doubt = 0
		l.during(l.frames + 1)
		return
	}
	// The first frame of a change may hold both; it takes two to be sure.
	if l.doubt++; l.doubt < 2 && l.run.kind != quiet {
		return
	}
	l.endRun(l.frames + 1 - l.doubt)
	l.run = run{kind: kind, start: l.frames + 1 - l.doubt, frequency: hz}
	l.doubt = 0
}

func abs(n int) int { return max(n, -n) }

// Least lengths by which a sound is recognised, and how long its pauses may be.
const (
	leastTone    = 200 * time.Millisecond
	leastBeep    = 100 * time.Millisecond
	leastVoice   = 100 * time.Millisecond
	longTone     = 900 * time.Millisecond // 400 Hz without a pause: number unobtainable
	longBeep     = 2 * time.Second
	ringPause    = 2600 * time.Millisecond // UK ringing tone is silent for 2 s
	cadencePause = 800 * time.Millisecond
	dropOut      = 600 * time.Millisecond // of a tone without pauses, on a bad line
	voicePause   = 800 * time.Millisecond
)

// during looks at a run that goes on, until frame end.
func (l *listener) during(end int) {
	start, now := l.at(l.run.start), l.at(end)
	length := now - start
	switch l.run.kind {
	case tone350450:
		if length >= leastTone {
			l.extend(DialTone, start, now, dropOut, 0)
		}
	case tone400450:
		if length >= leastTone {
			l.extend(RingingTone, start, now, ringPause, 0)
		}
	case tone400:
		if length >= longTone {
			l.extend(UnobtainableTone, start, now, dropOut, 0)
		}
	case toneOther:
		if length >= longBeep {
			l.extend(Tone, start, now, 0, l.run.frequency)
		}
	case noise:
		if length >= leastVoice {
			l.extend(Voice, start, now, voicePause, 0)
		}
	case quiet:
		if s := l.current(); s != nil && now-s.End > pauseOf(s.Kind) {
			l.endSound()
		}
	}
}

func pauseOf(k SoundKind) time.Duration {
	switch k {
	case RingingTone:
		return ringPause
	case BusyTone, CongestionTone:
		return cadencePause
	case Voice:
		return voicePause
	case DialTone, UnobtainableTone:
		return dropOut
	}
	return 0
}

// endRun looks at a run that has ended before frame end.
func (l *listener) endRun(end int) {
	start, now := l.at(l.run.start), l.at(end)
	length := now - start
	switch l.run.kind {
	case tone400:
		l.burst(start, now)
	case toneOther:
		switch {
		case length >= longBeep:
			l.endSound()
		case length >= leastBeep:
			l.extend(Beep, start, now, 0, l.run.frequency)
			l.endSound()
		default: // a pure vowel
			l.lull(Voice, now)
		}
	case noise:
		if length < leastVoice {
			l.lull(Voice, now)
		}
	}
}

// lull lets a short doubtful run count to the sound that goes on, if it is of that kind.
func (l *listener) lull(kind SoundKind, now time.Duration) {
	if s := l.current(); s != nil && s.Kind == kind && now-s.End <= voicePause {
		s.End = now
	}
}

// burst adds one burst of 400 Hz: two of them tell busy (375/375 ms) from congestion (400/350/225/525 ms).
func (l *listener) burst(start, end time.Duration) {
	length := end - start
	l.on[0], l.on[1] = l.on[1], length
	l.off = start - l.ended
	first := l.ended == 0 || l.off > cadencePause
	l.ended = end
	steady := l.current() != nil && l.current().Kind == UnobtainableTone && start-l.current().End <= dropOut
	switch {
	case length >= longTone || steady:
		l.extend(UnobtainableTone, start, end, dropOut, 0)
		l.on = [2]time.Duration{}
	case first:
		l.on[0] = 0
	case (near(l.on[0], 225) || near(l.on[1], 225)) && (near(l.off, 350) || near(l.off, 525)):
		l.extend(CongestionTone, start-l.off-l.on[0], end, cadencePause, 0)
	case near(l.on[0], 375) && near(l.on[1], 375) && near(l.off, 375):
		l.extend(BusyTone, start-l.off-l.on[0], end, cadencePause, 0)
	}
}

func near(d time.Duration, ms int) bool {
	diff := d - time.Duration(ms)*time.Millisecond
	return -60*time.Millisecond <= diff && diff <= 60*time.Millisecond
}

// current is the sound that goes on, or nil.
func (l *listener) current() *Sound {
	if l.open == 0 {
		return nil
	}
	return &l.sounds[l.open-1]
}

// extend goes on with the present sound if it is of that kind and not longer ago than pause, or begins a new one.
func (l *listener) extend(kind SoundKind, start, now, pause time.Duration, hz int) {
	if s := l.current(); s != nil && s.Kind == kind && start-s.End <= max(pause, frameTime) {
		s.End = now
		return
	}
	l.endSound()
	if len(l.sounds) >= maxSounds {
		return
	}
	l.sounds = append(l.sounds, Sound{Kind: kind, Start: max(start, 0), End: now, Frequency: hz})
	l.open = len(l.sounds)
	l.news = append(l.news, news{*l.current(), false})
}

func (l *listener) endSound() {
	if s := l.current(); s != nil {
		l.news = append(l.news, news{*s, true})
		l.open = 0
	}
}

// flush ends what is still going on.
func (l *listener) flush() {
	l.endRun(l.frames)
	l.run = run{start: l.frames}
	l.endSound()
}
