package playout

import "github.com/belfry-pbx/belfry/engine/media/codec"

// longest is the longest packet played, in ms (RFC 6716 section 2; longer ones of
// G.711 are not sent).
const longest = 120

// length is how many samples of sound p has; not ok: it has no right length.
func (b *Buffer) length(p *Packet) (n int, ok bool) {
	size := len(p.Payload)
	switch {
	case size > maxPayload:
		return 0, false
	case size == 0 || p.Noise:
		return 0, true
	case b.codec == codec.Opus:
		n = opusSamples(p.Payload)
	default: // a byte each unit of the RTP clock: G.711; G.722 (RFC 3551 section 4.5.2)
		n = size * b.scale
	}
	return n, n > 0 && n <= b.rate*longest/1000
}

// opusSamples reads the table of contents of an Opus packet (RFC 6716 section 3.1): how many
// samples it has at 48 kHz; 0: it is malformed.
func opusSamples(payload []byte) int {
	var frame int
	switch config := payload[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		frame = [2]int{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config % 4)
	}
	switch payload[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(payload) < 2 {
		return 0
	}
	return int(payload[1]&63) * frame
}
