package wire

import (
	"bytes"
	"slices"
	"strconv"
)

// fault is why a message cannot be handed on.
type fault struct {
	count  string // one of the Count constants
	code   int    // to answer a request with; 0: not to be answered
	phrase string // names the header
}

// field is one header line in plain form.
type field struct {
	header
	value []byte
}

// message is a SIP message on its way through.
type message struct {
	request bool
	method  []byte // of a request
	start   []byte // start line in plain form
	fields  []field
	body    []byte
	fault   *fault      // the first there was
	room    []byte      // where plain forms are written
	seen    [ids]uint16 // how often each header with an id was there
	length  int         // Content-Length; -1: none
}

// fail notes the first fault.
func (m *message) fail(code int, phrase string) {
	if m.fault != nil {
		return
	}
	if !m.request {
		m.fault = &fault{count: CountResponse}
		return
	}
	m.fault = &fault{CountRequest, code, phrase}
}

// junk is what is not SIP.
func junk() *message { return &message{fault: &fault{count: CountJunk}} }

// headEnd returns the length of the start line and header fields with the empty
// line after them, or -1 if they are not all there. from is where to look, for
// reading on.
func headEnd(b []byte, from int) int {
	for i := max(from-3, 0); i < len(b); {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		if i < len(b) && b[i] == '\n' {
			return i + 1
		}
		if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			return i + 2
		}
	}
	return -1
}

// buffers are what a message is read into, to be used for the next one when it is done with. The zero value is ready.
type buffers struct {
	fields []field
	room   []byte
}

// parse reads start line and header fields. It always returns a message; what is
// wrong with it is in its fault. The message is good until b is used again.
func parse(head []byte, b *buffers) *message {
	line, rest := nextLine(head)
	m := parseStart(line)
	if m.fault != nil && m.fault.code == 0 {
		return m
	}
	m.length = -1
	m.room, m.fields = slices.Grow(b.room[:0], len(head)), b.fields[:0]
	for len(rest) > 0 {
		line, rest = nextLine(rest)
		if len(line) == 0 {
			break
		}
		m.parseField(line)
	}
	m.checkPresent()
	b.room, b.fields = m.room, m.fields
	return m
}

// nextLine takes one line off b, the lines that continue it (RFC 3261 §7.3.1)
// joined on with a blank each. The end of a line is LF, or CR LF.
func nextLine(b []byte) (line, rest []byte) {
	line, rest = cutLine(b)
	if len(line) == 0 {
		return line, rest
	}
	folded := false
	for len(rest) > 0 && isBlank(rest[0]) {
		var more []byte
		more, rest = cutLine(rest)
		if !folded {
			line, folded = append([]byte(nil), line...), true // not over what follows it
		}
		line = append(bytes.TrimRight(line, " \t"), ' ')
		line = append(line, trim(more)...)
	}
	return line, rest
}

func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// parseStart reads a Request-Line or Status-Line.
func parseStart(line []byte) *message {
	line = trim(line)
	if hasControl(line) {
		return junk()
	}
	if len(line) >= 4 && bytes.EqualFold(line[:4], []byte("SIP/")) {
		return parseStatus(line)
	}
	method, rest, _ := bytes.Cut(line, []byte(" "))
	i := bytes.LastIndexByte(rest, ' ')
	if i < 0 || !isToken(method) || len(method) > 64 {
		return junk()
	}
	version, uri := rest[i+1:], trim(rest[:i])
	if len(version) < 4 || !bytes.EqualFold(version[:4], []byte("SIP/")) {
		return junk()
	}
	m := &message{request: true, method: method}
	if string(version[4:]) != "2.0" {
		m.fail(505, "Version Not Supported")
	}
	m.start = append(m.start, method...)
	m.start = append(m.start, ' ')
	var err error
	// More than one blank between the parts, or a URI in "<>", is what RFC 4475
	// §3.1.2.7 and §3.1.2.9 call invalid.
	if m.start, err = appendURI(m.start, rest[:i]); err != nil || len(uri) != i {
		m.fail(400, "Malformed Request-URI")
	}
	m.start = append(m.start, " SIP/2.0"...)
	return m
}

// parseStatus reads "SIP/2.0 200 OK", with or without the reason.
func parseStatus(line []byte) *message {
	m := &message{}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, reason, _ := bytes.Cut(trim(rest), []byte(" "))
	if string(version[4:]) != "2.0" || len(code) != 3 || !isNumber(code, 699) || code[0] == '0' {
		m.fail(0, "")
		return m
	}
	m.start = append(m.start, "SIP/2.0 "...)
	m.start = append(m.start, code...)
	m.start = append(m.start, ' ')
	m.start = append(m.start, trim(reason)...)
	return m
}

func hasControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// parseField reads one header line, which may become several.
func (m *message) parseField(line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	name, value = trim(name), trim(value)
	if !ok || !isToken(name) || hasControl(value) {
		m.fail(400, "Malformed Header Line")
		return
	}
	h := lookup(name)
	if h.syntax == via {
		var err error
		if value, err = withoutComments(value); err != nil {
			m.fail(400, "Malformed "+h.name)
			return
		}
	}
	for {
		end := len(value)
		if h.list {
			i, err := find(value, ',', false)
			if err != nil {
				m.fail(400, "Malformed "+h.name)
				return
			}
			if i >= 0 {
				end = i
			}
		}
		if one := trim(value[:end]); len(one) > 0 || !h.list {
			m.add(h, one)
		}
		if end == len(value) || m.tooMany() {
			return
		}
		value = value[end+1:]
	}
}

func (m *message) tooMany() bool {
	if len(m.fields) >= MaxHeaders {
		m.fail(400, "Too Many Header Fields")
		return true
	}
	return false
}

// add brings one value into plain form and checks it.
func (m *message) add(h header, value []byte) {
	if m.tooMany() {
		return
	}
	if h.syntax == params && len(value) == 0 {
		return // sipgo refuses an empty Content-Type; it says nothing anyhow
	}
	plainForm, err := m.plainForm(h, value)
	if err != nil {
		m.fail(400, "Malformed "+h.name)
		return
	}
	if h.id != idNone {
		m.seen[h.id]++
		if h.id != idVia && m.seen[h.id] > 1 {
			m.fail(400, "Repeated "+h.name)
			return
		}
		if m.seen[idVia] > MaxVias {
			m.fail(400, "Too Many Via")
			return
		}
	}
	m.fields = append(m.fields, field{h, plainForm})
}

// plainForm brings a value into plain form. Forms that differ from what was sent
// are put one after the other into m.room.
func (m *message) plainForm(h header, value []byte) ([]byte, error) {
	room := len(m.room)
	var out []byte
	var err error
	switch h.syntax {
	case via:
		out, err = appendVia(m.room, value)
	case address:
		if h.list && string(value) == "*" {
			return value, nil // of a Contact
		}
		out, err = appendAddress(m.room, value, true)
	case bare:
		out, err = appendAddress(m.room, value, false)
	case params:
		out, err = appendParamValue(m.room, value)
	case cseq:
		out, err = appendCSeq(m.room, value)
	case callID:
		if len(value) == 0 || bytes.ContainsAny(value, " \t") {
			return nil, errValue
		}
		return value, nil
	case number:
		return value, m.number(h, value)
	default:
		return value, nil
	}
	if err != nil {
		return nil, err
	}
	m.room = out
	out = out[room:len(out):len(out)]
	switch {
	case !m.request:
	case h.id == idFrom && !hasTag(out):
		m.fail(400, "Missing From Tag")
	case h.id == idCSeq && !bytes.Equal(out[bytes.IndexByte(out, ' ')+1:], m.method):
		m.fail(400, "CSeq Method Mismatch")
	}
	return out, nil
}

func (m *message) number(h header, value []byte) error {
	limit := uint64(255) // Max-Forwards
	if h.id == idContentLength {
		limit = 1 << 30
	}
	if !isNumber(value, limit) {
		return errValue
	}
	if h.id == idContentLength {
		m.length, _ = strconv.Atoi(string(value)) // isNumber has seen it
	}
	return nil
}

// hasTag tells whether an address in plain form has a tag parameter with a value.
func hasTag(b []byte) bool {
	_, tail, ok := bytes.Cut(b, []byte(">"))
	if !ok {
		tail = b
	}
	_, tag, ok := bytes.Cut(tail, []byte(";tag="))
	return ok && len(tag) > 0 && tag[0] != ';'
}

// checkPresent makes sure of the headers that every message has (RFC 3261
// §8.1.1). Max-Forwards may be missing, as RFC 2543 did not have it.
func (m *message) checkPresent() {
	for _, h := range [...]*header{&hVia, &hFrom, &hTo, &hCallID, &hCSeq} {
		if m.seen[h.id] == 0 {
			m.fail(400, "Missing "+h.name)
		}
	}
}

// appendTo writes the message in plain form.
func (m *message) appendTo(dst []byte) []byte {
	dst = append(dst, m.start...)
	dst = append(dst, "\r\n"...)
	for _, f := range m.fields {
		dst = append(dst, f.name...)
		dst = append(dst, ": "...)
		dst = append(dst, f.value...)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(dst, m.body...)
}
