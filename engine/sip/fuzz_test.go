package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// FuzzHeaders reads header values as strangers may write them, and writes them again.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		`"A \"B\"" <sip:a%20b@[2001:db8::1]:5060;transport=tcp;lr?Replaces=x%3Bto-tag%3D1>;tag=1;q=0.5`,
		`sip:a@b;tag=x, "c, d" <sip:e@f>;x="g, h"`, "*", "<sip:>", "tel:+44(0)1865;phone-context=x", "sip:a@b; ", "Signal=5\r\nDuration=160",
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--", "1800;refresher=uac", "<sip:a@b? >", "<sip:@;=>;=;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range splitList(s) {
			n, ok := parseNameAddr(v)
			if !ok {
				continue
			}
			if out := n.Address.String(); strings.ContainsAny(out, "\r\n\x00") {
				t.Errorf("%q is written as %q", v, out)
			}
			uriAddr(&n.URI)
			uriTransport(&n.URI)
			contactOf(v)
		}
		headerParam(s, "refresher")
		dtmfRelay(s)
		sdpPart(s, "b")
		cleanReason(200, s)
		req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", Host: "x"})
		for _, name := range []string{"Session-Expires", "Min-SE", "Supported", "Require", "Replaces", "Expires", "Content-Type"} {
			req.AppendHeader(sip.NewHeader(name, s))
		}
		req.SetBody([]byte(s))
		sessionRequest(req)
		unsupported(req)
		sdpOf(req)
		lifetime(req)
		d := Dialog{Local: s, Remote: s, RemoteTarget: s, RouteSet: []string{s}}
		d.updateTarget(req)
		d.request(sip.BYE, 1)
	})
}
