package digest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNoChallenge says that none of a response's challenges can be answered: not
// digest, an algorithm or qop that we do not know, or malformed.
var ErrNoChallenge = errors.New("no digest challenge that we can answer")

// Answer makes the value of the Authorization (or Proxy-Authorization) header
// that answers the strongest of the challenges, which are the values of the
// WWW-Authenticate (or Proxy-Authenticate) headers of one response. nc counts
// the requests sent with this nonce, from 1. Before calling it make sure that
// the challenge comes from where user and secret belong: see Realm.
func Answer(challenges []string, method, uri, user, secret string, body []byte, nc int) (header string, err error) {
	var best map[string]string
	for _, value := range challenges {
		list, ok := cutScheme(value)
		if !ok {
			continue
		}
		c, err := parse(list)
		if err != nil || c["nonce"] == "" || newHash(c["algorithm"]) == nil {
			continue
		}
		if _, ok := chooseQop(c); !ok {
			continue
		}
		if best == nil || strength(c["algorithm"]) > strength(best["algorithm"]) {
			best = c
		}
	}
	if best == nil {
		return "", fmt.Errorf("answering %d challenges: %w", len(challenges), ErrNoChallenge)
	}
	qop, _ := chooseQop(best)
	p := proof{algorithm: best["algorithm"], nonce: best["nonce"], qop: qop, method: method, uri: uri, body: body}
	var b strings.Builder
	// The realm, nonce and opaque go back exactly as they came, escapes and all.
	fmt.Fprintf(&b, `Digest username=%s, realm="%s", nonce="%s", uri="%s"`, quote(user), best["realm"], p.nonce, uri)
	if qop != "" {
		p.nc, p.cnonce = fmt.Sprintf("%08x", max(nc, 1)), newCnonce()
		fmt.Fprintf(&b, `, qop=%s, nc=%s, cnonce="%s"`, qop, p.nc, p.cnonce)
	}
	if opaque, ok := best["opaque"]; ok {
		fmt.Fprintf(&b, `, opaque="%s"`, opaque)
	}
	if p.algorithm != "" {
		fmt.Fprintf(&b, `, algorithm=%s`, p.algorithm)
	}
	fmt.Fprintf(&b, `, response="%s"`, p.response(HA1(p.algorithm, user, best["realm"], secret)))
	return b.String(), nil
}

// Realm is the realm of a challenge, "" if it is no digest challenge.
func Realm(challenge string) string {
	list, ok := cutScheme(challenge)
	if !ok {
		return ""
	}
	c, err := parse(list)
	if err != nil {
		return ""
	}
	return unescape(c["realm"])
}

// strength orders the algorithms.
func strength(algorithm string) int {
	switch strings.ToUpper(algorithm) {
	case SHA512256:
		return 3
	case SHA256:
		return 2
	}
	return 1
}

// chooseQop prefers auth; "" is a server of RFC 2069.
func chooseQop(c map[string]string) (qop string, ok bool) {
	offered, has := c["qop"]
	if !has {
		return "", true
	}
	found := ""
	for _, q := range strings.Split(offered, ",") {
		switch strings.ToLower(strings.TrimSpace(q)) {
		case "auth":
			return "auth", true
		case "auth-int":
			found = "auth-int"
		}
	}
	return found, found != ""
}

func newCnonce() string {
	var b [8]byte
	rand.Read(b[:]) // cannot fail
	return hex.EncodeToString(b[:])
}
