package wire

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// writeTimeout is how long a peer may leave us unable to write to it.
const writeTimeout = 10 * time.Second

// keepBuffer is the buffer that a connection keeps between messages, in octets.
const keepBuffer = 4096

// Conn reads SIP from a connection that we opened. It has no limits but those of
// a message's size and Idle.
func Conn(inner net.Conn, o Options) net.Conn {
	o = o.withDefaults()
	return newConn(inner, o, nil, func() {})
}

// conn gives out whole messages in plain form. One goroutine may read it.
type conn struct {
	net.Conn
	opts    Options
	limits  *limiter // nil: none
	source  netip.AddrPort
	release func()

	closing sync.Once
	closed  chan struct{}
	timer   clock.Timer

	in      []byte   // received and not used
	scanned int      // of in: no end of headers in there
	head    *message // the headers at the front of in, once they are complete
	headLen int
	newline int    // CRLFs since the last message
	started bool   // a message has begun to arrive
	known   bool   // a message has arrived
	out     []byte // to give to the reader
	err     error  // what Read returns after out
}

func newConn(inner net.Conn, o Options, limits *limiter, release func()) *conn {
	c := &conn{
		Conn: inner, opts: o, limits: limits, source: addrPort(inner.RemoteAddr()), release: release,
		closed: make(chan struct{}), known: limits == nil,
	}
	wait := o.FirstMessage
	if c.known {
		wait = o.Idle
	}
	c.timer = o.Clock.AfterFunc(wait, func() {
		if !c.isClosed() {
			o.Count(CountIdle)
			c.end()
		}
	})
	return c
}

// Close ends the connection and its place among those that are counted.
func (c *conn) Close() error {
	c.timer.Stop()
	return c.end()
}

func (c *conn) end() error {
	var err error
	c.closing.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.release()
	})
	return err
}

func (c *conn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Write sends, and fails if the peer does not take it for 10 s.
func (c *conn) Write(b []byte) (int, error) {
	// The kernel's deadline runs on real time.
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// MessageReader is implemented by the connections of Conn and Listener.
type MessageReader interface {
	// ReadMessage returns the next message in plain form, which is the caller's to keep.
	ReadMessage() ([]byte, error)
}

// ReadMessage implements MessageReader.
func (c *conn) ReadMessage() ([]byte, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return nil, c.err
		}
		if !c.next() {
			c.fill()
		}
	}
	m := c.out
	c.out = nil
	return m, nil
}

// Read returns messages in plain form, in pieces if b is small.
func (c *conn) Read(b []byte) (int, error) {
	m, err := c.ReadMessage()
	if err != nil {
		return 0, err
	}
	n := copy(b, m)
	c.out = m[n:]
	return n, nil
}

// fill waits for more octets.
func (c *conn) fill() {
	if cap(c.in)-len(c.in) < 1024 {
		grown := make([]byte, len(c.in), max(keepBuffer, 2*cap(c.in)))
		copy(grown, c.in)
		c.in = grown
	}
	n, err := c.Conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n == 0 && err != nil {
		c.err = err
	}
}

// next takes one message off the front of in. It returns false if it needs more.
func (c *conn) next() bool {
	c.skipNewlines()
	if len(c.in) == 0 {
		return false
	}
	if !c.started {
		// From here the whole message has FirstMessage to arrive, however it drips.
		c.started, c.newline = true, 0
		if c.known {
			c.timer.Reset(c.opts.FirstMessage)
		}
	}
	if c.head == nil {
		end := headEnd(c.in, c.scanned)
		if end < 0 {
			if c.scanned = len(c.in); c.scanned > MaxMessage {
				c.fail(CountTooLarge)
				return true
			}
			return false
		}
		c.head, c.headLen = parse(c.in[:end], new(buffers)), end
		if !c.framed() {
			return true
		}
	}
	size := c.headLen + c.head.length
	if len(c.in) < size {
		return false
	}
	m := c.head
	m.body = c.in[c.headLen:size]
	if c.wait() {
		c.deliver(m)
	}
	c.consume(size)
	return true
}

// framed tells whether the end of the message at the front can be found. If not,
// the stream ends here.
func (c *conn) framed() bool {
	m := c.head
	if m.fault != nil && m.fault.code == 0 {
		c.opts.Count(m.fault.count)
		c.fail(CountFraming)
		return false
	}
	if m.seen[idContentLength] != 1 || m.length < 0 {
		// RFC 3261 §18.3: it must be there on a stream.
		m.fault = nil
		m.fail(400, "Content-Length Missing or Ambiguous")
		c.answer(m)
		c.fail(CountFraming)
		return false
	}
	if c.headLen+m.length > MaxMessage {
		m.fault = nil
		m.fail(513, "Message Too Large")
		c.answer(m)
		c.fail(CountTooLarge)
		return false
	}
	return true
}

// deliver hands on a complete message, or answers it.
func (c *conn) deliver(m *message) {
	if m.fault != nil {
		c.opts.Count(m.fault.count)
		c.answer(m)
		return
	}
	c.out = m.appendTo(nil)
	if len(c.out) > MaxMessage {
		c.out = nil
		c.fail(CountTooLarge)
		return
	}
	c.known = true
}

// consume forgets a message of n octets and begins to wait for the next.
func (c *conn) consume(n int) {
	rest := copy(c.in, c.in[n:])
	c.in = c.in[:rest]
	if rest == 0 && cap(c.in) > keepBuffer {
		c.in = nil
	}
	c.head, c.scanned, c.started = nil, 0, false
	c.rest()
}

// rest sets the time until the next message must begin.
func (c *conn) rest() {
	if c.known && !c.isClosed() {
		c.timer.Reset(c.opts.Idle)
	}
}

// skipNewlines takes off what may stand between messages (RFC 3261 §7.5) and
// answers pings (RFC 5626 §3.5.1).
func (c *conn) skipNewlines() {
	if c.started {
		return
	}
	skip := 0
	for skip < len(c.in) && (c.in[skip] == '\r' || c.in[skip] == '\n') {
		if c.in[skip] == '\n' {
			c.newline++
		}
		skip++
		if c.newline == 2 {
			c.newline = 0
			c.opts.Count(CountKeepAlive)
			c.rest()
			if _, err := c.Write([]byte("\r\n")); err != nil {
				c.err = fmt.Errorf("answering a keep-alive: %w", err)
			}
		}
	}
	if skip > 0 {
		c.in = c.in[:copy(c.in, c.in[skip:])]
	}
}

// wait holds the stream back while its source is over its rate: here the peer
// slows down, and nothing is lost. It returns false if the stream is closed.
func (c *conn) wait() bool {
	if c.limits == nil {
		return true
	}
	counted := false
	for {
		d, reason := c.limits.allow(c.source.Addr())
		if reason == "" {
			return true
		}
		if !counted {
			c.opts.Count(reason)
			counted = true
		}
		t := c.opts.Clock.NewTimer(d)
		select {
		case <-t.C():
		case <-c.closed:
			t.Stop()
			c.err = net.ErrClosed
			return false
		}
	}
}

func (c *conn) answer(m *message) {
	r := m.reply(c.source)
	if r == nil || c.limits != nil && !c.limits.allowAnswer() {
		return
	}
	if _, err := c.Write(r); err != nil {
		c.err = fmt.Errorf("answering a malformed request: %w", err)
		return
	}
	c.opts.Count(CountAnswered)
}

// fail ends the stream. The reader sees a closed connection.
func (c *conn) fail(reason string) {
	c.opts.Count(reason)
	c.in = nil
	c.err = fmt.Errorf("stream from %v: %s: %w", c.source, reason, net.ErrClosed)
	c.Close()
}
