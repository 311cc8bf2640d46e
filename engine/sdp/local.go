package sdp

import (
	"bytes"
	"cmp"
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
	Codecs []Codec    // what we can, best first, telephone-event included; an offer lists them in this order. Only read.
	// Prefer are codecs that win over the peer's order, best first: of several that both
	// have, the first of these is used, or else the peer's first.
	Prefer []Codec
	PTime  time.Duration // of the packets we ask for; 0: 20 ms
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
	// Receives are the codecs that may come, ReceivesEvent the telephone-event, by the
	// numbers we gave them (RFC 3264 section 5.1): those to send by may be others.
	Receives      []Codec
	ReceivesEvent Codec
	ComfortNoise  bool          // both have RFC 3389's, as payload type 13
	PTime         time.Duration // of the packets the peer asks for: 10 to 120 ms, 20 when it does not say
	Direction     Direction     // ours: what we may send and shall receive
	OnHold        bool          // the peer does not want to hear us: sendonly, inactive or address 0.0.0.0
}

// Offer makes an offer in the present Direction. In a running call it has all
// m= lines there ever were, the others refused (RFC 3264 §8). The text is kept: it must not be changed.
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

// Read tells what an offer allows, without answering it: Receives then has all codecs that
// both have, in the offerer's order. The errors are those of Answer.
func (l *Local) Read(offer []byte) (Agreed, error) {
	s, err := Parse(offer)
	if err != nil {
		return Agreed{}, fmt.Errorf("reading an SDP offer: %w", err)
	}
	at, agreed, common, err := l.choose(s)
	if err != nil {
		return Agreed{}, fmt.Errorf("reading an SDP offer: %w", err)
	}
	agreed.Direction = l.meet(&agreed, s, &s.Media[at]).Reverse()
	agreed.Receives = common
	return agreed, nil
}

// Answer answers an offer: the first audio stream over plain RTP that has a
// common codec is taken, every other m= line is refused. One codec is answered,
// the first of l.Prefer or else the offerer's first, so that it is sure what will
// come. Our part of the direction is l.Direction. The errors are those of Parse,
// ErrNoAudio, ErrNoCommonCodec and ErrAddress; after one, l is unchanged. The text is kept: it must not be changed.
func (l *Local) Answer(offer []byte) ([]byte, Agreed, error) {
	s, err := Parse(offer)
	if err != nil {
		return nil, Agreed{}, fmt.Errorf("reading an SDP offer: %w", err)
	}
	at, agreed, _, err := l.choose(s)
	if err != nil {
		return nil, Agreed{}, fmt.Errorf("answering an SDP offer: %w", err)
	}
	theirs := l.meet(&agreed, s, &s.Media[at])
	agreed.Direction = l.Direction.And(theirs.Reverse())
	agreed.OnHold = !theirs.Receive()
	_, agreed.RTCPMux = s.Media[at].Attribute("rtcp-mux")
	agreed.RemoteRTCP = rtcp(&s.Media[at], agreed)

	// The answer uses the offer's numbers (RFC 3264 §6.1).
	codecs := []Codec{l.take(agreed.Codec)}
	agreed.Receives = codecs[:1:1]
	if agreed.Event.Name != "" {
		agreed.ReceivesEvent = l.take(agreed.Event)
		codecs = append(codecs, agreed.ReceivesEvent)
	}
	if agreed.ComfortNoise {
		codecs = append(codecs, l.take(ComfortNoise))
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
	at, agreed, common, err := l.choose(s)
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
	for _, c := range common { // any of them may come, at any time
		agreed.Receives = append(agreed.Receives, l.ours(c))
	}
	if agreed.Event.Name != "" {
		agreed.ReceivesEvent = l.ours(agreed.Event)
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

// choose finds the first stream we can use, the codecs to use on it and those that both have.
func (l *Local) choose(s *Session) (at int, agreed Agreed, common []Codec, err error) {
	err = ErrNoAudio
	for i := range s.Media {
		m := &s.Media[i]
		if !m.plainAudio() {
			continue
		}
		theirs := m.Codecs()
		common = l.common(theirs)
		if len(common) == 0 {
			err = ErrNoCommonCodec
			continue
		}
		addr, addrErr := s.Addr(m)
		if addrErr != nil {
			err = addrErr
			continue
		}
		agreed = Agreed{Codec: l.best(common)}
		agreed.Event = l.event(theirs, agreed.Codec.ClockRate)
		agreed.ComfortNoise = agreed.Codec.ClockRate == ComfortNoise.ClockRate && l.bothHave(ComfortNoise, theirs)
		if !addr.IsUnspecified() {
			agreed.Remote = netip.AddrPortFrom(addr, m.Port)
		}
		return i, agreed, common, nil
	}
	return 0, Agreed{}, nil, err
}

// plainAudio tells whether this is an open audio stream over RTP without encryption.
func (m *Media) plainAudio() bool {
	return strings.EqualFold(m.Type, "audio") && m.Port != 0 &&
		(strings.EqualFold(m.Proto, "RTP/AVP") || strings.EqualFold(m.Proto, "RTP/AVPF"))
}

// common are the peer's codecs that we have too, in its order and by its numbers.
func (l *Local) common(theirs []Codec) []Codec {
	var list []Codec
	for _, c := range theirs {
		if mine, have := find(l.Codecs, c); have && c.IsSound() && !mixesWithRTCP(c.PayloadType) {
			list = append(list, mine.described(c))
		}
	}
	return list
}

// mixesWithRTCP tells whether packets of that type could be taken for RTCP (RFC 5761 section 4).
func mixesWithRTCP(pt uint8) bool { return pt >= 64 && pt <= 95 }

// best is the first of l.Prefer that is common, or else the peer's first.
func (l *Local) best(common []Codec) Codec {
	for _, p := range l.Prefer {
		if c, ok := find(common, p); ok {
			return c
		}
	}
	return common[0]
}

// event is the peer's telephone-event at the codec's clock rate (RFC 4733 section 2.1),
// or else at the one that every telephone has.
func (l *Local) event(theirs []Codec, rate int) Codec {
	for _, rate := range []int{rate, TelephoneEvent.ClockRate} {
		want := Codec{Name: TelephoneEvent.Name, ClockRate: rate}
		c, have := find(theirs, want)
		if mine, ours := find(l.Codecs, want); ours && have && !mixesWithRTCP(c.PayloadType) {
			return mine.described(c)
		}
	}
	return Codec{}
}

// bothHave tells whether a format with a number of its own is on both sides.
func (l *Local) bothHave(c Codec, theirs []Codec) bool {
	_, ours := find(l.Codecs, c)
	their, have := find(theirs, c)
	return ours && have && their.PayloadType == c.PayloadType
}

// ours is what we call the peer's codec c: our number and parameters.
func (l *Local) ours(c Codec) Codec {
	mine, _ := find(l.Codecs, c)
	mine.PayloadType = l.number(mine)
	return mine
}

// take is ours for a codec of the peer's offer: its number becomes ours.
func (l *Local) take(c Codec) Codec {
	mine, _ := find(l.Codecs, c)
	return l.adopt(mine, c.PayloadType)
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
	st.Sent = bytes.Clone(b) // without the room that there was to write it
	return st.Sent
}

// stream is our m= line.
func (l *Local) stream(proto string, codecs []Codec, d Direction, mux bool) Media {
	m := Media{Type: "audio", Port: l.Port, Proto: proto}
	for _, c := range codecs {
		m.Formats = append(m.Formats, strconv.Itoa(int(c.PayloadType)))
		m.Attributes = append(m.Attributes, c.attributes()...)
	}
	m.Attributes = append(m.Attributes,
		Attribute{"ptime", strconv.Itoa(int(cmp.Or(l.PTime, defaultPTime).Milliseconds()))},
		Attribute{Name: d.String()})
	if mux {
		m.Attributes = append(m.Attributes, Attribute{Name: "rtcp-mux"})
	}
	return m
}
