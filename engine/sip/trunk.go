package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Times of a trunk's registration and name look-ups.
const (
	trunkExpires    = 600 // seconds asked for
	trunkRetryFirst = 5 * time.Second
	trunkRetryMost  = 5 * time.Minute
	trunkLookup     = 5 * time.Minute
	trunkLeave      = time.Second // for taking a registration back
)

// trunk is one trunk at work.
type trunk struct {
	Trunk
	host string
	port int
	stop context.CancelFunc

	mu     sync.Mutex
	hosts  []netip.Addr // what Host resolved to last
	until  time.Time
	errMsg string
}

type trunkTable struct {
	s  *Server
	mu sync.RWMutex
	// running is set once Run began: from then on, new trunks start at once.
	running bool
	list    []*trunk
}

func (t *trunkTable) init(s *Server) { t.s = s }

// SetTrunks replaces the trunks. Those that stay as they were keep their registration.
func (s *Server) SetTrunks(list []Trunk) {
	t := &s.trunks
	t.mu.Lock()
	defer t.mu.Unlock()
	var next []*trunk
	for _, want := range list {
		i := slices.IndexFunc(t.list, func(have *trunk) bool {
			return have.Name == want.Name && have.Host == want.Host && have.User == want.User && have.Secret == want.Secret && have.As == want.As &&
				have.Transport == want.Transport && have.Register == want.Register && slices.Equal(have.From, want.From)
		})
		if i >= 0 {
			next = append(next, t.list[i])
			continue
		}
		want.Transport = strings.ToLower(want.Transport)
		n := &trunk{Trunk: want, host: want.Host}
		if h, p, err := net.SplitHostPort(want.Host); err == nil {
			n.host = h
			n.port, _ = strconv.Atoi(p)
		}
		if a, err := netip.ParseAddr(strings.Trim(n.host, "[]")); err == nil {
			n.hosts = []netip.Addr{a.Unmap()}
		}
		next = append(next, n)
		if t.running {
			t.launch(n)
		}
	}
	for _, old := range t.list {
		if !slices.Contains(next, old) && old.stop != nil {
			old.stop()
		}
	}
	t.list = next
}

func (t *trunkTable) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = true
	for _, n := range t.list {
		t.launch(n)
	}
}

// leave ends what the trunks do by themselves, registrations at the carriers included. It does not wait.
func (t *trunkTable) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	for _, n := range t.list {
		if n.stop != nil {
			n.stop()
		}
	}
}

// launch starts what a trunk does by itself. The table's lock is held.
func (t *trunkTable) launch(n *trunk) {
	if n.stop != nil {
		return
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(t.s.ctx)
	if n.Register {
		t.s.goodbye("trunk registration", func() { t.keepRegistered(ctx, n) })
	} else if len(n.From) == 0 {
		t.s.spawn("trunk look-up", func() { t.keepResolved(ctx, n) })
	}
}

// Trunks tells how the trunks are.
func (s *Server) Trunks() []TrunkStatus {
	s.trunks.mu.RLock()
	defer s.trunks.mu.RUnlock()
	out := make([]TrunkStatus, 0, len(s.trunks.list))
	for _, t := range s.trunks.list {
		t.mu.Lock()
		out = append(out, TrunkStatus{Trunk: t.Trunk, Registered: t.until.After(s.clock.Now()), Until: t.until, Error: t.errMsg})
		t.mu.Unlock()
	}
	return out
}

func (t *trunkTable) named(name string) *trunk {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, n := range t.list {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// at names the trunk an address belongs to, "" if none. The narrowest prefix decides.
func (t *trunkTable) at(a netip.Addr) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	best, name := -1, ""
	for _, n := range t.list {
		if bits := n.covers(a); bits > best {
			best, name = bits, n.Name
		}
	}
	return name
}

func (t *trunkTable) matches(name string, a netip.Addr) bool {
	n := t.named(name)
	return n != nil && n.covers(a) >= 0
}

// covers tells how narrowly an address is the trunk's: the bits of the prefix, or -1.
func (n *trunk) covers(a netip.Addr) int {
	best := -1
	for _, p := range n.From {
		if p.Contains(a) {
			best = max(best, p.Bits())
		}
	}
	if len(n.From) == 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		if slices.Contains(n.hosts, a) {
			best = a.BitLen()
		}
	}
	return best
}

// targets looks the trunk's host up (RFC 3263), and remembers the addresses to know calls from it.
func (t *trunkTable) targets(ctx context.Context, n *trunk) ([]hop, error) {
	hops, err := t.s.resolve(ctx, n.host, n.port, n.Transport, false)
	if err != nil {
		return nil, fmt.Errorf("sip: finding trunk %s (%s): %w", n.Name, n.Host, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts = n.hosts[:0]
	for _, h := range hops {
		if !slices.Contains(n.hosts, h.addr.Addr()) {
			n.hosts = append(n.hosts, h.addr.Addr())
		}
	}
	return hops, nil
}

func (t *trunkTable) route(ctx context.Context, name, number string) (route, error) {
	n := t.named(name)
	if n == nil {
		return route{}, fmt.Errorf("%w: %s", ErrNoTrunk, name)
	}
	if number == "" {
		return route{}, fmt.Errorf("sip: %w: no number for trunk %s", ErrInvalid, name)
	}
	hops, err := t.targets(ctx, n)
	if err != nil {
		return route{}, err
	}
	uri := "sip:" + escapeUser(number) + "@" + hostLiteral(n.host)
	if n.port != 0 {
		uri += ":" + strconv.Itoa(n.port)
	}
	rt := route{uri: uri, hops: hops, peer: Peer{Trunk: n.Name}, host: strings.Trim(n.host, "[]"), trusted: true, tcp: n.Transport == ""}
	if n.User != "" {
		rt.auth = &trunkAuth{user: n.User, secret: n.Secret}
	}
	return rt, nil
}

// keepResolved knows the addresses of a trunk's host, so that calls from it are known.
func (t *trunkTable) keepResolved(ctx context.Context, n *trunk) {
	for {
		if _, err := t.targets(ctx, n); err != nil && ctx.Err() == nil {
			t.s.log.Warn("looking a trunk up", "trunk", n.Name, "err", err)
		}
		if clock.Sleep(ctx, t.s.clock, trunkLookup) != nil {
			return
		}
	}
}
