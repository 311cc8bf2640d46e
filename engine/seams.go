package engine

import (
	"context"
	"net/netip"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// What call control stands on. An exchange has SIP and RTP there. Package sim has phones and sound that exist in memory
// only, in a time of their own: what is written of calls here is what it runs.

// Prompts finds sounds by name: a prompt.Library.
type Prompts interface {
	Sound(ctx context.Context, name, language string) (prompt.Sound, error)
	Music(name string) (prompt.Sound, error)
	Has(name, language string) bool
	HasMusic(name string) bool
	Names(language string) []string
	MusicNames() []string
}

// Network is where calls come from and go to.
type Network interface {
	// Signalling serves calls with invite, which runs on a function of its own (see workers.Runner) and returns when the
	// exchange needs the dialog no more. Options.Invite is not set.
	Signalling(o sip.Options, invite func(ctx context.Context, d Dialog)) (Signalling, error)
	Media(o media.Options) (Media, error)
	// Facing is the address of ours that a host sees.
	Facing(ctx context.Context, host string) (netip.Addr, error)
}

// Signalling makes and takes calls, and knows the phones that are registered.
type Signalling interface {
	// Run serves until ctx ends, then ends all dialogs.
	Run(ctx context.Context) error
	Close() error
	Addrs(transport string) []netip.AddrPort
	// Dial makes a call and returns when it is answered. DialRequest.Handler is not set: h is what the dialog tells.
	Dial(ctx context.Context, r sip.DialRequest, h DialogHandler) (Dialog, error)
	Bindings(line string) []sip.Binding
	NotifyWaiting(line string, w sip.Waiting)
	NotifyLine(line string)
	Trunks() []sip.TrunkStatus
	SetTrunks(trunks []sip.Trunk)
}

// Dialog is a call at one phone or trunk, in either direction. Dialogs can be compared. What each method means, sip.Leg says.
type Dialog interface {
	CallID() string
	Peer() sip.Peer
	From() sip.Address
	AssertedIdentity() sip.Address
	Privacy() bool
	Dialled() string
	Diversion() []sip.Diversion
	RemoteSDP() []byte
	// Replaces is the dialog that the INVITE's Replaces header names; nil: it has none, or there is none like it.
	Replaces() Dialog

	Progress(ctx context.Context, code int, sdp []byte) error
	Answer(ctx context.Context, sdp []byte) error
	Reject(code int, reason string, h ...sip.Header) error
	Hangup(h ...sip.Header)
	Handle(h DialogHandler)
	// Context ends with the dialog.
	Context() context.Context
	// OnEnd has fn run, on a function of its own, when the dialog has ended.
	OnEnd(fn func())
	EndReason() string
}

// DialogHandler is told what happens inside a dialog; see sip.LegHandler.
type DialogHandler struct {
	Offer    func(ctx context.Context, sdp []byte) ([]byte, error)
	Answered func(sdp []byte)
	Refer    func(r *Refer)
	Digit    func(key byte, d time.Duration)
}

// Refer is a phone's wish to transfer its call; see sip.Refer.
type Refer struct {
	To       sip.Address
	Attended bool   // it names a dialog to replace
	Replaces Dialog // that dialog; nil: it is none of ours
	Notify   func(code int, reason string)
}

// Media is the sound of calls.
type Media interface {
	// NewSession opens the sound of one leg. near is one it will probably be joined to, or nil.
	NewSession(bind netip.Addr, near Session, events media.Events) (Session, error)
	NewMixer() Mixer
	// Bridge lets two sessions hear each other, until either gets another source.
	Bridge(a, b Session)
	NewPlayer(clips []*media.Clip, o media.PlayOptions) Player
	NewRecorder(o media.RecordOptions) Recorder
	NewTape(o media.TapeOptions) Tape
	Driver() string
	Stats() media.Stats
	Close() error
}

// Session is the sound of one leg; see media.Session.
type Session interface {
	LocalAddr() netip.AddrPort
	SetFormat(f media.Format) error
	Play(p Player)
	Echo()
	Silence()
	Record(r Recorder)
	SendDigits(ctx context.Context, digits string, each, gap time.Duration) error
	Stats() media.SessionStats
	Close()
}

// Player plays clips in a row, once; see media.Player.
type Player interface {
	Done() <-chan struct{}
	Finished() bool
	Position() time.Duration
	Seek(by time.Duration)
	Pause()
	Resume()
	Stop()
}

// Recorder takes down what one session hears; see media.Recorder.
type Recorder interface {
	Done() <-chan struct{}
	Stop()
	Length() time.Duration
	TrailingSilence() time.Duration
	Reason() media.StopReason
	Err() error
}

// Tape records a conversation; see media.Tape.
type Tape interface {
	Move(to Session, swapped bool)
	Done() <-chan struct{}
	Stop() error
}

// Mixer is the sound of a conference; see media.Mixer.
type Mixer interface {
	Join(s Session, o media.MemberOptions) Member
	Play(p Player)
	Close()
}

// Member is a session's part in a Mixer; see media.Member.
type Member interface {
	Play(p Player)
	SetMuted(on bool)
	Muted() bool
	Talking() bool
	Leave()
}
