//go:build linux && (amd64 || arm64)

package codec

import (
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

func TestG722EqualsSpandsp(t *testing.T) {
	s := openSpandsp(t)
	for name, pcm := range sounds(16000) {
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
