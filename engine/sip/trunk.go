package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

// Times of a trunk's registration and name look-ups.
const (
	trunkExpires    = 600 // seconds asked for
	trunkRetryFirst = 5 * time.Second
	trunkRetryMost  = 5 * time.Minute
	trunkLookup     = 5 * time.Minute
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
			return have.Name == want.Name && have.Host == want.Host && have.User == want.User && have.Secret == want.Secret &&
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

// launch starts what a trunk does by itself. The table's lock is held.
func (t *trunkTable) launch(n *trunk) {
	if n.stop != nil {
		return
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(t.s.ctx)
	if n.Register {
		t.s.spawn("trunk registration", func() { t.keepRegistered(ctx, n) })
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

// trunkAuth answers the challenges of one call or registration. The realm of the first challenge answered is the only
// one answered after that.
type trunkAuth struct {
	user, secret string

	mu         sync.Mutex
	realm      string
	challenges []string
	nc         int
	header     Header
}

var errForeignRealm = errors.New("the challenge is for another realm")

// answer makes the credentials for a 401 or 407.
func (a *trunkAuth) answer(res *sip.Response, method, uri string, body []byte) (*Header, error) {
	from, to := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		from, to = "Proxy-Authenticate", "Proxy-Authorization"
	}
	var challenges []string
	for _, h := range res.GetHeaders(from) {
		challenges = append(challenges, h.Value())
	}
	if len(challenges) == 0 {
		return nil, digest.ErrNoChallenge
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	realm := digest.Realm(challenges[0])
	if a.realm != "" && realm != a.realm {
		return nil, fmt.Errorf("%w: %q", errForeignRealm, realm)
	}
	value, err := digest.Answer(challenges, method, uri, a.user, a.secret, body, 1)
	if err != nil {
		return nil, err
	}
	a.realm, a.challenges, a.nc = realm, challenges, 1
	a.header = Header{to, value}
	h := a.header
	return &h, nil
}

// last is the header that was accepted last, for the ACK (RFC 3261 section 22.1); nothing without one.
func (a *trunkAuth) last() []Header {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.header.Name == "" {
		return nil
	}
	return []Header{a.header}
}

func challengeStale(res *sip.Response) bool {
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		for _, h := range res.GetHeaders(name) {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(h.Value(), " ", ""), `"`, "")), "stale=true") {
				return true
			}
		}
	}
	return false
}

// authorise makes a request anew with credentials, if the dialog is one that we dialled with credentials, and the
// challenge is for the realm that the INVITE was challenged for. Nobody else's challenge inside a dialog is answered:
// the answer would be good for a call elsewhere.
func (l *Leg) authorise(ctx context.Context, method sip.RequestMethod, res *sip.Response, body []byte, contentType string, h ...Header) *sip.Request {
	if l.auth == nil {
		return nil
	}
	l.auth.mu.Lock()
	proven := l.auth.realm != ""
	l.auth.mu.Unlock()
	if !proven {
		return nil
	}
	l.mu.Lock()
	uri := l.d.RemoteTarget
	l.mu.Unlock()
	auth, err := l.auth.answer(res, string(method), uri, body)
	if err != nil {
		l.log.Warn("a challenge inside the dialog is not answered", "err", err)
		return nil
	}
	req, err := l.request(ctx, method, body, contentType, append(slices.Clone(h), *auth)...)
	if err != nil {
		return nil
	}
	return req
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

// keepRegistered registers at a trunk, again before it runs out, and after a failure ever more slowly.
func (t *trunkTable) keepRegistered(ctx context.Context, n *trunk) {
	r := &trunkRegistration{t: t, n: n, callID: token(16), tag: token(8), expires: trunkExpires, auth: &trunkAuth{user: n.User, secret: n.Secret}}
	retry := trunkRetryFirst
	for {
		granted, err := r.register(ctx, r.expires)
		wait := retry
		n.mu.Lock()
		if err != nil {
			n.errMsg = err.Error()
			retry = min(2*retry, trunkRetryMost)
		} else {
			n.errMsg = ""
			n.until = t.s.clock.Now().Add(granted)
			retry = trunkRetryFirst
			wait = max(granted-max(granted/10, 5*time.Second), granted/2)
		}
		n.mu.Unlock()
		if ctx.Err() == nil {
			if err != nil {
				t.s.log.Warn("registering at a trunk", "trunk", n.Name, "err", err, "again", wait)
			} else {
				t.s.log.Debug("registered at a trunk", "trunk", n.Name, "for", granted)
			}
		}
		if clock.Sleep(ctx, t.s.clock, wait) != nil {
			return
		}
	}
}

// trunkRegistration is our side of one registration (RFC 3261 section 10.2).
type trunkRegistration struct {
	t           *trunkTable
	n           *trunk
	callID, tag string
	seq         uint32
	expires     uint64
	auth        *trunkAuth
}

// register sends REGISTER to the trunk's servers in turn, until one accepts.
func (r *trunkRegistration) register(ctx context.Context, expires uint64) (time.Duration, error) {
	hops, err := r.t.targets(ctx, r.n)
	if err != nil {
		return 0, err
	}
	err = fmt.Errorf("sip: %w: %s has no address", ErrTransport, r.n.Host)
	for _, h := range hops {
		var granted time.Duration
		granted, err = r.at(ctx, h, expires)
		var status *StatusError
		if err == nil || errors.As(err, &status) && status.Code != 503 {
			return granted, err
		}
		r.t.s.failed(h)
	}
	return 0, err
}

func (r *trunkRegistration) at(ctx context.Context, h hop, expires uint64) (time.Duration, error) {
	s, n := r.t.s, r.n
	var auth *Header
	for range 4 {
		uri := sip.Uri{Scheme: "sip", Host: hostLiteral(n.host), Port: n.port}
		req := sip.NewRequest(sip.REGISTER, uri)
		self := Address{User: n.User, Host: n.host}.String()
		req.AppendHeader(fromHeader(self, r.tag))
		req.AppendHeader(toHeader(self, ""))
		callID := sip.CallIDHeader(r.callID)
		req.AppendHeader(&callID)
		r.seq++
		req.AppendHeader(&sip.CSeqHeader{SeqNo: r.seq, MethodName: sip.REGISTER})
		maxForwards := sip.MaxForwardsHeader(70)
		req.AppendHeader(&maxForwards)
		req.AppendHeader(sip.NewHeader("Expires", strconv.FormatUint(expires, 10)))
		if auth != nil {
			appendHeaders(req, []Header{*auth})
		}
		if err := s.address(req, h, n.User); err != nil {
			return 0, err
		}
		res, err := s.transact(ctx, req)
		if err != nil {
			return 0, err
		}
		switch {
		case res.StatusCode < 300:
			return granted(res, req, expires), nil
		case (res.StatusCode == 401 || res.StatusCode == 407) && (auth == nil || challengeStale(res)):
			if auth, err = r.auth.answer(res, "REGISTER", uri.String(), nil); err != nil {
				return 0, fmt.Errorf("sip: registering: %w: %w", err, statusError(res))
			}
		case res.StatusCode == 423:
			m, ok := headerUint(res, "Min-Expires")
			if !ok || m <= expires || m > 1<<17 {
				return 0, statusError(res)
			}
			expires, r.expires = m, m
		default:
			return 0, statusError(res)
		}
	}
	return 0, fmt.Errorf("sip: registering at %s: challenged again and again", h.addr)
}

// granted is how long the registrar lets our contact live.
func granted(res *sip.Response, req *sip.Request, asked uint64) time.Duration {
	seconds := asked
	if e, ok := headerUint(res, "Expires"); ok {
		seconds = e
	}
	ours, _ := parseNameAddr(headerValue(req, "Contact"))
	for _, v := range headerList(res, "Contact") {
		n, ok := parseNameAddr(v)
		if !ok || n.URI.User != ours.URI.User || n.URI.Host != ours.URI.Host || cmp.Compare(n.URI.Port, ours.URI.Port) != 0 {
			continue
		}
		if e, ok := n.Params.Get("expires"); ok {
			if x, err := strconv.ParseUint(e, 10, 32); err == nil {
				seconds = x
			}
		}
	}
	return time.Duration(max(seconds, 10)) * time.Second
}
