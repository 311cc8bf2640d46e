package gain

const (
	knee = 24576        // three quarters of full scale
	rest = 32767 - knee // what is above it
)

// Limit brings a sum of voices into the range of a sample, gently: unchanged up to
// three quarters of full scale, then ever flatter, so that loud voices together do not
// clatter as clipping does, and nothing wraps round. The shorter slice decides.
func Limit(pcm []int16, sum []int32) {
	pcm = pcm[:min(len(pcm), len(sum))]
	for i := range pcm {
		pcm[i] = soft(sum[i])
	}
}

func soft(v int32) int16 {
	if v > knee || v < -knee {
		return bend(v)
	}
	return int16(v)
}

// bend is soft beyond the knee: there its slope is 1, and full scale is never reached.
func bend(v int32) int16 {
	if v > 0 {
		over := int64(v) - knee
		return int16(knee + rest*over/(rest+over))
	}
	over := -int64(v) - knee
	return int16(-knee - rest*over/(rest+over))
}

// Limiter is Limit for one listener, or for all that hear the same, with a memory: as
// long as the sum is too loud it turns it down, at once and for some frames after,
// so that only the first milliseconds of a louder sound are bent. The zero value is
// ready. It is not for concurrent use.
type Limiter struct {
	down float32 // what the sum is multiplied with, less than 1: 1-gain, so that zero is none
}

// Limit does so for the next frame. The shorter slice decides.
func (l *Limiter) Limit(pcm []int16, sum []int32) {
	pcm = pcm[:min(len(pcm), len(sum))]
	sum = sum[:len(pcm)]
	peak := peakOf(sum)
	if l.down == 0 && peak <= knee {
		for i, v := range sum {
			pcm[i] = int16(v)
		}
		return
	}
	before := 1 - l.down
	gain := min(1, before*1.012) // 5 dB a second, in frames of 20 ms
	if gain*float32(peak) > knee {
		gain = knee / float32(peak)
	}
	l.down = 1 - gain
	ramp := len(pcm) / 8
	step := (gain - before) / float32(max(1, ramp))
	for i, v := range sum[:ramp] {
		before += step
		pcm[i] = soft(int32(float32(v) * before))
	}
	for i, v := range sum[ramp:] {
		pcm[ramp+i] = soft(int32(float32(v) * gain))
	}
}

func peakOf(sum []int32) int32 {
	var high, low int32
	for _, v := range sum {
		high, low = max(high, v), min(low, v)
	}
	return max(high, -low)
}
