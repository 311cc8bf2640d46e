package wire

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

var errValue = errors.New("malformed value")

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }

// isToken tells whether b is a token of RFC 3261 §25.1.
func isToken(b []byte) bool {
	for _, c := range b {
		switch c {
		case '-', '.', '!', '%', '*', '_', '+', '`', '\'', '~':
		default:
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return len(b) > 0
}

// isNumber tells whether b is decimal digits that make at most max.
func isNumber(b []byte, max uint64) bool {
	if len(b) == 0 || b[0] < '0' || b[0] > '9' { // no sign
		return false
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return err == nil && n <= max
}

// skipQuoted returns the index after the quoted string that begins at b[0], or -1
// if it does not end.
func skipQuoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// find returns the index of the first separator that is outside quotes and "<>",
// or, if open is set, of a "<" before it; -1 if there is none.
func find(b []byte, separator byte, open bool) (int, error) {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case separator:
			return i, nil
		case '"':
			n := skipQuoted(b[i:])
			if n < 0 {
				return 0, errValue
			}
			i += n - 1
		case '<':
			if open {
				return i, nil
			}
			n := bytes.IndexByte(b[i:], '>')
			if n < 0 {
				return 0, errValue
			}
			i += n
		}
	}
	return -1, nil
}

// appendParams writes ";name=value;name" with names in lower case, without blanks
// around the separators and without empty parameters. b begins with ";" or is
// empty. Quoted strings stay as they are.
func appendParams(dst, b []byte) ([]byte, error) {
	for {
		b = bytes.TrimLeft(b, "; \t")
		if len(b) == 0 {
			return dst, nil
		}
		end, err := find(b, ';', false)
		if err != nil {
			return dst, err
		}
		if end < 0 {
			end = len(b)
		}
		name, value, has := bytes.Cut(trim(b[:end]), []byte("="))
		b = b[end:]
		name, value = trim(name), trim(value)
		if len(name) == 0 || bytes.ContainsAny(name, " \t\"") {
			return dst, errValue
		}
		dst = append(dst, ';')
		for _, c := range name {
			dst = append(dst, toLower(c))
		}
		if has {
			dst = append(dst, '=')
			dst = append(dst, value...)
		}
	}
}

// appendParamValue brings "value ; name = value" into plain form.
func appendParamValue(dst, b []byte) ([]byte, error) {
	end, err := find(b, ';', false)
	if err != nil {
		return dst, err
	}
	if end < 0 {
		end = len(b)
	}
	dst = append(dst, trim(b[:end])...)
	return appendParams(dst, b[end:])
}

// appendAddress brings a name-addr or addr-spec into plain form and makes sure
// that its URI can be read.
func appendAddress(dst, b []byte, display bool) ([]byte, error) {
	open, err := find(b, ';', true)
	if err != nil {
		return dst, err
	}
	if open < 0 || b[open] == ';' { // addr-spec: what follows ";" belongs to the header
		if open < 0 {
			open = len(b)
		}
		uri := trim(b[:open])
		// RFC 3261 §20: a URI with "," or "?" must stand in "<>".
		if bytes.ContainsAny(uri, "\",?") || bytes.IndexByte(b[open:], '<') >= 0 {
			return dst, errValue
		}
		if dst, err = appendURI(dst, uri); err != nil {
			return dst, err
		}
		return appendParams(dst, b[open:])
	}
	end := bytes.IndexByte(b[open:], '>')
	if end < 0 {
		return dst, errValue
	}
	end += open
	if name := trim(b[:open]); display && len(name) > 0 {
		if bytes.IndexByte(name, '>') >= 0 {
			return dst, errValue
		}
		dst = append(dst, name...)
		dst = append(dst, ' ')
	}
	dst = append(dst, '<')
	if dst, err = appendURI(dst, trim(b[open+1:end])); err != nil {
		return dst, err
	}
	dst = append(dst, '>')
	tail := trim(b[end+1:])
	if len(tail) > 0 && tail[0] != ';' {
		return dst, errValue
	}
	return appendParams(dst, tail)
}

// appendURI writes a URI, the names of a SIP URI's parameters in lower case, and
// makes sure that sipgo can read it.
func appendURI(dst, uri []byte) ([]byte, error) {
	if len(uri) == 0 || bytes.ContainsAny(uri, " \t<>\"") {
		return dst, errValue
	}
	start := len(dst)
	dst = append(dst, uri...)
	written := dst[start:]
	colon := bytes.IndexByte(written, ':')
	if colon > 0 && (bytes.EqualFold(written[:colon], []byte("sip")) || bytes.EqualFold(written[:colon], []byte("sips"))) {
		lowerParamNames(written[colon+1:])
	}
	var u sip.Uri
	if err := sip.ParseUri(string(written), &u); err != nil || u.Wildcard {
		return dst, errValue
	}
	if u.Port < 0 || u.Port > 65535 || u.Host == "" && (u.Scheme == "sip" || u.Scheme == "sips") {
		return dst, errValue
	}
	return dst, nil
}

// lowerParamNames lower-cases the names in "user@host;Name=Value?headers".
func lowerParamNames(b []byte) {
	if i := bytes.IndexByte(b, '?'); i >= 0 && bytes.IndexByte(b[i:], '@') < 0 {
		b = b[:i] // a "?" before "@" is part of the user
	}
	b = b[bytes.LastIndexByte(b, '@')+1:]
	name := false
	for i, c := range b {
		switch c {
		case ';':
			name = true
		case '=':
			name = false
		default:
			if name {
				b[i] = toLower(c)
			}
		}
	}
}

// appendVia brings one Via value without comments into the form "SIP/2.0/UDP host:port;params".
func appendVia(dst, b []byte) ([]byte, error) {
	protocol, rest, _ := bytes.Cut(b, []byte("/"))
	version, rest, ok := bytes.Cut(rest, []byte("/"))
	if !ok || !bytes.EqualFold(trim(protocol), []byte("SIP")) || string(trim(version)) != "2.0" {
		return dst, errValue
	}
	rest = trim(rest)
	blank := bytes.IndexAny(rest, " \t")
	if blank < 0 || !isToken(rest[:blank]) {
		return dst, errValue
	}
	dst = append(dst, "SIP/2.0/"...)
	dst = append(dst, rest[:blank]...)
	dst = append(dst, ' ')
	rest = trim(rest[blank:])
	end := bytes.IndexByte(rest, ';')
	if end < 0 {
		end = len(rest)
	}
	host, port := trim(rest[:end]), []byte(nil)
	if colon := bytes.LastIndexByte(host, ':'); colon > bytes.LastIndexByte(host, ']') {
		host, port = trim(host[:colon]), trim(host[colon+1:])
		if !isNumber(port, 65535) {
			return dst, errValue
		}
	}
	if !isHost(host) {
		return dst, errValue
	}
	dst = append(dst, host...)
	if port != nil {
		dst = append(dst, ':')
		dst = append(dst, port...)
	}
	return appendParams(dst, rest[end:])
}

// isHost tells whether b can be a host name, an IPv4 address or an IPv6 address
// in brackets.
func isHost(b []byte) bool {
	if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
		for _, c := range b {
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == ':' || c == '.') {
				return false
			}
		}
		return true
	}
	return isToken(b) // wider than a host name: some write "_"
}

// withoutComments leaves out "(…)", which RFC 2543 allowed in Via.
func withoutComments(b []byte) ([]byte, error) {
	if bytes.IndexByte(b, '(') < 0 {
		return b, nil
	}
	out := make([]byte, 0, len(b))
	depth := 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0 && c == '\\':
			i++
		case depth == 0 && c == '"':
			n := skipQuoted(b[i:])
			if n < 0 {
				return nil, errValue
			}
			out = append(out, b[i:i+n]...)
			i += n - 1
		case depth == 0:
			out = append(out, c)
		}
	}
	if depth > 0 {
		return nil, errValue
	}
	return out, nil
}

// appendCSeq writes "1 INVITE".
func appendCSeq(dst, b []byte) ([]byte, error) {
	f := bytes.Fields(b)
	if len(f) != 2 || !isNumber(f[0], 1<<31-1) || !isToken(f[1]) {
		return dst, errValue
	}
	dst = append(dst, f[0]...)
	dst = append(dst, ' ')
	return append(dst, f[1]...), nil
}
