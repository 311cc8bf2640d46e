package wire

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// bucket lets through rate messages a second, and burst at once.
type bucket struct {
	tokens float64
	last   time.Time
}

// take takes one token. If there is none it says how long until there will be.
func (b *bucket) take(now time.Time, rate, burst float64) (wait time.Duration, ok bool) {
	if elapsed := now.Sub(b.last); elapsed > 0 {
		b.tokens = min(burst, b.tokens+elapsed.Seconds()*rate)
		b.last = now
	}
	if b.tokens >= 1 {
		b.tokens--
		return 0, true
	}
	return time.Duration((1 - b.tokens) / rate * float64(time.Second)), false
}

// limiter has a bucket for each source heard lately, one for those that are new,
// and one for our answers to malformed requests.
type limiter struct {
	opts Options

	mu        sync.Mutex
	sources   map[netip.Addr]*list.Element // of *source
	recent    *list.List                   // most recently heard first
	newcomers bucket
	answers   bucket
}

type source struct {
	key netip.Addr
	bucket
}

func newLimiter(o Options) *limiter {
	now := o.Clock.Now()
	return &limiter{
		opts: o, sources: make(map[netip.Addr]*list.Element), recent: list.New(),
		newcomers: bucket{2 * o.NewcomerRate, now}, answers: bucket{2 * o.AnswerRate, now},
	}
}

// sourceKey is what a source is known by: an IPv4 address, or the /64 that one
// IPv6 subscriber has.
func sourceKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // 64 is always within range
		return p.Addr()
	}
	return a
}

// allow takes a message of this source into account. If it is too many, reason
// says of what, and wait when one more would be let through.
func (l *limiter) allow(a netip.Addr) (wait time.Duration, reason string) {
	if l.opts.exempt(a) {
		return 0, ""
	}
	key, now := sourceKey(a), l.opts.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.sources[key]
	if !ok {
		if wait, ok := l.newcomers.take(now, l.opts.NewcomerRate, 2*l.opts.NewcomerRate); !ok {
			return wait, CountNewcomer
		}
		if len(l.sources) >= l.opts.MaxSources {
			old := l.recent.Remove(l.recent.Back()).(*source)
			delete(l.sources, old.key)
		}
		e = l.recent.PushFront(&source{key, bucket{l.opts.Burst, now}})
		l.sources[key] = e
	}
	l.recent.MoveToFront(e)
	if wait, ok := e.Value.(*source).take(now, l.opts.Rate, l.opts.Burst); !ok {
		return wait, CountRate
	}
	return 0, ""
}

// allowAnswer says whether we may answer one more malformed request.
func (l *limiter) allowAnswer() bool {
	now := l.opts.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.answers.take(now, l.opts.AnswerRate, 2*l.opts.AnswerRate)
	return ok
}
