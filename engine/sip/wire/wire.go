// Package wire stands between the sockets and the parser. It reads SIP as tolerantly
// as RFC 4475 asks and hands on messages in one plain form, answers requests that
// no tolerance can save, and keeps strangers within limits.
package wire

import (
	"net/netip"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Limits of a message.
const (
	MaxMessage = 65535 // octets, also after normalising: what sipgo's parser takes
	MaxHeaders = 256   // header fields, each of a list counted
	MaxVias    = 32
)

// Why something was counted: the values that Options.Count gets. The set is
// closed, so that no stranger can make up metrics.
const (
	CountKeepAlive = "keepalive"          // CRLF, or an empty datagram
	CountJunk      = "junk"               // not SIP
	CountRequest   = "malformed_request"  // dropped, answered if that is possible
	CountResponse  = "malformed_response" // dropped
	CountAnswered  = "answered"           // a malformed request was answered
	CountTooLarge  = "too_large"          // a message over MaxMessage
	CountRate      = "rate"               // over the rate of its source: dropped, on a stream delayed
	CountNewcomer  = "newcomer"           // from a source not seen lately, of which there are too many just now
	CountConns     = "connections"        // a connection over MaxConns
	CountSource    = "source_connections" // a connection over MaxConnsPerSource
	CountIdle      = "idle"               // a connection that ended by its time-out
	CountFraming   = "framing"            // a connection whose messages cannot be told apart: closed
)

// Reasons are all values that Options.Count can get.
func Reasons() []string {
	return []string{CountKeepAlive, CountJunk, CountRequest, CountResponse, CountAnswered, CountTooLarge,
		CountRate, CountNewcomer, CountConns, CountSource, CountIdle, CountFraming}
}

// Options are what PacketConn, Listener and Conn are told. The zero value is
// good for an exchange of some thousand telephones.
type Options struct {
	Clock clock.Clock         // nil: real
	Count func(reason string) // one of Reasons; nil: nobody counts. It must not block.
	// Exempt tells which sources have no limits of rate and connections; nil: none but loopback, which never
	// has. It is asked for each datagram and connection, so its answers may change.
	Exempt func(netip.Addr) bool

	// Rate is messages a second from one source, an IPv4 address or an IPv6 /64,
	// and Burst how many may come at once; 0: 100 and 200. More than that is
	// dropped, and nobody is banned: the source of a datagram can be forged.
	Rate  float64
	Burst float64
	// NewcomerRate is how many sources that were not heard lately may begin in a
	// second; 0: 1000. It bounds what forged sources cost, and keeps them from
	// pushing known ones out of the MaxSources that are remembered (0: 65536).
	NewcomerRate float64
	MaxSources   int
	// AnswerRate is how many malformed requests are answered a second; 0: 50.
	AnswerRate float64

	MaxConns          int           // of sources that are not exempt; 0: 2048
	MaxConnsPerSource int           // likewise; 0: 64
	FirstMessage      time.Duration // a connection's time for a message to arrive whole, the first from when it opens; 0: 30 s
	Idle              time.Duration // between messages or keep-alives; 0: 65 min, as registrations last up to an hour
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Count == nil {
		o.Count = func(string) {}
	}
	set := func(v *float64, standard float64) {
		if *v <= 0 {
			*v = standard
		}
	}
	set(&o.Rate, 100)
	set(&o.Burst, max(2*o.Rate, 1))
	set(&o.NewcomerRate, 1000)
	set(&o.AnswerRate, 50)
	setInt := func(v *int, standard int) {
		if *v <= 0 {
			*v = standard
		}
	}
	setInt(&o.MaxSources, 65536)
	setInt(&o.MaxConns, 2048)
	setInt(&o.MaxConnsPerSource, 64)
	if o.FirstMessage <= 0 {
		o.FirstMessage = 30 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = 65 * time.Minute
	}
	return o
}

func (o Options) exempt(a netip.Addr) bool {
	return a.IsLoopback() || o.Exempt != nil && o.Exempt(a.Unmap())
}
