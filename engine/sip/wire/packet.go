package wire

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
)

// PacketConn reads SIP from datagrams. What its ReadFrom returns is one message
// in plain form; everything else is answered, counted and dropped. Writing goes
// straight to inner.
func PacketConn(inner net.PacketConn, o Options) net.PacketConn {
	o = o.withDefaults()
	return &packetConn{PacketConn: inner, opts: o, limits: newLimiter(o), in: make([]byte, MaxMessage+1)}
}

type packetConn struct {
	net.PacketConn
	opts   Options
	limits *limiter

	mu  sync.Mutex // one reader at a time
	in  []byte
	out []byte
	buf buffers
}

// ReadFrom returns the next message. Its errors are those of the socket.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		n, from, err := c.PacketConn.ReadFrom(c.in)
		if err != nil {
			return 0, from, err
		}
		if out := c.accept(c.in[:n], from); out != nil {
			if len(out) > len(b) {
				c.opts.Count(CountTooLarge)
				continue
			}
			return copy(b, out), from, nil
		}
	}
}

// accept returns what to hand on of a datagram, or nil.
func (c *packetConn) accept(data []byte, from net.Addr) []byte {
	source := addrPort(from)
	if _, reason := c.limits.allow(source.Addr()); reason != "" {
		c.opts.Count(reason)
		return nil
	}
	data = bytes.TrimLeft(data, "\r\n\x00")
	if len(data) == 0 {
		c.opts.Count(CountKeepAlive)
		return nil
	}
	if len(data) > MaxMessage {
		c.opts.Count(CountTooLarge)
		return nil
	}
	m := parseDatagram(data, &c.buf)
	if m.fault != nil {
		c.opts.Count(m.fault.count)
		if r := m.reply(source); r != nil && c.limits.allowAnswer() {
			if _, err := c.WriteTo(r, from); err == nil {
				c.opts.Count(CountAnswered)
			}
		}
		return nil
	}
	c.out = m.appendTo(c.out[:0])
	if len(c.out) > MaxMessage {
		c.opts.Count(CountTooLarge)
		return nil
	}
	return c.out
}

// parseDatagram reads a message that has a datagram to itself (RFC 3261 §18.3).
func parseDatagram(data []byte, b *buffers) *message {
	end := headEnd(data, 0)
	if end < 0 {
		end = len(data) // the empty line is missing; the headers may yet be all there
	}
	m := parse(data[:end], b)
	m.body = data[end:]
	switch {
	case m.length > len(m.body):
		m.fail(400, "Content-Length Exceeds Body")
	case m.length >= 0:
		m.body = m.body[:m.length]
	}
	return m
}

// addrPort is a's address in comparable form; zero if it has none.
func addrPort(a net.Addr) netip.AddrPort {
	var p netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		p = a.AddrPort()
	case *net.TCPAddr:
		p = a.AddrPort()
	default:
		if a != nil {
			p, _ = netip.ParseAddrPort(a.String()) // zero for an address that is none
		}
	}
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
