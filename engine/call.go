package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/workers"
)

// What ends a handler. Every primitive returns one of these, wrapped, when it can do no more.
var (
	// ErrHangup says that the caller is gone.
	ErrHangup = errors.New("the caller has hung up")
	// ErrEnded says that the dialplan itself rejected or ended the call.
	ErrEnded = errors.New("the call has been ended")
	// ErrRedirected says that the call goes on elsewhere: by Redirect, Transfer or a phone's transfer.
	ErrRedirected = errors.New("the call goes on elsewhere")
)

// Handler answers for a call. ServeCall runs on a goroutine of its own; ctx ends
// when the caller hangs up, and a call still standing when it returns is ended.
type Handler interface {
	ServeCall(ctx context.Context, c *Call)
}

// HandlerFunc makes a function a Handler.
type HandlerFunc func(ctx context.Context, c *Call)

// ServeCall calls f.
func (f HandlerFunc) ServeCall(ctx context.Context, c *Call) { f(ctx, c) }

// State is how far a call has come.
type State string

// The states of a call.
const (
	StateRinging  State = "ringing"
	StateAnswered State = "answered"
	StateHeld     State = "held"
	StateEnded    State = "ended"
)

// Reason says why a call is rejected; each is one SIP status (RFC 3261 section 21).
type Reason string

// The reasons for which a dialplan rejects a call.
const (
	Busy        Reason = "busy"        // 486
	Unavailable Reason = "unavailable" // 480
	Declined    Reason = "declined"    // 603
	NotFound    Reason = "notFound"    // 404
	Forbidden   Reason = "forbidden"   // 403
	Congested   Reason = "congested"   // 503
)

// Outcome is what became of something that depends on people. Which outcomes a
// primitive can have stands at its result.
type Outcome string

// The outcomes.
const (
	OutcomePlayed      Outcome = "played"
	OutcomeInterrupted Outcome = "interrupted"
	OutcomeDigits      Outcome = "digits"
	OutcomeTimeout     Outcome = "timeout"
	OutcomeInvalid     Outcome = "invalid"
	OutcomeRecorded    Outcome = "recorded"
	OutcomeSilence     Outcome = "silence"
	OutcomeMaxLength   Outcome = "maxLength"
	OutcomeSaved       Outcome = "saved"
	OutcomeTooShort    Outcome = "tooShort"
	OutcomeFull        Outcome = "full"
	OutcomeFailed      Outcome = "failed"
	OutcomeAnswered    Outcome = "answered"
	OutcomeBusy        Outcome = "busy"
	OutcomeNoAnswer    Outcome = "noAnswer"
	OutcomeRejected    Outcome = "rejected"
	OutcomeUnreachable Outcome = "unreachable"
	OutcomeCancelled   Outcome = "cancelled"
	OutcomeCongested   Outcome = "congested"
	OutcomeLeft        Outcome = "left"
	OutcomeKicked      Outcome = "kicked"
	OutcomeEnded       Outcome = "ended"
	OutcomeWrongPin    Outcome = "wrongPin"
)

// Party is who is at one end of a call.
type Party struct {
	Number   string // as dialled inside for a line, as presented for anybody else; "" when anybody else withholds it
	Name     string
	Line     string // the authenticated line; "" for callers from outside
	Trunk    string // the trunk it came by
	Verified bool   // the number is known to be the caller's own: he authenticated, or his trunk vouches for it
}

// Diversion says who sent a call here (RFC 5806).
type Diversion struct{ Number, Reason string }

// Call is one caller and what happens to him: the subject of every primitive.
// Its primitives are called from its handler's goroutine; the facts about it from any.
type Call struct {
	id     string
	engine *Engine

	ctx    context.Context // ends when the caller is gone
	cancel context.CancelCauseFunc

	// Used on the handler's goroutine only.
	dialled      string
	matched      string
	route        Route
	diversion    *Diversion
	redirects    int
	next         string // where Redirect sends it
	digits       []byte // pressed and not yet read
	reading      int    // primitives that want the keys for themselves
	secret       int    // those of them that read a secret
	swallow      byte   // a terminator that came too late to be needed
	swallowUntil time.Time
	on           map[string]func(Event)
	untold       []Event // happened while a function registered with On runs
	telling      bool
	told         int // how many events functions have been told of
	onHangup     []func()

	events  chan func()    // what happened at the phone; run on the handler's goroutine while it waits
	waiting workers.Waiter // where the handler waits

	// Lock order: Engine.transfers, Engine.mu, Room.mu, Call.mu, leg.mu. Two calls are locked
	// together only while Engine.transfers is held.
	mu       sync.Mutex
	from     Party       // who is there now
	private  bool        // he withholds his number
	asserted sip.Address // what the networks may be told of him all the same; zero: nobody vouches
	as       string      // the line that pays, when it is not the caller's: who transferred or forwarded
	caller   *leg        // nil while he is being transferred
	peer     *leg        // who is bridged to the caller
	state    State
	transfer *transfer // the caller or peer is being sent elsewhere
	held     bool      // by Hold
	hears    layers
	ringing  *ringing                      // what others may pick up; nil: nothing
	member   *member                       // in a conference
	place    string                        // in the dialplan
	progress func(code int, reason string) // tells who transferred this caller here how it goes
	record   record

	recording *conversation // of what is said here; nil: none

	rung atomic.Int32 // phones that were dialled
}

// ID is unique to this call; it stands in every log line.
func (c *Call) ID() string { return c.id }

// From is the caller. An attended transfer can put another in his place.
func (c *Call) From() Party {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from
}

// Private tells whether the caller withholds his number: it may be used, but not shown or said.
func (c *Call) Private() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.private
}

// Dialled is what was dialled, without blanks and punctuation.
func (c *Call) Dialled() string { return c.dialled }

// Matched is the part of Dialled that the pattern's x, z, n, sets and final dot matched.
func (c *Call) Matched() string { return c.matched }

// Diversion is who diverted the call here, or nil.
func (c *Call) Diversion() *Diversion { return c.diversion }

// Engine is the exchange the call is on.
func (c *Call) Engine() *Engine { return c.engine }

// State is how far the call has come.
func (c *Call) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Prompt is something to be heard: exactly one of its fields is set.
type Prompt struct {
	Name      string     // "vm-intro", "tone:busy", "silence:2s"
	Recording *Recording // what a caller said, or a message
}

// Recording is sound that was recorded; it can be played like any prompt.
type Recording struct {
	Clip    *media.Clip
	Outcome Outcome // "recorded" (a terminator or hang-up), "silence", "maxLength"
	Length  time.Duration
}

// AnyKey as PlayOptions.Interrupt lets every key end a prompt.
const AnyKey = "0123456789*#ABCD"

// PlayOptions refine PlayPrompt.
type PlayOptions struct {
	Interrupt string  // the keys that end the prompt
	Volume    float64 // dB; 0: as it is
	Language  string  // "": the exchange's
	Times     int     // 0: once

	// Keys that move within what is played, for messages; "": none.
	Back, Forward, Pause, Restart string
	Skip                          time.Duration // how far Back and Forward go; 0: 3 s
}

// PlayResult is OutcomePlayed or OutcomeInterrupted, then with the key.
type PlayResult struct {
	Outcome Outcome
	Digit   string
}

// ReadDigitsOptions refine ReadDigits.
type ReadDigitsOptions struct {
	Prompt     []Prompt
	Invalid    []Prompt // heard before another try
	Language   string
	Min, Max   int           // Max 0: 32
	Terminator string        // keys that end the number; "": none ("#" is the dialplan's default)
	Timeout    time.Duration // until the first digit; 0: 5 s
	Between    time.Duration // from digit to digit; 0: 3 s
	Tries      int           // 0: 1
	Secret     bool          // a PIN: the trace does not show what is pressed
}

// DigitsResult is OutcomeDigits, OutcomeTimeout (nothing was pressed) or OutcomeInvalid (fewer than Min).
type DigitsResult struct {
	Outcome Outcome
	Digits  string
}

// RecordOptions refine Record.
type RecordOptions struct {
	Prompt     []Prompt
	Language   string
	MaxLength  time.Duration // 0: 3 min
	Silence    time.Duration // this much of it ends the recording; 0: 5 s; negative: never
	Terminator string        // keys that end it; the dialplan's default is "#"
	NoBeep     bool
}

// VoicemailOptions refine RecordVoicemail.
type VoicemailOptions struct {
	Greeting  []Prompt // nil: the mailbox's own, or the default one
	Busy      bool     // prefer the "busy" greeting
	Language  string
	MaxLength time.Duration // 0: 3 min
	Silence   time.Duration // 0: 8 s
	Urgent    bool
}

// VoicemailResult is OutcomeSaved, OutcomeTooShort, OutcomeFull or OutcomeFailed.
type VoicemailResult struct {
	Outcome Outcome
	Message string // the message's id
}

// Strategies of Bridge.
const (
	Simultaneous = "simultaneous" // all at once
	Sequential   = "sequential"   // one after another, RingFor each
)

// BridgeOptions refine Bridge.
type BridgeOptions struct {
	Strategy     string        // "": simultaneous
	Timeout      time.Duration // in all; 0: 25 s, or when sequential what RingFor comes to
	RingFor      time.Duration // each, when sequential; 0: 15 s
	Ringback     []Prompt      // what the caller hears meanwhile; nil: the ringing tone
	CallerName   string        // shown instead of the caller's
	CallerNumber string        // presented instead of the caller's
	Announce     []Prompt      // what the called person hears before he is joined
	AnswerTo     string        // the key the called person must press to take the call; "": none
	Limit        time.Duration // the longest they may talk; 0: no limit
	Diversion    *Diversion    // say on whose behalf the call comes
	Language     string
}

// BridgeResult is OutcomeAnswered (they talked, and one has hung up), OutcomeBusy, OutcomeNoAnswer,
// OutcomeRejected, OutcomeUnreachable, OutcomeCancelled or OutcomeCongested.
type BridgeResult struct {
	Outcome Outcome
	By      string        // the target that answered
	Talked  time.Duration // how long
}

// ConferenceOptions refine Conference.
type ConferenceOptions struct {
	Pin              string // asked for before joining
	Moderator        bool
	Muted            bool
	Announce         []Prompt // heard by the room when this caller joins and leaves, usually his name; nil: a beep
	Quiet            bool     // no announcement at all
	WaitForModerator bool     // music until a moderator is there
	EndWithMe        bool     // the room ends when this caller leaves
	MaxMembers       int      // 0: 1000
	Language         string
}

// ConferenceResult is OutcomeLeft, OutcomeKicked, OutcomeEnded, OutcomeFull or OutcomeWrongPin.
type ConferenceResult struct{ Outcome Outcome }

// Event is what a handler registered with On is told.
type Event struct {
	Name  string // "digit", "answered", "held", "unheld"
	Digit string
}
