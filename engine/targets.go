package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/sip"
)

// What the targets of a Bridge mean.

// device is one phone or trunk to dial.
type device struct {
	target string
	party  Party
	peer   string // where its signalling goes, for choosing our address
	err    error  // why it cannot be rung

	// One of them says where to; see sip.DialRequest.
	binding       *sip.Binding
	trunk, number string
	uri           string
}

// to addresses a request to the device.
func (d device) to(r sip.DialRequest) sip.DialRequest {
	r.Binding, r.Trunk, r.Number, r.URI = d.binding, d.trunk, d.number, d.uri
	if d.binding != nil {
		r.To = sip.Address{User: d.target}
	}
	return r
}

var errUnregistered = errors.New("no phone is registered for this number")

// devices are the phones behind a target.
func (e *Engine) devices(target string) []device {
	if to, ok := strings.CutPrefix(target, "trunk:"); ok {
		return []device{e.trunkDevice(target, to)}
	}
	if uri, ok := strings.CutPrefix(target, "sip:"); ok {
		return []device{e.uriDevice(target, uri)}
	}
	party := Party{Number: target, Verified: true}
	if line, err := e.directory.Line(context.Background(), target); err == nil {
		party.Line, party.Name = target, line.Name
	}
	bindings := e.sip.Bindings(target)
	if len(bindings) == 0 {
		return []device{{target: target, party: party, err: errUnregistered}}
	}
	party.Line = target
	all := make([]device, len(bindings))
	for i := range bindings {
		all[i] = device{target: target, party: party, peer: bindings[i].Source.String(), binding: &bindings[i]}
	}
	return all
}

// uriDevice calls anybody, at hosts that settings allow.
func (e *Engine) uriDevice(target, uri string) device {
	_, host, _ := strings.Cut(uri, "@")
	bare := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		bare = h
	}
	d := device{target: target, party: Party{Number: target}, peer: host, uri: target}
	if !slices.Contains(e.opts.SIPHosts, bare) && !slices.Contains(e.opts.SIPHosts, host) {
		d.err = fmt.Errorf("host %q is not among the SIP hosts that settings allow", bare)
	}
	return d
}

func (e *Engine) trunkDevice(target, to string) device {
	name, number, _ := strings.Cut(to, "/")
	d := device{target: target, party: Party{Number: number, Trunk: name}, trunk: name, number: number}
	trunks := e.sip.Trunks()
	at := slices.IndexFunc(trunks, func(t sip.TrunkStatus) bool { return t.Name == name })
	switch {
	case at < 0:
		d.err = fmt.Errorf("there is no trunk %q", name)
	case number == "":
		d.err = fmt.Errorf("target %q names no number", target)
	default:
		d.peer = trunks[at].Host
	}
	return d
}
