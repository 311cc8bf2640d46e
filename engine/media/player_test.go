package media

import (
	"math"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// ramp is a clip whose samples tell their place.
func ramp(from, n int) *Clip {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(from + i)
	}
	return NewClip(sampleRate, pcm)
}

// frames takes n frames of a player, or as many as it has.
func frames(p *Player, n int) (pcm []int16, last playState) {
	var room [maxFrame]int16
	for range n {
		frame, _, state := p.samples(room[:])
		if last = state; last == ended {
			return pcm, last
		}
		if last == playing {
			pcm = append(pcm, frame...)
		}
	}
	return pcm, last
}

func TestPlayerGoesAcrossSeams(t *testing.T) {
	p := NewPlayer([]*Clip{ramp(1, 100), ramp(0, 0), ramp(101, 300)}, PlayOptions{})
	pcm, last := frames(p, 10)
	if last != ended || len(pcm) != 480 || !p.Finished() {
		t.Fatalf("%d samples, then %v", len(pcm), last)
	}
	for i, v := range pcm {
		if want := int16(i + 1); i < 400 && v != want || i >= 400 && v != 0 {
			t.Fatalf("sample %d is %d", i, v)
		}
	}
	select {
	case <-p.Done():
	default:
		t.Error("it is not done")
	}
	p.Stop() // closes nothing twice
}

// What is sent is the same whether the clip was encoded before or is while it plays.
func TestPlayerPayload(t *testing.T) {
	clip := NewClip(sampleRate, tone(440, 9000, 0, 1000))
	prepared, plain := NewPlayer([]*Clip{clip}, PlayOptions{}), NewPlayer([]*Clip{NewClip(sampleRate, clip.PCM())}, PlayOptions{})
	prepared.prepare(codec.PCMA, 0)
	var a, b [frameSamples]byte
	var room [maxFrame]int16
	for i := 0; ; i++ {
		n, x := prepared.payload(a[:], codec.PCMA)
		if x == playing && n == 0 { // the last frame, which the clip does not fill
			var pcm []int16
			pcm, _, x = prepared.samples(room[:])
			codec.PCMA.Encode(a[:], pcm)
		}
		pcm, _, y := plain.samples(room[:])
		if y == playing {
			codec.PCMA.Encode(b[:], pcm)
		}
		if x != y || a != b {
			t.Fatalf("frame %d differs", i)
		}
		if x == ended {
			break
		}
	}
}

func TestPlayerVolume(t *testing.T) {
	for _, c := range []struct{ volume, want float64 }{{0, 0}, {-6, -6}, {6, 6}, {-100, -60}, {100, 20}} {
		p := NewPlayer([]*Clip{NewClip(sampleRate, tone(1000, 4000, 0, 1600))}, PlayOptions{Volume: c.volume})
		pcm, _ := frames(p, 10)
		if db := decibels(amplitude(pcm, 1000), 4000); c.want < 20 && math.Abs(db-c.want) > 0.3+math.Max(0, -c.want/20) {
			t.Errorf("volume %v dB came out at %.1f", c.volume, db)
		}
		if c.want == 20 && peak(pcm) < 32767 {
			t.Error("full volume does not reach full scale")
		}
	}
}

func TestPlayerLoops(t *testing.T) {
	p := NewPlayer([]*Clip{ramp(1, 100), ramp(101, 50)}, PlayOptions{Loop: true})
	pcm, last := frames(p, 20)
	if last != playing || p.Finished() {
		t.Fatal("a loop came to an end")
	}
	for i, v := range pcm {
		if want := int16(i%150 + 1); v != want {
			t.Fatalf("sample %d is %d, want %d", i, v, want)
		}
	}
	if _, last := frames(NewPlayer([]*Clip{ramp(0, 0)}, PlayOptions{Loop: true}), 2); last != ended {
		t.Error("a loop of nothing goes on")
	}
	if _, last := frames(NewPlayer(nil, PlayOptions{}), 1); last != ended {
		t.Error("no clips go on")
	}
}

func TestPlayerSeeks(t *testing.T) {
	const ms = time.Millisecond
	p := NewPlayer([]*Clip{ramp(0, 1600), ramp(1600, 1600)}, PlayOptions{Start: 100 * ms})
	at := func(want time.Duration) {
		t.Helper()
		if got := p.Position(); got != want {
			t.Fatalf("position %v, want %v", got, want)
		}
	}
	at(100 * ms)
	if pcm, _ := frames(p, 1); pcm[0] != 800 {
		t.Errorf("it begins at sample %d", pcm[0])
	}
	at(120 * ms)
	p.Seek(200 * ms)
	at(320 * ms)
	if pcm, _ := frames(p, 1); pcm[0] != 2560 {
		t.Errorf("it goes on at sample %d", pcm[0])
	}
	p.Seek(-time.Hour)
	at(0)
	p.Pause()
	if pcm, last := frames(p, 3); last != paused || len(pcm) != 0 {
		t.Errorf("a paused player played %d samples", len(pcm))
	}
	at(0)
	p.Resume()
	if pcm, _ := frames(p, 1); pcm[5] != 5 {
		t.Errorf("it resumes at sample %d", pcm[0])
	}
	p.Seek(time.Hour)
	at(400 * ms)
	if _, last := frames(p, 1); last != ended || !p.Finished() {
		t.Error("sought to its end, it goes on")
	}

	p = NewPlayer([]*Clip{ramp(0, 1600)}, PlayOptions{Loop: true, Start: 450 * ms})
	at(50 * ms)
	p.Seek(-100 * ms)
	at(150 * ms)
}

func TestPausedPlayerSendsNothing(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	player := NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{})
	p.session.Play(player)
	w.frames(5)
	player.Pause()
	w.frames(10)
	player.Resume()
	w.frames(5)
	packets := p.hears(10)
	oneStream(t, packets)
	if len(packets) != 10 || !packets[5].Marker || packets[5].Timestamp-packets[4].Timestamp != 11*160 {
		t.Errorf("%d packets; after the pause %v follows %v", len(packets), packets[5].Header, packets[4].Header)
	}
}

func TestReplacedAndReusedPlayers(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	q := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
	first := NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{})
	second := NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{})
	p.session.Play(first)
	w.frames(2)
	q.session.Play(first) // it is another's
	p.session.Play(second)
	w.frames(2)
	<-first.Done()
	if first.Finished() {
		t.Error("a replaced player says that it has finished")
	}
	p.session.Play(nil)
	w.frames(2)
	<-second.Done()
	p.session.Play(second)
	w.frames(2)
	if n := q.session.Stats().PacketsOut; n != 0 {
		t.Errorf("a player that was another's sent %d packets", n)
	}
	if n := p.session.Stats().PacketsOut; n != 4 {
		t.Errorf("%d packets, not two of each player", n)
	}
	third := NewPlayer([]*Clip{ramp(0, 8000)}, PlayOptions{})
	p.session.Play(third)
	w.frames(1)
	third.Stop()
	w.frames(3)
	if n := p.session.Stats().PacketsOut; n != 5 {
		t.Errorf("a stopped player went on: %d packets", n)
	}
}

// A player goes on where nothing may be sent, and sounds again from where it is.
func TestPlayerGoesOnUnheard(t *testing.T) {
	w := newWorld(t, Options{})
	p := newPhone(t, w.e, SessionOptions{}, codec.PCMU, func(f *Format) { f.Send = false })
	player := NewPlayer([]*Clip{ramp(0, 1600)}, PlayOptions{})
	p.session.Play(player)
	w.frames(5)
	if err := p.session.SetFormat(p.format()); err != nil {
		t.Fatal(err)
	}
	w.frames(6)
	<-player.Done()
	w.frames(1)
	if n := p.session.Stats().PacketsOut; n != 5 || !player.Finished() {
		t.Errorf("%d packets, finished %v", n, player.Finished())
	}
}

func TestClip(t *testing.T) {
	c := NewClip(16000, make([]int16, 24000))
	if c.Duration() != 1500*time.Millisecond || c.Rate() != 16000 || len(c.PCM()) != 24000 || len(c.sound(8000)) != 12000 {
		t.Errorf("%v at %d Hz, %d samples, %d at 8 kHz", c.Duration(), c.Rate(), len(c.PCM()), len(c.sound(8000)))
	}
	c.Prepare(codec.PCMU)
	if a, b := c.payload(codec.PCMU), c.payload(codec.PCMU); len(a) != 12000 || &a[0] != &b[0] {
		t.Error("the encoded sound is not kept")
	}
	if NewClip(0, nil).Duration() != 0 {
		t.Error("nothing lasts")
	}
}
