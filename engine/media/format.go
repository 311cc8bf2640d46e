package media

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// Payload is a payload type that may come, and the codec it stands for.
type Payload struct {
	Type  uint8
	Codec codec.Codec
}

// maxReceives is how many payload types of sound one session takes.
const maxReceives = 8

// noisePayloadType is that of comfort noise at 8 kHz (RFC 3389 section 4).
const noisePayloadType = 13

// Format is what SDP agreed. What is sent and what is received have payload types
// of their own: each side numbers what it wants to get (RFC 3264 section 5.1).
type Format struct {
	Remote     netip.AddrPort // where to send RTP
	RemoteRTCP netip.AddrPort // zero: Remote's next port, or Remote itself with RTCPMux
	RTCPMux    bool           // RTCP shares RTP's ports (RFC 5761)

	Codec       codec.Codec // what we send
	PayloadType uint8       // of it, as the peer numbers it
	// Receives is what may come, as we numbered it, 8 at most; nil: Codec with
	// PayloadType. The static payload types of these codecs are taken as well.
	Receives []Payload

	EventPayloadType uint8 // of telephone-event (RFC 4733) as the peer numbers it; 0: none
	EventClockRate   int   // of telephone-event, in Hz: 8000 or 48000; 0: 8000
	ReceivesEvent    uint8 // telephone-event as we numbered it; 0: EventPayloadType
	ComfortNoise     bool  // payload type 13 was agreed (RFC 3389)
	// Inband is for peers without telephone-event: keys are listened for in the sound.
	Inband bool

	Send, Receive bool // our direction
	// Learn is for peers behind NAT: take the source address of the first valid
	// stream instead of Remote (a short window, a consistent SSRC), then lock.
	Learn bool
}

func (f *Format) check(local netip.AddrPort) error {
	if !f.Codec.Valid() {
		return fmt.Errorf("%w: no codec", ErrBadFormat)
	}
	if err := f.checkTypes(); err != nil {
		return err
	}
	if f.EventClockRate != 0 && f.EventClockRate != 8000 && f.EventClockRate != 48000 {
		return fmt.Errorf("%w: telephone-event at %d Hz", ErrBadFormat, f.EventClockRate)
	}
	for _, to := range []netip.AddrPort{f.Remote, f.RemoteRTCP} {
		if !to.IsValid() || to.Addr().IsUnspecified() || to.Port() == 0 {
			continue // seen to below
		}
		if to.Addr().IsMulticast() || to.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return fmt.Errorf("%w: %v is not one host", ErrBadFormat, to)
		}
		if local.Addr().Is4() && !to.Addr().Is4() {
			return fmt.Errorf("%w: %v cannot be reached from %v", ErrBadFormat, to, local)
		}
	}
	if f.Send && (!f.Remote.IsValid() || f.Remote.Addr().IsUnspecified() || f.Remote.Port() == 0) {
		return fmt.Errorf("%w: nowhere to send (%v)", ErrBadFormat, f.Remote)
	}
	return nil
}

// checkTypes looks at the payload types, each way by itself.
func (f *Format) checkTypes() error {
	switch {
	case badType(f.PayloadType):
		return fmt.Errorf("%w: payload type %d", ErrBadFormat, f.PayloadType)
	case badType(f.EventPayloadType), f.EventPayloadType != 0 && f.EventPayloadType == f.PayloadType:
		return fmt.Errorf("%w: event payload type %d", ErrBadFormat, f.EventPayloadType)
	case badType(f.ReceivesEvent):
		return fmt.Errorf("%w: event payload type %d is received", ErrBadFormat, f.ReceivesEvent)
	case len(f.Receives) > maxReceives:
		return fmt.Errorf("%w: %d payload types to receive, more than %d", ErrBadFormat, len(f.Receives), maxReceives)
	}
	event := f.ReceivesEvent
	if event == 0 {
		event = f.EventPayloadType
	}
	for i, p := range f.Receives {
		switch {
		case !p.Codec.Valid():
			return fmt.Errorf("%w: payload type %d of no codec", ErrBadFormat, p.Type)
		case badType(p.Type), event != 0 && p.Type == event, f.ComfortNoise && p.Type == noisePayloadType,
			slices.ContainsFunc(f.Receives[:i], func(q Payload) bool { return p.Type == q.Type }):
			return fmt.Errorf("%w: payload type %d cannot be %v", ErrBadFormat, p.Type, p.Codec)
		}
	}
	return nil
}

// badType tells payload types that do not exist, or that RTCP looks like where it
// shares the port (RFC 5761 section 4).
func badType(pt uint8) bool { return pt > 127 || pt >= 64 && pt <= 95 }

// complete fills in what was left to defaults. The caller's Receives is not kept.
func (f *Format) complete() {
	if f.EventClockRate == 0 {
		f.EventClockRate = sampleRate
	}
	if f.ReceivesEvent == 0 {
		f.ReceivesEvent = f.EventPayloadType
	}
	all := make([]Payload, 0, len(f.Receives)+2)
	all = append(all, f.Receives...)
	if len(all) == 0 {
		all = append(all, Payload{f.PayloadType, f.Codec})
	}
	for _, p := range all[:len(all):len(all)] {
		static, has := p.Codec.PayloadType()
		if has && static != f.ReceivesEvent && !slices.ContainsFunc(all, func(q Payload) bool { return q.Type == static }) {
			all = append(all, Payload{static, p.Codec})
		}
	}
	f.Receives = all
}

// kind is what a payload type stands for where it comes in.
type kind uint8

const (
	unknownKind kind = iota
	soundKind
	noiseKind // comfort noise
	eventKind // telephone-event
)

// kindOf tells what a packet with that payload type carries, and of what codec.
func (f *Format) kindOf(payloadType uint8) (kind, codec.Codec) {
	for _, p := range f.Receives {
		if p.Type == payloadType {
			return soundKind, p.Codec
		}
	}
	switch {
	case f.ReceivesEvent != 0 && payloadType == f.ReceivesEvent:
		return eventKind, codec.None
	case f.ComfortNoise && payloadType == noisePayloadType:
		return noiseKind, codec.None
	}
	return unknownKind, codec.None
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
