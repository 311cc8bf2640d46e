package main

import (
	"encoding/binary"
)

// The shipped sounds are IMA ADPCM: four bits a sample, a quarter of PCM and half
// of µ-law, with noise about 30 dB below speech. Any player of WAV files knows it.
// (WAVE_FORMAT_DVI_ADPCM, RFC 2361 section A.13; the method: IMA Digital Audio
// Focus and Technical Working Group, Recommended Practices, 1992.)
const (
	blockBytes   = 256
	blockSamples = (blockBytes-4)*2 + 1 // the head of a block carries one sample
)

var (
	// steps are the sizes the quantiser may have: each 1.1 times the one before.
	steps = [89]int{
		7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143,
		157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552,
		1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487,
		12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
	}
	// shifts tell how the size moves after a code, its sign left out.
	shifts = [8]int{-1, -1, -1, -1, 2, 4, 6, 8}
)

// encodeWAV writes mono IMA ADPCM at rate. The last block is filled up with the
// last sample; the fact chunk has the true length.
func encodeWAV(pcm []int16) []byte {
	var sound []byte
	index := 0
	for at := 0; at < len(pcm); at += blockSamples {
		var block []byte
		block, index = encodeBlock(pcm[at:min(at+blockSamples, len(pcm))], index)
		sound = append(sound, block...)
	}
	le := binary.LittleEndian
	out := append([]byte(nil), "RIFF"...)
	out = le.AppendUint32(out, uint32(4+8+20+8+4+8+len(sound)))
	out = append(out, "WAVEfmt "...)
	out = le.AppendUint32(out, 20)
	out = le.AppendUint16(out, 0x11)
	out = le.AppendUint16(out, 1) // channels
	out = le.AppendUint32(out, rate)
	out = le.AppendUint32(out, rate*blockBytes/blockSamples)
	out = le.AppendUint16(out, blockBytes)
	out = le.AppendUint16(out, 4) // bits a sample
	out = le.AppendUint16(out, 2) // bytes of extension:
	out = le.AppendUint16(out, blockSamples)
	out = append(out, "fact"...)
	out = le.AppendUint32(out, 4)
	out = le.AppendUint32(out, uint32(len(pcm)))
	out = append(out, "data"...)
	out = le.AppendUint32(out, uint32(len(sound)))
	return append(out, sound...)
}

// encodeBlock encodes 1 to blockSamples samples, beginning with the step at
// index, and returns the index to go on with.
func encodeBlock(pcm []int16, index int) ([]byte, int) {
	value := int(pcm[0])
	block := make([]byte, blockBytes)
	binary.LittleEndian.PutUint16(block, uint16(pcm[0]))
	block[2] = byte(index)
	for i := 1; i < blockSamples; i++ {
		target := int(pcm[min(i, len(pcm)-1)])
		var code byte
		code, value, index = encodeSample(target, value, index)
		block[4+(i-1)/2] |= code << (4 * ((i - 1) % 2))
	}
	return block, index
}

// encodeSample chooses the code that brings value nearest to target, and returns
// it with the value and index that a decoder then has.
func encodeSample(target, value, index int) (byte, int, int) {
	code, rest, step := byte(0), target-value, steps[index]
	if rest < 0 {
		code, rest = 8, -rest
	}
	move := step >> 3
	for bit := byte(4); bit > 0; bit >>= 1 {
		if rest >= step {
			code |= bit
			rest -= step
			move += step
		}
		step >>= 1
	}
	if code&8 != 0 {
		move = -move
	}
	value = max(-32768, min(32767, value+move))
	return code, value, max(0, min(len(steps)-1, index+shifts[code&7]))
}
