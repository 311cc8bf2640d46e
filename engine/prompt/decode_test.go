package prompt

import (
	"encoding/binary"
	"slices"
	"testing"
)

// imaWAV makes a file of IMA ADPCM around blocks, as the tests need it.
func imaWAV(rate uint32, channels, block uint16, samples uint32, data []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte(nil), "RIFF\xff\xff\xff\xffWAVELIST\x03\x00\x00\x00abc\x00fmt "...)
	b = le.AppendUint32(b, 20)
	b = le.AppendUint16(b, formatIMA)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate/2)
	b = le.AppendUint16(b, block)
	b = le.AppendUint16(b, 4)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, (block-4)*2+1)
	b = append(b, "fact"...)
	b = le.AppendUint32(b, 4)
	b = le.AppendUint32(b, samples)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func TestDecodeIMA(t *testing.T) {
	// Reckoned by hand from the method's rules. A head of 100 with step 7; code 7
	// moves up 0+7+3+1, step 16; code 15 down 2+16+8+4, step 34; code 0 up 4, step
	// 31; code 8 down 3, step 28. Then a block that begins at -32768 and cannot go lower.
	data := []byte{100, 0, 0, 0, 0xf7, 0x80, 0x00, 0x80, 88, 0, 0xff, 0xff}
	clip, err := decode(imaWAV(16000, 1, 6, 8, data))
	if err != nil {
		t.Fatal(err)
	}
	want := []int16{100, 111, 81, 85, 82, -32768, -32768, -32768}
	if !slices.Equal(clip.PCM(), want) || clip.Rate() != 16000 {
		t.Errorf("%v at %d Hz, want %v at 16000", clip.PCM(), clip.Rate(), want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := []byte{0, 0, 0, 0, 0}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"no WAV":          []byte("this is not a sound file at all"),
		"stereo":          imaWAV(16000, 2, 6, 3, good),
		"a silly rate":    imaWAV(1, 1, 6, 3, good),
		"no block":        imaWAV(16000, 1, 4, 3, good),
		"no sound":        imaWAV(16000, 1, 6, 3, nil),
		"a step too high": imaWAV(16000, 1, 6, 3, []byte{0, 0, 89, 0, 0}),
	} {
		if clip, err := decode(b); err == nil {
			t.Errorf("%s: read as %v", name, clip.Duration())
		}
	}
}

// FuzzDecode: whatever a file holds, the sound is at most four times as large.
func FuzzDecode(f *testing.F) {
	f.Add(imaWAV(16000, 1, 6, 8, []byte{100, 0, 0, 0, 0xf7, 0x80}))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		clip, err := decode(b)
		if err != nil {
			return
		}
		if len(clip.PCM()) > 2*len(b) {
			t.Errorf("%d bytes became %d samples", len(b), len(clip.PCM()))
		}
	})
}
