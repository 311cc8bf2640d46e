// Package codec turns sound into RTP payloads and back: G.711 in both laws
// (ITU-T G.711; RFC 3551 section 4.5.14), G.722 (ITU-T G.722; RFC 3551 section
// 4.5.2) and Opus (RFC 6716, RFC 7587); it conceals what was lost on the way
// (ITU-T G.711 Appendix I), makes comfort noise (RFC 3389), and brings sound from one
// sampling rate to another.
//
// Sound is 16-bit linear, one channel. Everything works on slices the caller owns
// and allocates nothing once made, but the function Resample.
package codec

import "strings"

// Codec names one payload format. It is comparable; the zero value is no codec.
type Codec uint8

// The codecs there are.
const (
	None Codec = iota
	PCMU       // G.711 µ-law, RFC 3551 payload type 0
	PCMA       // G.711 A-law, RFC 3551 payload type 8
	G722       // G.722 at 64 kbit/s, RFC 3551 payload type 9
	Opus       // RFC 7587, a dynamic payload type
)

// Count is one more than the highest codec: the size of an array indexed by Codec.
const Count = int(Opus) + 1

// facts are what is fixed about a codec.
type facts struct {
	name        string
	clock, rate int // Hz
	frame       int // bytes
	payloadType uint8
	static      bool
}

var table = [Count]facts{
	PCMU: {name: "PCMU", clock: 8000, rate: 8000, frame: 160, payloadType: 0, static: true},
	PCMA: {name: "PCMA", clock: 8000, rate: 8000, frame: 160, payloadType: 8, static: true},
	G722: {name: "G722", clock: 8000, rate: 16000, frame: 160, payloadType: 9, static: true},
	Opus: {name: "opus", clock: 48000, rate: 48000, frame: 1275},
}

func (c Codec) facts() *facts {
	if !c.Valid() {
		return &table[None]
	}
	return &table[c]
}

// Valid tells whether c is a codec at all.
func (c Codec) Valid() bool { return c > None && int(c) < Count }

// Name is the encoding name as a=rtpmap has it (RFC 3551 section 6, RFC 7587 section 7), "" for None.
func (c Codec) Name() string { return c.facts().name }

// String is Name, or "none".
func (c Codec) String() string {
	if !c.Valid() {
		return "none"
	}
	return c.Name()
}

// ClockRate is the rate of RTP timestamps, in Hz. G.722's is 8000 although it
// samples at 16000, by an old mistake that stays (RFC 3551 section 4.5.2).
func (c Codec) ClockRate() int { return c.facts().clock }

// SampleRate is the rate of the sound, in Hz.
func (c Codec) SampleRate() int { return c.facts().rate }

// PayloadType is the static payload type of RFC 3551 table 4, if the codec has one.
func (c Codec) PayloadType() (pt uint8, static bool) { return c.facts().payloadType, c.facts().static }

// FrameBytes is the longest payload of a frame of 20 ms that an Encoder makes.
func (c Codec) FrameBytes() int { return c.facts().frame }

// CanEncode tells whether NewEncoder will work: Opus needs the system's libopus.
func (c Codec) CanEncode() bool { return c.Valid() && (c != Opus || canEncodeOpus()) }

// CanDecode tells whether NewDecoder will work.
func (c Codec) CanDecode() bool { return c.Valid() }

// ByName finds a codec by its encoding name, whatever its case (RFC 4855 section 3).
func ByName(name string) (Codec, bool) {
	for c := PCMU; c.Valid(); c++ {
		if strings.EqualFold(name, c.Name()) {
			return c, true
		}
	}
	return None, false
}
