package codec

import (
	"fmt"

	"github.com/pion/opus"
)

// Opus (RFC 6716) is spoken as 48 kHz mono, through the system's libopus where
// there is one. Elsewhere github.com/pion/opus decodes, with the concealment of
// G.711, and nothing is encoded.

const (
	opusRate     = 48000
	opusFrame    = opusRate / 50       // samples of 20 ms
	opusLongest  = opusRate * 12 / 100 // samples of the longest packet (RFC 6716 section 2.1.4)
	opusOversize = 1500                // bytes: more than this comes from no sender, nor fits a datagram
)

// A Protector is an Encoder that can put a poorer copy of each frame into the next, for a Recoverer.
type Protector interface {
	Encoder
	// Protect tells how much of what is sent the receiver loses, in percent (as RTCP
	// reports it); 0, the default, ends the protection. It is heard from the next frame on.
	Protect(lossPercent int)
}

// A FileEncoder encodes Opus for a file.
type FileEncoder interface {
	Encoder
	// Lookahead is by how many samples, at the encoder's rate, what is decoded comes
	// later than what was encoded.
	Lookahead() int
}

// NewOpusEncoder makes an encoder of sound at a rate of 8000, 16000 or 48000 Hz, with one
// channel or with two, whose samples take turns. The error is ErrUnavailable.
func NewOpusEncoder(rate, channels int) (FileEncoder, error) { return newOpusEncoder(rate, channels) }

// newOpusDecoder takes the better of the two there are.
func newOpusDecoder() (Decoder, error) {
	if d := newLibopusDecoder(); d != nil {
		return d, nil
	}
	return newPionDecoder()
}

// pionDecoder decodes without libopus. Packets of several frames, and senseless ones, cost it memory
// that is soon free again.
type pionDecoder struct {
	opus interface {
		DecodeToInt16(payload []byte, pcm []int16) (int, error)
	}
	concealer *concealer
}

func newPionDecoder() (Decoder, error) {
	d := &pionDecoder{concealer: newConcealer(opusRate)}
	return d, d.reset()
}

func (d *pionDecoder) reset() error {
	decoder, err := opus.NewDecoderWithOutput(opusRate, 1)
	if err != nil {
		return fmt.Errorf("decode opus: %w", err)
	}
	d.opus = &decoder
	return nil
}

func (d *pionDecoder) Decode(pcm []int16, payload []byte) int {
	if len(payload) == 0 || len(payload) > opusOversize {
		return 0
	}
	n := d.decode(pcm[:min(len(pcm), opusLongest)], payload)
	if n > 0 {
		d.concealer.heard(pcm[:n])
	}
	return n
}

// decode is where a fault of the library ends that a stranger's packet has brought out: the packet is
// senseless, and the decoder begins anew.
func (d *pionDecoder) decode(pcm []int16, payload []byte) (n int) {
	defer func() {
		if fault := recover(); fault != nil {
			n = 0
			_ = d.reset() // it has worked before
		}
	}()
	n, err := d.opus.DecodeToInt16(payload, pcm)
	if err != nil || n > len(pcm) {
		return 0
	}
	return n
}

func (d *pionDecoder) Conceal(pcm []int16) { d.concealer.conceal(pcm) }
