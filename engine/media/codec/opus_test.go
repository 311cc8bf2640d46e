package codec

import "testing"

// faulty is a decoder that a packet brings down.
type faulty struct{}

func (faulty) DecodeToInt16(payload []byte, _ []int16) (int, error) {
	return int(payload[len(payload)]), nil
}

func TestAFaultOfPionEndsInTheDecoder(t *testing.T) {
	d, err := newPionDecoder()
	if err != nil {
		t.Fatal(err)
	}
	d.(*pionDecoder).opus = faulty{}
	pcm := make([]int16, 5760)
	// CELT, fullband, one frame of 20 ms.
	packet := []byte{31 << 3, 0xff, 0xfe}
	if n := d.Decode(pcm, packet); n != 0 {
		t.Errorf("%d samples came out of a fault", n)
	}
	if n := d.Decode(pcm, packet); n != 960 {
		t.Errorf("after a fault a packet becomes %d samples", n)
	}
}
