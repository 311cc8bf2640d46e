package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// Options is what a Server is made of.
type Options struct {
	// UDP and TCP are listen addresses, "0.0.0.0:5060" or "[::]:5060". Port 0 picks a free one.
	UDP, TCP []string
	// Advertise is the host to put in Contact and Via where the bound address is unspecified. Empty: the local
	// address of the route to each peer.
	Advertise string
	// Realm is the digest realm, and a host that means this exchange.
	Realm string
	// Domains are further hosts that mean this exchange; its own addresses and Realm always do.
	Domains []string
	// UserAgent goes into User-Agent and Server headers, "Belfry/1.0".
	UserAgent string
	Clock     clock.Clock           // nil: real
	Log       *slog.Logger          // nil: none
	Metrics   prometheus.Registerer // nil: none
	// Trace gets each message of a call, sent or received, by its Call-ID; nil: none.
	Trace  trace.Recorder
	Timers Timers
	// Lines gives the digest credentials of a user.
	Lines func(ctx context.Context, user string) (Credentials, bool)
	// Bindings keeps registrations over restarts; nil: memory only.
	Bindings BindingStore
	Trunks   []Trunk
	// Guest says whether a caller who is neither line nor trunk may reach a number; nil: never.
	Guest func(from Address, dialled string) bool
	// Invite serves one call in a goroutine of its own. ctx ends when the caller is gone; returning ends the leg.
	Invite func(ctx context.Context, leg *Leg)
	// MessageWaiting tells the state of a line's mailbox; false: that line has none.
	MessageWaiting func(line string) (Waiting, bool)
	// Dialogs are the calls at a line, for a line that wants to watch it; false: it may not.
	Dialogs func(watcher, line string) ([]DialogInfo, bool)
	// Presence is whether a line can be reached, for a line that wants to watch it; false: it may not.
	Presence func(watcher, line string) (Presence, bool)
	// Registered is called after each change of a line's bindings, in order per line.
	Registered func(line string, bindings []Binding)
	// SessionExpires is the session interval we ask for (RFC 4028); 0: 30 min, never below 90 s.
	SessionExpires time.Duration
	// MaxBindings is the most contacts one line may have; 0: 10.
	MaxBindings int
	// MaxLegs bounds the calls in progress, both directions; beyond it new ones get 503. 0: 20 000.
	MaxLegs int
	// MaxGuestLegs bounds the calls of guests (neither line nor trunk) from one source address; 0: 8.
	MaxGuestLegs int
	// DNS names the servers that trunk hosts are looked up with, "192.0.2.1:53"; empty: the system's.
	DNS []string
	// RateLimit is the most requests per second from one unknown source address; 0: the default of engine/sip/wire.
	RateLimit int
	// MinExpires, MaxExpires and DefaultExpires bound registrations; 0: 60 s, 1 h, 1 h.
	MinExpires, MaxExpires, DefaultExpires time.Duration
}

// Timers are T1, T2 and T4 of RFC 3261 section 17 (500 ms, 4 s and 5 s where zero).
type Timers struct{ T1, T2, T4 time.Duration }

func (t Timers) orDefault() Timers {
	if t.T1 <= 0 {
		t.T1 = 500 * time.Millisecond
	}
	if t.T2 <= 0 {
		t.T2 = 4 * time.Second
	}
	if t.T4 <= 0 {
		t.T4 = 5 * time.Second
	}
	return t
}

// Credentials let a line prove itself. Line is the number it then speaks for. The hashes are H(user:realm:secret) in
// hexadecimal (RFC 7616 section 3.4.2); an empty one means that algorithm is not accepted from this line.
type Credentials struct{ Line, HA1MD5, HA1SHA256 string }

// Trunk is a carrier or another exchange.
type Trunk struct {
	Name         string
	Host         string // "host" or "host:port", looked up by RFC 3263
	User, Secret string // digest credentials for calls out and registration; may be empty
	As           string // whose address is registered; "": User's
	Transport    string // "udp", "tcp" or "" for what RFC 3263 says
	Register     bool   // keep a registration there
	From         []netip.Prefix
}

// TrunkStatus is a trunk as it stands.
type TrunkStatus struct {
	Trunk
	Registered bool
	Until      time.Time // when the registration runs out
	Error      string    // what went wrong last; empty: nothing
}

// BindingStore keeps registrations. Save gets what changed: expired and removed bindings have Expires in the past.
type BindingStore interface {
	Load(ctx context.Context) ([]Binding, error)
	Save(ctx context.Context, changed []Binding) error
}

// Peer is who is at the other end of a leg. Line: the authenticated line. Trunk: the trunk it came or goes by. Neither:
// a guest.
type Peer struct {
	Line, Trunk string
	Source      netip.AddrPort
	Transport   string // "udp" or "tcp"
}

// Address is what From, To and P-Asserted-Identity hold, unescaped.
type Address struct{ Display, User, Host string }

// Diversion is one entry of a Diversion header (RFC 5806), most recent first.
type Diversion struct{ Number, Name, Reason string }

// Header is a header to add to a message. CR, LF and NUL in it are refused.
type Header struct{ Name, Value string }

// Waiting is the state of a mailbox (RFC 3842).
type Waiting struct{ New, Old, UrgentNew, UrgentOld int }
