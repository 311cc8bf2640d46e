package trace

import (
	"bytes"
	"strings"
)

// maxRaw is how much is kept of a message, octets: an INVITE of a phone has 1 to 2 KB.
const maxRaw = 4096

// notKept stands where a secret was.
const notKept = "(not kept)"

// Clean is a SIP message as a trace may hold it: without credentials, without keys of encryption, without digits that
// were pressed, and cut when it is very long.
func Clean(raw []byte) string {
	if isClean(raw) {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(min(len(raw), maxRaw) + 64)
	body, secret := false, false
	for line := range bytes.Lines(raw) {
		if b.Len() > maxRaw {
			return b.String()[:maxRaw] + "\r\n(cut)"
		}
		if secret && !body && (line[0] == ' ' || line[0] == '\t') {
			continue // the secret goes on
		}
		end := secretFrom(line, body)
		secret = end >= 0
		if secret {
			b.Write(line[:end])
			b.WriteString(notKept + "\r\n")
		} else {
			b.Write(line)
		}
		body = body || len(bytes.TrimRight(line, "\r\n")) == 0
	}
	return b.String()
}

// isClean tells whether Clean would change nothing.
func isClean(raw []byte) bool { return len(raw) <= maxRaw && !hasSecret(raw) }

// hasSecret is asked of every message: it looks closely at lines only that may begin a secret.
func hasSecret(raw []byte) bool {
	body := false
	for len(raw) > 0 {
		line := raw
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			line = raw[:end+1]
		}
		raw = raw[len(line):]
		if mayHide(line, body) && secretFrom(line, body) >= 0 {
			return true
		}
		body = body || len(line) <= 2
	}
	return false
}

// mayHide is false for lines that secretFrom finds nothing in: headers of other names, and most lines of SDP.
func mayHide(line []byte, body bool) bool {
	first := line[0] | 0x20
	if !body {
		return first == 'a' || first == 'p'
	}
	if len(line) < 4 || line[1] != '=' {
		return true
	}
	return first == 'k' || first == 'a' && (bytes.HasPrefix(line, []byte("a=c")) || bytes.HasPrefix(line, []byte("a=k")))
}

// secretFrom is where in a line of a message a secret begins; -1: there is none. In the head it is credentials, in a
// body keys of encryption (RFC 4568, RFC 4567, and k= of RFC 4566) or a key that was pressed (application/dtmf-relay;
// application/dtmf is nothing but it).
func secretFrom(line []byte, body bool) int {
	if !body {
		if len(line) == 0 || line[0]|0x20 != 'a' && line[0]|0x20 != 'p' {
			return -1
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch trimmed := bytes.TrimSpace(name); {
		case bytes.EqualFold(trimmed, []byte("Authorization")), bytes.EqualFold(trimmed, []byte("Proxy-Authorization")):
			return min(len(name)+1, len(line))
		}
		return -1
	}
	for _, prefix := range [...]string{"a=crypto:", "a=key-mgmt:", "k="} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return len(prefix)
		}
	}
	name, _, ok := bytes.Cut(line, []byte("="))
	switch {
	case ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("signal")):
		return len(name) + 1
	case !ok && len(bytes.TrimSpace(line)) > 0 && len(bytes.TrimSpace(line)) <= 2:
		return 0
	}
	return -1
}

// headline is a message in a few words: "INVITE 77513", "180 Ringing".
func headline(raw string) string {
	line, _, _ := strings.Cut(raw, "\r\n")
	if status, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		return status
	}
	method, rest, _ := strings.Cut(line, " ")
	if method != "INVITE" {
		return method
	}
	uri, _, _ := strings.Cut(rest, " ")
	if user := userOf(uri); user != "" {
		return method + " " + user
	}
	return method
}

// userOf is the user of a SIP URI.
func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(user, ":;"); i >= 0 { // a password, parameters
		user = user[:i]
	}
	return user
}
