package sim

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// signalling is what call control has in place of SIP: it knows the telephones of an Exchange and carries what is said
// between them and call control. What its methods mean package sip says; the errors are those of sip too.
type signalling struct {
	x       *Exchange
	world   *World
	o       sip.Options
	invite  func(ctx context.Context, d engine.Dialog)
	dialogs []*dialog // that stand, oldest first
	count   int       // Call-IDs made so far
	trunks  []sip.TrunkStatus
	lamps   map[string]sip.Waiting // what the telephones of a line were told of its mailbox last
}

// network is the engine.Network of an Exchange.
type network struct{ x *Exchange }

func (n network) Signalling(o sip.Options, invite func(ctx context.Context, d engine.Dialog)) (engine.Signalling, error) {
	s := &signalling{x: n.x, world: n.x.world, o: o, invite: invite, lamps: map[string]sip.Waiting{}}
	s.SetTrunks(o.Trunks)
	n.x.signalling = s
	return s, nil
}

func (n network) Media(media.Options) (engine.Media, error) {
	n.x.media = newMedia(n.x.world)
	return n.x.media, nil
}

func (n network) Facing(context.Context, string) (netip.Addr, error) { return ourAddr, nil }

// Run ends all dialogs when ctx does.
func (s *signalling) Run(ctx context.Context) error {
	s.world.NewWaiter().Wait(ctx, ctx)
	for _, d := range slices.Clone(s.dialogs) {
		d.end(sip.ErrClosed)
	}
	return nil
}

func (s *signalling) Close() error                  { return nil }
func (s *signalling) Addrs(string) []netip.AddrPort { return nil }
func (s *signalling) Trunks() []sip.TrunkStatus     { return slices.Clone(s.trunks) }
func (s *signalling) Bindings(line string) []sip.Binding {
	var all []sip.Binding
	for _, p := range s.x.phones(line) {
		if !p.offline {
			all = append(all, p.binding())
		}
	}
	return all
}

// SetTrunks has trunks that want it be registered at once.
func (s *signalling) SetTrunks(trunks []sip.Trunk) {
	s.trunks = nil
	for _, t := range trunks {
		status := sip.TrunkStatus{Trunk: t, Registered: t.Register}
		if t.Register {
			status.Until = s.world.Now().Add(time.Hour)
		}
		s.trunks = append(s.trunks, status)
	}
}

// NotifyLine does nothing: no simulated telephone watches another line.
func (s *signalling) NotifyLine(string) {}

func (s *signalling) NotifyWaiting(line string, w sip.Waiting) { s.lamps[line] = w }

// subscribe has a new telephone of a line told how its mailbox stands.
func (s *signalling) subscribe(line string) {
	if s.o.MessageWaiting != nil {
		if w, ok := s.o.MessageWaiting(line); ok {
			s.NotifyWaiting(line, w)
		}
	}
}

// Dial implements engine.Signalling. An answer that comes in the moment in which ctx ends counts.
func (s *signalling) Dial(ctx context.Context, r sip.DialRequest, h engine.DialogHandler) (engine.Dialog, error) {
	if len(r.Offer) == 0 {
		return nil, fmt.Errorf("sip: %w: dialling without an offer", sip.ErrInvalid)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	phone, peer, err := s.reach(&r)
	if err != nil {
		return nil, err
	}
	c := phone.rung(r)
	d := s.newDialog(c, r.CallID)
	d.dialledOut, d.peer, d.from, d.dialled = true, peer, r.From, phone.number
	d.handler, d.waiter = h, s.world.NewWaiter()
	d.describes(r.Offer)
	c.sent(false, "INVITE %s", phone.number)
	phone.behaves(c)
	for {
		for len(d.news) > 0 {
			p := d.news[0]
			d.news = d.news[1:]
			if r.OnProgress != nil {
				r.OnProgress(p.code, sip.ReasonPhrase(p.code), p.sdp)
			}
		}
		switch {
		case d.confirmed:
			return d, nil
		case d.refuse != nil:
			return nil, d.refuse
		case ctx.Err() != nil:
			c.cancelled(context.Cause(ctx))
			return nil, context.Cause(ctx)
		}
		d.waiter.Wait(ctx, d.ctx)
	}
}

// reach finds the telephone that a request is for, and how the exchange sees it.
func (s *signalling) reach(r *sip.DialRequest) (*Phone, sip.Peer, error) {
	peer := sip.Peer{Source: theirs, Transport: "udp"}
	switch {
	case r.Binding != nil:
		peer.Line = r.Binding.Line
		for _, p := range s.x.phones(peer.Line) {
			if p.contact == r.Binding.Contact {
				return p, peer, nil
			}
		}
		return nil, peer, unanswered(503, r.Binding.Contact, sip.ErrTransport)
	case r.Trunk != "":
		peer.Trunk = r.Trunk
		if s.trunk(r.Trunk) == nil {
			return nil, peer, fmt.Errorf("%w: %s", sip.ErrNoTrunk, r.Trunk)
		}
		if r.Number == "" {
			return nil, peer, fmt.Errorf("sip: %w: no number for trunk %s", sip.ErrInvalid, r.Trunk)
		}
		if m, broken := s.x.broken[r.Trunk]; broken { // nobody's telephone is reached
			return &Phone{x: s.x, number: r.Number, manner: m}, peer, nil
		}
		return s.x.Outside(r.Number), peer, nil
	case r.URI != "":
		uri, _, _ := strings.Cut(r.URI, "?")
		return s.x.Outside(uri), peer, nil
	}
	return nil, peer, fmt.Errorf("sip: %w: a call to nowhere", sip.ErrInvalid)
}

func (s *signalling) trunk(name string) *sip.TrunkStatus {
	at := slices.IndexFunc(s.trunks, func(t sip.TrunkStatus) bool { return t.Name == name })
	if at < 0 {
		return nil
	}
	return &s.trunks[at]
}

// theirs is where every telephone is.
var theirs = netip.AddrPortFrom(theirAddr, 5060)

// unanswered is the error of an INVITE without response.
func unanswered(code int, to string, err error) error {
	return fmt.Errorf("sip: INVITE to %s: %w (as %w)", to, err, &sip.StatusError{Code: code, Reason: sip.ReasonPhrase(code)})
}

// called takes a call to the exchange through what the SIP gate asks of it; see sip.Options.
func (s *signalling) called(d *dialog) {
	guest := d.peer.Line == "" && d.peer.Trunk == ""
	switch {
	case guest && (s.o.Guest == nil || !s.o.Guest(d.from, d.dialled)):
		d.reject(401, "", sip.ErrHungUp)
		return
	case d.replaces == nil:
	case guest || d.peer.Line == "" && d.peer.Trunk != d.replaces.peer.Trunk:
		d.reject(403, "", sip.ErrHungUp)
		return
	case d.replaces.ended:
		d.reject(603, "", sip.ErrHungUp)
		return
	case !d.replaces.confirmed:
		d.reject(481, "", sip.ErrHungUp)
		return
	}
	defer d.end(sip.ErrHungUp)
	if d.ctx.Err() == nil {
		s.invite(d.ctx, d)
	}
}

// forget leaves out a dialog that has ended.
func (s *signalling) forget(d *dialog) {
	s.dialogs = slices.DeleteFunc(s.dialogs, func(other *dialog) bool { return other == d })
}

// at is the dialog whose sound the exchange receives at a port; nil: there is none.
func (s *signalling) at(port uint16) *dialog {
	for _, d := range s.dialogs {
		if d.port == port {
			return d
		}
	}
	return nil
}

// isElsewhere tells whether a call was given up because somebody else has taken it.
func isElsewhere(cause error) bool { return errors.Is(cause, sip.ErrAnsweredElsewhere) }

// elsewhere is what telephones are told then (RFC 3326).
const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`
