package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

func TestWAVRoundTrip(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		clip := NewClip(rate, toneAt(rate, 1000, 9000, rate/10))
		var b bytes.Buffer
		if err := WriteWAV(&b, clip); err != nil {
			t.Fatal(err)
		}
		got, err := ReadWAV(iotest.OneByteReader(&b))
		if err != nil || got.Rate() != rate || !slices.Equal(got.PCM(), clip.PCM()) {
			t.Errorf("%d Hz came back as %d samples at %d Hz, %v", rate, len(got.PCM()), got.Rate(), err)
		}
	}
}

func TestWAVLaws(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU, codec.PCMA} {
		clip := NewClip(16000, toneAt(16000, 1000, 9000, 1602)) // an odd number at 8 kHz
		var b bytes.Buffer
		if err := WriteWAVAs(&b, clip, c); err != nil {
			t.Fatal(err)
		}
		if b.Len()%2 != 0 || int(binary.LittleEndian.Uint32(b.Bytes()[4:])) != b.Len()-8 {
			t.Errorf("%v: %d bytes, the header says %d", c, b.Len(), binary.LittleEndian.Uint32(b.Bytes()[4:])+8)
		}
		got, err := ReadWAV(&b)
		if err != nil || got.Rate() != 8000 || len(got.PCM()) != 801 {
			t.Fatalf("%v: %v", c, err)
		}
		if db := decibels(amplitude(got.PCM()[:800], 1000), 9000); math.Abs(db) > 0.5 {
			t.Errorf("%v: the tone is at %.1f dB", c, db)
		}
	}
	if err := WriteWAVAs(io.Discard, NewClip(8000, nil), codec.None); !errors.Is(err, ErrBadFormat) {
		t.Errorf("no codec: %v", err)
	}
}

// wavFile makes a file field by field.
func wavFile(tag, channels, rate, bits int, before []byte, dataSize uint32, data []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF\xff\xff\xff\xffWAVE"), before...)
	b = append(b, "fmt \x10\x00\x00\x00"...)
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	b = le.AppendUint32(b, dataSize)
	return append(b, data...)
}

func TestReadWAV(t *testing.T) {
	samples := []byte{1, 0, 3, 0, 0xfe, 0xff, 0xfc, 0xff} // 1, 3, -2, -4
	odd := []byte("LIST\x03\x00\x00\x00abc\x00")          // a chunk of odd length is padded
	extensible := wavFile(0xfffe, 1, 8000, 16, nil, 8, samples)
	extensible = slices.Concat(extensible[:12], []byte("fmt \x28\x00\x00\x00"), extensible[20:36], []byte{22, 0, 16, 0, 4, 0, 0, 0, 1, 0}, make([]byte, 14), extensible[36:])
	for _, c := range []struct {
		name string
		b    []byte
		want []int16
	}{
		{"plain", wavFile(1, 1, 8000, 16, nil, 8, samples), []int16{1, 3, -2, -4}},
		{"stereo is mixed down", wavFile(1, 2, 16000, 16, nil, 8, samples), []int16{2, -3}},
		{"other chunks first", wavFile(1, 1, 8000, 16, odd, 8, samples), []int16{1, 3, -2, -4}},
		{"cut off", wavFile(1, 1, 8000, 16, nil, 800, samples[:7]), []int16{1, 3, -2}},
		{"from a pipe", wavFile(1, 1, 8000, 16, nil, 0xffffffff, samples), []int16{1, 3, -2, -4}},
		{"from a pipe, size 0", wavFile(1, 1, 8000, 16, nil, 0, samples), []int16{1, 3, -2, -4}},
		{"something after the sound", append(wavFile(1, 1, 8000, 16, nil, 4, samples), odd...), []int16{1, 3}},
		{"extensible", extensible, []int16{1, 3, -2, -4}},
		{"µ-law", wavFile(7, 1, 8000, 8, nil, 2, []byte{0x80, 0xff}), []int16{32124, 0}},
		{"A-law", wavFile(6, 1, 8000, 8, nil, 2, []byte{0xaa, 0xd5}), []int16{32256, 8}},
		{"full scale, both channels", wavFile(1, 2, 8000, 16, nil, 4, []byte{0, 0x80, 0, 0x80}), []int16{-32768}},
	} {
		clip, err := ReadWAV(bytes.NewReader(c.b))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !slices.Equal(clip.PCM(), c.want) {
			t.Errorf("%s: %v, want %v", c.name, clip.PCM(), c.want)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":         {},
		"text":            []byte("this is not sound at all"),
		"RIFF of video":   []byte("RIFF\x00\x00\x00\x00AVI LIST"),
		"no sound":        wavFile(1, 1, 8000, 16, nil, 8, nil)[:36],
		"sound first":     append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x02\x00\x00\x00ab"...),
		"MP3 inside":      wavFile(0x55, 1, 8000, 16, nil, 8, samples),
		"24 bits":         wavFile(1, 1, 8000, 24, nil, 8, samples),
		"8 bits":          wavFile(1, 1, 8000, 8, nil, 8, samples),
		"six channels":    wavFile(1, 6, 8000, 16, nil, 8, samples),
		"no channel":      wavFile(1, 0, 8000, 16, nil, 8, samples),
		"96 kHz":          wavFile(1, 1, 96000, 16, nil, 8, samples),
		"3 GB of sound":   wavFile(1, 1, 8000, 16, nil, 3<<30, samples),
		"a short format":  []byte("RIFF\x00\x00\x00\x00WAVEfmt \x04\x00\x00\x00abcd"),
		"a huge format":   []byte("RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\x7fabcd"),
		"endless chunks":  append([]byte("RIFF\x00\x00\x00\x00WAVE"), bytes.Repeat([]byte("JUNK\x00\x00\x00\x00"), 100)...),
		"ends in a chunk": append([]byte("RIFF\x00\x00\x00\x00WAVE"), "JUNK\x64\x00\x00\x00abc"...),
	} {
		if _, err := ReadWAV(bytes.NewReader(b)); !errors.Is(err, ErrBadWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadWAV(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrBadWAV) {
		t.Errorf("a reader's own error became %v", err)
	}
	endless := io.MultiReader(bytes.NewReader(wavFile(1, 1, 8000, 16, nil, 0, nil)), zeros{})
	if _, err := ReadWAV(endless); !errors.Is(err, ErrBadWAV) {
		t.Errorf("sound without end: %v", err)
	}
}

// zeros reads for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestWriteWAVError(t *testing.T) {
	r, w := io.Pipe()
	_ = r.Close()
	if err := WriteWAV(w, NewClip(8000, make([]int16, 10))); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

func FuzzReadWAV(f *testing.F) {
	f.Add(wavFile(1, 2, 16000, 16, []byte("LIST\x03\x00\x00\x00abc\x00"), 8, []byte{1, 2, 3, 4, 5, 6, 7, 8}))
	f.Add(wavFile(7, 1, 8000, 8, nil, 0, []byte{1, 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		clip, err := ReadWAV(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(clip.PCM()) > len(b) {
			t.Fatalf("%d bytes hold %d samples", len(b), len(clip.PCM()))
		}
		var out bytes.Buffer
		if err := WriteWAV(&out, clip); err != nil {
			t.Fatal(err)
		}
		if len(clip.PCM()) == 0 {
			return
		}
		again, err := ReadWAV(&out)
		if err != nil || !slices.Equal(again.PCM(), clip.PCM()) || again.Rate() != clip.Rate() {
			t.Fatalf("written and read again it is another: %v", err)
		}
	})
}
