package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// Codec is one format of an RTP stream: an a=rtpmap line and its a=fmtp.
type Codec struct {
	PayloadType uint8 // 0 to 127
	Name        string
	ClockRate   int // Hz
	Channels    int // 0 means 1
	Fmtp        string
}

// The formats that are spoken here. The payload types of PCMU, PCMA, G722 and CN are
// fixed by RFC 3551 section 6; the others are only customary.
var (
	PCMU = Codec{PayloadType: 0, Name: "PCMU", ClockRate: 8000}
	PCMA = Codec{PayloadType: 8, Name: "PCMA", ClockRate: 8000}
	G722 = Codec{PayloadType: 9, Name: "G722", ClockRate: 8000} // 16 kHz, but the number stayed: RFC 3551 section 4.5.2
	// Opus is always written with two channels, however many are sent (RFC 7587 section 7).
	Opus = Codec{PayloadType: 96, Name: "opus", ClockRate: 48000, Channels: 2, Fmtp: "useinbandfec=1"}

	TelephoneEvent   = Codec{PayloadType: 101, Name: "telephone-event", ClockRate: 8000, Fmtp: "0-16"} // RFC 4733
	TelephoneEvent48 = Codec{PayloadType: 102, Name: "telephone-event", ClockRate: 48000, Fmtp: "0-16"}
	ComfortNoise     = Codec{PayloadType: 13, Name: "CN", ClockRate: 8000} // RFC 3389
)

// static are the audio payload types of RFC 3551 §6 that need no a=rtpmap.
var static = [...]Codec{
	PCMU,
	{PayloadType: 3, Name: "GSM", ClockRate: 8000},
	{PayloadType: 4, Name: "G723", ClockRate: 8000},
	PCMA,
	G722,
	ComfortNoise,
	{PayloadType: 18, Name: "G729", ClockRate: 8000},
}

// IsEvent tells whether this is RFC 4733's telephone-event and not sound.
func (c Codec) IsEvent() bool { return strings.EqualFold(c.Name, TelephoneEvent.Name) }

// IsSound leaves out the formats that only accompany a codec.
func (c Codec) IsSound() bool {
	return !c.IsEvent() && !strings.EqualFold(c.Name, ComfortNoise.Name) && !strings.EqualFold(c.Name, "red")
}

// described is c with the number and parameters that the peer gave it. It does not keep the text they were read from.
func (c Codec) described(by Codec) Codec {
	c.PayloadType, c.Fmtp = by.PayloadType, strings.Clone(by.Fmtp)
	return c
}

// Same tells whether two codecs mean the same coding, whatever their numbers. Opus
// without its "/2" is taken for Opus: every decoder of it takes both.
func (c Codec) Same(d Codec) bool {
	if !strings.EqualFold(c.Name, d.Name) || c.ClockRate != d.ClockRate {
		return false
	}
	return strings.EqualFold(c.Name, Opus.Name) || max(c.Channels, 1) == max(d.Channels, 1)
}

// WithEvents are codecs and, after them, telephone-event at each of their clock rates,
// since events share the clock of the sound (RFC 4733 section 2.1).
func WithEvents(codecs ...Codec) []Codec {
	list := slices.Clip(codecs)
	if slices.ContainsFunc(codecs, func(c Codec) bool { return c.ClockRate == TelephoneEvent.ClockRate }) {
		list = append(list, TelephoneEvent)
	}
	if slices.ContainsFunc(codecs, func(c Codec) bool { return c.ClockRate == TelephoneEvent48.ClockRate }) {
		list = append(list, TelephoneEvent48)
	}
	return list
}

// find returns the codec of list that is the same coding as c.
func find(list []Codec, c Codec) (Codec, bool) {
	for _, d := range list {
		if d.Same(c) {
			return d, true
		}
	}
	return Codec{}, false
}

// Codecs are the formats the stream lists and describes, in its order. Formats
// that are no payload type, or are neither described nor static, are left out.
func (m *Media) Codecs() []Codec {
	list := make([]Codec, 0, min(len(m.Formats), 8))
	var seen [128]bool
	for _, f := range m.Formats {
		pt, _, ok := payloadType(f)
		if !ok || seen[pt] {
			continue
		}
		seen[pt] = true
		if c, ok := m.codec(pt); ok {
			list = append(list, c)
		}
	}
	return list
}

// codec is what the stream says of a payload type, the last of several times, or else what RFC 3551 says.
func (m *Media) codec(pt uint8) (c Codec, ok bool) {
	for _, s := range static {
		if s.PayloadType == pt {
			c, ok = s, true
		}
	}
	for _, a := range m.Attributes {
		if strings.EqualFold(a.Name, "rtpmap") {
			if of, rest, is := payloadType(a.Value); is && of == pt {
				if described, is := parseMap(rest); is {
					c, ok = described, true
				}
			}
		}
	}
	c.PayloadType = pt
	for _, a := range m.Attributes {
		if strings.EqualFold(a.Name, "fmtp") {
			if of, rest, is := payloadType(a.Value); is && of == pt {
				c.Fmtp = rest
			}
		}
	}
	return c, ok
}

// payloadType splits "101 rest".
func payloadType(value string) (pt uint8, rest string, ok bool) {
	text := value
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		text, rest = value[:i], value[i:]
	}
	n, err := strconv.ParseUint(text, 10, 7)
	return uint8(n), strings.TrimSpace(rest), err == nil
}

// parseMap reads "opus/48000/2".
func parseMap(value string) (Codec, bool) {
	name, rest, _ := strings.Cut(value, "/")
	clock, channels, _ := strings.Cut(rest, "/")
	c := Codec{Name: strings.TrimSpace(name)}
	rate, err := strconv.ParseUint(strings.TrimSpace(clock), 10, 31)
	if err != nil || rate == 0 || c.Name == "" {
		return Codec{}, false
	}
	c.ClockRate = int(rate)
	if channels != "" {
		channels, _, _ = strings.Cut(channels, "/")
		n, err := strconv.ParseUint(strings.TrimSpace(channels), 10, 8)
		if err == nil && n > 1 {
			c.Channels = int(n)
		}
	}
	return c, true
}

// attributes are the lines that describe c in a description.
func (c Codec) attributes() []Attribute {
	pt := strconv.Itoa(int(c.PayloadType))
	value := pt + " " + c.Name + "/" + strconv.Itoa(c.ClockRate)
	if c.Channels > 1 {
		value += "/" + strconv.Itoa(c.Channels)
	}
	list := []Attribute{{"rtpmap", value}}
	if c.Fmtp != "" {
		list = append(list, Attribute{"fmtp", pt + " " + c.Fmtp})
	}
	return list
}
