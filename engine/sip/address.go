package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// unescape resolves %HH (RFC 3261 section 19.1.2). What is no valid escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 && hi<<4|lo != 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// escapeUser writes s as the user part of a SIP URI (RFC 3261 section 25.1: unreserved and user-unreserved).
func escapeUser(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()&=+$,/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// quote writes a display name as a quoted string; control characters are dropped.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		if r >= ' ' && r != 0x7f {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unquote resolves the backslashes of a quoted string.
func unquote(s string) string {
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

// String gives a name-addr, escaped for a header.
func (a Address) String() string {
	uri := "<" + a.uri() + ">"
	if a.Display != "" {
		return quote(a.Display) + " " + uri
	}
	return uri
}

func (a Address) uri() string {
	host := hostLiteral(a.Host)
	if host == "" {
		host = "invalid"
	}
	if a.User == "" {
		return "sip:" + host
	}
	return "sip:" + escapeUser(a.User) + "@" + host
}

// hostLiteral puts an IPv6 address in brackets and drops what cannot stand in a host.
func hostLiteral(h string) string {
	h = strings.Trim(h, "[]")
	if a, err := netip.ParseAddr(h); err == nil && a.Is6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune(`<>";,?@`, r) || r >= 0x7f {
			return -1
		}
		return r
	}, h)
}

// addressOf makes an Address of sipgo's display name and URI. A tel: URI (RFC 3966) has its number as user.
func addressOf(display string, u *sip.Uri) Address {
	a := Address{Display: unquote(display), User: unescape(u.User), Host: strings.ToLower(strings.Trim(u.Host, "[]"))}
	if u.Scheme == "tel" {
		a.User, _, _ = strings.Cut(u.Raw(), ";")
		a.User = strings.Map(func(r rune) rune {
			if strings.ContainsRune("-.() ", r) {
				return -1
			}
			return r
		}, unescape(a.User))
		a.Host = ""
	}
	// Parameters of the user part ("+44…;phone-context=…") are no part of the number.
	if number, _, found := strings.Cut(a.User, ";"); found {
		a.User = number
	}
	return a
}

// nameAddr is a parsed name-addr or addr-spec with its header parameters.
type nameAddr struct {
	Address
	URI    sip.Uri
	Params sip.HeaderParams
}

func parseNameAddr(s string) (nameAddr, bool) {
	var n nameAddr
	display, err := sip.ParseAddressValue(strings.TrimSpace(s), &n.URI, &n.Params)
	if err != nil {
		return nameAddr{}, false
	}
	n.Address = addressOf(display, &n.URI)
	return n, true
}

// splitList cuts a header value at the commas outside quotes and angle brackets.
func splitList(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth <= 0:
			out = append(out, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	if rest := strings.TrimSpace(s[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// uriAddr gives the address a URI names, if its host is an IP address. Port 0 in the URI means 5060.
func uriAddr(u *sip.Uri) (netip.AddrPort, bool) {
	host := u.Host
	if maddr, ok := u.UriParams.Get("maddr"); ok && maddr != "" {
		host = maddr
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || u.Port < 0 || u.Port > 65535 {
		return netip.AddrPort{}, false
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), true
}

// uriTransport is the transport parameter of a URI in lower case, "" if it has none.
func uriTransport(u *sip.Uri) string {
	t, _ := u.UriParams.Get("transport")
	return strings.ToLower(t)
}
