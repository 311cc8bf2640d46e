package sip

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

const (
	allowed        = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE, REGISTER, OPTIONS"
	supported      = "100rel, replaces, norefersub, timer, path"
	sdpType        = "application/sdp"
	branchCookie   = sip.RFC3261BranchMagicCookie
	maxBody        = 64 << 10
	maxHeaderValue = 4 << 10
)

// extensions are the option tags a request may require of us.
var extensions = []string{"100rel", "replaces", "norefersub", "timer", "path"}

// token gives n random bytes in hexadecimal: tags, Call-IDs, branches.
func token(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand since Go 1.24)
	return hex.EncodeToString(b)
}

type message interface {
	GetHeaders(name string) []sip.Header
	GetHeader(name string) sip.Header
}

func headerValue(m message, name string) string {
	if h := m.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// headerList joins all headers of a name and splits them at commas.
func headerList(m message, name string) []string {
	var out []string
	for _, h := range m.GetHeaders(name) {
		out = append(out, splitList(h.Value())...)
	}
	return out
}

// hasToken tells whether a comma-separated header names a token, whatever its case.
func hasToken(m message, name, token string) bool {
	return slices.ContainsFunc(headerList(m, name), func(s string) bool { return strings.EqualFold(s, token) })
}

func headerUint(m message, name string) (uint64, bool) {
	v, _, _ := strings.Cut(headerValue(m, name), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 32)
	return n, err == nil
}

// headerParam gives a parameter of a generic header, its name in any case.
func headerParam(value, name string) (string, bool) {
	for _, p := range strings.Split(value, ";")[1:] {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`), true
		}
	}
	return "", false
}

// validHeader refuses what would let a value become a header of its own.
func validHeader(h Header) error {
	if h.Name == "" || strings.ContainsAny(h.Name, "\r\n\x00:; \t") || strings.ContainsAny(h.Value, "\r\n\x00") || len(h.Value) > maxHeaderValue {
		return fmt.Errorf("%w: header %q", ErrInvalid, h.Name)
	}
	return nil
}

func appendHeaders(m interface{ AppendHeader(sip.Header) }, hs []Header) {
	for _, h := range hs {
		if validHeader(h) == nil {
			m.AppendHeader(sip.NewHeader(h.Name, h.Value))
		}
	}
}

// source is the address a message came from.
func source(m interface{ Source() string }) netip.AddrPort {
	a, err := netip.ParseAddrPort(m.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func tagOf(p sip.HeaderParams) string { t, _ := p.Get("tag"); return t }

// sdpOf gives the session description a message carries: its body, or the first such part of a multipart body.
func sdpOf(m interface {
	message
	Body() []byte
}) []byte {
	body := m.Body()
	if len(body) == 0 {
		return nil
	}
	ct := headerValue(m, "Content-Type")
	media, _, _ := strings.Cut(ct, ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == sdpType || media == "":
		return body
	case strings.HasPrefix(media, "multipart/"):
		boundary, _ := headerParam(ct, "boundary")
		return sdpPart(string(body), boundary)
	}
	return nil
}

func sdpPart(body, boundary string) []byte {
	if boundary == "" {
		return nil
	}
	for _, part := range strings.Split(body, "--"+boundary) {
		head, content, ok := strings.Cut(strings.TrimLeft(part, "\r\n"), "\r\n\r\n")
		if ok && strings.Contains(strings.ToLower(head), sdpType) {
			return []byte(strings.TrimSuffix(content, "\r\n") + "\r\n")
		}
	}
	return nil
}

// ReasonPhrase is what RFC 3261 section 21 calls a status code.
func ReasonPhrase(code int) string {
	if r, ok := phrases[code]; ok {
		return r
	}
	switch {
	case code < 200:
		return "Session Progress"
	case code < 300:
		return "OK"
	case code < 400:
		return "Redirection"
	case code < 500:
		return "Request Failure"
	case code < 600:
		return "Server Failure"
	}
	return "Decline"
}

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	410: "Gone", 413: "Request Entity Too Large", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
	484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
	502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline",
	604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}

// cleanReason makes a text fit for a reason phrase.
func cleanReason(code int, reason string) string {
	reason = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, reason)
	if reason == "" {
		return ReasonPhrase(code)
	}
	return reason[:min(len(reason), 120)]
}
