package codec

import (
	"encoding/binary"
	"testing"
)

// fuzzDecoder gives a decoder packets of a stranger's making: each begins with two bytes, how long it is and
// whether it is lost.
func fuzzDecoder(f *testing.F, c Codec, newDecoder func() (Decoder, error)) {
	if c.CanEncode() {
		for _, name := range []string{"speech", "noise", "silence"} {
			var seed []byte
			for i, payload := range encodeAll(f, c, sounds(c.SampleRate())[name][:c.SampleRate()/10]) {
				seed = binary.LittleEndian.AppendUint16(seed, uint16(len(payload))|uint16(i%2)<<15)
				seed = append(seed, payload...)
			}
			f.Add(seed)
		}
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		d, err := newDecoder()
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, c.SampleRate()*12/100)
		for packets := 0; len(stream) >= 2 && packets < 50; packets++ {
			head := binary.LittleEndian.Uint16(stream)
			stream = stream[2:]
			payload := stream[:min(len(stream), int(head&0x7ff))]
			stream = stream[len(payload):]
			if r, ok := d.(Recoverer); ok && head&0x4000 != 0 {
				if n := r.Recover(pcm[:c.SampleRate()/50], payload); n < 0 || n > c.SampleRate()/50 {
					t.Fatalf("%d samples recovered", n)
				}
			}
			if head&0x8000 != 0 {
				d.Conceal(pcm[:c.SampleRate()/100])
			}
			if n := d.Decode(pcm, payload); n < 0 || n > len(pcm) {
				t.Fatalf("%d bytes became %d samples", len(payload), n)
			}
		}
	})
}

func FuzzPCMU(f *testing.F) {
	fuzzDecoder(f, PCMU, func() (Decoder, error) { return NewDecoder(PCMU) })
}
func FuzzPCMA(f *testing.F) {
	fuzzDecoder(f, PCMA, func() (Decoder, error) { return NewDecoder(PCMA) })
}
func FuzzG722(f *testing.F) {
	fuzzDecoder(f, G722, func() (Decoder, error) { return NewDecoder(G722) })
}

// FuzzOpus is libopus where there is one.
func FuzzOpus(f *testing.F) { fuzzDecoder(f, Opus, newOpusDecoder) }
func FuzzPion(f *testing.F) { fuzzDecoder(f, Opus, newPionDecoder) }
