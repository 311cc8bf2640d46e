package explain

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// Step is one thing that would happen.
type Step struct {
	After float64    `json:"after"` // seconds since the call began
	Kind  trace.Kind `json:"kind"`
	Text  string     `json:"text"`
	Where string     `json:"where,omitempty"` // the line of the dialplan, "main.lua:12"
	From  string     `json:"from,omitempty"`  // of a message: who sends it,
	To    string     `json:"to,omitempty"`    // and who gets it; "belfry" is the exchange
}

// Outcome is how the call would end.
type Outcome struct {
	Status   int     `json:"status"`           // of SIP: 200, or how the caller is refused
	Phrase   string  `json:"phrase,omitempty"` // its words
	Answered float64 `json:"answered"`         // seconds until the exchange, or whoever is called, answers; 0 with another status than 200
	Lasts    float64 `json:"lasts"`            // seconds from beginning to end
	GivesUp  bool    `json:"givesUp,omitempty"`
}

// Schedule is one that the dialplan asks whether it is open.
type Schedule struct {
	Rules string `json:"rules"` // "mon-fri 09:00-17:30"
	Where string `json:"where"` // where it is asked
	Open  bool   `json:"open"`
}

// The bounds of what is told of a call that goes on and on.
const (
	longest  = 10 * time.Minute // after which a caller who is told nothing new gives up
	maxSteps = 2000
)

// recorder takes down the steps of the one call that is placed once it listens.
type recorder struct {
	mu        sync.Mutex
	listening bool
	began     time.Time
	steps     []Step
	schedules []Schedule
	rung      []string // whose telephones were called
}

var _ trace.Recorder = (*recorder)(nil)

func (r *recorder) Begin(string, string, string) {}
func (r *recorder) Join(string, string, string)  {}
func (r *recorder) Hide(string, string)          {} // nobody presses keys
func (r *recorder) End(string, string)           {}

// listen begins to take down.
func (r *recorder) listen(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listening, r.began = true, now
}

// Add implements trace.Recorder.
func (r *recorder) Add(s trace.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.listening || len(r.steps) == maxSteps {
		return
	}
	r.steps = append(r.steps, Step{
		After: s.Time.Sub(r.began).Seconds(), Kind: s.Kind, Text: s.Text, Where: s.At, From: s.From, To: s.To,
	})
	if s.Kind == trace.SIP && s.From == trace.Exchange && strings.HasPrefix(s.Text, "INVITE ") {
		r.rung = append(r.rung, s.To)
	}
	if fact(s, "schedule") != "" {
		one := Schedule{Rules: fact(s, "schedule"), Where: s.At, Open: fact(s, "open") == "true"}
		for _, have := range r.schedules {
			if have == one {
				return
			}
		}
		r.schedules = append(r.schedules, one)
	}
}

func fact(s trace.Step, name string) string {
	for _, f := range s.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// stopped takes down why there are no more steps.
func (r *recorder) stopped(now time.Time, err error) {
	why, _, _ := strings.Cut(err.Error(), "\n") // what follows are our own frames
	if errors.Is(err, sim.ErrEndless) {
		why = "more happens than can be told: the dialplan goes round without end, or nearly"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, Step{After: now.Sub(r.began).Seconds(), Kind: trace.Error, Text: why})
}

// outcome is how a simulated call has ended by now.
func outcome(c *sim.Caller, gaveUp bool, now time.Time) Outcome {
	o := Outcome{GivesUp: gaveUp}
	o.Status, o.Phrase = c.Status()
	began, answered, ended := c.Times()
	if !answered.IsZero() {
		o.Answered = answered.Sub(began).Seconds()
	}
	if ended.IsZero() {
		ended = now
	}
	o.Lasts = ended.Sub(began).Seconds()
	return o
}
