//go:build !linux || !(amd64 || arm64) || static

package codec

import (
	"errors"
	"testing"
)

func TestWithoutLibopus(t *testing.T) {
	if Opus.CanEncode() || !Opus.CanDecode() {
		t.Errorf("Opus can be encoded: %v, decoded: %v", Opus.CanEncode(), Opus.CanDecode())
	}
	if _, err := NewEncoder(Opus); !errors.Is(err, ErrUnavailable) {
		t.Errorf("an encoder: %v", err)
	}
	d, err := NewDecoder(Opus)
	if err != nil {
		t.Fatal(err)
	}
	if n := d.Decode(make([]int16, 5760), []byte{31 << 3, 0xff, 0xfe}); n != 960 { // CELT, fullband, one frame of 20 ms
		t.Errorf("a packet becomes %d samples", n)
	}
}
