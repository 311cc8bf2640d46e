package sdp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrNoAudio says that a description has no audio stream that we could use:
	// none at all, all refused, or none over plain RTP.
	ErrNoAudio = errors.New("no usable audio stream in SDP")
	// ErrNoCommonCodec says that no audio stream has a codec that we have too.
	ErrNoCommonCodec = errors.New("no common codec")
	// ErrNoOffer says that an answer came though nothing was offered.
	ErrNoOffer = errors.New("SDP answer without an offer")
)

const (
	defaultPTime = 20 * time.Millisecond
	minPTime     = 10 * time.Millisecond
	maxPTime     = 120 * time.Millisecond
)

// Local is our side of one call's audio stream: what we can, what we want, and
// what was said so far. It is not safe for use by several goroutines at once.
type Local struct {
	Addr   netip.Addr // where we receive: goes into o= and c=
	Port   uint16     // RTP; RTCP is the next
	Codecs []Codec    // what we can, best first, telephone-event included
	// Direction is what we want. What is agreed may be less, when the peer holds us.
	Direction Direction
	RTCPMux   bool // we offer a=rtcp-mux (RFC 5761); it is accepted in any case

	State State
}

// State is what a Local remembers from one body to the next (RFC 3264 §8). It is
// plain data, so that a call can be written down.
type State struct {
	SessionID uint64  // o=: stays
	Version   uint64  // o=: grows by one when a body differs from the one before
	Sent      []byte  // the last body we made; nil: none
	Media     []Media // the m= lines of the session in order, ours only as a place
	Audio     int     // which of them is ours
	Numbers   []Codec // the payload types by which peers send to us; they must not change
	Offered   Direction
	HasOffer  bool // Offer was called
}

// NewLocal makes our side of a new call.
func NewLocal(addr netip.Addr, port uint16, codecs []Codec) *Local {
	// Random and below 2^63: some peers keep o='s numbers signed.
	id := rand.Uint64() >> 1
	return &Local{Addr: addr.Unmap(), Port: port, Codecs: codecs, State: State{SessionID: id, Version: 1}}
}

// Agreed is what an offer and its answer came to, seen from our side.
type Agreed struct {
	Remote     netip.AddrPort // where to send RTP; zero when the peer has it held by address 0.0.0.0
	RemoteRTCP netip.AddrPort // where to send RTCP; zero with Remote
	RTCPMux    bool           // RTCP shares the port of RTP
	Codec      Codec          // with the peer's payload type, by which we send
	Event      Codec          // telephone-event likewise; zero Name: none
	// ReceivePayloadType and ReceiveEventPayloadType are the numbers by which the
	// peer sends. They differ from ours to send only with peers that renumber.
	ReceivePayloadType, ReceiveEventPayloadType uint8
	PTime                                       time.Duration // of the packets we send: 10 to 120 ms, 20 when the peer does not say
	Direction                                   Direction     // ours: what we may send and shall receive
	OnHold                                      bool          // the peer does not want to hear us: sendonly, inactive or address 0.0.0.0
}

// Offer makes an offer in the present Direction. In a running call it has all
// m= lines there ever were, the others refused (RFC 3264 §8).
func (l *Local) Offer() []byte {
	st := &l.State
	if len(st.Media) == 0 {
		st.Media = []Media{{Type: "audio", Proto: "RTP/AVP"}}
		st.Audio = 0
	}
	codecs := make([]Codec, 0, len(l.Codecs))
	for _, c := range l.Codecs {
		c.PayloadType = l.number(c)
		codecs = append(codecs, c)
	}
	st.Offered, st.HasOffer = l.Direction, true
	return l.body(codecs, l.Direction, l.RTCPMux)
}

// Answer answers an offer: the first audio stream over plain RTP that has a
// common codec is taken with the offerer's first such codec, every other m= line
// is refused. Our part of the direction is l.Direction. The errors are those of
// Parse, ErrNoAudio, ErrNoCommonCodec and ErrAddress; after one, l is unchanged.
func (l *Local) Answer(offer []byte) ([]byte, Agreed, error) {
	s, err := Parse(offer)
	if err != nil {
		return nil, Agreed{}, fmt.Errorf("reading an SDP offer: %w", err)
	}
	at, agreed, err := l.choose(s)
	if err != nil {
		return nil, Agreed{}, fmt.Errorf("answering an SDP offer: %w", err)
	}
	theirs := l.meet(&agreed, s, &s.Media[at])
	agreed.Direction = l.Direction.And(theirs.Reverse())
	agreed.OnHold = !theirs.Receive()
	_, agreed.RTCPMux = s.Media[at].Attribute("rtcp-mux")
	agreed.RemoteRTCP = rtcp(&s.Media[at], agreed)

	// The answer uses the offer's numbers (RFC 3264 §6.1).
	agreed.ReceivePayloadType = agreed.Codec.PayloadType
	ours, _ := find(l.Codecs, agreed.Codec)
	codecs := []Codec{l.adopt(ours, agreed.Codec.PayloadType)}
	if agreed.Event.Name != "" {
		agreed.ReceiveEventPayloadType = agreed.Event.PayloadType
		ours, _ = find(l.Codecs, agreed.Event)
		codecs = append(codecs, l.adopt(ours, agreed.Event.PayloadType))
	}
	l.State.Media, l.State.Audio = places(s.Media), at
	l.RTCPMux = agreed.RTCPMux // later offers of this call say what was agreed
	return l.body(codecs, agreed.Direction, agreed.RTCPMux), agreed, nil
}

// Accept reads the peer's answer to our last Offer. It may be called for each
// answer there is (early media, forks). The errors are those of Parse,
// ErrNoOffer, ErrNoAudio, ErrNoCommonCodec and ErrAddress.
func (l *Local) Accept(answer []byte) (Agreed, error) {
	if !l.State.HasOffer {
		return Agreed{}, ErrNoOffer
	}
	s, err := Parse(answer)
	if err != nil {
		return Agreed{}, fmt.Errorf("reading an SDP answer: %w", err)
	}
	at, agreed, err := l.choose(s)
	if err != nil {
		return Agreed{}, fmt.Errorf("reading an SDP answer: %w", err)
	}
	theirs := l.meet(&agreed, s, &s.Media[at])
	agreed.Direction = l.State.Offered.And(theirs.Reverse())
	// Where we did not offer to send, the answer cannot say whether it would listen.
	agreed.OnHold = l.State.Offered.Send() && !theirs.Receive()
	_, mux := s.Media[at].Attribute("rtcp-mux")
	agreed.RTCPMux = mux && l.RTCPMux
	agreed.RemoteRTCP = rtcp(&s.Media[at], agreed)
	agreed.ReceivePayloadType = l.number(agreed.Codec)
	if agreed.Event.Name != "" {
		agreed.ReceiveEventPayloadType = l.number(agreed.Event)
	}
	return agreed, nil
}

// places keeps of the m= lines only what later bodies repeat, and not the text
// they were read from.
func places(list []Media) []Media {
	kept := make([]Media, len(list))
	for i, m := range list {
		kept[i] = Media{Type: strings.Clone(m.Type), Proto: strings.Clone(m.Proto)}
		for _, f := range m.Formats {
			kept[i].Formats = append(kept[i].Formats, strings.Clone(f))
		}
	}
	return kept
}

// choose finds the first stream we can use and the codecs to use on it.
func (l *Local) choose(s *Session) (at int, agreed Agreed, err error) {
	err = ErrNoAudio
	for i := range s.Media {
		m := &s.Media[i]
		if !m.plainAudio() {
			continue
		}
		codec, event, ok := l.common(m.Codecs())
		if !ok {
			err = ErrNoCommonCodec
			continue
		}
		addr, addrErr := s.Addr(m)
		if addrErr != nil {
			err = addrErr
			continue
		}
		agreed = Agreed{Codec: codec, Event: event}
		if !addr.IsUnspecified() {
			agreed.Remote = netip.AddrPortFrom(addr, m.Port)
		}
		return i, agreed, nil
	}
	return 0, Agreed{}, err
}

// plainAudio tells whether this is an open audio stream over RTP without encryption.
func (m *Media) plainAudio() bool {
	return strings.EqualFold(m.Type, "audio") && m.Port != 0 &&
		(strings.EqualFold(m.Proto, "RTP/AVP") || strings.EqualFold(m.Proto, "RTP/AVPF"))
}

// common picks the peer's first codec that we have, and its telephone-event at
// that codec's clock rate (RFC 4733 §2.5.1.1: one timestamp clock for a stream).
func (l *Local) common(theirs []Codec) (codec, event Codec, ok bool) {
	for _, c := range theirs {
		if _, have := find(l.Codecs, c); have && c.isSound() {
			codec, ok = c, true
			break
		}
	}
	if !ok {
		return Codec{}, Codec{}, false
	}
	want := Codec{Name: TelephoneEvent.Name, ClockRate: codec.ClockRate}
	if _, have := find(l.Codecs, want); have {
		event, _ = find(theirs, want)
	}
	return codec, event, true
}

// meet reads the rest of the peer's stream into agreed and returns its direction,
// the old hold by address (RFC 3264 §8.4) counted as one that does not receive.
func (l *Local) meet(agreed *Agreed, s *Session, m *Media) Direction {
	agreed.PTime = ptime(m)
	theirs := s.Direction(m)
	if !agreed.Remote.IsValid() {
		theirs = theirs.And(SendOnly)
	}
	return theirs
}

// ptime is the packet time the peer asks for, within what we can do.
func ptime(m *Media) time.Duration {
	d := defaultPTime
	for _, name := range []string{"ptime", "maxptime"} {
		value, ok := m.Attribute(name)
		if !ok {
			continue
		}
		ms, err := strconv.ParseFloat(value, 64)
		if err != nil || !(ms > 0 && ms <= 1000) {
			continue
		}
		asked := time.Duration(ms * float64(time.Millisecond))
		if name == "ptime" || asked < d {
			d = asked
		}
	}
	return min(max(d, minPTime), maxPTime)
}

// rtcp is where the peer wants RTCP: with RTP, where a=rtcp says (RFC 3605), or
// at the next port.
func rtcp(m *Media, agreed Agreed) netip.AddrPort {
	remote := agreed.Remote
	if !remote.IsValid() || agreed.RTCPMux {
		return remote
	}
	if value, ok := m.Attribute("rtcp"); ok {
		text, where, _ := strings.Cut(value, " ")
		if port, err := strconv.ParseUint(text, 10, 16); err == nil && port != 0 {
			addr := remote.Addr()
			if a, err := parseConnection(where); err == nil && !a.IsUnspecified() {
				addr = a
			}
			return netip.AddrPortFrom(addr, uint16(port))
		}
	}
	if remote.Port() == 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(remote.Addr(), remote.Port()+1)
}

// number is the payload type by which the peer sends us c: the one we once said,
// a static one, c's own, or else the first that is free.
func (l *Local) number(c Codec) uint8 {
	if known, ok := find(l.State.Numbers, c); ok {
		return known.PayloadType
	}
	if s, ok := find(static[:], c); ok {
		return l.adopt(c, s.PayloadType).PayloadType
	}
	taken := func(pt uint8) bool {
		return slices.ContainsFunc(l.State.Numbers, func(d Codec) bool { return d.PayloadType == pt })
	}
	pt := c.PayloadType
	if pt < 96 || taken(pt) {
		for pt = 96; pt < 127 && taken(pt); pt++ {
		}
	}
	return l.adopt(c, pt).PayloadType
}

// adopt remembers that the peer sends us c as pt, and returns c with that number.
func (l *Local) adopt(c Codec, pt uint8) Codec {
	c.PayloadType = pt
	l.State.Numbers = slices.DeleteFunc(l.State.Numbers, func(d Codec) bool {
		return d.Same(c) || d.PayloadType == pt
	})
	l.State.Numbers = append(l.State.Numbers, c)
	return c
}

// body writes a description with our stream in its place among the refused ones.
func (l *Local) body(codecs []Codec, d Direction, mux bool) []byte {
	st := &l.State
	s := &Session{Connection: connection(l.Addr), Media: make([]Media, len(st.Media))}
	for i, m := range st.Media {
		if i == st.Audio {
			s.Media[i] = l.stream(m.Proto, codecs, d, mux)
			continue
		}
		formats := m.Formats
		if len(formats) == 0 {
			formats = []string{"0"} // the grammar wants one
		}
		s.Media[i] = Media{Type: m.Type, Proto: m.Proto, Formats: formats}
	}
	s.Origin = Origin{
		User: "-", ID: strconv.FormatUint(st.SessionID, 10), Version: strconv.FormatUint(st.Version, 10),
		Net: "IN", AddrType: addrType(l.Addr), Addr: l.Addr.String(),
	}
	b := s.Marshal()
	if st.Sent != nil && !bytes.Equal(b, st.Sent) {
		st.Version++
		s.Origin.Version = strconv.FormatUint(st.Version, 10)
		b = s.Marshal()
	}
	st.Sent = b
	return bytes.Clone(b)
}

// stream is our m= line.
func (l *Local) stream(proto string, codecs []Codec, d Direction, mux bool) Media {
	m := Media{Type: "audio", Port: l.Port, Proto: proto}
	for _, c := range codecs {
		m.Formats = append(m.Formats, strconv.Itoa(int(c.PayloadType)))
		m.Attributes = append(m.Attributes, c.attributes()...)
	}
	m.Attributes = append(m.Attributes,
		Attribute{"ptime", strconv.Itoa(int(defaultPTime.Milliseconds()))},
		Attribute{Name: d.String()})
	if mux {
		m.Attributes = append(m.Attributes, Attribute{Name: "rtcp-mux"})
	}
	return m
}
