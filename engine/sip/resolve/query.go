package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// errServer says that a server answered that it cannot: SERVFAIL, REFUSED and so on.
var errServer = errors.New("server failure")

const (
	attempts    = 2                // rounds over the servers
	minTTL      = time.Second      // also of answers that are not to be kept: a call asks more than once
	maxTTL      = 24 * time.Hour   //
	maxNegative = 5 * time.Minute  // how long "there is none" is believed (RFC 2308 §5 allows up to 3 h)
	negativeTTL = 30 * time.Second // the same, where the answer does not say
	retryAfter  = 5 * time.Second  // how long no server is asked again that did not answer
	udpSize     = 1232             // octets: what passes everywhere without fragments
)

// query gives the records of a name and type, from the cache if it has them. No
// records and no error: there are none. When no server answers, an answer that is
// too old is better than none (RFC 8767): a trunk outlives its name server.
func (r *Resolver) query(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	key := question{strings.ToLower(strings.TrimSuffix(name, ".")), qtype}
	now := r.opts.Clock.Now()
	e, ok := r.cache.get(key)
	if ok && now.Before(e.until) {
		return e.records, e.err
	}
	m, err := r.ask(ctx, key)
	now = r.opts.Clock.Now() // asking takes time
	if err != nil {
		if ctx.Err() == nil {
			if !ok || e.err != nil {
				e = answer{err: err}
			}
			e.until = now.Add(retryAfter)
			r.cache.put(key, e)
			return e.records, e.err
		}
		return nil, err
	}
	e = answer{}
	ttl := maxTTL
	for _, rr := range m.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second) // also a CNAME's on the way
		if rr.Header().Rrtype == qtype && len(e.records) < maxRecords {
			e.records = append(e.records, rr)
		}
	}
	if len(e.records) == 0 {
		ttl = negative(m)
	}
	e.until = now.Add(max(ttl, minTTL))
	r.cache.put(key, e)
	return e.records, nil
}

// negative is how long to believe that there is none (RFC 2308 §5).
func negative(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(time.Duration(min(soa.Minttl, soa.Hdr.Ttl))*time.Second, maxNegative)
		}
	}
	return negativeTTL
}

// ask puts a question to the servers until one answers it.
func (r *Resolver) ask(ctx context.Context, q question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.name), q.qtype)
	m.SetEdns0(udpSize, false)
	errs := []error{ErrUnavailable}
	for range attempts {
		for _, server := range r.opts.Servers {
			answer, err := r.exchange(ctx, m, server)
			if err == nil {
				return answer, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			errs = append(errs[:1], err) // the last one is enough
		}
	}
	return nil, fmt.Errorf("asking for %s of %s: %w", dns.TypeToString[q.qtype], q.name, errors.Join(errs...))
}

// exchange asks one server, over TCP if the answer does not fit a datagram.
func (r *Resolver) exchange(ctx context.Context, m *dns.Msg, server string) (*dns.Msg, error) {
	m = m.Copy()
	m.Id = dns.Id()
	for _, network := range []string{"udp", "tcp"} {
		c := &dns.Client{Net: network, Timeout: r.opts.Timeout, UDPSize: udpSize}
		answer, err := exchangeOnce(ctx, c, m, server)
		if err != nil {
			return nil, err
		}
		if answer.Truncated && network == "udp" {
			continue
		}
		if len(answer.Question) != 1 || !strings.EqualFold(answer.Question[0].Name, m.Question[0].Name) || answer.Question[0].Qtype != m.Question[0].Qtype {
			return nil, errors.New("the answer is to another question")
		}
		if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
			return nil, fmt.Errorf("%w: %s says %s", errServer, server, dns.RcodeToString[answer.Rcode])
		}
		return answer, nil
	}
	return nil, errors.New("truncated over TCP")
}

// exchangeOnce is c.ExchangeContext, but ends with ctx, where that one looks only
// at its deadline.
func exchangeOnce(ctx context.Context, c *dns.Client, m *dns.Msg, server string) (*dns.Msg, error) {
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	answer, _, err := c.ExchangeWithConnContext(ctx, m, conn)
	return answer, err
}

// readSystem reads how this machine resolves names.
func (r *Resolver) readSystem(resolv, hosts string) error {
	c, err := dns.ClientConfigFromFile(resolv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", resolv, err)
	}
	if err == nil {
		r.search = c
	}
	b, err := os.ReadFile(hosts)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", hosts, err)
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if a, err := netip.ParseAddr(f[0]); err == nil {
			for _, name := range f[1:] {
				name = strings.ToLower(strings.TrimSuffix(name, "."))
				r.hosts[name] = append(r.hosts[name], a.Unmap())
			}
		}
	}
	return nil
}

// local are the addresses that no name server is asked for.
func (r *Resolver) local(name string) []netip.Addr {
	if list := r.hosts[name]; len(list) > 0 {
		return list
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761 §6.3
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return nil
}

// names are what a name may be short for.
func (r *Resolver) names(name string) []string {
	if r.search == nil {
		return []string{name}
	}
	return r.search.NameList(name)
}
