package sim

import (
	"bytes"
	"net/netip"
	"strconv"
)

// Addresses for documentation (RFC 5737): nothing is ever sent there.
var (
	ourAddr   = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	theirAddr = netip.AddrFrom4([4]byte{198, 51, 100, 1})
)

// What every telephone says of its sound: G.711 and telephone-event (RFC 4733).
const (
	telephoneSDP = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n" +
		"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na="
	talkingSDP = telephoneSDP + "sendrecv\r\n"
	holdingSDP = telephoneSDP + "sendonly\r\n"
)

// description is a telephone's SDP: one that listens, or has put the other side on hold (RFC 3264 section 8.4).
func description(listens bool) []byte {
	if listens {
		return []byte(talkingSDP)
	}
	return []byte(holdingSDP)
}

// portOf is where the sound of a description is received; 0: it says nothing of it.
func portOf(sdp []byte) uint16 {
	_, rest, _ := bytes.Cut(sdp, []byte("m=audio "))
	number, _, _ := bytes.Cut(rest, []byte(" "))
	port, _ := strconv.ParseUint(string(number), 10, 16)
	return uint16(port)
}
