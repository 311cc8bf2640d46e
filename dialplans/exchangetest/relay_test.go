package exchangetest

import (
	"bytes"
	"net"
	"regexp"
	"testing"
)

// relay stands between SIPp and the exchange and makes up for what SIPp 3.6 cannot. SIPp reads the first challenge
// only and knows MD5 only (RFC 8760 section 2.3 has a phone take the first that it knows): the SHA-256 challenges are
// taken out. And SIPp takes a NOTIFY about messages for a call: they are acknowledged for it.
// It returns the address that SIPp talks to, and the one that the exchange talks to: everything goes through here, so
// that it arrives in the order in which it was sent.
func relay(t *testing.T, sipp, exchange string) (toExchange, toSIPp string) {
	t.Helper()
	listen := func(addr string) *net.UDPConn {
		c, err := net.ListenPacket("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.(*net.UDPConn)
	}
	inside, outside := listen("127.0.0.1:0"), listen("127.0.0.1:0")
	address := func(at string) *net.UDPAddr {
		a, err := net.ResolveUDPAddr("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	at, to := address(sipp), address(exchange)
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := inside.Read(b)
			if err != nil {
				return
			}
			_, _ = outside.WriteToUDP(b[:n], to)
		}
	}()
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := outside.Read(b)
			if err != nil {
				return
			}
			if ok := acknowledge(b[:n]); ok != nil {
				_, _ = outside.WriteToUDP(ok, to)
				continue
			}
			_, _ = inside.WriteToUDP(withoutSHA(b[:n]), at)
		}
	}()
	return inside.LocalAddr().String(), outside.LocalAddr().String()
}

var shaChallenge = regexp.MustCompile(`(?m)^WWW-Authenticate: Digest [^\r\n]*algorithm=SHA-256[^\r\n]*\r\n`)

func withoutSHA(message []byte) []byte {
	if !bytes.HasPrefix(message, []byte("SIP/2.0 401 ")) {
		return message
	}
	return shaChallenge.ReplaceAll(message, nil)
}

var copied = regexp.MustCompile(`(?m)^(Via|From|To|Call-ID|CSeq): [^\r\n]*\r\n`)

// acknowledge makes the 200 for a NOTIFY about messages; nil: it is something else.
func acknowledge(message []byte) []byte {
	if !bytes.HasPrefix(message, []byte("NOTIFY ")) || !bytes.Contains(message, []byte("Event: message-summary")) {
		return nil
	}
	ok := []byte("SIP/2.0 200 OK\r\n")
	for _, header := range copied.FindAll(message, -1) {
		ok = append(ok, header...)
	}
	return append(ok, "Content-Length: 0\r\n\r\n"...)
}
