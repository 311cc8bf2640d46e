// Package phone is a small telephone: it registers, calls and is called over real SIP
// and RTP, and tells what it hears. The command's test calls, the demo's robots and
// whole-exchange tests are made of it.
package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// Errors of this package. How a call was refused is a *sip.StatusError.
var (
	ErrClosed     = errors.New("phone: switched off")
	ErrRegister   = errors.New("phone: the exchange does not register this phone")
	ErrNotOpen    = errors.New("phone: the call is not answered, or over")
	ErrNoExchange = errors.New("phone: no exchange answers")
)

// exchange is the name of the trunk by which the phone knows its exchange.
const exchange = "exchange"

// Options say what phone this is. Server is required.
type Options struct {
	Server    string        // of the exchange, "127.0.0.1:5060"
	Number    string        // its line; "": a phone without one, which can only call what is open to anybody
	Name      string        // shown to whom it calls; the exchange may know better
	User      string        // for digest authentication where it is not Number
	Line      string        // that it registers where it is not User: with credentials that are lent
	Secret    string        // of the line
	Transport string        // "udp" (the default) or "tcp"
	Address   netip.Addr    // its own; zero: that from which the server is reached
	Codecs    []codec.Codec // best first; nil: PCMA and PCMU
	Rate      int           // of what is kept of what it hears, in Hz: 8000, 16000 or 48000; 0: 8000
	Sounds    *Sounds       // that it can tell the names of; nil: none
	Incoming  Handler       // what it does when it is called; nil: RingsForEver
	Events    func(Event)   // is told what happens, from several goroutines; must not block
	Media     *media.Engine // shared with other phones; nil: one of its own
	Clock     clock.Clock   // nil: the real one
	Log       *slog.Logger  // nil: silent
}

// Phone is one telephone. It is safe for concurrent use.
type Phone struct {
	o        Options
	log      *slog.Logger
	clock    clock.Clock
	local    netip.Addr // where it receives
	media    *media.Engine
	ownMedia bool
	sip      *sip.Server
	silence  *media.Clip

	cancel context.CancelCauseFunc
	done   chan struct{} // the SIP side has ended
	err    error         // why; read after done

	mu       sync.Mutex
	incoming Handler
	off      bool           // Close was called
	dials    sync.WaitGroup // calls that are being dialled
	giveUp   context.CancelCauseFunc
	standing context.Context // ends when the phone is switched off, and calls still dialled with it
}

// New switches a phone on. It can call at once; it is called after Register.
func New(o Options) (*Phone, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport == "" {
		o.Transport = "udp"
	}
	if o.Codecs == nil {
		o.Codecs = []codec.Codec{codec.PCMA, codec.PCMU}
	}
	if o.Incoming == nil {
		o.Incoming = RingsForEver()
	}
	if o.Rate == 0 {
		o.Rate = sampleRate
	}
	if o.User == "" {
		o.User = o.Number
	}
	var err error
	if !o.Address.IsValid() {
		if o.Address, err = localAddr(o.Server); err != nil {
			return nil, fmt.Errorf("phone %s: finding the way to %s: %w", o.Number, o.Server, err)
		}
	}
	p := &Phone{
		o: o, log: o.Log.With("phone", o.Number), clock: o.Clock, local: o.Address, media: o.Media,
		incoming: o.Incoming, silence: media.NewClip(8000, make([]int16, 8000)), done: make(chan struct{}),
	}
	if p.media == nil {
		if p.media, err = media.New(media.Options{Shards: 1, Clock: o.Clock, Log: o.Log}); err != nil {
			return nil, fmt.Errorf("phone %s: %w", o.Number, err)
		}
		p.ownMedia = true
	}
	if err := p.listen(); err != nil {
		return nil, errors.Join(fmt.Errorf("phone %s: %w", o.Number, err), p.closeMedia())
	}
	return p, nil
}

func (p *Phone) listen() (err error) {
	at := net.JoinHostPort(p.local.String(), "0")
	so := sip.Options{
		UDP: []string{at}, UserAgent: "Belfry phone", Clock: p.clock, Log: p.o.Log, Trunks: []sip.Trunk{p.trunk(false)},
		Guest:  func(sip.Address, string) bool { return true },
		Invite: p.invited,
	}
	if p.o.Transport == "tcp" {
		so.TCP = []string{at}
	}
	if p.sip, err = sip.New(so); err != nil {
		return err
	}
	p.standing, p.giveUp = context.WithCancelCause(context.Background())
	ctx, cancel := context.WithCancelCause(context.Background())
	p.cancel = cancel
	go func() {
		defer close(p.done)
		p.err = p.sip.Run(ctx)
	}()
	return nil
}

// trunk is the exchange as a carrier: what the SIP side registers with and calls by.
func (p *Phone) trunk(register bool) sip.Trunk {
	return sip.Trunk{
		Name: exchange, Host: p.o.Server, User: p.o.User, As: p.o.Line, Secret: p.o.Secret, Transport: p.o.Transport, Register: register,
	}
}

// Number is the phone's line.
func (p *Phone) Number() string { return p.o.Number }

// Register registers with the exchange and keeps registered. It returns when the
// exchange has agreed, with ErrRegister when it refuses, or when ctx ends.
func (p *Phone) Register(ctx context.Context) error {
	p.sip.SetTrunks([]sip.Trunk{p.trunk(true)})
	for {
		for _, t := range p.sip.Trunks() {
			switch {
			case t.Registered:
				return nil
			case t.Error != "":
				return fmt.Errorf("%w: line %s at %s: %s", ErrRegister, p.o.Number, p.o.Server, t.Error)
			}
		}
		select {
		case <-p.done:
			return ErrClosed
		default:
		}
		if err := clock.Sleep(ctx, p.clock, 10*time.Millisecond); err != nil {
			return fmt.Errorf("registering line %s at %s: %w", p.o.Number, p.o.Server, err)
		}
	}
}

// SetIncoming changes what the phone does when it is called from now on.
func (p *Phone) SetIncoming(h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.incoming = h
}

// Close hangs up, takes the registration back and switches the phone off.
func (p *Phone) Close() error {
	p.mu.Lock()
	p.off = true
	p.mu.Unlock()
	p.giveUp(ErrClosed)
	p.dials.Wait() // then each has left its CANCEL to the SIP side, which waits for it
	p.cancel(ErrClosed)
	<-p.done
	return errors.Join(p.err, p.closeMedia())
}

func (p *Phone) closeMedia() error {
	if !p.ownMedia {
		return nil
	}
	return p.media.Close()
}

// Dial calls a number and returns when it is answered or has failed: with a
// *sip.StatusError when it was refused, ErrNoExchange, or the cause of ctx's end.
func (p *Phone) Dial(ctx context.Context, number string) (*Call, error) {
	c, err := p.Start(ctx, number)
	if err != nil {
		return nil, err
	}
	if err := c.WaitAnswered(ctx); err != nil {
		c.Hangup()
		return nil, err
	}
	return c, nil
}

// Start calls a number and returns while it rings. ctx ending before the answer
// cancels the call.
func (p *Phone) Start(ctx context.Context, number string) (*Call, error) {
	return p.StartAs(ctx, number, Identity{Name: p.o.Name})
}

// Identity is what a call says of who calls.
type Identity struct {
	Name     string
	Asserted bool         // the number in P-Asserted-Identity, as networks do (RFC 3325)
	Headers  []sip.Header // further ones, such as Diversion
}

// StartAs is Start, saying of who calls what a telephone would not.
func (p *Phone) StartAs(ctx context.Context, number string, who Identity) (*Call, error) {
	c, err := p.newCall(number)
	if err != nil {
		return nil, err
	}
	from := sip.Address{Display: who.Name, User: p.o.Number, Host: host(p.o.Server)}
	var asserted sip.Address
	if who.Asserted {
		asserted = from
	}
	dialling, cancel := context.WithCancelCause(ctx)
	c.giveUp = cancel
	off := !p.dial(func() {
		defer cancel(nil)
		defer context.AfterFunc(p.standing, func() { cancel(ErrClosed) })()
		defer c.recover()
		c.dialled(p.sip.Dial(dialling, sip.DialRequest{
			Trunk: exchange, Number: number, Offer: c.local.Offer(),
			From: from, Asserted: asserted, Headers: who.Headers,
			Private:    p.o.Number == "", // who has no number is nobody of the exchange's domain
			OnProgress: c.progress, Handler: c.handler(),
		}))
	})
	if off {
		c.finish(ErrClosed)
		return nil, ErrClosed
	}
	return c, nil
}

// dial runs f, which makes a call, unless the phone is switched off.
func (p *Phone) dial(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.off {
		p.dials.Go(f)
	}
	return !p.off
}

// invited takes a call that comes in; it returns when the call is over.
func (p *Phone) invited(ctx context.Context, l *sip.Leg) {
	c, err := p.newCall(l.From().User)
	if err != nil {
		p.log.Error("a call is refused", "error", err)
		_ = l.Reject(500, "")
		return
	}
	c.incoming = true
	c.setLeg(l)
	c.follow(l)
	defer c.Hangup()
	p.mu.Lock()
	h := p.incoming
	p.mu.Unlock()
	c.tell(Event{Kind: Rung})
	h(ctx, c)
}

func (p *Phone) tell(e Event) {
	if p.o.Events != nil {
		p.o.Events(e)
	}
}

func (c *Call) recover() {
	if r := recover(); r != nil {
		c.phone.log.Error("a phone's call panicked", "panic", r, "stack", string(debug.Stack()))
		c.finish(fmt.Errorf("phone: internal fault: %v", r))
	}
}

// localAddr is the address this machine uses towards a server.
func localAddr(server string) (netip.Addr, error) {
	conn, err := net.Dial("udp", withPort(server)) // sends nothing: it only asks the routing table
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err != nil {
		return net.JoinHostPort(strings.Trim(server, "[]"), "5060")
	}
	return server
}

func host(server string) string {
	h, _, err := net.SplitHostPort(server)
	if err != nil {
		return server
	}
	return h
}

// Addr is where the phone receives signalling.
func (p *Phone) Addr() netip.AddrPort { return p.sip.Addrs(p.o.Transport)[0] }
