// Package trace keeps the story of each call: its SIP messages, what its caller heard and pressed, the lines of the
// dialplan that ran and what was stored, in one order and in bounded space.
package trace

import "time"

// Kind is what a step is about.
type Kind string

// The kinds of steps.
const (
	SIP    Kind = "sip"    // a message, sent or received
	Media  Kind = "media"  // what is heard, recorded and pressed
	Script Kind = "script" // a primitive called by a dialplan
	Call   Kind = "call"   // what call control did: routed, ringing, answered, ended
	Store  Kind = "store"  // what was kept: a message, a recording, a call record
	Error  Kind = "error"  // what went wrong
)

// Exchange is the exchange itself as Step.From and Step.To.
const Exchange = "belfry"

// Field is a fact of a step by name.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Step is one thing that happened in a call. Who adds it gives Call or Dialog, Kind and what is known; it holds no secret.
type Step struct {
	Call   string        // the call's id; "": that of Dialog
	Dialog string        // a SIP Call-ID, for messages: it says which call and party they belong to; see Recorder.Join
	Seq    int           // from 1 in each call; given by the Log
	Time   time.Time     // zero: now
	Offset time.Duration // since the call's first step; given by the Log
	Kind   Kind
	Text   string  // one line for people, "ringing 77513"; "" with Raw: its first line
	At     string  // the line of the dialplan, "main.lua:12"; "": none
	From   string  // sip: who sends it, and who gets it: Exchange, and an address, which the Log makes a party's name
	To     string  //
	Fields []Field // the same facts for programs
	Raw    string  // sip: the message, through Clean; may be cut
}

// Dialog is one party's part in a call.
type Dialog struct {
	ID    string `json:"-"`     // SIP Call-ID
	Party string `json:"party"` // number or name, for people
}

// Info is what a call is in one line.
type Info struct {
	ID      string    `json:"id"`
	From    string    `json:"from"` // the caller's number
	To      string    `json:"to"`   // what was dialled
	Start   time.Time `json:"start"`
	End     time.Time `json:"end,omitzero"` // zero: it is under way
	Outcome string    `json:"outcome,omitempty"`
	Steps   int       `json:"steps"`
	Lost    int       `json:"lost,omitempty"` // steps that were too many to keep
	Dialogs []Dialog  `json:"-"`              // in the order in which they joined: the caller first
}

// Recorder takes down what happens in calls. Its methods may be called from any goroutine, do not block for long and
// keep nothing without bound.
type Recorder interface {
	// Begin says that there is a call. Without it, the first Join or Add of a call begins it.
	Begin(call, from, to string)
	// Join says that a dialog, by its SIP Call-ID, belongs to a call from now on, and who is there. What has happened in
	// the dialog while nobody knew whose it is becomes part of the call.
	Join(call, dialog, party string)
	// Add adds a step. One of a dialog that belongs to no call is kept for a while if an INVITE has begun it, and is
	// dropped otherwise.
	Add(s Step)
	// Hide says that a text is secret, a PIN that has come to light only now: keys that spelt it are hidden in what has
	// been added, and the text wherever else it stands.
	Hide(call, secret string)
	// End says how a call ended. Messages may still follow.
	End(call, outcome string)
}
