package exchangetest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// raw is a UDP socket that says what it likes: for what no phone would send.
type raw struct {
	t    *testing.T
	conn *net.UDPConn
	to   net.Addr
}

// raw opens a socket of an address that talks to the exchange.
func (x *exchange) raw(host string) *raw {
	x.t.Helper()
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Close() })
	to, err := net.ResolveUDPAddr("udp", x.Address())
	if err != nil {
		x.t.Fatal(err)
	}
	return &raw{t: x.t, conn: c.(*net.UDPConn), to: to}
}

func (r *raw) say(message string) {
	r.t.Helper()
	if _, err := r.conn.WriteTo([]byte(message), r.to); err != nil {
		r.t.Fatal(err)
	}
}

// next is the next message, "" if there is none for a moment.
func (r *raw) next(moment time.Duration) string {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(moment)); err != nil {
		r.t.Fatal(err)
	}
	b := make([]byte, 65536)
	n, err := r.conn.Read(b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// final is the next final response.
func (r *raw) final() string {
	r.t.Helper()
	for {
		m := r.next(patience)
		if m == "" {
			r.t.Fatal("no final response")
		}
		if !strings.HasPrefix(m, "SIP/2.0 1") {
			return m
		}
	}
}

// request makes a request to a number, with a description of sound if it is an INVITE. Every one is new.
func (r *raw) request(method, number, from string, headers ...string) string {
	var id [8]byte
	_, _ = rand.Read(id[:])
	at := r.conn.LocalAddr().String()
	host, port, _ := net.SplitHostPort(at)
	body, more := "", ""
	if method == "INVITE" {
		body = strings.Join([]string{"v=0", "o=- 1 1 IN IP4 " + host, "s=-", "c=IN IP4 " + host, "t=0 0", "m=audio " + port + " RTP/AVP 8", ""}, "\r\n")
		more = "Content-Type: application/sdp\r\n"
	}
	for _, h := range headers {
		more += h + "\r\n"
	}
	return fmt.Sprintf("%s sip:%s@chorus SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nFrom: <sip:%s>;tag=%[4]s\r\n"+
		"To: <sip:%[2]s@chorus>\r\nCall-ID: %[4]s\r\nCSeq: 1 %[1]s\r\nMax-Forwards: 70\r\nContact: <sip:raw@%[3]s>\r\n%[6]sContent-Length: %[7]d\r\n\r\n%[8]s",
		method, number, at, hex.EncodeToString(id[:]), from, more, len(body), body)
}

// trunkSocket stands in for the carrier where nothing must arrive.
func (x *exchange) trunkSocket() *raw {
	x.t.Helper()
	return x.listens(fmt.Sprintf("%s:%d", carrier, x.trunk))
}

// listens opens a socket that is to be called.
func (x *exchange) listens(at string) *raw {
	x.t.Helper()
	c, err := net.ListenPacket("udp", at)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Close() })
	return &raw{t: x.t, conn: c.(*net.UDPConn)}
}

// receive is the next message, and where it came from.
func (r *raw) receive() (string, net.Addr) {
	r.t.Helper()
	if err := r.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	b := make([]byte, 65536)
	n, from, err := r.conn.ReadFrom(b)
	if err != nil {
		r.t.Fatalf("nothing comes to %s: %v", r.conn.LocalAddr(), err)
	}
	return string(b[:n]), from
}

// refusing is a final response to a request.
func refusing(request, status string) string {
	return "SIP/2.0 " + status + "\r\n" + strings.Join(copied.FindAllString(request, -1), "") + "Content-Length: 0\r\n\r\n"
}

// heardNothing fails the test if anything has arrived so far.
func (r *raw) heardNothing() {
	r.t.Helper()
	if m := r.next(time.Millisecond); m != "" {
		r.t.Errorf("%s got:\n%s", r.conn.LocalAddr(), m)
	}
}

// acknowledging is the ACK for a response of 300 or more.
func acknowledging(invite, response string) string {
	line, rest, _ := strings.Cut(invite, "\r\n")
	via, _, _ := strings.Cut(rest, "\r\n")
	ack := strings.Replace(line, "INVITE", "ACK", 1) + "\r\n" + via + "\r\n"
	for _, header := range copied.FindAllString(response, -1) {
		if !strings.HasPrefix(header, "Via:") {
			ack += strings.Replace(header, " INVITE", " ACK", 1)
		}
	}
	return ack + "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
}
