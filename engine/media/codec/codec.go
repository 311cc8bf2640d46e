// Package codec turns sound into RTP payloads and back: G.711 in both laws
// (ITU-T G.711; RFC 3551 section 4.5.14), and the resampler that brings clips to
// the rate a codec speaks.
//
// Everything works on slices the caller owns and allocates nothing, but Resample.
package codec

import "strings"

// Codec names one payload format. It is comparable; the zero value is no codec.
type Codec uint8

// The codecs there are.
const (
	None Codec = iota
	PCMU       // G.711 µ-law, RFC 3551 payload type 0
	PCMA       // G.711 A-law, RFC 3551 payload type 8
)

// Count is one more than the highest codec: the size of an array indexed by Codec.
const Count = int(PCMA) + 1

// Valid tells whether c is a codec at all.
func (c Codec) Valid() bool { return c == PCMU || c == PCMA }

// Name is the encoding name as a=rtpmap has it (RFC 3551 section 6), "" for None.
func (c Codec) Name() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return ""
}

// String is Name, or "none".
func (c Codec) String() string {
	if !c.Valid() {
		return "none"
	}
	return c.Name()
}

// ClockRate is the RTP timestamp rate, in Hz.
func (c Codec) ClockRate() int {
	if !c.Valid() {
		return 0
	}
	return 8000
}

// PayloadType is the static payload type of RFC 3551 table 4.
func (c Codec) PayloadType() uint8 {
	if c == PCMA {
		return 8
	}
	return 0
}

// ByName finds a codec by its encoding name, whatever its case (RFC 4855 section 3).
func ByName(name string) (Codec, bool) {
	switch {
	case strings.EqualFold(name, "PCMU"):
		return PCMU, true
	case strings.EqualFold(name, "PCMA"):
		return PCMA, true
	}
	return None, false
}
