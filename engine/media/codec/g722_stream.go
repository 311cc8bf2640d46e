package codec

// The coefficients of the quadrature mirror filter (ITU-T G.722 table 11, times 8192) that
// meet every other sample; those between meet them in reverse.
const (
	qmf0, qmf1, qmf2, qmf3, qmf4, qmf5   = 3, -11, 12, 32, -210, 951
	qmf6, qmf7, qmf8, qmf9, qmf10, qmf11 = 3876, -805, 362, -156, 53, -11
)

const (
	qmfHistory = 22  // samples that the filter looks back from a pair
	g722Block  = 320 // samples filtered at a time: 20 ms
)

// qmf is the window of the filter: what came before, and the block at hand.
type qmf [qmfHistory + g722Block]int32

// sums are the two halves of the filter at the window of 24 samples that begins at at.
func (q *qmf) sums(at int) (a, b int32) {
	x := (*[24]int32)(q[at:])
	a = x[0]*qmf0 + x[2]*qmf1 + x[4]*qmf2 + x[6]*qmf3 + x[8]*qmf4 + x[10]*qmf5 +
		x[12]*qmf6 + x[14]*qmf7 + x[16]*qmf8 + x[18]*qmf9 + x[20]*qmf10 + x[22]*qmf11
	b = x[1]*qmf11 + x[3]*qmf10 + x[5]*qmf9 + x[7]*qmf8 + x[9]*qmf7 + x[11]*qmf6 +
		x[13]*qmf5 + x[15]*qmf4 + x[17]*qmf3 + x[19]*qmf2 + x[21]*qmf1 + x[23]*qmf0
	return a, b
}

// slide keeps the end of a block of n samples as history.
func (q *qmf) slide(n int) { copy(q[:qmfHistory], q[n:n+qmfHistory]) }

type g722Encoder struct {
	low, high g722Band
	window    qmf
}

func newG722Encoder() *g722Encoder {
	e := &g722Encoder{}
	e.low, e.high = g722Bands()
	return e
}

// Encode makes a byte of every two samples.
func (e *g722Encoder) Encode(dst []byte, pcm []int16) int {
	pairs := min(len(dst), len(pcm)/2)
	for done := 0; done < pairs; {
		n := min(pairs-done, g722Block/2)
		for i, v := range pcm[2*done:][:2*n] {
			e.window[qmfHistory+i] = int32(v)
		}
		for i := range n {
			a, b := e.window.sums(2 * i)
			low, high := e.low.quantiseLow((b+a)>>14), e.high.quantiseHigh((b-a)>>14)
			e.low.adaptLow(low)
			e.high.adaptHigh(high)
			dst[done+i] = low | high<<6
		}
		e.window.slide(2 * n)
		done += n
	}
	return pairs
}

type g722Decoder struct {
	low, high g722Band
	window    qmf
	concealer *concealer
}

func newG722Decoder() *g722Decoder {
	d := &g722Decoder{concealer: newConcealer(G722.SampleRate())}
	d.low, d.high = g722Bands()
	return d
}

// Decode makes two samples of every byte.
func (d *g722Decoder) Decode(pcm []int16, payload []byte) int {
	payload = payload[:min(len(payload), len(pcm)/2)]
	for done := 0; done < len(payload); {
		n := min(len(payload)-done, g722Block/2)
		for i, code := range payload[done:][:n] {
			low, high := d.low.decodeLow(code), d.high.decodeHigh(code>>6)
			d.window[qmfHistory+2*i], d.window[qmfHistory+2*i+1] = low+high, low-high
		}
		out := pcm[2*done:][:2*n]
		for i := range n {
			a, b := d.window.sums(2 * i)
			out[2*i], out[2*i+1] = int16(saturate(b>>11)), int16(saturate(a>>11))
		}
		d.window.slide(2 * n)
		done += n
	}
	d.concealer.heard(pcm[:2*len(payload)])
	return 2 * len(payload)
}

// Conceal also lets the decoder hear what it says for the first 20 ms, as if it had come: after one lost packet of
// a vowel the sound is then 6 dB nearer to what was coded than after one that left the
// decoder as it was. After longer gaps, whose sound is quieter, it would be further away.
func (d *g722Decoder) Conceal(pcm []int16) {
	d.concealer.conceal(pcm)
	if d.concealer.missing <= g722Block && len(pcm)%2 == 0 {
		d.follow(pcm)
	}
}

// follow takes the predictors and the filter where the encoder will have gone with this sound, of 20 ms
// at most. What is heard lags qmfHistory samples behind what was coded, so it looks as far ahead.
func (d *g722Decoder) follow(pcm []int16) {
	var said qmf
	for i, v := range pcm {
		said[i] = int32(v)
	}
	for i, v := range d.concealer.ahead(qmfHistory) {
		said[len(pcm)+i] = int32(v)
	}
	for i := 0; i < len(pcm); i += 2 {
		a, b := said.sums(i)
		low := d.low.decodeLow(d.low.quantiseLow((b + a) >> 14))
		high := d.high.decodeHigh(d.high.quantiseHigh((b - a) >> 14))
		d.window[qmfHistory+i], d.window[qmfHistory+i+1] = low+high, low-high
	}
	d.window.slide(len(pcm))
}
