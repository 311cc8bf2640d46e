package codec

import (
	"errors"
	"fmt"
)

// ErrUnavailable: this machine cannot do that codec (Opus is encoded by the system's libopus).
var ErrUnavailable = errors.New("codec is not available")

// An Encoder turns one stream of sound into payloads. It is not for concurrent use and allocates nothing.
type Encoder interface {
	// Encode makes one payload of 20 ms of sound at the codec's SampleRate and returns its length.
	// dst has room for FrameBytes.
	Encode(dst []byte, pcm []int16) int
}

// A Decoder turns one stream of payloads, in their order, into sound at the codec's
// SampleRate. It is not for concurrent use and allocates nothing.
type Decoder interface {
	// Decode returns how many samples it wrote; 0: the payload is senseless, conceal
	// it. pcm has room for 120 ms.
	Decode(pcm []int16, payload []byte) int
	// Conceal fills pcm, any multiple of 10 ms up to 20 ms, with what probably was in a packet
	// that did not come. Called again and again it fades to silence, in 60 ms; before
	// anything was decoded it gives silence.
	Conceal(pcm []int16)
}

// A Recoverer is a Decoder whose packets may carry a poorer copy of the one before.
type Recoverer interface {
	Decoder
	// Recover decodes into pcm, which is as long as the packet lost, what next says about it, and returns
	// how many samples it wrote: 0 if next says nothing. The Decode of next follows.
	Recover(pcm []int16, next []byte) int
}

// NewEncoder makes the encoder of one stream. The error is ErrUnavailable.
func NewEncoder(c Codec) (Encoder, error) {
	switch c {
	case PCMU, PCMA:
		return lawEncoder{c}, nil
	case G722:
		return newG722Encoder(), nil
	case Opus:
		return newOpusEncoder(opusRate, 1)
	}
	return nil, fmt.Errorf("encode %v: %w", c, ErrUnavailable)
}

// NewDecoder makes the decoder of one stream. The error is ErrUnavailable.
func NewDecoder(c Codec) (Decoder, error) {
	switch c {
	case PCMU, PCMA:
		return &lawDecoder{codec: c, concealer: newConcealer(c.SampleRate())}, nil
	case G722:
		return newG722Decoder(), nil
	case Opus:
		return newOpusDecoder()
	}
	return nil, fmt.Errorf("decode %v: %w", c, ErrUnavailable)
}

// lawEncoder is G.711, which keeps no state.
type lawEncoder struct{ Codec }

// lawDecoder is G.711.
type lawDecoder struct {
	codec     Codec
	concealer *concealer
}

func (d *lawDecoder) Decode(pcm []int16, payload []byte) int {
	n := d.codec.Decode(pcm, payload)
	d.concealer.heard(pcm[:n])
	return n
}

func (d *lawDecoder) Conceal(pcm []int16) { d.concealer.conceal(pcm) }
