package sim

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Addresses for documentation (RFC 5737): nothing is ever sent there.
var (
	ourAddr   = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	theirAddr = netip.AddrFrom4([4]byte{198, 51, 100, 1})
)

// What telephones say of their sound: G.711, or where the exchange does not speak it G.722 and Opus (RFC 7587), and
// telephone-event (RFC 4733).
const (
	anySDP  = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP "
	g711SDP = anySDP + "8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
	wideSDP = anySDP + "9 96 101 102\r\na=rtpmap:96 opus/48000/2\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-16\r\n"
)

// description is a telephone's SDP: one that listens, or has put the other side on hold (RFC 3264 section 8.4).
func (d *dialog) description(listens bool) []byte {
	sdp, direction := g711SDP, "a=sendrecv\r\n"
	if !d.s.x.speaksG711(d.peer.Trunk) {
		sdp = wideSDP
	}
	if !listens {
		direction = "a=sendonly\r\n"
	}
	return []byte(sdp + direction)
}

// speaksG711 tells whether the exchange does, by a trunk that has codecs of its own or else at all.
func (x *Exchange) speaksG711(trunk string) bool {
	spoken := x.options.Engine.Codecs
	for _, t := range x.options.Engine.Trunks {
		if t.Name == trunk && t.Codecs != nil {
			spoken = t.Codecs
		}
	}
	return spoken == nil || slices.Contains(spoken, codec.PCMA) || slices.Contains(spoken, codec.PCMU)
}

// portOf is where the sound of a description is received; 0: it says nothing of it.
func portOf(sdp []byte) uint16 {
	_, rest, _ := bytes.Cut(sdp, []byte("m=audio "))
	number, _, _ := bytes.Cut(rest, []byte(" "))
	port, _ := strconv.ParseUint(string(number), 10, 16)
	return uint16(port)
}
