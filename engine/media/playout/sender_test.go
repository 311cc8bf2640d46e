package playout

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// A talk is a PCMU sender of a tone of 1013 Hz, and who hears it. Frames are taken between packets.
type talk struct {
	*Buffer
	t      *testing.T
	p      Packet
	said   int // samples
	now    int64
	heard  []int16
	kinds  []Kind
	frozen bool    // timestamps stand still
	rate   float64 // of the timestamps, against the right one
}

func newTalk(t *testing.T) *talk {
	b, err := New(codec.PCMU, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &talk{Buffer: b, t: t, p: Packet{Seq: 65530, Timestamp: 1<<32 - 100, SSRC: 1}, now: 1000, rate: 1}
}

// say sends packets of so many samples, for a time.
func (k *talk) say(d time.Duration, samples int) {
	for left := int(d.Seconds() * 8000); left > 0; left -= samples {
		k.send(samples)
		k.pass(samples)
	}
}

func (k *talk) send(samples int) {
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*1013/8000*float64(k.said+i)))
	}
	k.p.Payload = make([]byte, samples)
	codec.PCMU.Encode(k.p.Payload, pcm)
	k.Put(&k.p, k.now)
	k.skip(samples)
}

// skip is what becomes of a packet that is lost.
func (k *talk) skip(samples int) {
	k.said += samples
	k.p.Seq++
	if !k.frozen {
		k.p.Timestamp += uint32(float64(samples) * k.rate)
	}
}

// pass lets time pass; frames are taken every 20 ms of it.
func (k *talk) pass(samples int) {
	for ; samples > 0; samples -= 40 {
		if k.now%4 == 2 {
			var pcm [160]int16
			k.kinds = append(k.kinds, k.Frame(pcm[:], k.now))
			k.heard = append(k.heard, pcm[:]...)
		}
		k.now++
	}
}

// last are the frames of the last so many.
func (k *talk) last(n int) []int16 { return k.heard[len(k.heard)-n*160:] }

func (k *talk) expectTone(frames int) {
	k.t.Helper()
	if r := measure.Tone(k.last(frames), 8000, 1013); r.Gaps > 0 || r.Jumps > 0 || r.THDN > -28 || r.Level < -16 || r.Length < time.Duration(frames-1)*interval {
		k.t.Errorf("the tone comes as %+v; %+v", r, k.Stats())
	}
}

func TestPacketsOfAnyLength(t *testing.T) {
	for _, samples := range []int{40, 80, 160, 240, 320, 480, 960} { // 5 to 120 ms
		k := newTalk(t)
		k.say(8*time.Second, samples)
		k.expectTone(100)
	}
	k := newTalk(t)
	for range 3200 { // 2.5 ms, two in a tick
		k.send(20)
		if k.said%40 == 0 {
			k.pass(40)
		}
	}
	k.expectTone(100)
}

func TestLengthChangesMidStream(t *testing.T) {
	k := newTalk(t)
	for _, samples := range []int{160, 480, 80, 240} {
		k.say(5*time.Second, samples)
		k.expectTone(75)
	}
	if s := k.Stats(); s.Late+s.Lost+s.Dropped+s.Restarts > 0 || s.Concealed > 200*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

func TestTimestampsThatAreWrong(t *testing.T) {
	t.Run("standing still", func(t *testing.T) {
		k := newTalk(t)
		k.frozen = true
		k.say(5*time.Second, 160)
		k.expectTone(100)
	})
	for _, rate := range []float64{0.5, 2, 6} {
		k := newTalk(t)
		k.rate = rate
		k.say(6*time.Second, 160)
		k.expectTone(100)
	}
	for _, jump := range []uint32{1 << 31, 1 << 20, 8000, 1<<32 - 8000, 1<<32 - 1<<25} {
		k := newTalk(t)
		k.say(5*time.Second, 160)
		k.p.Timestamp += jump
		k.say(5*time.Second, 160)
		k.expectTone(240) // the jump is not heard
	}
}

func TestPauseOfSenderWhoseTimestampsPauseToo(t *testing.T) {
	for _, marker := range []bool{false, true} {
		k := newTalk(t)
		k.say(5*time.Second, 160)
		k.pass(3 * 8000)
		k.p.Marker = marker
		k.send(160)
		k.p.Marker = false
		k.pass(160)
		k.say(6*time.Second, 160)
		k.expectTone(200)
		if d := k.Stats().Delay; d > 60*time.Millisecond {
			t.Errorf("marker %v: sound waits %v after the pause", marker, d)
		}
	}
}

func TestNewBeginnings(t *testing.T) {
	for what, change := range map[string]func(p *Packet){
		"source": func(p *Packet) { p.SSRC, p.Seq, p.Timestamp = 9, 4711, 815 },
		"number": func(p *Packet) { p.Seq, p.Timestamp = p.Seq+30000, 77 },
		"near":   func(p *Packet) { p.Seq -= 40 },
	} {
		k := newTalk(t)
		k.say(5*time.Second, 160)
		change(&k.p)
		k.say(5*time.Second, 160)
		k.expectTone(200)
		if n := k.Stats().Restarts; n != 1 {
			t.Errorf("new %s: %d restarts", what, n)
		}
	}
	k := newTalk(t)
	k.say(3*time.Second, 160)
	stray := k.p
	stray.Seq += 20000
	stray.Payload = make([]byte, 160)
	k.Put(&stray, k.now)
	k.say(3*time.Second, 160)
	k.expectTone(250) // a single stray packet is not heard
}

func TestLossIsConcealedAndThenSilent(t *testing.T) {
	k := newTalk(t)
	k.say(2*time.Second, 160)
	k.skip(160)
	k.pass(160)
	k.say(2*time.Second, 160)
	s := k.Stats()
	if s.Lost != 1 || s.Concealed != 20*time.Millisecond {
		t.Errorf("one packet was lost, and %+v", s)
	}
	if r := measure.Tone(k.last(120), 8000, 1013); r.Gaps > 0 {
		t.Errorf("the tone has gaps: %+v", r)
	}
	k.pass(2 * 8000)
	if got := k.kinds[len(k.kinds)-1]; got == Sound || got == Concealed {
		t.Errorf("two seconds after the end, frames are of kind %d", got)
	}
	k.pass(8 * 8000)
	if got := k.kinds[len(k.kinds)-1]; got != Silence {
		t.Errorf("ten seconds after the end, frames are of kind %d", got)
	}
}

func TestComfortNoiseFillsThePause(t *testing.T) {
	k := newTalk(t)
	k.say(2*time.Second, 160)
	noise := k.p
	noise.Payload, noise.Noise = []byte{50}, true
	k.Put(&noise, k.now)
	k.p.Seq++
	k.p.Timestamp += 10 * 8000
	k.pass(10 * 8000)
	for i, kind := range k.kinds[len(k.kinds)-480:] {
		if kind != Noise {
			t.Fatalf("frame %d of the pause is of kind %d", i, kind)
		}
	}
	if level := measure.Level(k.last(400)); math.Abs(level+47) > 3 { // -50 dBov
		t.Errorf("the noise has %.1f dBFS", level)
	}
	k.p.Marker = true
	k.say(2*time.Second, 160)
	k.expectTone(90)
	if s := k.Stats(); s.Concealed+s.Stretched > 0 || s.Delay > 60*time.Millisecond {
		t.Errorf("a pause with noise: %+v", s)
	}
}

func TestEventsAreNoLoss(t *testing.T) {
	k := newTalk(t)
	k.say(2*time.Second, 160)
	for range 10 { // a key of 200 ms, all of one timestamp
		event := k.p
		event.Payload = nil
		k.Put(&event, k.now)
		k.p.Seq++
		k.pass(160)
	}
	k.p.Timestamp += 1600
	k.say(2*time.Second, 160)
	if s := k.Stats(); s.Lost > 0 || s.Late > 0 || s.Dropped > 0 || s.Delay > 60*time.Millisecond {
		t.Errorf("after a key: %+v", s)
	}
	k.expectTone(80)
}

func TestOldSoundIsDropped(t *testing.T) {
	k := newTalk(t)
	k.say(2*time.Second, 160)
	for range 100 { // 2 s of packets at once
		k.send(160)
	}
	k.pass(8000)
	s := k.Stats()
	after := k.kinds[len(k.kinds)-20:]
	for _, kind := range after {
		if kind == Sound {
			t.Fatal("sound is played that waited longer than MaxDelay")
		}
	}
	if s.Dropped < 60 {
		t.Errorf("little was dropped: %+v", s)
	}
}

func TestFloodHoldsLittle(t *testing.T) {
	k := newTalk(t)
	for i := range 100000 {
		k.p.Payload = make([]byte, 1+i%900)
		k.p.Seq++
		k.p.Timestamp += uint32(i * 7)
		k.Put(&k.p, k.now)
	}
	if k.queue.bytes > maxBytes || len(k.queue.slots) > maxSlots {
		t.Errorf("%d bytes in %d slots are held", k.queue.bytes, len(k.queue.slots))
	}
	k.now += 400
	k.say(12*time.Second, 160)
	k.expectTone(100)
}

func TestCleanStreamIsCheap(t *testing.T) {
	const n = 200
	buffers := make([]*talk, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range buffers {
		buffers[i] = newTalk(t)
	}
	payload, pcm := make([]byte, 160), make([]int16, 160)
	run := func(k *talk, packets int) {
		for range packets {
			k.p.Payload = payload
			k.Put(&k.p, k.now)
			k.p.Seq++
			k.p.Timestamp += 160
			k.Frame(pcm, k.now+1)
			k.now += 4
		}
	}
	for _, k := range buffers {
		run(k, 100)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 8192 {
		t.Errorf("a buffer takes %d bytes", each)
	} else {
		t.Logf("a buffer takes %d bytes", each)
	}
	if allocs := testing.AllocsPerRun(10, func() { run(buffers[0], 100) }); allocs > 0 {
		t.Errorf("100 frames allocate %v times", allocs)
	}
}

func TestOpusIsRecovered(t *testing.T) {
	if !codec.Opus.CanEncode() {
		return
	}
	s := say(t, codec.Opus, measure.Speech(48000, 6*time.Second), func(e codec.Encoder) { e.(codec.Protector).Protect(20) })
	b, err := New(codec.Opus, Options{MinDelay: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 960)
	for i := range s.payloads {
		if i%5 != 4 {
			b.Put(s.packet(i), int64(4*i))
		}
		b.Frame(pcm, int64(4*i+1))
	}
	if st := b.Stats(); st.Recovered < 30 || st.Lost < 55 {
		t.Errorf("a fifth of the packets was lost, and %+v", st)
	}
}
