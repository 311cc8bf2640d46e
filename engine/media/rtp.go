package media

import "encoding/binary"

const (
	rtpVersion = 2
	headerSize = 12 // bytes of an RTP header without CSRCs and extension

	sampleRate   = 8000 // Hz: of narrowband sound, and of its timestamps
	frameSamples = 160  // 20 ms of it
	tickSamples  = 40   // 5 ms of it
	frameTicks   = frameSamples / tickSamples

	maxRate    = 48000
	maxFrame   = maxRate / 50 // samples of 20 ms at any rate
	maxPayload = 1275         // bytes of a frame of 20 ms in any codec (RFC 6716 section 3.4)

	ticksPerSecond = sampleRate / tickSamples
)

// packet is one RTP packet, parsed where it lies.
type packet struct {
	marker      bool
	payloadType uint8
	seq         uint16
	timestamp   uint32
	ssrc        uint32
	raw         []byte // payload preceded by the headerSize bytes that a new header may be written to
}

func (p *packet) payload() []byte { return p.raw[headerSize:] }

// parseRTP reads the header of RFC 3550 section 5.1. The reason holds when ok does not.
func parseRTP(b []byte) (p packet, reason DropReason, ok bool) {
	if len(b) < headerSize {
		return p, DropTruncated, false
	}
	if b[0]>>6 != rtpVersion {
		return p, DropVersion, false
	}
	start := headerSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 { // header extension, section 5.3.1
		if len(b) < start+4 {
			return p, DropTruncated, false
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 { // padding
		end -= int(b[len(b)-1])
		if b[len(b)-1] == 0 {
			return p, DropTruncated, false
		}
	}
	if start > end {
		return p, DropTruncated, false
	}
	p.marker = b[1]&0x80 != 0
	p.payloadType = b[1] & 0x7f
	p.seq = binary.BigEndian.Uint16(b[2:])
	p.timestamp = binary.BigEndian.Uint32(b[4:])
	p.ssrc = binary.BigEndian.Uint32(b[8:])
	p.raw = b[start-headerSize : end]
	return p, 0, true
}

// putHeader writes a header without CSRCs and extension.
func putHeader(b []byte, payloadType uint8, marker bool, seq uint16, timestamp, ssrc uint32) {
	b[0], b[1] = rtpVersion<<6, payloadType
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
}

// isRTCP tells RTCP from RTP on one port (RFC 5761 section 4): packet types 192 to
// 223 are where RTP would have payload types 64 to 95 with the marker bit.
func isRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
