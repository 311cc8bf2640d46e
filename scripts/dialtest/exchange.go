// Package dialtest runs the tests of a dialplan: files x_test.lua beside x.lua, in which phones call, answer, press keys and
// listen. Each test has an exchange of its own, in which time passes only while the test waits for something.
package dialtest

import (
	"errors"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// Exchange is what a test acts on. It is for one goroutine.
type Exchange interface {
	Engine() *engine.Engine // nil: it is not the test's own, but a Running one
	Now() time.Time
	// Run lets things happen until `until` says so: true. False: limit has passed, nothing is left that could happen, or
	// Err says what went wrong. A nil until lets all of limit pass.
	Run(until func() bool, limit time.Duration) bool
	Err() error
	// Left is what there still is of calls once all have ended.
	Left() []string
	// Close ends all calls and lets everything go. Its error says what could not be.
	Close() error

	Phone(number string) Phone   // of a line
	Outside(number string) Phone // in the world
	Call(from, to string, o CallOptions) (Call, error)
	// SetTrunk has a trunk refuse calls with a status, say nothing at all (-1), or work (0). False: there is none of the name.
	SetTrunk(name string, status int) bool
}

// Running is an Exchange that runs by itself, for others too: a test sees no more of it than its telephones do. What would
// look into it or change it leaves the test out.
type Running interface {
	Exchange
	Lines() ([]string, error) // their numbers
	Stories() []trace.Trace   // the stories of the calls that its telephones had part in, oldest first
}

// CallOptions refine a call.
type CallOptions struct {
	Trunk     string            // by which an outside caller comes; "": the first
	Diversion *engine.Diversion // who sent the call here
}

// Phone is a telephone. What it does with calls holds for the one that rings and for those to come.
type Phone interface {
	Number() string
	AnswersAfter(d time.Duration)
	Refuses(status int)
	Redirects(to string)
	RingsUnanswered()
	IsOffline()
	IsOnline()
	Call(to string) Call
	Calls() []Call // made and received, oldest first
	Lamp() Lamp
}

// Lamp is what a phone was told of its mailbox last.
type Lamp struct{ New, Old, Urgent int }

// State is how far a call has come for who is at the telephone.
type State int

// The states of a Call.
const (
	Calling State = iota // nobody has said anything yet
	Ringing
	Answered
	Ended
)

// Call is one end of a call. What its person does is done in order, as soon as there is anybody who hears it.
type Call interface {
	Incoming() bool
	State() State
	Status() int // the final response to the INVITE; 0: none yet
	Shown() Shown
	TalksTo() []string // numbers
	Heard() []Heard    // oldest first
	OnHold() bool      // the other side has put it on hold
	Holding() bool     // it has put the other side on hold
	Idle() bool        // all is done that was to be done
	Undone() int       // how many keys and the like were left undone when the call ended

	Answer()
	Press(keys string)
	Speak(d time.Duration)
	Hold()
	Unhold()
	Transfer(number string)
	TransferTo(other Call)
	Hangup()
}

// Shown is what a phone that rings shows.
type Shown struct{ Number, Name, Diversion string }

// Heard is one thing that was played to somebody.
type Heard struct {
	Name     string   // of the prompt; "recording" for what somebody said, "tone:ringing", "music/…"
	Also     []string // names of prompts that sound just the same
	From, To time.Time
	Now      bool // it is being heard: To has no meaning
}

// Is tells whether it was the prompt of that name.
func (h Heard) Is(name string) bool { return h.Name == name || slices.Contains(h.Also, name) }

// LeftOut is the error of what an exchange cannot do, though another can: a test that comes to it has neither passed nor
// failed.
type LeftOut struct{ Why string }

func (l *LeftOut) Error() string { return "left out: " + l.Why }

func isLeftOut(err error) bool {
	var l *LeftOut
	return errors.As(err, &l)
}
