// Package manage is what an administrator does to an exchange: to one that runs, over its
// control socket (package control), or to the data folder of one that does not (Data).
package manage

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// ErrNotRunning answers what only a running exchange can do.
var ErrNotRunning = errors.New("no exchange is running on this data folder")

// Manager manages an exchange. What it is asked for is refused with an *Error.
type Manager interface {
	Lines(ctx context.Context) ([]Line, error)
	Line(ctx context.Context, number string) (Line, error)
	AddLine(ctx context.Context, n NewLine) (Secret, error)
	SetLine(ctx context.Context, number string, c LineChange) (Secret, error)
	// RemoveLine removes a line and its mailbox; one with messages only if they are to go too.
	RemoveLine(ctx context.Context, number string, messagesToo bool) error
	ImportLines(ctx context.Context, csv io.Reader) (Imported, error)
	ExportLines(ctx context.Context, csv io.Writer) error

	Mailboxes(ctx context.Context) ([]Mailbox, error)
	Mailbox(ctx context.Context, number string) (Mailbox, error)
	UnlockMailbox(ctx context.Context, number string) error
	// SendAgain has the messages of a mailbox go whose mail was refused, and tells how many those are.
	SendAgain(ctx context.Context, number string) (int, error)

	History(ctx context.Context, limit int) ([]callog.Record, error)

	// Traces are the latest calls whose story is kept, those under way included; Trace is one, by its id or the beginning of it.
	Traces(ctx context.Context, limit int) ([]trace.Info, error)
	Trace(ctx context.Context, id string) (trace.Trace, error)

	// These need an exchange that runs.
	Status(ctx context.Context) (Status, error)
	Calls(ctx context.Context) ([]engine.CallInfo, error)
	Reload(ctx context.Context) (Reloaded, error)
	Caller(ctx context.Context, from string) (Caller, error)
	// Lend is Caller with credentials for so long, an hour at most, or until TakeBack gets their user.
	Lend(ctx context.Context, line string, long time.Duration) (Caller, error)
	TakeBack(ctx context.Context, user string) error
	// FollowTrace gives a call's story so far and then each step as it comes, until the call is over or ctx ends.
	FollowTrace(ctx context.Context, id string, each func(trace.Step) error) error
	// Failures are the failures of the dialplan since the exchange was started, those of one place together.
	Failures(ctx context.Context) ([]trace.Group, error)
	// Explain tells what would become of a call; a question without a time is about now.
	Explain(ctx context.Context, q explain.Question) (*explain.Answer, error)
	// Plan is all extensions, in the order in which they are tried.
	Plan(ctx context.Context) ([]explain.Rule, error)
}

// Line is a line and what is registered for it.
type Line struct {
	directory.Line
	Devices []Device `json:"devices,omitempty"` // of a running exchange
}

// Device is a telephone that is registered for a line.
type Device struct {
	Contact   string    `json:"contact"`
	Transport string    `json:"transport"`
	Source    string    `json:"source"`
	UserAgent string    `json:"userAgent,omitempty"`
	Expires   time.Time `json:"expires"`
}

// NewLine is a line to add. An empty secret has one made.
type NewLine struct {
	directory.Line
	Secret string `json:"secret,omitempty"`
	PIN    string `json:"pin,omitempty"`
}

// Secret is a line's secret, told once: only its hashes are kept. It is empty where none was set.
type Secret struct {
	Number string `json:"number"`
	Secret string `json:"secret,omitempty"`
}

// LineChange is what to change of a line; nil leaves it as it is.
type LineChange struct {
	Name        *string         `json:"name,omitempty"`
	Kind        *directory.Kind `json:"kind,omitempty"`
	Person      *string         `json:"person,omitempty"`
	Department  *string         `json:"department,omitempty"`
	Permissions *[]string       `json:"permissions,omitempty"`
	Voicemail   *bool           `json:"voicemail,omitempty"`
	PickupGroup *string         `json:"pickupGroup,omitempty"`
	Email       *string         `json:"email,omitempty"`
	DND         *bool           `json:"dnd,omitempty"`

	Mail   *directory.MailChoice `json:"mail,omitempty"`
	Secret *string               `json:"secret,omitempty"` // "": have one made
	PIN    *string               `json:"pin,omitempty"`
}

// Imported is what an import did, and the secrets that were made for new lines.
type Imported struct {
	Added     int      `json:"added"`
	Changed   int      `json:"changed"`
	Unchanged int      `json:"unchanged"`
	PINs      int      `json:"pins"`
	Secrets   []Secret `json:"secrets,omitempty"`
}

// Mailbox is a mailbox and, when it was asked for by number, what is in it.
type Mailbox struct {
	Number        string     `json:"number"`
	New           int        `json:"new"`
	Old           int        `json:"old"`
	Urgent        int        `json:"urgent"`  // new ones
	Seconds       float64    `json:"seconds"` // of all messages together
	HasPIN        bool       `json:"hasPin"`
	MustChangePIN bool       `json:"mustChangePin,omitempty"`
	LockedUntil   *time.Time `json:"lockedUntil,omitempty"` // by wrong PINs; nil: it is not
	MailTo        string     `json:"mailTo,omitempty"`      // where messages go, if the exchange sends mail; "": nowhere
	MailDeletes   bool       `json:"mailDeletes,omitempty"` // messages that have gone
	Messages      []Message  `json:"messages,omitempty"`
}

// Message is a message that is not deleted.
type Message struct {
	ID          string    `json:"id"`
	From        string    `json:"from,omitempty"`
	Name        string    `json:"name,omitempty"`
	Time        time.Time `json:"time"`
	Seconds     float64   `json:"seconds"`
	Urgent      bool      `json:"urgent"`
	Heard       bool      `json:"heard"`
	Interrupted bool      `json:"interrupted,omitempty"` // the exchange stopped while it was recorded
	Mail        *Mail     `json:"mail,omitempty"`        // nil: none is to go, or it has gone
}

// Mail is the mail about a message that has not gone.
type Mail struct {
	Refused bool       `json:"refused,omitempty"` // for good
	Error   string     `json:"error,omitempty"`   // what the server said of it last
	Next    *time.Time `json:"next,omitempty"`    // when it is tried again, if the server has put it off
}

// MailStatus is how mail fares.
type MailStatus struct {
	Waiting int        `json:"waiting"`
	Refused int        `json:"refused"`
	Down    *time.Time `json:"down,omitempty"`  // since when the server takes none; nil: it does
	Error   string     `json:"error,omitempty"` // why
	Next    *time.Time `json:"next,omitempty"`  // when it is tried again
}

// Status is a running exchange.
type Status struct {
	Name       string    `json:"name"`
	Mode       string    `json:"mode"` // "demo" or "serve"
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Site       string    `json:"site"`
	Data       string    `json:"data"`
	UDP        []string  `json:"udp,omitempty"`
	TCP        []string  `json:"tcp,omitempty"`
	Generation int       `json:"generation"`
	Calls      int       `json:"calls"`
	Driver     string    `json:"driver"` // how packets are moved
	Stopping   bool      `json:"stopping,omitempty"`

	Mail *MailStatus `json:"mail,omitempty"` // nil: none is sent
}

// Reloaded is what a reload did.
type Reloaded struct {
	Generation int      `json:"generation"`
	Unchanged  bool     `json:"unchanged,omitempty"`
	Changed    []string `json:"changed,omitempty"`
	Text       string   `json:"text"` // as people read it
}

// Caller is what a test call needs: where the exchange is and how to prove to be a line.
type Caller struct {
	Server string `json:"server"`
	Number string `json:"number"` // the line to call from
	User   string `json:"user,omitempty"`
	Secret string `json:"secret,omitempty"` // the line's, or one that is lent: by Caller for a minute
}
