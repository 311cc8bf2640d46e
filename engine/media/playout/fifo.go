package playout

// fifo holds sound that was decoded and not yet taken, and the last of what was
// taken, which a stretch repeats.
type fifo struct {
	pcm      []int16
	from, to int // what waits
	past     int // samples to be kept before from
}

func (f *fifo) init(rate int) {
	f.past = rate * pastTime / 1000
	f.from, f.to = f.past, f.past
	f.pcm = make([]int16, f.past+rate*60/1000)
}

func (f *fifo) len() int { return f.to - f.from }

// waiting is the next n samples.
func (f *fifo) waiting(n int) []int16 { return f.pcm[f.from : f.from+n] }

// room is where to write the next n samples; add then makes them part of what waits.
func (f *fifo) room(n int) []int16 {
	if f.to+n > len(f.pcm) {
		f.move(n)
	}
	return f.pcm[f.to : f.to+n]
}

func (f *fifo) add(n int) { f.to += n }

// move brings the sound to the front, of a longer slice if it must.
func (f *fifo) move(n int) {
	kept := f.pcm[f.from-f.past : f.to]
	pcm := f.pcm
	if len(kept)+n > len(pcm) {
		pcm = make([]int16, len(kept)+n)
	}
	copy(pcm, kept)
	f.pcm, f.from, f.to = pcm, f.past, len(kept)
}

// take moves the next samples to pcm. There must be as many.
func (f *fifo) take(pcm []int16) {
	f.from += copy(pcm, f.pcm[f.from:f.to])
}
