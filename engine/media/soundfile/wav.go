package soundfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

const (
	channels   = 2
	blockAlign = 2 * channels // bytes of a sample of both channels

	wavHeaderSize = 44
	riffSizeAt    = 4  // bytes from the beginning
	dataSizeAt    = 40 // likewise

	// maxWAV is the most sound whose size a WAV file can say: 18 hours at 16 kHz.
	maxWAV = math.MaxUint32 - wavHeaderSize

	// patchEvery is how often the header is told how long the file is, in seconds of
	// sound: what a killed process leaves is whole up to there.
	patchEvery = 5
)

// wav writes 16-bit PCM.
type wav struct {
	f       io.WriteSeeker
	rate    int
	size    int64 // bytes of sound
	patched int64 // as the header has it
	buf     []byte
}

func newWAV(f io.WriteSeeker, rate int) (*wav, error) {
	le := binary.LittleEndian
	b := make([]byte, 0, wavHeaderSize)
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, wavHeaderSize-8)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*blockAlign))
	b = le.AppendUint16(b, blockAlign)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, 0)
	if _, err := f.Write(b); err != nil {
		return nil, fmt.Errorf("sound file: write the WAV header: %w", err)
	}
	return &wav{f: f, rate: rate}, nil
}

// Write implements Writer.
func (w *wav) Write(left, right []int16) error {
	if w.size+int64(len(left))*blockAlign > maxWAV {
		return fmt.Errorf("sound file: a WAV file holds no more than 4 GiB")
	}
	w.buf = w.buf[:0]
	for i, v := range left {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(v))
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(right[i]))
	}
	n, err := w.f.Write(w.buf)
	w.size += int64(n)
	if err != nil {
		return fmt.Errorf("sound file: write: %w", err)
	}
	if w.size-w.patched >= int64(patchEvery*w.rate*blockAlign) {
		return w.patch()
	}
	return nil
}

// patch tells the header how long the file is by now.
func (w *wav) patch() error {
	whole := w.size - w.size%blockAlign
	for at, size := range map[int64]int64{riffSizeAt: whole + wavHeaderSize - 8, dataSizeAt: whole} {
		if _, err := w.f.Seek(at, io.SeekStart); err != nil {
			return fmt.Errorf("sound file: complete the WAV header: %w", err)
		}
		if err := binary.Write(w.f, binary.LittleEndian, uint32(size)); err != nil {
			return fmt.Errorf("sound file: complete the WAV header: %w", err)
		}
	}
	w.patched = w.size
	if _, err := w.f.Seek(wavHeaderSize+w.size, io.SeekStart); err != nil {
		return fmt.Errorf("sound file: go on after the WAV header: %w", err)
	}
	return nil
}

// Close implements Writer.
func (w *wav) Close() error { return w.patch() }
