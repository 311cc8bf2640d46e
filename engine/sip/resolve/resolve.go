// Package resolve finds where a SIP host is to be reached (RFC 3263): by NAPTR,
// SRV, A and AAAA records, in the order to try them, with a cache and a memory of
// what did not answer.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/miekg/dns"
)

var (
	// ErrNotFound says that there is no such host, or that it has no address.
	ErrNotFound = errors.New("no such host")
	// ErrNotOffered says that the host is there and says that it does not do SIP
	// over a transport that we have (RFC 2782: target "."; RFC 3263 §4.1).
	ErrNotOffered = errors.New("host does not offer SIP over our transports")
	// ErrUnavailable says that no name server gave an answer. Later one may.
	ErrUnavailable = errors.New("name servers do not answer")
)

// What is read of a host's records, at most.
const (
	maxRecords = 16 // of one name and type
	maxTargets = 32
)

// Options are a Resolver's.
type Options struct {
	// Servers are name servers as "host:port" or IP addresses, in the order to ask
	// them; nil: those, the search list and the hosts file of this machine.
	Servers []string
	// Transports we can use, the one we like best first; nil: udp, tcp. For secure
	// requests it is always tls.
	Transports []string
	// NAPTR asks for NAPTR records, where neither port nor transport is given. Few
	// hosts have them, and asking costs a round trip.
	NAPTR    bool
	Clock    clock.Clock   // nil: real
	Rand     *rand.Rand    // for the weights of SRV records; nil: random
	Timeout  time.Duration // of one question to one server; 0: 2 s
	Down     time.Duration // how long a failed target comes last; 0: 60 s
	MaxCache int           // answers kept; 0: 2048
}

// Target is one place to try.
type Target struct {
	Addr      netip.AddrPort
	Transport string // "udp", "tcp" or "tls"
}

// Resolver resolves. It is safe for concurrent use and needs no closing.
type Resolver struct {
	opts   Options
	search *dns.ClientConfig // nil: names are complete
	hosts  map[string][]netip.Addr
	cache  *cache
	down   *downList

	mu sync.Mutex // guards opts.Rand
}

// New makes a resolver. Without Options.Servers it reads /etc/resolv.conf and
// /etc/hosts; a missing one is no error, as numeric hosts need neither.
func New(o Options) (*Resolver, error) {
	r := &Resolver{hosts: map[string][]netip.Addr{}}
	if o.Servers == nil {
		if err := r.readSystem("/etc/resolv.conf", "/etc/hosts"); err != nil {
			return nil, fmt.Errorf("setting up name resolution: %w", err)
		}
		if r.search != nil {
			for _, s := range r.search.Servers {
				o.Servers = append(o.Servers, net.JoinHostPort(s, r.search.Port))
			}
		}
	}
	o.Servers = slices.Clone(o.Servers)
	for i, s := range o.Servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			o.Servers[i] = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if len(o.Transports) == 0 {
		o.Transports = []string{"udp", "tcp"}
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Down <= 0 {
		o.Down = time.Minute
	}
	if o.MaxCache <= 0 {
		o.MaxCache = 2048
	}
	r.opts, r.cache, r.down = o, newCache(o.MaxCache), newDownList(o.Clock, o.Down)
	return r, nil
}

// Targets are the places to try for a host, in that order; those that Failed
// lately come last. host is a name, an IPv4 address, or an IPv6 address with or
// without brackets. Port 0 and transport "" are what the URI does not say; secure
// is a sips URI. The errors are ErrNotFound, ErrNotOffered, ErrUnavailable and
// the cause of ctx.
func (r *Resolver) Targets(ctx context.Context, host string, port int, transport string, secure bool) ([]Target, error) {
	list, err := r.find(ctx, host, port, strings.ToLower(transport), secure)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("resolving %.80q: %w", host, err)
	}
	return r.down.last(list[:min(len(list), maxTargets)]), nil
}

// Failed says that a target did not answer or refused (503): it comes last for
// Options.Down.
func (r *Resolver) Failed(t Target) { r.down.add(t) }

func (r *Resolver) find(ctx context.Context, host string, port int, transport string, secure bool) ([]Target, error) {
	if port < 0 || port > 65535 {
		return nil, fmt.Errorf("%w: port %d", ErrNotFound, port)
	}
	given := transport
	if secure && (transport == "" || transport == "tcp") {
		transport, given = "tls", "tls" // RFC 3261 §26.2.2; ";transport=tcp" of a sips URI is TLS over TCP
	}
	if transport == "" {
		transport = "udp" // RFC 3263 §4.1, for numeric hosts and given ports
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []Target{{netip.AddrPortFrom(a.Unmap(), portOr(port, transport)), transport}}, nil
	}
	if _, ok := dns.IsDomainName(host); !ok || host == "" {
		return nil, fmt.Errorf("%w: not a host name", ErrNotFound)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if port == 0 && len(r.local(name)) == 0 {
		list, err := r.services(ctx, name, given)
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	return r.addresses(ctx, name, portOr(port, transport), transport)
}

func portOr(port int, transport string) uint16 {
	switch {
	case port != 0:
		return uint16(port)
	case transport == "tls":
		return 5061
	}
	return 5060
}

// services are the targets by NAPTR and SRV (RFC 3263 §4.1 and §4.2); none, if the
// host has no such records.
func (r *Resolver) services(ctx context.Context, name, transport string) ([]Target, error) {
	if transport != "" {
		return r.service(ctx, serviceName(transport, name), transport)
	}
	if r.opts.NAPTR {
		list, err := r.pointers(ctx, name)
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	var refused error
	for _, t := range r.opts.Transports {
		list, err := r.service(ctx, serviceName(t, name), t)
		if errors.Is(err, ErrNotOffered) {
			refused = err // another transport may be offered
			continue
		}
		if err != nil || len(list) > 0 {
			return list, err
		}
	}
	return nil, refused
}

func serviceName(transport, name string) string {
	switch transport {
	case "tls":
		return "_sips._tcp." + name
	default:
		return "_sip._" + transport + "." + name
	}
}

// naptrServices are the values of RFC 3263 §4.1 and the transport each means.
var naptrServices = map[string]string{"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}

// pointers follows NAPTR records to SRV records.
func (r *Resolver) pointers(ctx context.Context, name string) ([]Target, error) {
	records, err := r.query(ctx, name, dns.TypeNAPTR)
	if errors.Is(err, errServer) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*dns.NAPTR
	sip := false
	for _, rr := range records {
		n, ok := rr.(*dns.NAPTR)
		if !ok || !strings.EqualFold(n.Flags, "s") {
			continue
		}
		if transport, ok := naptrServices[strings.ToUpper(n.Service)]; ok {
			sip = true
			if slices.Contains(r.opts.Transports, transport) {
				list = append(list, n)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *dns.NAPTR) int {
		if a.Order != b.Order {
			return int(a.Order) - int(b.Order)
		}
		return int(a.Preference) - int(b.Preference)
	})
	for _, n := range list {
		targets, err := r.service(ctx, strings.TrimSuffix(n.Replacement, "."), naptrServices[strings.ToUpper(n.Service)])
		if err != nil || len(targets) > 0 {
			return targets, err
		}
	}
	if sip && len(list) == 0 {
		return nil, ErrNotOffered
	}
	return nil, nil
}

// service follows the SRV records of one name.
func (r *Resolver) service(ctx context.Context, name, transport string) ([]Target, error) {
	records, err := r.query(ctx, name, dns.TypeSRV)
	if errors.Is(err, errServer) {
		return nil, nil // some servers fail on types they do not know; addresses may yet be had
	}
	if err != nil {
		return nil, err
	}
	var list []*dns.SRV
	for _, rr := range records {
		if srv, ok := rr.(*dns.SRV); ok {
			list = append(list, srv)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) == 1 && list[0].Target == "." {
		return nil, ErrNotOffered
	}
	list = order(list, r.random)
	found := make([][]Target, len(list))
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, srv := range list {
		if srv.Target == "." || srv.Port == 0 {
			continue
		}
		wg.Go(func() {
			found[i], errs[i] = r.addresses(ctx, strings.ToLower(strings.TrimSuffix(srv.Target, ".")), srv.Port, transport)
		})
	}
	wg.Wait()
	targets := slices.Concat(found...)
	if len(targets) == 0 {
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		return nil, ErrNotOffered
	}
	return targets, nil // one target that does not resolve does not spoil the others
}

// random is a number in [0, n).
func (r *Resolver) random(n int) int {
	if r.opts.Rand == nil {
		return rand.IntN(n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opts.Rand.IntN(n)
}

// addresses are the targets of a name by the hosts file, A and AAAA records, IPv4
// first.
func (r *Resolver) addresses(ctx context.Context, name string, port uint16, transport string) ([]Target, error) {
	addrs := r.local(name)
	var err error
	if len(addrs) == 0 {
		for _, full := range r.names(name) {
			if addrs, err = r.addrs(ctx, full); len(addrs) > 0 {
				break
			}
		}
	}
	if len(addrs) == 0 {
		if err == nil {
			err = ErrNotFound
		}
		return nil, err
	}
	var list []Target
	for _, a := range addrs {
		list = append(list, Target{netip.AddrPortFrom(a, port), transport})
	}
	return list, nil
}

// addrs asks for both kinds of address at once. One answer is enough.
func (r *Resolver) addrs(ctx context.Context, name string) ([]netip.Addr, error) {
	types := [2]uint16{dns.TypeA, dns.TypeAAAA}
	var records [2][]dns.RR
	var errs [2]error
	var wg sync.WaitGroup
	for i, t := range types {
		wg.Go(func() { records[i], errs[i] = r.query(ctx, name, t) })
	}
	wg.Wait()
	var list []netip.Addr
	for _, rr := range slices.Concat(records[0], records[1]) {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			list = append(list, a.Unmap())
		}
	}
	if len(list) == 0 {
		return nil, errors.Join(errs[0], errs[1])
	}
	return list, nil
}
