package wire

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Listener accepts connections that carry SIP. Reading from one gives whole
// messages in plain form. Connections over MaxConns and MaxConnsPerSource are
// closed at once; Accept waits out a lack of file descriptors, which is not the
// end of a server.
func Listener(inner net.Listener, o Options) net.Listener {
	o = o.withDefaults()
	return &listener{
		Listener: inner, opts: o, limits: newLimiter(o),
		sources: make(map[netip.Addr]int), done: make(chan struct{}),
	}
}

type listener struct {
	net.Listener
	opts   Options
	limits *limiter

	mu      sync.Mutex
	total   int                // connections that are not exempt
	sources map[netip.Addr]int // of these, by sourceKey

	closing sync.Once
	done    chan struct{}
}

// Close ends accepting. Connections stay.
func (l *listener) Close() error {
	l.closing.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// Accept returns the next connection within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if !passing(err) || !l.pause() {
				return nil, err
			}
			continue
		}
		release, reason := l.admit(addrPort(c.RemoteAddr()).Addr())
		if reason != "" {
			l.opts.Count(reason)
			c.Close()
			continue
		}
		return newConn(c, l.opts, l.limits, release), nil
	}
}

// passing tells whether accepting may work again soon.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pause waits a moment; false: the listener was closed.
func (l *listener) pause() bool {
	var t clock.Timer = l.opts.Clock.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C():
		return true
	case <-l.done:
		return false
	}
}

// admit counts a connection, or says why it may not be.
func (l *listener) admit(a netip.Addr) (release func(), reason string) {
	if l.opts.exempt(a) {
		return func() {}, ""
	}
	key := sourceKey(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total >= l.opts.MaxConns {
		return nil, CountConns
	}
	if l.sources[key] >= l.opts.MaxConnsPerSource {
		return nil, CountSource
	}
	l.total++
	l.sources[key]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.total--
		if l.sources[key]--; l.sources[key] == 0 {
			delete(l.sources, key)
		}
	}, ""
}
