package codec

import (
	"errors"
	"testing"
)

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		codec       Codec
		name        string
		clock, rate int
		pt          uint8
		static      bool
		frame       int
	}{
		{PCMU, "PCMU", 8000, 8000, 0, true, 160},
		{PCMA, "PCMA", 8000, 8000, 8, true, 160},
		{G722, "G722", 8000, 16000, 9, true, 160},
		{Opus, "opus", 48000, 48000, 0, false, 1275},
	} {
		pt, static := c.codec.PayloadType()
		if !c.codec.Valid() || c.codec.Name() != c.name || c.codec.ClockRate() != c.clock || c.codec.SampleRate() != c.rate ||
			pt != c.pt || static != c.static || c.codec.FrameBytes() != c.frame {
			t.Errorf("%v: %q, %d Hz, %d Hz, payload type %d %v, %d bytes", c.codec, c.codec.Name(), c.codec.ClockRate(), c.codec.SampleRate(), pt, static, c.codec.FrameBytes())
		}
		if found, ok := ByName(c.name); !ok || found != c.codec {
			t.Errorf("ByName(%q) = %v, %v", c.name, found, ok)
		}
	}
	for _, c := range []Codec{None, Codec(Count), 255} {
		if _, err := NewEncoder(c); !errors.Is(err, ErrUnavailable) {
			t.Errorf("an encoder of codec %d: %v", c, err)
		}
		if _, err := NewDecoder(c); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a decoder of codec %d: %v", c, err)
		}
		if _, static := c.PayloadType(); static || c.Valid() || c.Name() != "" || c.ClockRate() != 0 || c.CanEncode() || c.CanDecode() {
			t.Errorf("codec %d has facts", c)
		}
	}
}
