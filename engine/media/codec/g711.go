package codec

import "math/bits"

// law holds the tables of one of the two laws. They are computed once and only read.
type law struct {
	decode  [256]int16
	encode  [1 << 16]byte // by the sample's bits, uint16(sample)
	other   [256]byte     // the same sound in the other law
	silence byte
}

var mu, a = makeLaws()

func makeLaws() (mu, a *law) {
	mu, a = &law{silence: 0xff}, &law{silence: 0xd5}
	for i := range 256 {
		mu.decode[i], a.decode[i] = muDecode(byte(i)), aDecode(byte(i))
	}
	for i := range 1 << 16 {
		sample := int16(uint16(i))
		mu.encode[i], a.encode[i] = muEncode(sample), aEncode(sample)
	}
	for i := range 256 {
		mu.other[i] = a.encode[uint16(mu.decode[i])]
		a.other[i] = mu.encode[uint16(a.decode[i])]
	}
	return mu, a
}

func (c Codec) law() *law {
	switch c {
	case PCMU:
		return mu
	case PCMA:
		return a
	}
	return nil
}

// Encode writes one byte a sample and returns how many: the shorter of the two
// slices decides. Codecs other than G.711 encode nothing here: see NewEncoder.
func (c Codec) Encode(dst []byte, pcm []int16) int {
	l := c.law()
	if l == nil {
		return 0
	}
	n := min(len(dst), len(pcm))
	dst = dst[:n]
	for i, v := range pcm[:n] {
		dst[i] = l.encode[uint16(v)]
	}
	return n
}

// Decode writes one sample a byte and returns how many: the shorter of the two
// slices decides. Codecs other than G.711 decode nothing here: see NewDecoder.
func (c Codec) Decode(dst []int16, payload []byte) int {
	l := c.law()
	if l == nil {
		return 0
	}
	n := min(len(dst), len(payload))
	dst = dst[:n]
	for i, b := range payload[:n] {
		dst[i] = l.decode[b]
	}
	return n
}

// Transcode turns payload, in place, from one law into the other. It does
// nothing where both are the same or one is not G.711.
func Transcode(payload []byte, from, to Codec) {
	l := from.law()
	if l == nil || from == to || to.law() == nil {
		return
	}
	for i, b := range payload {
		payload[i] = l.other[b]
	}
}

// Silence fills dst with what the codec sends for a sample of zero.
func (c Codec) Silence(dst []byte) {
	l := c.law()
	if l == nil {
		return
	}
	for i := range dst {
		dst[i] = l.silence
	}
}

// muEncode follows G.711 table 2a: sign, 3 bits of segment, 4 bits of interval,
// all inverted. 132 is the 14-bit bias of 33 on a 16-bit scale.
func muEncode(sample int16) byte {
	const bias, clip = 132, 32635
	v, sign := int(sample), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, clip) + bias
	segment := bits.Len(uint(v)) - 8 // v ≥ 132 has at least 8 bits
	interval := v >> (segment + 3) & 0x0f
	return ^(sign | byte(segment)<<4 | byte(interval))
}

func muDecode(b byte) int16 {
	b = ^b
	segment, interval := b>>4&7, int(b&0x0f)
	v := (interval<<3+132)<<segment - 132
	if b&0x80 != 0 {
		return int16(-v)
	}
	return int16(v)
}

// aEncode follows G.711 table 1a: 13 bits of sample, the first segment twice as
// long, even bits inverted.
func aEncode(sample int16) byte {
	v, sign := int(sample)>>3, byte(0x80) // >>3 rounds down: -1 belongs to the first negative interval
	if v < 0 {
		v, sign = -v-1, 0
	}
	segment := max(0, bits.Len(uint(v))-5)
	interval := v >> max(1, segment) & 0x0f
	return (sign | byte(segment)<<4 | byte(interval)) ^ 0x55
}

func aDecode(b byte) int16 {
	b ^= 0x55
	segment, interval := b>>4&7, int(b&0x0f)
	v := interval<<4 + 8 // the middle of the interval
	if segment > 0 {
		v = (v + 256) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-v)
	}
	return int16(v)
}
