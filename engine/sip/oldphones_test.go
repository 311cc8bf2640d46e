package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// asked lists the algorithms that a phone's REGISTER without credentials is challenged with.
func asked(p *phone, user string, extra ...string) string {
	c := p.newCall(user)
	c.target = "sip:" + p.server.String()
	c.do("REGISTER", "", extra...)
	var algorithms []string
	for _, challenge := range p.final("REGISTER").all("WWW-Authenticate") {
		_, algorithm, _ := strings.Cut(challenge, "algorithm=")
		algorithms = append(algorithms, algorithm)
	}
	return strings.Join(algorithms, " ")
}

func TestWhoGivesUpAtSHA256IsAskedForMD5Alone(t *testing.T) {
	c := clock.NewJumping()
	s := startServer(t, func(o *Options) { o.Clock = c })
	p := newPhone(t, s, "1001")
	for range 2 { // at once: that is a retransmission or a second request, not a second try
		if got := asked(p, "1001"); got != "SHA-256 MD5" {
			t.Fatalf("a stranger is asked for %q", got)
		}
	}
	c.Jump(30 * time.Second)
	if got := asked(p, "1001"); got != "MD5" {
		t.Errorf("who comes again without an answer is asked for %q", got)
	}
	if got := asked(newPhone(t, s, "1002"), "1002"); got != "SHA-256 MD5" {
		t.Errorf("another user is asked for %q", got)
	}
	c.Jump(time.Hour)
	if got := asked(p, "1001"); got != "SHA-256 MD5" {
		t.Errorf("an hour later it is asked for %q", got)
	}
	if got := asked(p, "1003", "User-Agent: baresip v1.0.0 (x86_64/linux)"); got != "MD5" {
		t.Errorf("baresip 1.0 is asked for %q", got)
	}
}

func TestWhoCannotAnswerIsNotRememberedForEver(t *testing.T) {
	p := newSuspects(clock.NewFake(time.Now()))
	for i := range 3 * maxSuspects {
		p.note(fmt.Sprint(i))
	}
	if len(p.since) > maxSuspects || len(p.order) > maxSuspects {
		t.Errorf("%d and %d remembered", len(p.since), len(p.order))
	}
}
