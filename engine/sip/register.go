package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/registrar"
	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// Binding is one contact of a line (RFC 3261 section 10).
type Binding = registrar.Binding

// batchDelay is how long changed bindings wait for others before they are saved together.
const batchDelay = 20 * time.Millisecond

// registration is the registrar of this exchange.
type registration struct {
	s     *Server
	table *registrar.Registrar
	dirty chan struct{}

	mu      sync.Mutex
	devices map[netip.AddrPort]int // how many bindings came from an address
	known   map[string][]netip.AddrPort

	saving sync.Mutex
	saved  uint64 // mark up to which everything is saved
}

func newRegistration(s *Server) *registration {
	r := &registration{s: s, dirty: make(chan struct{}, 1), devices: make(map[netip.AddrPort]int), known: make(map[string][]netip.AddrPort)}
	r.table = registrar.New(registrar.Options{
		Clock: s.clock, MaxBindings: s.o.MaxBindings, Changed: r.changed, Track: s.o.Bindings != nil,
		MinExpires: s.o.MinExpires, MaxExpires: s.o.MaxExpires, DefaultExpires: s.o.DefaultExpires,
	})
	return r
}

func (r *registration) len() int {
	_, n := r.table.Len()
	return n
}

// Bindings gives the contacts of a line, best first.
func (s *Server) Bindings(line string) []Binding { return s.reg.table.Bindings(line) }

// changed is the registrar's hook.
func (r *registration) changed(line string, bindings []Binding) {
	r.index(line, bindings)
	select {
	case r.dirty <- struct{}{}:
	default:
	}
	r.s.NotifyLine(line)
	if r.s.o.Registered != nil {
		defer r.s.recover("Registered")
		r.s.o.Registered(line, bindings)
	}
}

// index keeps the addresses of registered devices at hand.
func (r *registration) index(line string, bindings []Binding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.known[line] {
		if r.devices[a]--; r.devices[a] <= 0 {
			delete(r.devices, a)
		}
	}
	delete(r.known, line)
	for _, b := range bindings {
		r.devices[b.Source]++
		r.known[line] = append(r.known[line], b.Source)
	}
}

func (r *registration) isDevice(a netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.devices[a] > 0
}

func (r *registration) load(ctx context.Context) error {
	if r.s.o.Bindings == nil {
		return nil
	}
	list, err := r.s.o.Bindings.Load(ctx)
	if err != nil {
		return fmt.Errorf("sip: loading registrations: %w", err)
	}
	r.table.Load(list)
	for _, b := range list {
		r.index(b.Line, r.table.Bindings(b.Line))
	}
	return nil
}

// writeBehind saves changed bindings in batches.
func (r *registration) writeBehind() {
	if r.s.o.Bindings == nil {
		return
	}
	for {
		select {
		case <-r.dirty:
		case <-r.s.ctx.Done():
			return
		}
		wait := r.s.clock.NewTimer(batchDelay)
		select {
		case <-wait.C():
		case <-r.s.ctx.Done():
			wait.Stop()
			return
		}
		if err := r.save(); err != nil {
			r.s.log.Error("saving registrations; will be tried again", "err", err)
			retry := r.s.clock.AfterFunc(time.Second, func() {
				select {
				case r.dirty <- struct{}{}:
				default:
				}
			})
			defer retry.Stop()
		}
	}
}

func (r *registration) save() error {
	if r.s.o.Bindings == nil {
		return nil
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	changed, mark := r.table.Changes(r.saved)
	if len(changed) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.s.o.Bindings.Save(ctx, changed); err != nil {
		return fmt.Errorf("sip: saving %d registrations: %w", len(changed), err)
	}
	r.saved = mark
	return nil
}

// flush ends the registrar and saves what is left.
func (r *registration) flush() error {
	r.table.Close()
	return r.save()
}

// gotRegister is RFC 3261 section 10.3.
func (s *Server) gotRegister(req *sip.Request, tx *transaction.Server) {
	line, offered, ok := s.authenticate(req, tx)
	switch {
	case !offered:
		s.challenge(req, tx, false)
		return
	case !ok:
		return
	}
	to, from := addressOf("", &req.To().Address), addressOf("", &req.From().Address)
	if to.User != line || from.User != line {
		s.count.dropped.WithLabelValues("not its own name").Inc()
		s.refuse(req, tx, 403) // third-party registration is not for lines
		return
	}
	if missing := unsupported(req); missing != "" {
		s.refuse(req, tx, 420, Header{"Unsupported", missing})
		return
	}
	r := registrar.Request{
		Line: line, CallID: req.CallID().Value(), CSeq: req.CSeq().SeqNo, Expires: -1,
		Source: source(req), Transport: strings.ToLower(req.Transport()), UserAgent: headerValue(req, "User-Agent"),
		Path: headerList(req, "Path"),
	}
	if e, ok := headerUint(req, "Expires"); ok {
		r.Expires = int(min(e, 1<<30))
	}
	for _, v := range headerList(req, "Contact") {
		if strings.TrimSpace(v) == "*" {
			r.Wildcard = true
			continue
		}
		c, ok := contactOf(v)
		if !ok {
			s.refuse(req, tx, 400)
			return
		}
		r.Contacts = append(r.Contacts, c)
	}
	known := s.Bindings(line)
	bindings, err := s.reg.table.Register(r)
	if err != nil {
		s.refuseRegister(req, tx, err)
		return
	}
	now := s.clock.Now()
	hs := []Header{{"Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
	for _, p := range r.Path {
		hs = append(hs, Header{"Path", p})
	}
	for _, b := range bindings {
		hs = append(hs, Header{"Contact", fmt.Sprintf("<%s>;expires=%d", b.Contact, max(1, int(b.Expires.Sub(now).Round(time.Second).Seconds())))})
	}
	s.answer(req, tx, 200, nil, hs...)
	s.greet(r.CallID, known, bindings)
}

func (s *Server) refuseRegister(req *sip.Request, tx *transaction.Server, err error) {
	s.log.Info("a registration is refused", "err", err)
	switch {
	case errors.Is(err, registrar.ErrTooBrief):
		s.answer(req, tx, 423, nil, Header{"Min-Expires", strconv.Itoa(int(s.reg.table.MinExpires().Seconds()))})
	case errors.Is(err, registrar.ErrTooManyBindings):
		s.answer(req, tx, 403, nil)
	case errors.Is(err, registrar.ErrOutOfOrder):
		s.answer(req, tx, 500, nil)
	default:
		s.answer(req, tx, 400, nil)
	}
}

// contactOf reads one Contact of a REGISTER.
func contactOf(v string) (registrar.Contact, bool) {
	n, ok := parseNameAddr(v)
	if !ok || n.URI.Scheme != "sip" && n.URI.Scheme != "sips" || n.URI.Host == "" {
		return registrar.Contact{}, false
	}
	n.URI.Headers = nil
	c := registrar.Contact{URI: n.URI.String(), Expires: -1, Q: -1}
	for _, p := range n.Params {
		value := strings.Trim(p.V, `"`)
		switch strings.ToLower(p.K) {
		case "expires":
			if e, err := strconv.ParseUint(value, 10, 32); err == nil {
				c.Expires = int(min(e, 1<<30))
			}
		case "q":
			if q, err := strconv.ParseFloat(value, 64); err == nil {
				c.Q = q
			}
		case "+sip.instance":
			c.Instance = value
		case "reg-id":
			if id, err := strconv.Atoi(value); err == nil {
				c.RegID = id
			}
		}
	}
	return c, true
}

// greetAfter is how long a device that has just appeared has to subscribe to its mailbox. Some phones are confused by
// a NOTIFY that crosses their SUBSCRIBE.
const greetAfter = 500 * time.Millisecond

// greet tells a device that has just appeared about its line's messages, unless it subscribes.
func (s *Server) greet(callID string, known, bindings []Binding) {
	for _, b := range bindings {
		if b.CallID != callID {
			continue
		}
		fresh := true
		for _, k := range known {
			fresh = fresh && !(k.Contact == b.Contact && k.CallID == b.CallID && cmp.Compare(k.CSeq, b.CSeq) <= 0)
		}
		if fresh {
			s.clock.AfterFunc(greetAfter, func() { s.spawn("NOTIFY", func() { s.notifyDevice(b) }) })
		}
	}
}
