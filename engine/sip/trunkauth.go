package sip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

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
		l.log().Warn("a challenge inside the dialog is not answered", "err", err)
		return nil
	}
	req, err := l.request(ctx, method, body, contentType, append(slices.Clone(h), *auth)...)
	if err != nil {
		return nil
	}
	return req
}
