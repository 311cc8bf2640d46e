package wire

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
)

// maxReply bounds what we send to a source that may be forged: what a request of
// ordinary size needs.
const maxReply = 2048

// reply makes the answer to a malformed request, statelessly (RFC 3261 §8.2.7):
// the same request gets the same answer. It is nil if there is nothing to answer:
// an ACK, a response, or a request whose Via could not be read.
func (m *message) reply(source netip.AddrPort) []byte {
	if m.fault == nil || m.fault.code == 0 || !m.request || string(m.method) == "ACK" {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", m.fault.code, m.fault.phrase)
	vias := 0
	for _, f := range m.fields {
		value := string(f.value)
		switch {
		case f.syntax == via:
			if vias++; vias == 1 {
				value = received(value, source)
			}
		case f.id == idTo:
			if !hasTag(f.value) {
				value += ";tag=" + m.tag()
			}
		case f.id == idFrom || f.id == idCallID || f.id == idCSeq:
		default:
			continue
		}
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, value)
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	if vias == 0 || b.Len() > maxReply {
		return nil
	}
	return []byte(b.String())
}

// tag is the same for each copy of a request.
func (m *message) tag() string {
	h := fnv.New64a()
	for _, f := range m.fields {
		h.Write(f.value)
	}
	return fmt.Sprintf("%x", h.Sum64())
}

// received says in a Via where its request came from (RFC 3261 §18.2.1, RFC 3581 §4).
func received(value string, source netip.AddrPort) string {
	parts := strings.Split(value, ";")
	out := parts[0]
	for _, p := range parts[1:] {
		name, v, _ := strings.Cut(p, "=")
		switch {
		case name == "received":
			continue
		case name == "rport" && v == "":
			p = fmt.Sprintf("rport=%d", source.Port())
		}
		out += ";" + p
	}
	return out + ";received=" + source.Addr().String()
}
