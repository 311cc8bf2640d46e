package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/wire"
)

// stream is the Flow of a TCP connection.
type stream struct {
	l       *Layer
	conn    net.Conn // reads messages in plain form, and ends by itself when idle
	peer    netip.AddrPort
	dialled bool
}

// Send sends one message; a peer that does not take it for long enough fails it.
func (s *stream) Send(b []byte) error {
	if trace := s.l.o.Trace; trace != nil {
		trace(b, s.peer, true)
	}
	if _, err := s.conn.Write(b); err != nil {
		// What was written in part cannot be followed by anything.
		s.conn.Close()
		return fmt.Errorf("sending to tcp %s: %w", s.peer, err)
	}
	return nil
}

func (*stream) Reliable() bool { return true }

func (l *Layer) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				l.o.Log.Error("serving TCP", "addr", ln.Addr(), "err", err)
			}
			return
		}
		if _, err := l.serve(c, false); err != nil {
			c.Close()
		}
	}
}

// serve begins to read a connection.
func (l *Layer) serve(c net.Conn, dialled bool) (*stream, error) {
	s := &stream{l: l, conn: c, peer: addrPort(c.RemoteAddr()), dialled: dialled}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.conns[s.peer] = s
	if dialled {
		l.dialled++
	}
	l.readers.Go(s.read)
	return s, nil
}

func (s *stream) read() {
	l := s.l
	defer func() {
		s.conn.Close()
		l.mu.Lock()
		if l.conns[s.peer] == s {
			delete(l.conns, s.peer)
		}
		if s.dialled {
			l.dialled--
		}
		l.mu.Unlock()
		defer l.o.Recover("the end of a connection")
		l.o.Ended(s)
	}()
	in, ok := s.conn.(wire.MessageReader)
	if !ok {
		return
	}
	for {
		m, err := in.ReadMessage()
		if err != nil {
			return
		}
		l.receive(m, s.peer, "TCP", func(req *sip.Request) Flow {
			replyPort(req.Via(), s.peer)
			return s
		})
	}
}

// Connected tells whether there is a connection with a peer.
func (l *Layer) Connected(peer netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[peer] != nil
}

// dial is a connection on its way. done is closed when it is there, or err says why not.
type dial struct {
	done chan struct{}
	s    *stream
	err  error
}

// connection gives the connection with a peer, or opens one.
func (l *Layer) connection(ctx context.Context, peer netip.AddrPort) (Flow, error) {
	l.mu.Lock()
	if s := l.conns[peer]; s != nil {
		l.mu.Unlock()
		return s, nil
	}
	d := l.dialling[peer]
	if d == nil {
		if l.closed || l.dialled+len(l.dialling) >= maxDialled {
			closed := l.closed
			l.mu.Unlock()
			if closed {
				return nil, ErrClosed
			}
			return nil, fmt.Errorf("%w: tcp to %s", ErrFull, peer)
		}
		d = &dial{done: make(chan struct{})}
		l.dialling[peer] = d
		l.readers.Go(func() { l.dial(peer, d) })
	}
	l.mu.Unlock()
	select {
	case <-d.done:
		if d.err != nil {
			return nil, d.err
		}
		return d.s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (l *Layer) dial(peer netip.AddrPort, d *dial) {
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(l.ctx, "tcp", peer.String())
	if err == nil {
		c = wire.Conn(c, l.o.Wire)
		if d.s, err = l.serve(c, true); err != nil {
			c.Close()
		}
	}
	if err != nil {
		d.err = fmt.Errorf("connecting to tcp %s: %w", peer, err)
	}
	l.mu.Lock()
	delete(l.dialling, peer)
	l.mu.Unlock()
	close(d.done)
}
