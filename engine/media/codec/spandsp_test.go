//go:build linux && (amd64 || arm64)

package codec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ebitengine/purego"
)

// spandsp is an implementation of G.722 that has nothing to do with ours.
type spandsp struct {
	encodeInit, decodeInit func(state uintptr, rate, options int32) uintptr
	encode                 func(state uintptr, out *byte, pcm *int16, n int32) int32
	decode                 func(state uintptr, pcm *int16, in *byte, n int32) int32
	encodeFree, decodeFree func(state uintptr) int32
}

func openSpandsp(t *testing.T) *spandsp {
	t.Helper()
	const name = "libspandsp.so.2"
	lib, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		t.Fatalf("%s, which Debian's package libspandsp2 has, is what G.722 is tested against: %v", name, err)
	}
	s := &spandsp{}
	purego.RegisterLibFunc(&s.encodeInit, lib, "g722_encode_init")
	purego.RegisterLibFunc(&s.decodeInit, lib, "g722_decode_init")
	purego.RegisterLibFunc(&s.encode, lib, "g722_encode")
	purego.RegisterLibFunc(&s.decode, lib, "g722_decode")
	purego.RegisterLibFunc(&s.encodeFree, lib, "g722_encode_free")
	purego.RegisterLibFunc(&s.decodeFree, lib, "g722_decode_free")
	return s
}

// hardSounds are sounds at 16 kHz that try every part of the codec.
func hardSounds() map[string][]int16 {
	r := rand.New(rand.NewPCG(7, 22))
	noise, square, quiet, sweep := make([]int16, 32000), make([]int16, 32000), make([]int16, 32000), make([]int16, 32000)
	for i := range noise {
		noise[i] = int16(r.IntN(40000) - 20000)
		square[i] = 12000
		if i/37%2 == 0 {
			square[i] = -12000
		}
		quiet[i] = int16(r.IntN(7) - 3)
		f := 50 + 7900*float64(i)/float64(len(sweep)) // half the instantaneous frequency's growth
		sweep[i] = int16(14000 * math.Sin(math.Pi*f*float64(i)/16000))
	}
	speechLike := make([]int16, 32000)
	for i := range speechLike {
		at := float64(i) / 16000
		envelope := math.Max(0, math.Sin(2*math.Pi*3*at))
		var v float64
		for h := 1.0; h <= 20; h++ {
			v += math.Sin(2*math.Pi*h*(120+10*math.Sin(5*at))*at) / h
		}
		speechLike[i] = int16(envelope*v*6000 + float64(r.IntN(21)-10))
	}
	return map[string][]int16{
		"noise": noise, "square": square, "quiet": quiet, "sweep": sweep, "speech": speechLike,
		"1 kHz": sine(16000, 1000, 12000, 2), "6 kHz": sine(16000, 6000, 12000, 2), "silence": make([]int16, 32000),
		"sudden": append(make([]int16, 8000), sine(16000, 440, 30000, 1)...),
	}
}

func TestG722EqualsSpandsp(t *testing.T) {
	s := openSpandsp(t)
	for name, pcm := range hardSounds() {
		t.Run(name, func(t *testing.T) {
			theirs, ours := s.encodeInit(0, 64000, 0), newG722Encoder()
			defer s.encodeFree(theirs)
			theirDecoder, ourDecoder := s.decodeInit(0, 64000, 0), newG722Decoder()
			defer s.decodeFree(theirDecoder)
			for at := 0; at+320 <= len(pcm); at += 320 {
				frame := pcm[at:][:320]
				var want, got [160]byte
				n := s.encode(theirs, &want[0], &frame[0], 320)
				if m := ours.Encode(got[:], frame); m != 160 || n != 160 {
					t.Fatalf("a frame became %d bytes, theirs %d", m, n)
				}
				if i := firstDifference(got[:], want[:]); i >= 0 {
					t.Fatalf("the encoders differ in the frame at %d: byte %d is %#x, theirs %#x", at, i, got[i], want[i])
				}
				var wantPCM, gotPCM [320]int16
				n = s.decode(theirDecoder, &wantPCM[0], &want[0], 160)
				if m := ourDecoder.Decode(gotPCM[:], want[:]); m != 320 || n != 320 {
					t.Fatalf("a payload became %d samples, theirs %d", m, n)
				}
				if i := firstDifference(gotPCM[:], wantPCM[:]); i >= 0 {
					t.Fatalf("the decoders differ in the frame at %d: sample %d is %d, theirs %d", at, i, gotPCM[i], wantPCM[i])
				}
			}
		})
	}
}

// firstDifference is where a and b, of one length, differ first, or -1.
func firstDifference[T comparable](a, b []T) int {
	for i, v := range a {
		if v != b[i] {
			return i
		}
	}
	return -1
}
