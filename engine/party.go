package engine

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/belfry-pbx/belfry/engine/registration"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Who is calling: what the signalling says about a caller, in the exchange's own terms.

// caller is who calls, and how much of that may be told to whom.
type caller struct {
	Party
	private  bool
	asserted sip.Address // what trunks may be told of him; zero: nobody vouches for him
}

// identify makes the caller of an incoming leg. Only an authenticated line or a trunk
// vouches for a number; anybody else's is a claim (RFC 3325 section 6).
func (e *Engine) identify(ctx context.Context, l Dialog) caller {
	peer := l.Peer()
	p := caller{Party: Party{Trunk: peer.Trunk}, private: l.Privacy()}
	if peer.Line != "" {
		p.Number, p.Line, p.Verified = peer.Line, peer.Line, true
		if line, err := e.directory.Line(ctx, peer.Line); err == nil {
			p.Name = line.Name
		}
		p.asserted = sip.Address{Display: p.Name, User: p.Number}
		return p
	}
	id := l.From()
	if asserted := l.AssertedIdentity(); peer.Trunk != "" && asserted.User != "" {
		id = asserted
		p.Verified = true
		p.asserted = sip.Address{Display: id.Display, User: dialled(id.User)}
	}
	if p.private || strings.EqualFold(id.User, "anonymous") {
		return p
	}
	p.Name, p.Number = id.Display, dialled(id.User)
	return p
}

// Normalise is a number as the exchange compares it with patterns and lists: without blanks, punctuation and the
// parameters of a telephone URI (RFC 3966 section 5.1.1). What is no number stays as it is.
func Normalise(number string) string { return dialled(number) }

// dialled is a number as routes and lists compare it: without blanks, punctuation and
// the parameters of a telephone URI (RFC 3966 section 5.1.1). What is no number stays as it is.
func dialled(user string) string {
	number, _, _ := strings.Cut(user, ";")
	plain := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '.', '(', ')':
			return -1
		}
		return r
	}, number)
	if strings.Trim(plain, "+*#0123456789") != "" {
		return number
	}
	return plain
}

func (e *Engine) credentials(ctx context.Context, user string) (sip.Credentials, bool) {
	if c, ok := e.lent.credentials(user, e.clock.Now()); ok {
		return c, true
	}
	c, err := e.directory.Credentials(ctx, user)
	if err != nil {
		return sip.Credentials{}, false
	}
	return sip.Credentials{Line: user, HA1MD5: c.HA1MD5, HA1SHA256: c.HA1SHA256}, true
}

func (e *Engine) waiting(line string) (sip.Waiting, bool) {
	box, err := e.mailboxes.Get(line)
	if err != nil {
		return sip.Waiting{}, false
	}
	w, err := box.Waiting(context.Background())
	if err != nil {
		e.log.Error("count messages for the lamp", "mailbox", line, "error", err)
		return sip.Waiting{}, false
	}
	return sip.Waiting(w), true
}

// reacher is a handler that knows which callers it would take, as Mux does.
type reacher interface {
	Reaches(p Party, dialled string) bool
}

// emergencies is a handler that knows which numbers are never refused, as Mux does.
type emergencies interface {
	Emergency(p Party, dialled string) bool
}

// admitsGuest tells the SIP gate whether a stranger could reach any route; if not, he is asked who he is.
func (e *Engine) admitsGuest(from sip.Address, to string) bool {
	r, ok := e.currentHandler().(reacher)
	return ok && r.Reaches(Party{Number: dialled(from.User), Name: from.Display}, dialled(to))
}

func (e *Engine) isEmergency(p Party, to string) bool {
	h, ok := e.currentHandler().(emergencies)
	return ok && h.Emergency(p, to)
}

// mayDial tells whether whoever pays for the call holds a permission.
func (c *Call) mayDial(ctx context.Context, permission string) bool {
	line, err := c.engine.directory.Line(ctx, c.payer())
	return err == nil && line.HasPermission(permission)
}

// RoutedAs is the caller as routes see him: a caller whom a line has transferred reaches what that line reaches.
func (c *Call) RoutedAs() Party { return c.routedAs() }

// payer is the line whose permissions decide where the call may go.
func (c *Call) payer() string { return c.routedAs().Line }

// routedAs is the caller as routes see him: a transferred caller reaches what the transferring line reaches.
func (c *Call) routedAs() Party {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.from
	if c.as != "" {
		p.Line = c.as
	}
	return p
}

// bindings adapts the store to the registrar.
type bindings struct{ store *registration.Store }

func (e *Engine) bindingStore() sip.BindingStore {
	return bindings{registration.New(e.opts.Store, registration.WithClock(e.clock))}
}

func (b bindings) Load(ctx context.Context) ([]sip.Binding, error) {
	records, err := b.store.Load(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]sip.Binding, 0, len(records))
	for _, r := range records {
		var one sip.Binding
		if err := json.Unmarshal(r.Data, &one); err != nil {
			continue // a phone registers again within minutes; a start must not fail for it
		}
		all = append(all, one)
	}
	return all, nil
}

func (b bindings) Save(ctx context.Context, changed []sip.Binding) error {
	records := make([]registration.Record, len(changed))
	for i, one := range changed {
		data, err := json.Marshal(one)
		if err != nil {
			return err
		}
		records[i] = registration.Record{Line: one.Line, Contact: one.Contact, Data: data, Expires: one.Expires}
	}
	return b.store.Save(ctx, records)
}
