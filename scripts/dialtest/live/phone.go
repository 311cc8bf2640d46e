package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// Phone is a real telephone, of a line or in the world outside.
type Phone struct {
	x       *Exchange
	number  string
	outside bool
	secret  string // of the line
	voice   int    // which of Sounds it speaks with

	registering sync.Mutex // one at a time
	lent        loan       // guarded by registering

	mu      sync.Mutex
	sets    map[netip.Addr]*phone.Phone // by the address it calls from; none: it is switched off
	offline bool                        // it stays so
	manner  manner
	calls   []*Call
}

// loan is what a Remote has lent.
type loan struct{ server, user, secret string }

// manner is what a telephone does when it is rung.
type manner struct {
	since  time.Time     // it was told to
	answer time.Duration // after how long; below 0: never
	refuse int           // SIP status; 0: it does not
	to     string        // where it sends the caller, with 302
}

// on switches the telephone on at an address, if it is not, and registers that of a line. nil: it is offline.
func (p *Phone) on(ctx context.Context, at netip.Addr) (*phone.Phone, error) {
	p.registering.Lock()
	defer p.registering.Unlock()
	p.mu.Lock()
	set, offline := p.sets[at], p.offline
	p.mu.Unlock()
	if set != nil || offline {
		return set, nil
	}
	o := phone.Options{
		Number: p.number, Secret: p.secret, Address: at, Media: p.x.media,
		Codecs: []codec.Codec{spoken}, Sounds: p.x.sounds.known, Incoming: p.rung,
	}
	if p.x.remote == nil {
		o.Server = p.x.address()
	} else {
		if p.lent == (loan{}) {
			var err error
			if p.lent.server, p.lent.user, p.lent.secret, err = p.x.remote.Lend(ctx, p.number); err != nil {
				return nil, fmt.Errorf("lend line %s to a phone: %w", p.number, err)
			}
		}
		o.Server, o.User, o.Line, o.Secret = p.lent.server, p.lent.user, p.number, p.lent.secret
	}
	if p.number == anonymous {
		o.Number = ""
	}
	if !p.outside && p.x.remote == nil {
		if err := p.x.engine.Directory().SetSecret(ctx, p.number, p.secret); err != nil {
			return nil, fmt.Errorf("give line %s a secret: %w", p.number, err)
		}
	}
	set, err := phone.New(o)
	if err != nil {
		return nil, err
	}
	if !p.outside {
		if err := set.Register(ctx); err != nil {
			return nil, errors.Join(err, set.Close())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sets == nil {
		p.sets = map[netip.Addr]*phone.Phone{}
	}
	p.sets[at] = set
	return set, nil
}

// anonymous is who withholds his number.
const anonymous = "anonymous"

// off switches the telephone off: it hangs up and takes its registration back.
func (p *Phone) off() error {
	p.registering.Lock()
	defer p.registering.Unlock()
	p.mu.Lock()
	sets := p.sets
	p.sets = nil
	calls := slices.Clone(p.calls)
	p.mu.Unlock()
	var errs []error
	for _, set := range sets {
		errs = append(errs, set.Close())
	}
	for _, c := range calls {
		c.wait()
	}
	if p.lent != (loan{}) {
		errs = append(errs, p.x.takeBack(p.lent.user))
		p.lent = loan{}
	}
	return errors.Join(errs...)
}

// Number is the line's.
func (p *Phone) Number() string { return p.number }

// AnswersAfter has it ring for d and answer.
func (p *Phone) AnswersAfter(d time.Duration) { p.becomes(manner{answer: d}) }

// Refuses has it refuse calls with a SIP status.
func (p *Phone) Refuses(status int) { p.becomes(manner{refuse: status}) }

// Redirects has it send callers elsewhere, with 302.
func (p *Phone) Redirects(to string) { p.becomes(manner{refuse: 302, to: to}) }

// RingsUnanswered has it ring until the caller gives up, as at first.
func (p *Phone) RingsUnanswered() { p.becomes(manner{answer: -1}) }

func (p *Phone) becomes(m manner) {
	m.since = time.Now()
	p.mu.Lock()
	p.manner = m
	calls := slices.Clone(p.calls)
	p.mu.Unlock()
	for _, c := range calls {
		c.wake()
	}
}

func (p *Phone) behaves() manner {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.manner.since.IsZero() {
		return manner{answer: -1}
	}
	return p.manner
}

// IsOffline switches it off; outside, its network says 480.
func (p *Phone) IsOffline() {
	p.mu.Lock()
	p.offline = true
	p.mu.Unlock()
	if err := p.off(); err != nil {
		p.x.fail(err)
	}
}

// IsOnline switches it on again.
func (p *Phone) IsOnline() {
	p.mu.Lock()
	p.offline = false
	p.mu.Unlock()
	if err := p.x.ready(); err != nil {
		p.x.fail(err)
	}
}

// Call has it call a number.
func (p *Phone) Call(to string) dialtest.Call {
	at := p.x.at()
	if p.outside {
		at = p.x.trunkAddress("")
	}
	return p.call(at, to, phone.Identity{Asserted: p.outside && p.number != anonymous})
}

// call has it call from an address.
func (p *Phone) call(at netip.Addr, to string, who phone.Identity) *Call {
	c := p.newCall(false)
	err := p.x.mayRing(to)
	if err == nil {
		var set *phone.Phone
		if set, err = p.on(p.x.ctx, at); err == nil && set == nil {
			err = fmt.Errorf("the phone of %s is offline: it cannot call", p.number)
		}
		if err == nil {
			var one *phone.Call
			if one, err = set.StartAs(p.x.ctx, to, who); err == nil {
				c.set(one)
			}
		}
	}
	if err != nil {
		p.x.fail(err)
	}
	return c
}

// rung takes a call that comes in; it is over when this returns.
func (p *Phone) rung(ctx context.Context, one *phone.Call) {
	c := p.newCall(true)
	c.set(one)
	p.mu.Lock()
	offline := p.offline
	p.mu.Unlock()
	if offline { // there is but a network that says so
		c.refuses(manner{refuse: 480})
		return
	}
	c.rings(ctx)
}

func (p *Phone) newCall(incoming bool) *Call {
	c := &Call{phone: p, incoming: incoming, changed: make(chan struct{}, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	return c
}

// Calls are those that it has made and has been rung by.
func (p *Phone) Calls() []dialtest.Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]dialtest.Call, len(p.calls))
	for i, c := range p.calls {
		all[i] = c
	}
	return all
}

// Lamp is what the exchange has it show.
func (p *Phone) Lamp() dialtest.Lamp {
	box, err := p.x.engine.Mailboxes().Get(p.number)
	if err != nil {
		return dialtest.Lamp{}
	}
	w, err := box.Waiting(p.x.ctx)
	if err != nil {
		return dialtest.Lamp{}
	}
	return dialtest.Lamp{New: w.New, Old: w.Old, Urgent: w.UrgentNew}
}
