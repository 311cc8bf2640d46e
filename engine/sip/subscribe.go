package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// Lifetimes of a subscription, in seconds.
const (
	minSubscription     = 60
	maxSubscription     = 3600
	maxSubsPerLine      = 200 // a console watches many lines
	messageSummary      = "message-summary"
	messageSummaryType  = "application/simple-message-summary"
	notifyTimeoutFactor = 64 // in T1
)

// eventPackage is what a kind of subscription needs (RFC 6665 section 5). packageFor has them all.
type eventPackage struct {
	name, contentType string
	// state gives the body for what a line may see of a resource; false: it may see nothing. version counts what a
	// subscriber has been told.
	state func(s *Server, line, resource string, version uint32) ([]byte, bool)
}

// allowEvents are the names of all packages (RFC 6665 section 8.2.2).
const allowEvents = messageSummary + ", " + dialogEvent + ", " + presenceEvent + ", refer"

func packageFor(event string) (eventPackage, bool) {
	name, _, _ := strings.Cut(event, ";")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case messageSummary:
		return eventPackage{messageSummary, messageSummaryType, func(s *Server, line, resource string, _ uint32) ([]byte, bool) {
			if s.o.MessageWaiting == nil || resource != line {
				return nil, false
			}
			w, ok := s.o.MessageWaiting(line)
			return summary(w, line, s.host()), ok
		}}, true
	case dialogEvent:
		return eventPackage{dialogEvent, dialogEventType, func(s *Server, line, resource string, version uint32) ([]byte, bool) {
			if s.o.Dialogs == nil {
				return nil, false
			}
			dialogs, ok := s.o.Dialogs(line, resource)
			return dialogInfo(resource, s.host(), version, dialogs), ok
		}}, true
	case presenceEvent:
		return eventPackage{presenceEvent, presenceEventType, func(s *Server, line, resource string, _ uint32) ([]byte, bool) {
			if s.o.Presence == nil {
				return nil, false
			}
			p, ok := s.o.Presence(line, resource)
			return pidf(resource, s.host(), p), ok
		}}, true
	}
	return eventPackage{}, false
}

// summary writes the body of RFC 3842 section 5.2.
func summary(w Waiting, line, host string) []byte {
	waiting := "no"
	if w.New+w.UrgentNew > 0 {
		waiting = "yes"
	}
	return fmt.Appendf(nil, "Messages-Waiting: %s\r\nMessage-Account: %s\r\nVoice-Message: %d/%d (%d/%d)\r\n",
		waiting, Address{User: line, Host: host}.uri(), w.New, w.Old, w.UrgentNew, w.UrgentOld)
}

// subscription is one subscriber's dialog.
type subscription struct {
	pkg            eventPackage
	event          string // as the subscriber wrote it, with its id parameter
	line, resource string
	device         netip.AddrPort

	mu      sync.Mutex
	d       Dialog
	expires time.Time
	ended   bool
	timer   clock.Timer
	sending sync.Mutex  // one NOTIFY at a time, in order
	version uint32      // of the state that is sent next; sending guards it
	last    []byte      // the body that was sent last; likewise
	due     atomic.Bool // a NOTIFY is about to be sent that has not read the state yet
}

type subscriptions struct {
	mu    sync.Mutex
	table map[dialogID]*subscription
	lines map[string]map[*subscription]struct{} // by who subscribes
	// watched has those to lines' calls and presence, by what is watched.
	watched map[string]map[*subscription]struct{}
}

func (t *subscriptions) init() {
	t.table = make(map[dialogID]*subscription)
	t.lines = make(map[string]map[*subscription]struct{})
	t.watched = make(map[string]map[*subscription]struct{})
}

func (t *subscriptions) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.table)
}

// of gives the subscriptions to a line's state.
func (t *subscriptions) of(line string) []*subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*subscription
	for sub := range t.lines[line] {
		out = append(out, sub)
	}
	return out
}

func (t *subscriptions) add(sub *subscription) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	subs := t.lines[sub.line]
	if len(subs) >= maxSubsPerLine {
		return false
	}
	if subs == nil {
		subs = make(map[*subscription]struct{})
		t.lines[sub.line] = subs
	}
	subs[sub] = struct{}{}
	if sub.pkg.name != messageSummary {
		if t.watched[sub.resource] == nil {
			t.watched[sub.resource] = make(map[*subscription]struct{})
		}
		t.watched[sub.resource][sub] = struct{}{}
	}
	t.table[sub.d.id()] = sub
	return true
}

// end forgets a subscription; false: it was forgotten before.
func (t *subscriptions) end(sub *subscription) bool {
	sub.mu.Lock()
	was := sub.ended
	sub.ended = true
	if sub.timer != nil {
		sub.timer.Stop()
	}
	id := sub.d.id()
	sub.mu.Unlock()
	if was {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.table, id)
	delete(t.lines[sub.line], sub)
	if len(t.lines[sub.line]) == 0 {
		delete(t.lines, sub.line)
	}
	if delete(t.watched[sub.resource], sub); len(t.watched[sub.resource]) == 0 {
		delete(t.watched, sub.resource)
	}
	return true
}

// lifetime is how long a SUBSCRIBE wants to last; code 423 refuses it.
func lifetime(req *sip.Request) (seconds uint64, code int) {
	seconds, ok := headerUint(req, "Expires")
	switch {
	case !ok:
		return maxSubscription, 0
	case seconds > 0 && seconds < minSubscription:
		return 0, 423
	}
	return min(seconds, maxSubscription), 0
}

// gotSubscribe makes a subscription (RFC 6665 section 4.2.1).
func (s *Server) gotSubscribe(req *sip.Request, tx *transaction.Server) {
	peer, ok := s.admit(req, tx)
	if !ok {
		return
	}
	event := headerValue(req, "Event")
	pkg, known := packageFor(event)
	if !known {
		s.answer(req, tx, 489, nil, Header{"Allow-Events", allowEvents})
		return
	}
	if missing := unsupported(req); missing != "" {
		s.answer(req, tx, 420, nil, Header{"Unsupported", missing})
		return
	}
	seconds, code := lifetime(req)
	if code != 0 {
		s.answer(req, tx, code, nil, Header{"Min-Expires", strconv.Itoa(minSubscription)})
		return
	}
	resource := addressOf("", &req.Recipient).User
	if resource == "" {
		resource = peer.Line
	}
	if _, ok := pkg.state(s, peer.Line, resource, 0); !ok {
		code := 404
		if resource != peer.Line {
			code = 403
		}
		s.answer(req, tx, code, nil)
		return
	}
	at, err := s.localFor(peer.Transport, peer.Source)
	if err != nil {
		s.answer(req, tx, 500, nil)
		return
	}
	to, from := req.To(), req.From()
	tag := token(8)
	to.Params.Add("tag", tag)
	sub := &subscription{pkg: pkg, event: event, line: peer.Line, resource: resource, device: peer.Source}
	sub.d = Dialog{
		CallID: req.CallID().Value(), LocalTag: tag, RemoteTag: tagOf(from.Params), Confirmed: true,
		Local: nameAddress(to.DisplayName, &to.Address), Remote: nameAddress(from.DisplayName, &from.Address),
		RemoteSeq: req.CSeq().SeqNo, Transport: peer.Transport, Flow: peer.Source, Peer: peer,
		Contact: contact(at, peer.Transport, resource),
	}
	sub.d.updateTarget(req)
	sub.d.recordRoute(req, false)
	if seconds > 0 && !s.subs.add(sub) {
		s.answer(req, tx, 403, nil)
		return
	}
	s.accept(sub, req, tx, seconds)
}

// accept answers a SUBSCRIBE with 200 and sends the state at once (RFC 6665 section 4.2.1.2).
func (s *Server) accept(sub *subscription, req *sip.Request, tx *transaction.Server, seconds uint64) {
	sub.mu.Lock()
	sub.expires = s.clock.Now().Add(time.Duration(seconds) * time.Second)
	if sub.timer != nil {
		sub.timer.Stop()
	}
	if seconds > 0 {
		sub.timer = s.clock.AfterFunc(time.Duration(seconds)*time.Second, func() {
			s.spawn("the end of a subscription", func() { s.expire(sub) })
		})
	}
	sub.mu.Unlock()
	s.answer(req, tx, 200, nil, Header{"Expires", strconv.FormatUint(seconds, 10)}, Header{"Contact", sub.d.Contact})
	s.spawn("NOTIFY", func() {
		if seconds == 0 {
			s.subs.end(sub)
			s.notify(sub, "terminated;reason=timeout")
			return
		}
		s.notify(sub, "")
	})
}

func (s *Server) expire(sub *subscription) {
	sub.mu.Lock()
	over := sub.expires.After(s.clock.Now())
	sub.mu.Unlock()
	if !over && s.subs.end(sub) {
		s.notify(sub, "terminated;reason=timeout")
	}
}

// refresh takes a SUBSCRIBE inside a subscription's dialog; false: there is none.
func (t *subscriptions) refresh(s *Server, id dialogID, req *sip.Request, tx *transaction.Server) bool {
	t.mu.Lock()
	sub := t.table[id]
	t.mu.Unlock()
	if sub == nil || source(req).Addr() != sub.device.Addr() {
		return false
	}
	sub.mu.Lock()
	late := req.CSeq().SeqNo <= sub.d.RemoteSeq
	if !late {
		sub.d.RemoteSeq = req.CSeq().SeqNo
		sub.d.updateTarget(req)
		sub.d.Flow = source(req)
	}
	sub.mu.Unlock()
	seconds, code := lifetime(req)
	switch {
	case late:
		s.answer(req, tx, 500, nil)
	case code != 0:
		s.answer(req, tx, code, nil, Header{"Min-Expires", strconv.Itoa(minSubscription)})
	default:
		s.accept(sub, req, tx, seconds)
	}
	return true
}

// ifChanged as notify's state sends an active subscriber what he has not been told yet.
const ifChanged = "changed"

// notify sends a subscriber the present state. state is the Subscription-State; "": active.
func (s *Server) notify(sub *subscription, state string) {
	sub.sending.Lock()
	defer sub.sending.Unlock()
	sub.due.Store(false)
	body, ok := sub.pkg.state(s, sub.line, sub.resource, sub.version)
	sub.version++
	if state == ifChanged {
		if ok && bytes.Equal(body, sub.last) {
			return
		}
		state = ""
	}
	sub.last = body
	sub.mu.Lock()
	if state == "" {
		if sub.ended {
			sub.mu.Unlock()
			return
		}
		state = fmt.Sprintf("active;expires=%d", max(0, int(sub.expires.Sub(s.clock.Now()).Seconds())))
	}
	if !ok {
		state = "terminated;reason=noresource"
	}
	sub.d.LocalSeq++
	d, seq := sub.d, sub.d.LocalSeq
	sub.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, notifyTimeoutFactor*s.timers.T1)
	defer cancel()
	req := d.request(sip.NOTIFY, seq)
	appendHeaders(req, []Header{{"Contact", d.Contact}, {"Event", sub.event}, {"Subscription-State", state}, {"Content-Type", sub.pkg.contentType}})
	req.SetBody(body)
	err := s.address(req, s.nextHop(ctx, &d), noContact)
	var res *sip.Response
	if err == nil {
		res, err = s.transact(ctx, req)
	}
	// RFC 6665 section 4.2.2: who does not answer, or does not know, is no subscriber any more.
	switch {
	case errors.Is(err, ErrTimeout) || errors.Is(err, ErrTransport) || err == nil && res.StatusCode == 481 || !ok:
		s.subs.end(sub)
	case err != nil:
		s.log.Debug("NOTIFY", "line", sub.line, "err", err)
	}
}

// NotifyWaiting tells all devices of a line the state of its mailbox: the subscribed ones in their dialogs, the others
// by a NOTIFY they did not ask for (RFC 3842 allows it, and phones expect it). w is what MessageWaiting would say.
func (s *Server) NotifyWaiting(line string, w Waiting) {
	for _, sub := range s.subs.of(line) {
		if sub.pkg.name == messageSummary {
			s.spawn("NOTIFY", func() { s.notify(sub, "") })
		}
	}
	for _, b := range s.Bindings(line) {
		s.spawn("NOTIFY", func() { s.notifyBinding(b, w) })
	}
}

// notifyDevice tells one device the present state of its line's mailbox, if there is one.
func (s *Server) notifyDevice(b Binding) {
	if s.o.MessageWaiting == nil {
		return
	}
	if w, ok := s.o.MessageWaiting(b.Line); ok {
		s.notifyBinding(b, w)
	}
}

func (s *Server) notifyBinding(b Binding, w Waiting) {
	for _, sub := range s.subs.of(b.Line) {
		if sub.device == b.Source {
			return
		}
	}
	self := Address{User: b.Line, Host: s.host()}
	d := Dialog{
		CallID: token(16), LocalTag: token(8), Local: self.String(), Remote: self.String(), RemoteTarget: b.Contact,
		RouteSet: b.Path, Transport: b.Transport, Flow: b.Source, Peer: Peer{Line: b.Line},
	}
	ctx, cancel := context.WithTimeout(s.ctx, notifyTimeoutFactor*s.timers.T1)
	defer cancel()
	req := d.request(sip.NOTIFY, 1)
	appendHeaders(req, []Header{{"Event", messageSummary}, {"Subscription-State", "active"}, {"Content-Type", messageSummaryType}})
	req.SetBody(summary(w, b.Line, s.host()))
	err := s.address(req, hop{b.Transport, b.Source}, b.Line)
	if err == nil {
		_, err = s.transact(ctx, req)
	}
	if err != nil {
		s.log.Debug("unsolicited NOTIFY", "line", b.Line, "err", err)
	}
}
