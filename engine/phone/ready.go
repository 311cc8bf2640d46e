package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// awaitReady returns when the SIP side answers on its own UDP socket. It must not be asked to
// send before: sipgo would then open a second socket on the same port, and fail.
func (p *Phone) awaitReady() error {
	at := p.sip.Addrs("udp")[0]
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("waking the phone: %w", err)
	}
	defer conn.Close()
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	answer := make([]byte, 2048)
	for try := range 100 {
		if _, err := conn.Write(probe(at, from, try)); err != nil {
			return fmt.Errorf("waking the phone: %w", err)
		}
		// The system's time: this is a socket's wait, not a rule's.
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return fmt.Errorf("waking the phone: %w", err)
		}
		if _, err := conn.Read(answer); err == nil {
			return nil // whatever it says
		}
		select {
		case <-p.done:
			return errors.Join(ErrClosed, p.err)
		default:
		}
	}
	return errors.New("waking the phone: its SIP side does not answer")
}

// probe is an OPTIONS request that anybody may send and nobody need grant.
func probe(to, from netip.AddrPort, try int) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKready%d\r\nMax-Forwards: 0\r\n"+
		"From: <sip:ready@%s>;tag=r\r\nTo: <sip:ready@%s>\r\nCall-ID: ready%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		to, from, try, from, to, try)
}
