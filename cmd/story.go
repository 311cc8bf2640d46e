package cmd

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// story is a test call as it is told: a line for each thing that happens.
type story struct {
	c         *console
	from      string
	number    string
	transport string
	began     time.Time

	answered bool
	message  float64 // seconds of the message that was left; 0: none
	saved    string

	mu        sync.Mutex
	heardBeep bool
	events    []told
}

// told is one line of the story, as JSON has it.
type told struct {
	At   float64 `json:"at"` // seconds since the call began
	Text string  `json:"text"`
}

func newStory(c *console, from, number, transport string) *story {
	return &story{c: c, from: from, number: number, transport: transport, began: time.Now()}
}

func (s *story) tell(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellLocked(format, args...)
}

func (s *story) tellLocked(format string, args ...any) {
	one := told{At: math.Round(time.Since(s.began).Seconds()*10) / 10, Text: fmt.Sprintf(format, args...)}
	s.events = append(s.events, one)
	if !s.c.json {
		s.c.printf("%s  %s\n", s.c.paint(dim, fmt.Sprintf("%6.1f s", one.At)), one.Text)
	}
}

// event tells what the phone tells.
func (s *story) event(e phone.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case phone.Ringing:
		s.tellLocked("ringing")
	case phone.Answered:
		if e.At < 100*time.Millisecond {
			s.tellLocked("answered at once")
			return
		}
		s.tellLocked("answered after %s", seconds(e.At.Seconds()))
	case phone.Refused:
		s.tellLocked("refused: %d %s", e.Code, e.Text)
	case phone.Hears:
		if e.Sound.Kind == phone.Beep {
			s.heardBeep = true
		}
		if e.Sound.Kind != phone.Voice {
			s.tellLocked("heard %s %s", article(e.Sound.Kind), e.Sound.Kind)
		}
	case phone.Heard:
		if e.Sound.Kind == phone.Voice {
			s.tellLocked("heard a voice for %s", seconds(e.Sound.Length().Seconds()))
		}
	case phone.Pressed:
		s.tellLocked("the other side pressed %s", e.Text)
	case phone.Ended:
		if errors.Is(e.Call.Err(), sip.ErrBye) {
			s.tellLocked("the other side hung up")
			return
		}
		s.tellLocked("hung up")
	}
}

func article(k phone.SoundKind) string {
	if k == phone.UnobtainableTone {
		return "an"
	}
	return "a"
}

// finish prints the story as JSON, where that is wanted.
func (s *story) finish(call *phone.Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved != "" {
		s.tellLocked("what was heard is in %s", s.saved)
	}
	if !s.c.json {
		return nil
	}
	type sound struct {
		Kind    phone.SoundKind `json:"kind"`
		Start   float64         `json:"start"`
		Seconds float64         `json:"seconds"`
	}
	result := struct {
		From     string  `json:"from,omitempty"`
		Number   string  `json:"number"`
		Answered bool    `json:"answered"`
		Story    []told  `json:"story"`
		Heard    []sound `json:"heard"`
		Message  float64 `json:"messageSeconds,omitempty"`
		Saved    string  `json:"saved,omitempty"`
	}{s.from, s.number, s.answered, s.events, []sound{}, s.message, s.saved}
	if call != nil {
		for _, one := range call.Heard().Sounds {
			result.Heard = append(result.Heard, sound{one.Kind, one.Start.Seconds(), one.Length().Seconds()})
		}
	}
	return s.c.answer(result, nil)
}

// spoken is what a test call says when it is not told what: five seconds of a hummed scale,
// which nobody takes for a fault of the line.
func spoken() *media.Clip {
	const rate = 8000
	notes := []float64{262, 294, 330, 349, 392, 440, 494, 523}
	pcm := make([]int16, 5*rate)
	for i := range pcm {
		t := float64(i) / rate
		note := notes[int(t*2)%len(notes)]
		swell := math.Sin(math.Pi * math.Mod(t*2, 1)) // each note rises and falls
		v := 0.0
		for h := 1.0; h <= 5; h++ { // a voice has overtones
			v += math.Sin(2*math.Pi*note*h*t) / h
		}
		pcm[i] = int16(4000 * swell * v)
	}
	return media.NewClip(rate, pcm)
}
