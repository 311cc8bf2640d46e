package soundfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

const (
	opusClock   = 48000    // Hz, of granule positions whatever the sound's rate (RFC 7845 section 4)
	frameMillis = 20       // of a packet
	pageFrames  = 50       // packets of a page: a second, which is what a killed process loses
	maxPacket   = 2 * 1275 // bytes
	opusVendor  = "Belfry" // who encoded (RFC 7845 section 5.2)
	opusFrame   = opusClock * frameMillis / 1000
)

// opus writes Ogg Opus.
type opus struct {
	ogg     oggWriter
	encoder codec.FileEncoder
	preSkip int     // samples at opusClock that a player leaves out: the encoder's delay
	pcm     []int16 // of the frame that is being filled, both channels in turn
	frame   int     // samples of both channels that fill it
	rate    int
	samples int64 // taken, of one channel
	frames  int64
	packet  [maxPacket]byte
}

func canEncodeOpus() bool { return codec.Opus.CanEncode() }

func newOpus(f io.Writer, rate int) (*opus, error) {
	encoder, err := codec.NewOpusEncoder(rate, channels)
	if err != nil {
		return nil, fmt.Errorf("sound file: opus: %w: %w", ErrFormat, err)
	}
	w := &opus{
		ogg: oggWriter{w: f, serial: rand.Uint32()}, encoder: encoder, rate: rate,
		preSkip: encoder.Lookahead() * opusClock / rate, frame: rate * frameMillis / 1000 * channels,
	}
	le := binary.LittleEndian
	head := append([]byte("OpusHead"), 1, channels)
	head = le.AppendUint16(head, uint16(w.preSkip))
	head = le.AppendUint32(head, uint32(rate))
	head = append(head, 0, 0, 0) // gain; channel mapping family 0: left, right
	tags := le.AppendUint32([]byte("OpusTags"), uint32(len(opusVendor)))
	tags = append(tags, opusVendor...)
	tags = le.AppendUint32(tags, 0)
	for _, b := range [][]byte{head, tags} { // each on a page of its own
		if err := w.ogg.packet(b, 0); err != nil {
			return nil, err
		}
		if err := w.ogg.flush(0); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Write implements Writer.
func (w *opus) Write(left, right []int16) error {
	w.samples += int64(len(left))
	for i := range left {
		w.pcm = append(w.pcm, left[i], right[i])
		if len(w.pcm) == w.frame {
			if err := w.encode(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *opus) encode() error {
	n := w.encoder.Encode(w.packet[:], w.pcm)
	w.pcm = w.pcm[:0]
	if n <= 0 {
		return fmt.Errorf("sound file: libopus would not encode")
	}
	if w.frames > 0 && w.frames%pageFrames == 0 { // not when it is full: the last page must not be empty
		if err := w.ogg.flush(0); err != nil {
			return err
		}
	}
	w.frames++
	return w.ogg.packet(w.packet[:n], w.frames*opusFrame)
}

// Close implements Writer. The last position says where in the last packets the
// sound ends (RFC 7845 section 4.4).
func (w *opus) Close() error {
	end := int64(w.preSkip) + w.samples*opusClock/int64(w.rate)
	for w.frames*opusFrame < end {
		w.pcm = append(w.pcm, make([]int16, w.frame-len(w.pcm))...)
		if err := w.encode(); err != nil {
			return err
		}
	}
	w.ogg.granule = end
	return w.ogg.flush(lastPage)
}
