package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// How the sound of calls fares: live, and in the call record.

// CallInfo describes a live call.
type CallInfo struct {
	ID       string        `json:"id"`
	From     string        `json:"from"`
	FromName string        `json:"fromName,omitempty"`
	To       string        `json:"to"`
	With     string        `json:"with,omitempty"` // who talks to the caller
	State    State         `json:"state"`
	Route    string        `json:"route,omitempty"`
	At       string        `json:"at,omitempty"` // the line of the dialplan that was reached last
	Age      time.Duration `json:"age"`          // since it began
	Sound    Sound         `json:"sound"`        // where what the caller hears comes from
	Legs     []LegInfo     `json:"legs"`         // the caller, then whom he talks to
}

// Sound says what the exchange does with the sound of a call.
type Sound string

// The sounds of a call.
const (
	Relayed    Sound = "relayed"    // passed on as it is, from phone to phone
	Transcoded Sound = "transcoded" // passed on in another codec
	Mixed      Sound = "mixed"      // of a conference
	Played     Sound = "played"     // the exchange's own: prompts, music, tones, or silence
)

// LegInfo describes a phone or trunk on a live call.
type LegInfo struct {
	callog.Leg
	Remote string `json:"remote,omitempty"` // where its sound goes
	Held   bool   `json:"held,omitempty"`   // it has put the other side on hold
}

// figures are what is counted of a leg's sound so far.
func (l *leg) figures() LegInfo {
	l.mu.Lock()
	own, held := named(l.agreed.Codec), l.held
	l.mu.Unlock()
	s := l.media.Stats()
	info := LegInfo{Held: held, Leg: callog.Leg{
		Number: cmp.Or(l.party.Number, l.party.Trunk), Codec: own.Name(), In: s.PacketsIn, Out: s.PacketsOut,
		Lost: s.Lost, RemoteLost: s.RemoteLost, Jitter: milliseconds(s.Jitter), RTT: milliseconds(s.RTT),
	}}
	if s.Remote.IsValid() {
		info.Remote = s.Remote.String()
	}
	for reason, n := range s.Dropped {
		if n > 0 {
			if info.Dropped == nil {
				info.Dropped = map[string]uint64{}
			}
			info.Dropped[media.DropReason(reason).String()] = n
		}
	}
	return info
}

// milliseconds keeps tenths: finer is not known of packets.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond)
}

// sounds tells what is done with the sound of a call. c.mu is held.
func (c *Call) sounds() Sound {
	switch {
	case c.member != nil:
		return Mixed
	case c.peer == nil || c.caller == nil || c.held || c.caller.isHeld() || c.peer.isHeld() || c.hears.prompt != nil || c.hears.echo:
		return Played
	case relayable(c.caller.speaks(), c.peer.speaks()):
		return Relayed
	}
	return Transcoded
}

// speaks is the codec that was agreed; None: none yet.
func (l *leg) speaks() codec.Codec {
	l.mu.Lock()
	defer l.mu.Unlock()
	return named(l.agreed.Codec)
}

// relayable tells whether packets of one codec are passed on to a leg with the other: the two laws of G.711 differ byte by
// byte only.
func relayable(a, b codec.Codec) bool {
	g711 := func(c codec.Codec) bool { return c == codec.PCMU || c == codec.PCMA }
	return a == b || g711(a) && g711(b)
}

// describe lists calls, the oldest first.
func describe(calls []*Call, now time.Time) []CallInfo {
	all := make([]CallInfo, 0, len(calls))
	for _, c := range calls {
		c.mu.Lock()
		info := CallInfo{
			ID: c.id, From: c.from.Number, FromName: c.from.Name, To: c.record.dialled, State: c.state,
			Route: c.record.route, At: c.place, Age: now.Sub(c.record.start), Sound: c.sounds(), Legs: []LegInfo{},
		}
		if c.peer != nil {
			info.With = c.peer.party.Number
		}
		for _, l := range []*leg{c.caller, c.peer} {
			if l != nil {
				info.Legs = append(info.Legs, l.figures())
			}
		}
		c.mu.Unlock()
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b CallInfo) int {
		return cmp.Or(cmp.Compare(b.Age, a.Age), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// maxLegs bounds the legs that a call record has; a call that is transferred round and round has more.
const maxLegs = 8

// noteLeg makes a leg part of the call record. c.mu is held, or c is new.
func (c *Call) noteLeg(l *leg) {
	if r := &c.record; len(r.legs) < maxLegs && !slices.Contains(r.legs, l) {
		r.legs = append(r.legs, l)
	}
}

// legInfo is the figures of a call's legs for its record.
func (r *record) legInfo() []callog.Leg {
	var all []callog.Leg
	for _, l := range r.legs {
		all = append(all, l.figures().Leg)
	}
	return all
}
