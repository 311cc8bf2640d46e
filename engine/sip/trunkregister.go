package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// keepRegistered registers at a trunk, again before it runs out, and after a failure ever more slowly. When ctx ends it
// takes the registration back.
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
			r.leave()
			return
		}
	}
}

// leave takes a registration back: Expires 0 (RFC 3261 section 10.2.2). A carrier that does not answer forgets us later.
func (r *trunkRegistration) leave() {
	s, n := r.t.s, r.n
	n.mu.Lock()
	registered := n.until.After(s.clock.Now())
	n.until = time.Time{}
	n.mu.Unlock()
	if !registered {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, trunkLeave)
	defer cancel()
	if _, err := r.register(ctx, 0); err != nil {
		s.log.Debug("taking back the registration at a trunk", "trunk", n.Name, "err", err)
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
		self := Address{User: cmp.Or(n.As, n.User), Host: n.host}.String()
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
			if !ok || m <= expires || m > 1<<17 || expires == 0 {
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
