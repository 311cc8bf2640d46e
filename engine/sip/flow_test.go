package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// RFC 3261 section 18.2.2 and RFC 3581: without rport the response goes to the port in Via, with it to where the request
// came from; received tells the address where Via had another.
func TestResponsesFindTheirWay(t *testing.T) {
	s := startServer(t, nil)
	sender, listener := newPhone(t, s, "1001"), newPhone(t, s, "1001")
	request := func(via string) string {
		return fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nFrom: <sip:1001@x>;tag=a\r\nTo: <sip:x>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			realm, via, branchCookie+token(6), token(6))
	}
	sender.send(request(listener.addr()))
	if res := listener.response("OPTIONS", 401); strings.Contains(res.get("Via"), "received") {
		t.Errorf("Via %s", res.get("Via"))
	}
	_, port, _ := net.SplitHostPort(listener.addr())
	sender.send(request("phone.invalid:" + port))
	if res := listener.response("OPTIONS", 401); !strings.Contains(res.get("Via"), "received=127.0.0.1") {
		t.Errorf("Via %s", res.get("Via"))
	}
	sender.send(request("192.0.2.1:9;rport"))
	_, own, _ := net.SplitHostPort(sender.addr())
	if res := sender.response("OPTIONS", 401); !strings.Contains(res.get("Via"), "rport="+own) || !strings.Contains(res.get("Via"), "received=127.0.0.1") {
		t.Errorf("Via %s", res.get("Via"))
	}
}

// A phone whose TCP connection broke in a call is found again by its registration.
func TestCallOutlivesItsTCPConnection(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := tcpPhone(t, s, "1001")
	same := "Contact: <sip:1001@127.0.0.1:5099;transport=tcp>"
	p.registerAuth(600, same)
	c := p.inviteAuth("77513", offerSDP, same)
	leg := <-in
	if err := leg.Answer(t.Context(), []byte(answerSDP)); err != nil {
		t.Fatal(err)
	}
	c.ack(p.response("INVITE", 200), "")
	eventually(t, "the ACK arrived", func() bool { return closed(leg.acked) })
	p.conn.Close()
	q := tcpPhone(t, s, "1001")
	q.registerAuth(600, same)
	eventually(t, "the old connection is gone", func() bool { return !s.transports.Connected(netip.MustParseAddrPort(p.addr())) })
	leg.Hangup()
	q.respond(q.request("BYE"), 200, "", "")
}

// Nothing a stranger sends becomes a label.
func TestMetricsHaveClosedLabels(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s := startServer(t, func(o *Options) { o.Metrics = reg })
	p := newPhone(t, s, "1001")
	for i := range 20 {
		c := p.newCall("x")
		c.do(fmt.Sprintf("METHOD%d", i), "")
		p.response(fmt.Sprintf("METHOD%d", i), 405)
	}
	p.registerAuth(600)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if strings.Contains(l.GetValue(), "METHOD") {
					t.Errorf("%s has the label %s", name, l)
				}
				name += " " + l.GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"belfry_sip_requests_total in other": 20, "belfry_sip_responses_total 4xx out other": 20,
		"belfry_sip_requests_total in REGISTER": 2, "belfry_sip_bindings": 1, "belfry_sip_authentications_total ok": 1,
	} {
		if values[name] != want {
			t.Errorf("%s is %v, not %v", name, values[name], want)
		}
	}
}

func TestHeadersCannotBeForged(t *testing.T) {
	in := make(chan *Leg, 1)
	s := startServer(t, func(o *Options) { o.Invite = legs(in) })
	p := newPhone(t, s, "1001")
	p.registerAuth(600)
	b := s.Bindings("1001")
	evil := "x\r\nX-Evil: 1"
	done := dial(t.Context(), s, DialRequest{Binding: &b[0], From: Address{Display: evil, User: evil, Host: evil}, To: Address{Display: evil, User: evil},
		Asserted: Address{Display: evil, User: evil}, CallID: evil})
	inv := p.request("INVITE")
	if inv.get("X-Evil") != "" {
		t.Errorf("INVITE %+v", inv.headers)
	}
	p.respond(inv, 486, "a", "")
	<-done
	c := p.inviteAuth("77513", offerSDP)
	leg := <-in
	if err := leg.Reject(486, evil, Header{"X", evil}); err != nil {
		t.Fatal(err)
	}
	res := p.final("INVITE")
	c.ackFailure(res)
	if res.get("X-Evil") != "" || res.get("X") != "" {
		t.Errorf("response %+v", res.headers)
	}
}
