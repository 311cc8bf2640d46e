// Package transport carries SIP messages over UDP and TCP (RFC 3261 section 18): it reads the sockets, one goroutine
// each, parses what engine/sip/wire lets through, and knows the way back to each peer.
package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/wire"
)

const (
	// dialTimeout is how long a TCP connection may take to come about before the next server is tried.
	dialTimeout = 4 * time.Second
	// maxDialled bounds the connections that we opened.
	maxDialled = 4096
)

// Errors of Layer.
var (
	ErrClosed = errors.New("the transports are closed")
	ErrFull   = errors.New("too many connections")
	ErrNoWay  = errors.New("no socket reaches this peer")
)

// Flow is a way to one peer: a UDP socket of ours and the peer's address, or a TCP connection.
type Flow interface {
	// Send sends one message. It does not keep b.
	Send(b []byte) error
	// Reliable tells whether what is sent arrives, or the flow ends.
	Reliable() bool
}

// Options are what a Layer is made of.
type Options struct {
	Wire wire.Options
	Log  *slog.Logger // nil: none
	// Received gets each message, in the goroutine that read it and in order: it must not block. Requests have
	// received and rport in their topmost Via (RFC 3261 section 18.2.1, RFC 3581); from is the way for their
	// responses (section 18.2.2).
	Received func(m sip.Message, from Flow)
	// Trace is shown each message that came or is about to be sent, as it goes over the wire; nil: nobody looks. It must
	// neither block nor keep b.
	Trace func(b []byte, peer netip.AddrPort, sent bool)
	// Ended is told that a connection ended, by the goroutine that read it. It must not block.
	Ended func(Flow)
	// Recover is deferred around Received and Ended; nil: panics are not caught.
	Recover func(what string)
}

// Layer is the transports of one server. Its methods may be called from any goroutine.
type Layer struct {
	o      Options
	parser *sip.Parser

	udp []*socket
	tcp []net.Listener

	mu       sync.Mutex
	closed   bool
	conns    map[netip.AddrPort]*stream // by the peer's address
	dialling map[netip.AddrPort]*dial
	dialled  int // of conns: those that we opened
	heard    heard
	readers  sync.WaitGroup
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
}

// New makes a Layer without sockets.
func New(o Options) *Layer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Recover == nil {
		o.Recover = func(string) {}
	}
	l := &Layer{o: o, parser: sip.NewParser(), conns: make(map[netip.AddrPort]*stream), dialling: make(map[netip.AddrPort]*dial)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Listen binds "udp4", "udp6", "tcp4" or "tcp6" to an address. It must not be called after Serve.
func (l *Layer) Listen(ctx context.Context, network, addr string) error {
	var lc net.ListenConfig
	switch network {
	case "udp4", "udp6":
		c, err := lc.ListenPacket(ctx, network, addr)
		if err != nil {
			return fmt.Errorf("sip: listen: %w", err)
		}
		l.udp = append(l.udp, newSocket(l, c.(*net.UDPConn)))
	case "tcp4", "tcp6":
		c, err := lc.Listen(ctx, network, addr)
		if err != nil {
			return fmt.Errorf("sip: listen: %w", err)
		}
		l.tcp = append(l.tcp, wire.Listener(c, l.o.Wire))
	default:
		return fmt.Errorf("sip: listen: unknown network %q", network)
	}
	return nil
}

// Serve begins to read the sockets; Close ends it.
func (l *Layer) Serve() {
	for _, s := range l.udp {
		l.goRead(s.read)
	}
	for _, c := range l.tcp {
		l.goRead(func() { l.accept(c) })
	}
}

// goRead runs f in a goroutine that Close waits for; false: the layer is closed.
func (l *Layer) goRead(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.readers.Go(f)
	return true
}

// Close closes sockets and connections, and returns when no message can come any more.
func (l *Layer) Close() {
	l.cancel()
	l.mu.Lock()
	l.closed = true
	conns := make([]*stream, 0, len(l.conns))
	for _, c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, s := range l.udp {
		s.conn.Close()
	}
	for _, c := range l.tcp {
		c.Close()
	}
	for _, c := range conns {
		c.conn.Close()
	}
	l.readers.Wait()
}

// Addrs gives the bound addresses of "udp" or "tcp".
func (l *Layer) Addrs(network string) []netip.AddrPort {
	var out []netip.AddrPort
	switch network {
	case "udp":
		for _, s := range l.udp {
			out = append(out, s.addr)
		}
	case "tcp":
		for _, c := range l.tcp {
			out = append(out, addrPort(c.Addr()))
		}
	}
	return out
}

// To gives the way to a peer for requests. By "udp" it is the socket that last heard the peer, else the first of its
// address family. By "tcp" it is the connection that is there, else a new one.
func (l *Layer) To(ctx context.Context, network string, peer netip.AddrPort) (Flow, error) {
	if network == "tcp" {
		return l.connection(ctx, peer)
	}
	s := l.socketFor(peer)
	if s == nil {
		return nil, fmt.Errorf("%w: udp to %s", ErrNoWay, peer)
	}
	return &datagrams{s, peer}, nil
}

// Local is the bound address of the socket that To sends datagrams to a peer from; zero if there is none.
func (l *Layer) Local(peer netip.AddrPort) netip.AddrPort {
	if s := l.socketFor(peer); s != nil {
		return s.addr
	}
	return netip.AddrPort{}
}

// Encode writes a message as it goes over the wire.
func Encode(m sip.Message) []byte {
	var b bytes.Buffer
	b.Grow(640 + len(m.Body()))
	m.StringWrite(&b)
	return b.Bytes()
}

// receive parses a message and hands it on.
func (l *Layer) receive(b []byte, source netip.AddrPort, transport string, reply func(*sip.Request) Flow) {
	defer l.o.Recover("a received message")
	m, err := l.parser.ParseSIP(b)
	if err != nil {
		// wire lets through what the parser reads, so this is worth a look; not the message itself, which a stranger wrote.
		l.o.Log.Debug("parsing a message", "source", source, "err", err)
		return
	}
	m.SetTransport(transport)
	m.SetSource(source.String())
	if m.Via() == nil || m.CSeq() == nil || m.CallID() == nil || m.From() == nil || m.To() == nil {
		return // wire has seen to it
	}
	if l.o.Trace != nil {
		l.o.Trace(b, source, false)
	}
	var from Flow
	if req, ok := m.(*sip.Request); ok {
		from = reply(req)
	}
	l.o.Received(m, from)
}

func addrPort(a net.Addr) netip.AddrPort {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
