package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// WAVE format tags (RFC 2361).
const (
	wavPCM        = 1
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe // the tag is the first two bytes of the sub-format
)

const (
	maxWAV       = 64 << 20 // bytes of sound: over an hour of 8 kHz PCM
	maxWAVChunks = 64       // before the sound
	maxWAVFormat = 1 << 10  // bytes of a fmt chunk
)

// ReadWAV reads a WAV file: 16-bit PCM, µ-law or A-law, mono or stereo, which is
// mixed down, at 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000 Hz.
// At most 64 MiB of sound are read. A file that ends early, as one does that was cut
// off while it was written, gives what there is. Errors: ErrBadWAV, and r's.
func ReadWAV(r io.Reader) (*Clip, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, wavError("header", err)
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("%w: no RIFF/WAVE header", ErrBadWAV)
	}
	var format *wavFormat
	for range maxWAVChunks {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return nil, wavError("chunk", err)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		var err error
		switch name := string(chunk[:4]); {
		case name == "fmt ":
			format, err = readWAVFormat(r, size)
		case name == "data" && format == nil:
			return nil, fmt.Errorf("%w: sound before its format", ErrBadWAV)
		case name == "data":
			return format.read(r, size)
		default:
			_, err = io.CopyN(io.Discard, r, size+size%2)
		}
		if err != nil {
			return nil, wavError("chunk", err)
		}
	}
	return nil, fmt.Errorf("%w: more than %d chunks and no sound", ErrBadWAV, maxWAVChunks)
}

// wavError makes a file that ends early a bad file, and leaves the reader's errors.
func wavError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in its %s", ErrBadWAV, what)
	}
	if errors.Is(err, ErrBadWAV) {
		return err
	}
	return fmt.Errorf("media: read WAV %s: %w", what, err)
}

type wavFormat struct {
	tag      uint16
	channels int
	rate     int
	width    int // bytes a sample
}

func readWAVFormat(r io.Reader, size int64) (*wavFormat, error) {
	if size < 16 || size > maxWAVFormat {
		return nil, fmt.Errorf("%w: a format of %d bytes", ErrBadWAV, size)
	}
	b := make([]byte, size+size%2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	f := &wavFormat{
		tag:      binary.LittleEndian.Uint16(b),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		width:    int(binary.LittleEndian.Uint16(b[14:])) / 8,
	}
	if f.tag == wavExtensible && size >= 26 {
		f.tag = binary.LittleEndian.Uint16(b[24:])
	}
	widths := map[uint16]int{wavPCM: 2, wavALaw: 1, wavMuLaw: 1}
	switch {
	case widths[f.tag] == 0:
		return nil, fmt.Errorf("%w: format %d is neither PCM, A-law nor µ-law", ErrBadWAV, f.tag)
	case widths[f.tag] != f.width:
		return nil, fmt.Errorf("%w: %d bits a sample", ErrBadWAV, f.width*8)
	case f.channels < 1 || f.channels > 2:
		return nil, fmt.Errorf("%w: %d channels", ErrBadWAV, f.channels)
	case !slices.Contains([]int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}, f.rate):
		return nil, fmt.Errorf("%w: %d Hz", ErrBadWAV, f.rate)
	}
	return f, nil
}

// read takes the sound. Programs that write to a pipe put a size of 0 or all ones
// where they do not know it: then the sound goes on to the end.
func (f *wavFormat) read(r io.Reader, size int64) (*Clip, error) {
	unknown := size == 0 || size >= 1<<32-256
	if unknown {
		size = maxWAV
	}
	if size > maxWAV {
		return nil, fmt.Errorf("%w: %d bytes of sound; at most %d are read", ErrBadWAV, size, maxWAV)
	}
	b, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return nil, wavError("sound", err)
	}
	if unknown && len(b) == maxWAV {
		if n, _ := r.Read(make([]byte, 1)); n > 0 {
			return nil, fmt.Errorf("%w: more than %d bytes of sound", ErrBadWAV, maxWAV)
		}
	}
	return NewClip(f.rate, f.samples(b)), nil
}

// samples decodes and mixes down; what is left of an unfinished sample is dropped.
func (f *wavFormat) samples(b []byte) []int16 {
	all := make([]int16, len(b)/f.width)
	switch f.tag {
	case wavALaw:
		codec.PCMA.Decode(all, b)
	case wavMuLaw:
		codec.PCMU.Decode(all, b)
	default:
		for i := range all {
			all[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	if f.channels == 1 {
		return all
	}
	mono := make([]int16, len(all)/2)
	for i := range mono {
		mono[i] = int16((int32(all[2*i]) + int32(all[2*i+1])) / 2)
	}
	return mono
}

// WriteWAV writes a clip as 16-bit PCM at its own rate.
func WriteWAV(w io.Writer, c *Clip) error {
	b := wavHeader(wavPCM, 2, c.Rate(), len(c.pcm))
	for _, v := range c.pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return writeWAV(w, b)
}

// WriteWAVAs writes a clip at 8 kHz in one of the laws of G.711: half the size.
func WriteWAVAs(w io.Writer, c *Clip, as codec.Codec) error {
	tags := map[codec.Codec]uint16{codec.PCMU: wavMuLaw, codec.PCMA: wavALaw}
	if tags[as] == 0 {
		return fmt.Errorf("media: write WAV as %v: %w", as, ErrBadFormat)
	}
	c.Prepare(as)
	sound := c.payload(as)
	b := append(wavHeader(tags[as], 1, sampleRate, len(sound)), sound...)
	if len(b)%2 != 0 {
		b = append(b, 0)
	}
	return writeWAV(w, b)
}

func writeWAV(w io.Writer, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("media: write WAV: %w", err)
	}
	return nil
}

// wavHeader makes all that comes before the samples, with room for them. Formats
// other than PCM carry an empty extension and a fact chunk.
func wavHeader(tag uint16, width, rate, samples int) []byte {
	size := samples * width
	extra := 0
	if tag != wavPCM {
		extra = 2 + 12
	}
	b := make([]byte, 0, 44+extra+size+1)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+extra+size+size%2))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, uint32(16+min(extra, 2)))
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*width))
	b = le.AppendUint16(b, uint16(width))
	b = le.AppendUint16(b, uint16(8*width))
	if tag != wavPCM {
		b = le.AppendUint16(b, 0)
		b = append(b, "fact"...)
		b = le.AppendUint32(b, 4)
		b = le.AppendUint32(b, uint32(samples))
	}
	b = append(b, "data"...)
	return le.AppendUint32(b, uint32(size))
}
