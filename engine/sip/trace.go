package sip

import (
	"bytes"
	"net/netip"

	"github.com/belfry-pbx/belfry/engine/trace"
)

// trace records a message of a call. Registrations, subscriptions and the like are of none.
func (s *Server) trace(b []byte, peer netip.AddrPort, sent bool) {
	_, method, _ := bytes.Cut(headerOf(b, "\r\nCSeq: "), []byte(" "))
	switch string(method) {
	case "REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH", "MESSAGE":
		return
	}
	id := headerOf(b, "\r\nCall-ID: ")
	if len(id) == 0 {
		return
	}
	step := trace.Step{Time: s.clock.Now(), Kind: trace.SIP, From: peer.String(), To: trace.Exchange}
	if sent {
		step.From, step.To = step.To, step.From
	}
	if r, ok := s.o.Trace.(messages); ok {
		r.AddMessage(id, b, step)
		return
	}
	step.Dialog, step.Raw = string(id), trace.Clean(b)
	s.o.Trace.Add(step)
}

// messages is a Recorder that takes messages as they are, as trace.Log does.
type messages interface {
	AddMessage(dialog, raw []byte, step trace.Step)
}

// headerOf is the value of a header of a message in plain form; begin is how its line begins, the end of the one before
// it included.
func headerOf(b []byte, begin string) []byte {
	i := bytes.Index(b, []byte(begin))
	if i < 0 {
		return nil
	}
	value, _, _ := bytes.Cut(b[i+len(begin):], []byte("\r\n"))
	return value
}
