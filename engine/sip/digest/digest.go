// Package digest is digest access authentication for SIP, both sides: RFC 7616
// as RFC 8760 and RFC 3261 §22 apply it.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// The algorithms, by their registered names. A server offers SHA-256 and MD5.
const (
	MD5       = "MD5"
	SHA256    = "SHA-256"
	SHA512256 = "SHA-512-256"
)

// The most a header value may have. A real one has a dozen parameters.
const (
	maxHeader     = 4096 // octets
	maxParameters = 32
)

var errMalformed = errors.New("malformed digest header")

// newHash returns nil for an algorithm that is not known.
func newHash(algorithm string) hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "", MD5:
		return md5.New()
	case SHA256:
		return sha256.New()
	case SHA512256:
		return sha512.New512_256()
	}
	return nil
}

// hexOf is H(parts joined by colons), the "KD" and "H" of RFC 7616 §3.3.
func hexOf(h hash.Hash, parts ...string) string {
	h.Reset()
	for i, part := range parts {
		if i > 0 {
			h.Write([]byte{':'})
		}
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// HA1 is what a server keeps instead of a secret: H(user ":" realm ":" secret)
// in lower-case hex. It is as good as the secret within its realm. The algorithm
// is MD5, SHA256 or SHA512256; for another one HA1 is "".
func HA1(algorithm, user, realm, secret string) string {
	h := newHash(algorithm)
	if h == nil {
		return ""
	}
	return hexOf(h, user, realm, secret)
}

// proof is what a response is made of besides HA1.
type proof struct {
	algorithm, nonce, nc, cnonce, qop string
	method, uri                       string
	body                              []byte
}

// response is RFC 7616 §3.4.1; without qop that of RFC 2069.
func (p proof) response(ha1 string) string {
	h := newHash(p.algorithm)
	a2 := []string{p.method, p.uri}
	if p.qop == "auth-int" {
		a2 = append(a2, hexOf(h, string(p.body)))
	}
	ha2 := hexOf(h, a2...)
	if p.qop == "" {
		return hexOf(h, ha1, p.nonce, ha2)
	}
	return hexOf(h, ha1, p.nonce, p.nc, p.cnonce, p.qop, ha2)
}

// cutScheme takes "Digest " from the front of a header value.
func cutScheme(header string) (rest string, ok bool) {
	const scheme = "digest"
	header = strings.TrimSpace(header)
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) ||
		(header[len(scheme)] != ' ' && header[len(scheme)] != '\t') {
		return "", false
	}
	return header[len(scheme)+1:], true
}

// parse reads name=value and name="value", separated by commas. Names are
// lower-cased, quotes removed, escapes within them kept: the hashes run over the
// text as it was sent. A name given twice is an error.
func parse(list string) (map[string]string, error) {
	if len(list) > maxHeader {
		return nil, fmt.Errorf("%w: %d octets", errMalformed, len(list))
	}
	values := make(map[string]string, 12)
	for {
		list = strings.TrimLeft(list, " \t,")
		if list == "" {
			return values, nil
		}
		name, rest, ok := strings.Cut(list, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t,\"") {
			return nil, fmt.Errorf("%w: a parameter has no name or no value", errMalformed)
		}
		rest = strings.TrimLeft(rest, " \t")
		var value string
		if strings.HasPrefix(rest, `"`) {
			end := endOfQuoted(rest)
			if end < 0 {
				return nil, fmt.Errorf("%w: open quotes", errMalformed)
			}
			value, list = rest[1:end], strings.TrimLeft(rest[end+1:], " \t")
			if list != "" && list[0] != ',' {
				return nil, fmt.Errorf("%w: no comma after a value", errMalformed)
			}
		} else {
			value, list, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
			if strings.Contains(value, `"`) {
				return nil, fmt.Errorf("%w: quotes within a value", errMalformed)
			}
		}
		if _, twice := values[name]; twice || len(values) == maxParameters {
			return nil, fmt.Errorf("%w: a parameter twice, or too many", errMalformed)
		}
		values[name] = value
	}
}

// endOfQuoted is the index of the quote that ends the one at s[0], or -1.
func endOfQuoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// unescape undoes the quoted pairs of RFC 3261 §25.1.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote puts s in quotes, escaping what must be.
func quote(s string) string {
	if !strings.ContainsAny(s, `"\\`) {
		return `"` + s + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
