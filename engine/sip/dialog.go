package sip

import (
	"net/netip"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// dialogID names a dialog (RFC 3261 section 12): Call-ID and both tags, never fewer.
type dialogID struct{ callID, localTag, remoteTag string }

// Dialog is the state of one dialog (RFC 3261 section 12), as plain values: it can be written down.
type Dialog struct {
	CallID              string
	LocalTag, RemoteTag string
	Local, Remote       string // name-addr of From and To as they go on the wire, without tag
	LocalSeq, RemoteSeq uint32 // last CSeq each side used; 0: none
	InviteSeq           uint32 // CSeq of the last INVITE we sent, which its ACK repeats
	RouteSet            []string
	RemoteTarget        string // URI of the peer's last Contact
	Contact             string // ours, a name-addr
	Confirmed           bool   // a 2xx made it; before that it is early
	Client              bool   // we sent the INVITE

	Transport string         // "udp" or "tcp"
	Flow      netip.AddrPort // where the peer's messages come from, or where the INVITE went
	Peer      Peer

	LocalSDP, RemoteSDP []byte   // latest of each side
	Allow               []string // methods the peer says it takes; nil: it did not say

	// RFC 4028. Interval 0: no session timer.
	SessionInterval uint32 // seconds
	Refresher       bool   // we refresh
	MinSE           uint32
}

func (d *Dialog) id() dialogID { return dialogID{d.CallID, d.LocalTag, d.RemoteTag} }

// serverDialogID is the dialog a request from the peer belongs to.
func serverDialogID(req *sip.Request) (dialogID, bool) {
	return messageDialogID(req.CallID(), tagOf(req.To().Params), tagOf(req.From().Params))
}

// clientDialogID is the dialog a response to our request belongs to.
func clientDialogID(res *sip.Response) (dialogID, bool) {
	if res.From() == nil || res.To() == nil {
		return dialogID{}, false
	}
	return messageDialogID(res.CallID(), tagOf(res.From().Params), tagOf(res.To().Params))
}

func messageDialogID(callID *sip.CallIDHeader, local, remote string) (dialogID, bool) {
	if callID == nil || local == "" {
		return dialogID{}, false
	}
	return dialogID{callID.Value(), local, remote}, true
}

// updateTarget takes the Contact of a target refresh (RFC 3261 section 12.2).
func (d *Dialog) updateTarget(m message) {
	if list := headerList(m, "Contact"); len(list) > 0 {
		if n, ok := parseNameAddr(list[0]); ok && !n.URI.Wildcard && (n.URI.Scheme == "sip" || n.URI.Scheme == "sips") {
			n.URI.Headers = nil
			d.RemoteTarget = n.URI.String()
		}
	}
}

// recordRoute takes the route set from Record-Route; the side that sent the INVITE sees it backwards (RFC 3261
// section 12.1).
func (d *Dialog) recordRoute(m message, reverse bool) {
	d.RouteSet = nil
	for _, h := range headerList(m, "Record-Route") {
		if len(d.RouteSet) < 16 {
			d.RouteSet = append(d.RouteSet, h)
		}
	}
	if reverse {
		slices.Reverse(d.RouteSet)
	}
}

func (d *Dialog) allow(m message) {
	if list := headerList(m, "Allow"); len(list) > 0 {
		d.Allow = list[:min(len(list), 32)]
	}
}

func (d *Dialog) allows(method string) bool { return slices.Contains(d.Allow, method) }

// request makes a request inside the dialog, but for its Via (RFC 3261 section 12.2.1.1).
func (d *Dialog) request(method sip.RequestMethod, seq uint32) *sip.Request {
	var uri sip.Uri
	routes := d.RouteSet
	target := d.RemoteTarget
	if len(routes) > 0 {
		if n, ok := parseNameAddr(routes[0]); ok && !n.URI.UriParams.Has("lr") {
			// A strict router: it goes into the Request-URI, and the target to the end of the route.
			routes = append(slices.Clone(routes[1:]), "<"+d.RemoteTarget+">")
			target = n.URI.String()
		}
	}
	if err := sip.ParseUri(target, &uri); err != nil {
		uri = sip.Uri{Scheme: "sip", Host: hostLiteral(d.Flow.Addr().String()), Port: int(d.Flow.Port())}
	}
	req := sip.NewRequest(method, uri)
	for _, r := range routes {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
	req.AppendHeader(fromHeader(d.Local, d.LocalTag))
	req.AppendHeader(toHeader(d.Remote, d.RemoteTag))
	callID := sip.CallIDHeader(d.CallID)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	maxForwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(&maxForwards)
	return req
}

func fromHeader(nameAddress, tag string) *sip.FromHeader {
	h := &sip.FromHeader{}
	h.DisplayName, _ = sip.ParseAddressValue(nameAddress, &h.Address, &h.Params)
	if tag != "" {
		h.Params.Add("tag", tag)
	}
	return h
}

func toHeader(nameAddress, tag string) *sip.ToHeader {
	h := &sip.ToHeader{}
	h.DisplayName, _ = sip.ParseAddressValue(nameAddress, &h.Address, &h.Params)
	if tag != "" {
		h.Params.Add("tag", tag)
	}
	return h
}

// nameAddress writes sipgo's parsed From or To without its tag.
func nameAddress(display string, u *sip.Uri) string {
	if display != "" {
		return `"` + display + `" <` + u.String() + ">"
	}
	return "<" + u.String() + ">"
}
