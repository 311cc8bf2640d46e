package sip

import (
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Old phones: those that meet a challenge for SHA-256 and give up, instead of going on to the one for MD5
// (RFC 8760 section 2.4 wants them to go on). They are asked for MD5 alone. That weakens nothing: MD5 is offered to
// everybody and accepted from every line that has it.
//
// Some are known by name. Any other is found out: who was challenged for both and comes again without an answer, not at
// once as a retransmission would but within minutes, could not answer.
const (
	gaveUpAfter  = time.Second
	gaveUpWithin = 15 * time.Minute
	maxSuspects  = 4096
)

// suspects remembers who has not answered a challenge yet: by source address and user, the oldest forgotten first.
type suspects struct {
	clock clock.Clock

	mu    sync.Mutex
	since map[string]time.Time
	order []string // oldest first; may name some that have answered since
}

func newSuspects(c clock.Clock) *suspects {
	return &suspects{clock: c, since: map[string]time.Time{}}
}

// suspect is the key of a request's sender.
func suspect(req *sip.Request) string {
	return sameHost(source(req).Addr()) + " " + strings.ToLower(req.From().Address.User)
}

// note remembers that somebody is challenged, and tells whether he has given up before.
func (p *suspects) note(key string) (gaveUp bool) {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	since, known := p.since[key]
	if known && now.Sub(since) < gaveUpWithin {
		return now.Sub(since) >= gaveUpAfter
	}
	if !known {
		p.order = append(p.order, key)
	}
	p.since[key] = now
	for len(p.order) > maxSuspects {
		delete(p.since, p.order[0])
		p.order = p.order[1:]
	}
	return false
}

// answered forgets who has proved able to answer.
func (p *suspects) answered(req *sip.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.since, suspect(req))
}

// asksMD5 tells whether the sender of a request is to be challenged with MD5 alone.
func (s *Server) asksMD5(req *sip.Request) bool {
	if credentials := headerValue(req, "Authorization"); credentials != "" {
		return !strings.Contains(strings.ToUpper(credentials), "SHA-") // it has shown what it can do
	}
	for _, old := range []string{"baresip v0.", "baresip v1.", "baresip v2."} {
		if strings.HasPrefix(headerValue(req, "User-Agent"), old) {
			return true
		}
	}
	return s.suspects.note(suspect(req))
}
