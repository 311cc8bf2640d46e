package media

import (
	"net/netip"
	"time"
)

const (
	// learnFor is how long after the first packet a stream may still be learnt.
	learnFor = 3 * time.Second
	// candidateIdle is how long a candidate may be silent before another may try.
	candidateIdle = 600 * time.Millisecond
)

// origin decides which source address is the peer's. Without learning that is
// what SDP said and nothing else. With it, the first stream that is consistent
// over the probation wins, and is locked; where none is within the window, SDP's
// address is.
type origin struct {
	remote   netip.AddrPort // of SDP
	locked   netip.AddrPort // the only source taken once it is valid
	previous netip.AddrPort // what an earlier learning found: believed at once

	candidate netip.AddrPort
	proof     candidate
	opened    time.Time // of the first packet seen while learning
	seen      time.Time // of the candidate's last packet
}

// reset starts anew with a format.
func (o *origin) reset(remote netip.AddrPort, learn bool) {
	previous := netip.AddrPort{}
	if o.remote == remote {
		previous = o.destination()
	}
	*o = origin{remote: remote, previous: previous}
	if !learn {
		o.locked = remote
	}
}

// accepts tells whether a packet of an agreed payload type is the peer's.
func (o *origin) accepts(p *packet, from netip.AddrPort, now time.Time) bool {
	if o.locked.IsValid() {
		return from == o.locked
	}
	if from == o.remote || from == o.previous {
		o.locked = from
		return true
	}
	if o.opened.IsZero() {
		o.opened = now
	}
	if now.Sub(o.opened) > learnFor {
		o.locked = o.remote
		return false
	}
	if from != o.candidate {
		// The first stream wins, unless it fell silent.
		if o.candidate.IsValid() && now.Sub(o.seen) < candidateIdle {
			return false
		}
		o.candidate, o.proof = from, candidate{}
	}
	o.seen = now
	if o.proof.proves(p) {
		o.locked = from
	}
	return o.locked.IsValid()
}

// destination is where to send: never anything but SDP's address or the learnt one.
func (o *origin) destination() netip.AddrPort {
	switch {
	case o.locked.IsValid():
		return o.locked
	case o.previous.IsValid():
		return o.previous
	}
	return o.remote
}
