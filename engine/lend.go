package engine

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/sip/digest"
)

// Credentials that are lent for a test call: an exchange keeps no secret that it could tell.

// maxLentFor is how long credentials are lent at most; maxLent is how many there may be at once.
const (
	maxLentFor = time.Hour
	maxLent    = 100
)

// lent are the credentials that are lent now, by user name.
type lent struct {
	mu  sync.Mutex
	all map[string]loan
}

type loan struct {
	sip.Credentials
	until time.Time
}

// Lend makes a user name and a secret with which a phone may register and call as a line, for so long, an hour at most, or
// until TakeBack. Calls that have begun by then go on. Whoever gets them acts as that line: they are for those who may change its secret anyhow.
func (e *Engine) Lend(line string, long time.Duration) (user, secret string, err error) {
	user, secret = "lent-"+rand.Text(), rand.Text()
	now := e.clock.Now()
	e.lent.mu.Lock()
	defer e.lent.mu.Unlock()
	for name, one := range e.lent.all {
		if !now.Before(one.until) {
			delete(e.lent.all, name)
		}
	}
	if len(e.lent.all) >= maxLent {
		return "", "", fmt.Errorf("lend line %s for a call: %d are lent already; try again later", line, maxLent)
	}
	if e.lent.all == nil {
		e.lent.all = map[string]loan{}
	}
	e.lent.all[user] = loan{sip.Credentials{
		Line:      line,
		HA1MD5:    digest.HA1(digest.MD5, user, e.opts.Realm, secret),
		HA1SHA256: digest.HA1(digest.SHA256, user, e.opts.Realm, secret),
	}, now.Add(min(long, maxLentFor))}
	e.log.Info("a line is lent for a test call", "line", line)
	return user, secret, nil
}

// TakeBack ends what was lent. What is no longer lent is nobody's mistake.
func (e *Engine) TakeBack(user string) {
	e.lent.mu.Lock()
	defer e.lent.mu.Unlock()
	delete(e.lent.all, user)
}

func (l *lent) credentials(user string, now time.Time) (sip.Credentials, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.all[user]
	if !ok || !now.Before(one.until) {
		return sip.Credentials{}, false
	}
	return one.Credentials, true
}
