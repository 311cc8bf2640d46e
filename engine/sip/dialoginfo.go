package sip

import (
	"bytes"
	"strconv"
)

// Lamps that show whether a line is free, rings or talks: the dialog event package (RFC 4235).

const (
	dialogEvent     = "dialog"
	dialogEventType = "application/dialog-info+xml"
)

// DialogInfo is one call at a line, as others see it.
type DialogInfo struct {
	ID        string // the same as long as the call stands
	Recipient bool   // the line is called; else it calls
	Confirmed bool   // they talk; else it rings
	Remote    Address
}

// dialogInfo writes the body of RFC 4235 section 4. It always has the full state: a lamp that has missed a change is right
// again with the next. A line without a call has one dialog that is over, since not every phone takes none for that.
func dialogInfo(resource, host string, version uint32, dialogs []DialogInfo) []byte {
	entity := Address{User: resource, Host: host}.uri()
	var b bytes.Buffer
	element := func(s ...string) {
		for i, part := range s {
			if i%2 == 0 {
				b.WriteString(part)
			} else {
				escape(&b, part)
			}
		}
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	element(`<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="`, strconv.FormatUint(uint64(version), 10), `" state="full" entity="`, entity, `">`, "")
	if len(dialogs) == 0 {
		element("\n"+`<dialog id="`, resource, `"><state>terminated</state></dialog>`, "")
	}
	for _, d := range dialogs {
		direction, state := "initiator", "early"
		if d.Recipient {
			direction = "recipient"
		}
		if d.Confirmed {
			state = "confirmed"
		}
		remote := d.Remote
		if remote.Host == "" {
			remote.Host = host
		}
		element("\n"+`<dialog id="`, d.ID, `" direction="`, direction, `"><state>`, state, `</state>`, "")
		element(`<local><identity>`, entity, `</identity><target uri="`, entity, `"/></local>`, "")
		element(`<remote><identity display="`, d.Remote.Display, `">`, remote.uri(), `</identity><target uri="`, remote.uri(), `"/></remote></dialog>`, "")
	}
	b.WriteString("\n</dialog-info>\n")
	return b.Bytes()
}

// NotifyLine tells whoever watches a line that it has changed: its calls (Options.Dialogs), or whether it can be reached
// (Options.Presence).
func (s *Server) NotifyLine(line string) {
	for _, sub := range s.subs.watching(line) {
		if !sub.due.Swap(true) { // else a NOTIFY is about to go out that has this change too
			s.spawn("NOTIFY", func() { s.notify(sub, ifChanged) })
		}
	}
}

// watching are the subscriptions of others, or itself, to a line.
func (t *subscriptions) watching(line string) []*subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*subscription
	for sub := range t.watched[line] {
		out = append(out, sub)
	}
	return out
}
