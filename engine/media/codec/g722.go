package codec

// G.722 at 64 kbit/s (mode 1): a quadrature mirror filter splits 16 kHz sound into
// two bands of 8 kHz, which are coded by adaptive differential PCM, the lower in 6
// bits a sample and the upper in 2. The names of the blocks (QUANTL, LOGSCL, …) are
// those of ITU-T G.722 (11/88), clauses 3 to 6; so are the numbers.

// g722Band is the adaptive predictor and the scale of one band (clause 3.6, 6.2.1).
type g722Band struct {
	estimate     int32 // S: what the predictor expects next
	zeros        int32 // SZ: the part of it that the zero section makes
	a1, a2       int32 // coefficients of the pole section
	r1, r2       int32 // twice the last two reconstructed samples, saturated
	sign1, sign2 int32 // of the last two partially reconstructed samples: 0 or -1
	// The zero section's coefficients, and twice the last six quantised differences, saturated: fields, since
	// the compiler keeps those in registers and arrays in memory.
	b1, b2, b3, b4, b5, b6 int32
	d1, d2, d3, d4, d5, d6 int32
	log                    int32 // NB: logarithm of the scale
	scale                  int32 // DET
}

// scaleLow and scaleHigh adapt the band's scale by the multiplier w (LOGSCL and SCALEL, LOGSCH and SCALEH).
func (b *g722Band) scaleLow(w int32) {
	b.log = min(max(b.log*127>>7+w, 0), 18432)
	b.scale = antilog(b.log, 8)
}

func (b *g722Band) scaleHigh(w int32) {
	b.log = min(max(b.log*127>>7+w, 0), 22528)
	b.scale = antilog(b.log, 10)
}

func antilog(log, top int32) int32 {
	v, shift := g722Antilog[log>>6&31], top-log>>11
	if shift < 0 {
		return v << -shift << 2
	}
	return v >> shift << 2
}

// predict takes the quantised difference d and makes the next estimate (RECONS, PARREC, UPPOL1,
// UPPOL2, UPZERO, DELAYA, FILTEP, FILTEZ, PREDIC). Where the recommendation saturates
// what cannot be reached, nothing is done here.
func (b *g722Band) predict(d int32) {
	r := saturate(b.estimate + d)
	sign := (b.zeros + d) >> 31
	differs1, differs2 := sign^b.sign1, sign^b.sign2 // -1: another sign than the one before, and before that

	step := saturate(b.a1 << 2)
	step = min(negateIf(step, ^differs1), 32767)
	b.a2 = min(max(negateIf(128, differs2)+step>>7+b.a2*32512>>15, -12288), 12288)
	limit := 15360 - b.a2
	b.a1 = min(max(negateIf(192, differs1)+b.a1*32640>>15, -limit), limit)

	gain := int32(128)
	if d == 0 {
		gain = 0
	}
	zeros := int32(0)
	b.b6 = negateIf(gain, (b.d6^d)>>31) + b.b6*32640>>15
	b.d6 = b.d5
	zeros += b.b6 * b.d6 >> 15
	b.b5 = negateIf(gain, (b.d5^d)>>31) + b.b5*32640>>15
	b.d5 = b.d4
	zeros += b.b5 * b.d5 >> 15
	b.b4 = negateIf(gain, (b.d4^d)>>31) + b.b4*32640>>15
	b.d4 = b.d3
	zeros += b.b4 * b.d4 >> 15
	b.b3 = negateIf(gain, (b.d3^d)>>31) + b.b3*32640>>15
	b.d3 = b.d2
	zeros += b.b3 * b.d3 >> 15
	b.b2 = negateIf(gain, (b.d2^d)>>31) + b.b2*32640>>15
	b.d2 = b.d1
	zeros += b.b2 * b.d2 >> 15
	b.b1 = negateIf(gain, (b.d1^d)>>31) + b.b1*32640>>15
	b.d1 = saturate(2 * d)
	zeros += b.b1 * b.d1 >> 15
	b.zeros = saturate(zeros)

	b.r1, b.r2 = saturate(2*r), b.r1
	b.sign1, b.sign2 = sign, b.sign1
	poles := saturate(b.a1*b.r1>>15 + b.a2*b.r2>>15)
	b.estimate = saturate(poles + b.zeros)
}

// quantiseLow codes one sample of the lower band (SUBTRA, QUANTL).
func (b *g722Band) quantiseLow(x int32) byte {
	e := saturate(x - b.estimate)
	size := e ^ e>>31 // -1 is as small as 0
	// The interval: how many decision levels lie at or below it. They rise, so halving finds it.
	i := 0
	for step := 16; step > 0; step >>= 1 {
		if j := i + step; j < len(g722Levels) && size >= g722Levels[j]*b.scale>>12 {
			i = j
		}
	}
	if e < 0 {
		return g722Negative[i]
	}
	return byte(61 - i)
}

// adaptLow follows the four upper bits of a code, which is all that the predictor knows of it (INVQAL, LOGSCL, SCALEL).
func (b *g722Band) adaptLow(code byte) {
	q := code >> 2 & 15
	d := b.scale * g722Low4[q] >> 15
	b.scaleLow(g722LowWeight[q])
	b.predict(d)
}

// decodeLow gives one sample of the lower band (INVQBL, RECONS, LIMIT).
func (b *g722Band) decodeLow(code byte) int32 {
	v := b.estimate + b.scale*g722Low6[code&63]>>15
	b.adaptLow(code)
	return min(max(v, -16384), 16383)
}

// quantiseHigh codes one sample of the upper band (SUBTRA, QUANTH).
func (b *g722Band) quantiseHigh(x int32) byte {
	e := saturate(x - b.estimate)
	code := byte(1) // negative and small; the others follow
	if e>>31^e >= 564*b.scale>>12 {
		code = 0
	}
	if e >= 0 {
		code += 2
	}
	return code
}

// adaptHigh follows a code and returns the difference it stands for (INVQAH, LOGSCH, SCALEH).
func (b *g722Band) adaptHigh(code byte) int32 {
	d := b.scale * g722High2[code&3] >> 15
	b.scaleHigh(g722HighWeight[code&3])
	b.predict(d)
	return d
}

// decodeHigh gives one sample of the upper band (RECONS, LIMIT).
func (b *g722Band) decodeHigh(code byte) int32 {
	estimate := b.estimate
	return min(max(estimate+b.adaptHigh(code), -16384), 16383)
}

// negateIf is -v where mask is -1, and v where it is 0.
func negateIf(v, mask int32) int32 { return v ^ mask - mask }

// saturate limits v to 16 bits.
func saturate(v int32) int32 { return min(max(v, -32768), 32767) }

func g722Bands() (low, high g722Band) {
	return g722Band{scale: 32}, g722Band{scale: 8}
}

// g722Levels are the decision levels of QUANTL (table 14); below the second lies the first interval.
var g722Levels = [30]int32{
	0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650,
	714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
}

// g722Negative are the codes of negative differences by interval (table 15); those of positive ones are 61-i.
var g722Negative = [30]byte{
	63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
}

// g722Low4 and g722Low6 are the output levels of the lower band's inverse quantisers (tables 16 and 18).
var g722Low4 = [16]int32{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}

var g722Low6 = [64]int32{
	-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
	-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
	24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
	4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
}

// g722LowWeight are the multipliers of the logarithmic scale by the upper four bits of the code (WL by RL42).
var g722LowWeight = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}

var g722High2 = [4]int32{-7408, -1616, 7408, 1616} // output levels of the upper band (table 17)

var g722HighWeight = [4]int32{798, -214, 798, -214} // multipliers of the upper band's scale (WH by RH2)

// g722Antilog is the table ILB: 2048·2^(i/32).
var g722Antilog = [32]int32{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}
