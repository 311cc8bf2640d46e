package prompt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/belfry-pbx/belfry/engine/media"
)

const formatIMA = 0x11 // WAVE_FORMAT_DVI_ADPCM, RFC 2361 section A.13

// decode reads a WAV file: what media.ReadWAV reads, and mono IMA ADPCM, which
// the shipped sounds are kept in.
func decode(b []byte) (*media.Clip, error) {
	w, ok := parseIMA(b)
	if !ok {
		return media.ReadWAV(bytes.NewReader(b))
	}
	return w.decode()
}

// imaFile is a WAV file of IMA ADPCM, taken apart.
type imaFile struct {
	rate     uint32 // Hz
	channels uint16
	bits     uint16
	block    int // bytes
	samples  int // in all; 0: as many as there are
	data     []byte
}

// parseIMA takes a file apart if it is of this format.
func parseIMA(b []byte) (imaFile, bool) {
	var w imaFile
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return w, false
	}
	le := binary.LittleEndian
	found := false
	for b = b[12:]; len(b) >= 8; {
		kind, size := string(b[:4]), int64(le.Uint32(b[4:]))
		b = b[8:]
		body := b[:min(size, int64(len(b)))]
		switch {
		case kind == "fmt " && len(body) >= 16:
			found = le.Uint16(body) == formatIMA
			w.channels, w.rate = le.Uint16(body[2:]), le.Uint32(body[4:])
			w.block, w.bits = int(le.Uint16(body[12:])), le.Uint16(body[14:])
		case kind == "fact" && len(body) >= 4:
			w.samples = int(le.Uint32(body))
		case kind == "data":
			w.data = body
			return w, found
		}
		b = b[min(size+size%2, int64(len(b))):]
	}
	return w, false
}

// decode expands every block; the output is at most four times the file.
func (w imaFile) decode() (*media.Clip, error) {
	switch {
	case w.channels != 1 || w.bits != 4:
		return nil, fmt.Errorf("IMA ADPCM of %d channels and %d bits: want mono, 4 bits", w.channels, w.bits)
	case w.rate < 8000 || w.rate > 48000:
		return nil, fmt.Errorf("a sampling rate of %d Hz: want 8000 to 48000", w.rate)
	case w.block < 5:
		return nil, fmt.Errorf("blocks of %d bytes are too small for IMA ADPCM", w.block)
	}
	pcm := make([]int16, 0, 2*len(w.data))
	for rest := w.data; len(rest) > 4; rest = rest[min(w.block, len(rest)):] {
		var err error
		if pcm, err = decodeBlock(pcm, rest[:min(w.block, len(rest))]); err != nil {
			return nil, err
		}
	}
	if len(pcm) == 0 {
		return nil, errors.New("a WAV file without sound")
	}
	if w.samples > 0 && w.samples < len(pcm) {
		pcm = pcm[:w.samples] // the last block is filled up
	}
	return media.NewClip(int(w.rate), pcm), nil
}

// decodeBlock appends the samples of one block: a head with the first sample and
// the step to begin with, then two samples a byte, the low four bits first.
func decodeBlock(pcm []int16, block []byte) ([]int16, error) {
	value, index := int(int16(binary.LittleEndian.Uint16(block))), int(block[2])
	if index >= len(steps) {
		return nil, fmt.Errorf("a block of IMA ADPCM begins with step %d, the last is %d", index, len(steps)-1)
	}
	pcm = append(pcm, int16(value))
	for _, b := range block[4:] {
		for _, code := range [2]byte{b & 15, b >> 4} {
			step := steps[index]
			move := step >> 3
			if code&4 != 0 {
				move += step
			}
			if code&2 != 0 {
				move += step >> 1
			}
			if code&1 != 0 {
				move += step >> 2
			}
			if code&8 != 0 {
				move = -move
			}
			value = max(-32768, min(32767, value+move))
			index = max(0, min(len(steps)-1, index+shifts[code&7]))
			pcm = append(pcm, int16(value))
		}
	}
	return pcm, nil
}

// steps are the sizes the quantiser may have: each 1.1 times the one before.
var steps = [89]int{
	7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143,
	157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552,
	1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487,
	12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
}

// shifts tell how the size moves after a code, its sign left out.
var shifts = [8]int{-1, -1, -1, -1, 2, 4, 6, 8}
