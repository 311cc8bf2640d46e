package transaction

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// serverKey is what a request and its retransmissions have in common (RFC 3261 section 17.2.3): branch, sent-by and
// method, that of an ACK being INVITE. Where branch is not of RFC 3261, old holds what RFC 2543 matches by instead.
type serverKey struct {
	branch, host string
	port         int
	method       sip.RequestMethod
	old          string
}

func serverKeyOf(req *sip.Request, method sip.RequestMethod) serverKey {
	if method == sip.ACK {
		method = sip.INVITE
	}
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	if len(branch) > len(sip.RFC3261BranchMagicCookie) && strings.HasPrefix(branch, sip.RFC3261BranchMagicCookie) {
		return serverKey{branch: branch, host: via.Host, port: via.Port, method: method}
	}
	tag, _ := req.From().Params.Get("tag")
	var b strings.Builder
	for _, s := range []string{req.Recipient.String(), tag, req.CallID().Value(), via.Value()} {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return serverKey{port: int(req.CSeq().SeqNo), method: method, old: b.String()}
}

// clientKey is what a request of ours and its responses have in common (RFC 3261 section 17.1.3).
type clientKey struct {
	branch string
	method sip.RequestMethod
}

func clientKeyOf(via *sip.ViaHeader, cseq *sip.CSeqHeader) clientKey {
	branch, _ := via.Params.Get("branch")
	return clientKey{branch, cseq.MethodName}
}
