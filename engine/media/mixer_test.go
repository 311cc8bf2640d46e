package media

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/media/measure"
)

// party is a conference of phones that each speak a tone of their own.
type party struct {
	w       *world
	mixer   *Mixer
	phones  []*phone
	members []*Member
	talkers []*talker
	at      int // samples spoken, at 8 kHz
}

func newParty(t *testing.T, o Options, codecs ...codec.Codec) *party {
	t.Helper()
	w := newWorld(t, o)
	y := &party{w: w, mixer: w.e.NewMixer()}
	for i, c := range codecs {
		p := newPhone(t, w.e, SessionOptions{}, c, nil)
		p.ssrc = uint32(1000 + i)
		y.phones = append(y.phones, p)
		y.members = append(y.members, y.mixer.Join(p.session, MemberOptions{}))
		y.talkers = append(y.talkers, newTalker(t, c))
	}
	w.ticks(1)
	return y
}

func repeat(c codec.Codec, n int) []codec.Codec {
	all := make([]codec.Codec, n)
	for i := range all {
		all[i] = c
	}
	return all
}

// pitch is the frequency phone i speaks at. Each fits a whole number of times into
// 200 ms, so that none leaks into another's measure, and their distances differ, so
// that none is where the limiter makes others meet.
func pitch(i int) float64 { return float64(300 + 95*i + 5*i*i) }

// speak lets the phones talk for so many frames, at these amplitudes; those beyond
// the list, and those at 0, send nothing.
func (y *party) speak(frames int, amplitudes ...float64) {
	y.w.t.Helper()
	for range frames {
		n := 0
		for i, a := range amplitudes {
			if a == 0 {
				continue
			}
			p := y.phones[i]
			rate := p.codec.SampleRate()
			from := y.at * (rate / sampleRate)
			p.ts = uint32(y.at * (p.codec.ClockRate() / sampleRate))
			p.says(y.talkers[i].frame(toneAt(rate, pitch(i), a, from+rate/50)[from:]))
			n++
		}
		y.at += frameSamples
		y.w.arrived(n)
		y.w.frames(1)
	}
}

// hears is the last 200 ms that phone i has heard; n is how many packets it must have.
func (y *party) hears(i, n int) []int16 {
	y.w.t.Helper()
	p := y.phones[i]
	packets := p.hears(n)
	oneStream(p.t, packets)
	return decode(p.codec, packets[len(packets)-10:])
}

// has checks the amplitude of phone i's tone in pcm; 0: next to nothing.
func has(t *testing.T, pcm []int16, i int, want float64) {
	t.Helper()
	got := amplitude(pcm, pitch(i))
	if want == 0 && got > 100 || want > 0 && math.Abs(decibels(got, want)) > 1 {
		t.Errorf("phone %d is heard at %.0f, want %.0f", i, got, want)
	}
}

func TestEverybodyHearsTheOthers(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		y := newParty(t, Options{Driver: driver}, codec.PCMU, codec.PCMA, codec.PCMU, codec.PCMA, codec.PCMU)
		y.speak(20, 6000, 5000, 4000) // the last two only listen
		for i := range y.phones {
			pcm := y.hears(i, 20)
			for other, a := range []float64{6000, 5000, 4000} {
				if other == i {
					a = 0
				}
				has(t, pcm, other, a)
			}
		}
		for i, mb := range y.members {
			if mb.Talking() != (i < 3) {
				t.Errorf("phone %d talks: %v", i, mb.Talking())
			}
		}
		y.speak(hangFrames + 5)
		for i, mb := range y.members {
			if mb.Talking() {
				t.Errorf("phone %d still talks", i)
			}
		}
		if pcm := y.hears(4, 40); peak(pcm) > 8 {
			t.Errorf("silence has a peak of %d", peak(pcm))
		}
	})
}

// Voices at full scale are turned down and limited together, not wrapped, and the quiet
// one among them does not hear itself back.
func TestLoudVoicesTogether(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMA, 6)...)
	y.speak(20, 32000, 32000, 32000, 32000, 3000)
	pcm := y.hears(5, 20)
	for i := range 4 {
		if a := amplitude(pcm, pitch(i)); a < 3500 || math.Abs(decibels(a, amplitude(pcm, pitch(0)))) > 1 {
			t.Errorf("loud voice %d is heard at %.0f", i, a)
		}
	}
	if peak(pcm) < 14000 {
		t.Errorf("together they reach %d only", peak(pcm))
	}
	all := decode(codec.PCMA, y.phones[5].all())
	for i := 1; i < len(all); i++ {
		if d := int(all[i]) - int(all[i-1]); d > 40000 || d < -40000 {
			t.Fatalf("the sum wraps round at sample %d: %d, %d", i, all[i-1], all[i])
		}
	}
	quiet := y.hears(4, 20)
	if own := amplitude(quiet, pitch(4)); own > 400 {
		t.Errorf("the quiet one hears itself at %.0f", own)
	}
	has(t, y.hears(0, 20), 0, 0)
}

func TestOnlyTheLoudestAreHeard(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMU, maxSpeakers+4)...)
	levels := make([]float64, maxSpeakers+3) // the last phone listens
	for i := range levels {
		levels[i] = 1200
	}
	levels[0], levels[5], levels[10] = 500, 500, 500
	y.speak(30, levels...)
	pcm := y.hears(len(levels), 30)
	for i, a := range levels {
		if a == 500 {
			a = 0
		}
		has(t, pcm, i, a)
	}
	// Who is not among them hears all of them, and not himself.
	has(t, y.hears(0, 30), 0, 0)
	has(t, y.hears(0, 30), 1, 1200)
}

func TestMuteAndDeaf(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMU, 3)...)
	y.members[0].SetMuted(true)
	y.members[1].SetDeaf(true)
	y.speak(20, 5000, 4000, 3000)
	has(t, y.hears(2, 20), 0, 0)
	has(t, y.hears(2, 20), 1, 4000)
	has(t, y.hears(1, 20), 2, 0)
	if !y.members[0].Muted() || !y.members[0].Talking() {
		t.Error("a muted talker is not seen to talk")
	}
	y.members[0].SetMuted(false)
	y.members[1].SetDeaf(false)
	y.speak(20, 5000, 4000, 3000)
	has(t, y.hears(2, 40), 0, 5000)
	has(t, y.hears(1, 40), 2, 3000)
	late := y.mixer.Join(newPhone(t, y.w.e, SessionOptions{}, codec.PCMU, nil).session, MemberOptions{Muted: true, Deaf: true})
	if !late.Muted() || !late.deaf.Load() {
		t.Error("the options of Join are lost")
	}
}

func TestPlayToAllAndToOne(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMU, 3)...)
	all := NewPlayer([]*Clip{NewClip(8000, tone(pitch(10), 5000, 0, 8000))}, PlayOptions{Loop: true})
	one := NewPlayer([]*Clip{NewClip(8000, tone(pitch(11), 5000, 0, 8000))}, PlayOptions{Loop: true})
	y.mixer.Play(all)
	y.members[1].Play(one)
	y.speak(20, 4000)
	for i := range y.phones {
		pcm := y.hears(i, 20)
		has(t, pcm, 10, 5000)
		has(t, pcm, 11, map[bool]float64{true: 5000}[i == 1])
		has(t, pcm, 0, map[bool]float64{true: 4000}[i != 0])
	}
	y.members[1].SetDeaf(true) // who hears no one still hears what is played to him
	y.members[1].Play(NewPlayer([]*Clip{NewClip(8000, tone(pitch(12), 5000, 0, 3200))}, PlayOptions{}))
	y.mixer.Play(nil)
	y.speak(15)
	has(t, y.hears(1, 35), 12, 5000)
	has(t, y.hears(1, 35), 10, 0)
	<-all.Done()
	<-one.Done()
	y.speak(20)
	has(t, y.hears(1, 55), 12, 0)
}

func TestConferenceIsRecorded(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMA, 2)...)
	var heard taken
	r := NewRecorder(RecordOptions{Write: heard.write})
	y.mixer.Record(r)
	y.speak(20, 5000, 4000)
	y.mixer.Close()
	y.speak(1)
	receive(t, r.Done())
	pcm := heard.all()
	if len(pcm) != 20*frameSamples {
		t.Fatalf("20 frames became %d samples", len(pcm))
	}
	has(t, pcm[1600:], 0, 5000)
	has(t, pcm[1600:], 1, 4000)
	late := NewRecorder(RecordOptions{})
	y.mixer.Record(late)
	y.speak(1)
	receive(t, late.Done())
}

func TestMembersComeAndGo(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMU, 4)...)
	y.speak(20, 5000, 4000, 3000)
	private := NewPlayer([]*Clip{ramp(0, 80000)}, PlayOptions{})
	y.members[1].Play(private)
	y.members[1].Leave()
	Bridge(y.phones[2].session, y.phones[3].session) // two go away to talk alone
	y.speak(20, 5000, 4000, 3000)
	<-private.Done()
	if n := len(y.phones[1].all()); n > 22 {
		t.Errorf("who has left still hears: %d packets", n)
	}
	if got := y.hears(3, 36); amplitude(got, pitch(0)) > 100 {
		t.Error("who has left by a bridge still hears the conference")
	} else {
		has(t, got, 2, 3000)
	}
	if len(y.mixer.members) != 1 || y.members[1].joined || y.members[2].Talking() {
		t.Errorf("%d members are left", len(y.mixer.members))
	}
	y.mixer.Join(y.phones[2].session, MemberOptions{}) // back again: the bridge ends
	y.speak(20, 5000, 0, 3000)
	has(t, y.hears(2, 40), 0, 5000)
	y.members[0].Leave()
	y.mixer.Close()
	y.speak(5, 5000)
	sent := y.w.e.Stats().PacketsOut
	y.speak(5, 5000)
	if n := y.w.e.Stats().PacketsOut; n != sent {
		t.Error("a closed conference goes on")
	}
	late := y.mixer.Join(y.phones[0].session, MemberOptions{})
	p := NewPlayer([]*Clip{ramp(0, 80)}, PlayOptions{})
	late.Play(p)
	y.mixer.Play(NewPlayer(nil, PlayOptions{}))
	y.speak(2)
	<-p.Done()
	if late.joined {
		t.Error("a closed conference took a member")
	}
}

// A held member sends nothing; its format comes and goes.
func TestMemberOnHold(t *testing.T) {
	y := newParty(t, Options{}, repeat(codec.PCMU, 2)...)
	y.speak(10, 5000)
	f := y.phones[1].format()
	f.Send = false
	if err := y.phones[1].session.SetFormat(f); err != nil {
		t.Fatal(err)
	}
	y.speak(10, 5000)
	if err := y.phones[1].session.SetFormat(y.phones[1].format()); err != nil {
		t.Fatal(err)
	}
	y.speak(15, 5000)
	has(t, y.hears(1, 24), 0, 5000)
	if n := len(y.phones[1].all()); n > 26 {
		t.Errorf("on hold %d packets were sent", n-25)
	}
}

// Members of several shards come together, with time as it is.
func TestConferenceAcrossShards(t *testing.T) {
	onDrivers(t, func(t *testing.T, driver string) {
		e := testEngine(t, Options{Driver: driver, Shards: 3})
		m := e.NewMixer()
		var phones []*phone
		for i := range 3 {
			p := newPhone(t, e, SessionOptions{}, codec.PCMU, nil)
			m.Join(p.session, MemberOptions{})
			defer p.talk(pitch(i), 5000)()
			phones = append(phones, p)
		}
		for i, p := range phones {
			// A machine that is busy may lose frames here: it need not be the first ones.
			packets := p.hearsUntil(func(all []rtp.Packet) bool {
				if len(all) < 10 {
					return false
				}
				pcm := decode(codec.PCMU, all[len(all)-10:])
				for other := range phones {
					if other != i && amplitude(pcm, pitch(other)) < 4000 {
						return false
					}
				}
				return true
			})
			oneStream(t, packets)
			if own := amplitude(decode(codec.PCMU, packets[len(packets)-10:]), pitch(i)); own > 200 {
				t.Errorf("phone %d hears itself at %.0f", i, own)
			}
		}
		m.Close()
	})
}

// One room for all codecs: each hears the others in what its own can carry, and nothing
// of itself.
func TestConferenceOfAllCodecs(t *testing.T) {
	all := every()
	y := newParty(t, Options{}, append(all, all...)...) // the second half only listens
	levels := make([]float64, len(all))
	for i := range levels {
		levels[i] = 4000
	}
	y.speak(100, levels...)
	for i, p := range y.phones {
		packets := p.hears(100)
		oneStream(t, packets)
		rate := p.codec.SampleRate()
		pcm := decode(p.codec, packets)
		pcm = pcm[len(pcm)-rate/2:]
		for other := range all {
			got := amplitudeAt(rate, pcm, pitch(other))
			if other == i && got > 60 {
				t.Errorf("%v, phone %d, hears itself at %.0f", p.codec, i, got)
			}
			if other != i && math.Abs(decibels(got, 4000)) > 2 {
				t.Errorf("%v, phone %d, hears phone %d at %.0f", p.codec, i, other, got)
			}
		}
	}
}

// In a wideband room, what is above 4 kHz is heard by those who can hear it.
func TestWidebandConference(t *testing.T) {
	y := newParty(t, Options{}, codec.G722, codec.G722, codec.PCMU)
	rate := 16000
	for i := range 50 {
		pcm := toneAt(rate, 6000, 6000, (i+1)*320)[i*320:]
		y.phones[0].says(y.talkers[0].frame(pcm))
		y.w.arrived(1)
		y.w.frames(1)
	}
	wide := decode(codec.G722, y.phones[1].hears(50))
	if db := decibels(amplitudeAt(rate, wide[8000:], 6000), 6000); db < -3 || db > 3 {
		t.Errorf("6 kHz come at %.1f dB", db)
	}
	if narrow := decode(codec.PCMU, y.phones[2].hears(50)); peak(narrow[4000:]) > 300 {
		t.Errorf("a narrowband phone hears %d of it", peak(narrow[4000:]))
	}
	if y.mixer.rate() != 16000 {
		t.Errorf("the room is mixed at %d Hz", y.mixer.rate())
	}
	y.members[0].Leave()
	y.members[1].Leave()
	y.w.frames(2)
	if y.mixer.rate() != 8000 {
		t.Errorf("a room of narrowband phones is mixed at %d Hz", y.mixer.rate())
	}
}

// Who falls silent hears the same stream as those who only listen, after a while, and
// no click at the change.
func TestTalkerBecomesListener(t *testing.T) {
	for _, c := range every() {
		y := newParty(t, Options{}, c, c, c)
		y.speak(30, 6000, 6000)
		y.speak(100, 0, 6000)
		y.w.frames(0)
		packets := y.phones[0].hears(130)
		oneStream(t, packets)
		rate := c.SampleRate()
		report := measure.Tone(decode(c, packets)[rate:], rate, pitch(1))
		if report.Gaps != 0 || report.Jumps != 0 {
			t.Errorf("%v: %+v", c, report)
		}
	}
}

// A tone of 1 kHz goes through a conference between any two codecs: no gap, no leap, clean, and
// at the level that talkers are brought to.
func TestToneThroughAConference(t *testing.T) {
	for _, from := range every() {
		for _, to := range every() {
			t.Run(from.Name()+" to "+to.Name(), func(t *testing.T) {
				y := newParty(t, Options{}, from, to)
				talk := converse(t, y.w, y.phones...)
				talk.loud = 3676 // -19 dBFS, which is where talkers are brought to
				talk.frames(100, 1000)
				packets := y.phones[1].hears(100)
				oneStream(t, packets)
				rate := to.SampleRate()
				report := measure.Tone(decode(to, packets)[rate:], rate, 1000)
				t.Logf("%+v", report)
				if report.Level < -20.5 || report.Level > -17.5 || report.Gaps != 0 || report.Jumps != 0 || report.THDN > -25 {
					t.Errorf("%+v", report)
				}
			})
		}
	}
}

// likeness is how much of said is in heard, 1 at most, wherever in it up to 200 ms later.
func likeness(heard, said []int16, rate int) float64 {
	best := 0.0
	for lag := 0; lag < rate/5; lag += max(1, rate/16000) {
		var xy, xx, yy float64
		for i := 0; i+lag < len(heard) && i < len(said); i += 3 {
			x, y := float64(heard[i+lag]), float64(said[i])
			xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
		}
		best = max(best, math.Abs(xy)/math.Sqrt(xx*yy+1))
	}
	return best
}

// Two who talk at the same time hear each other, and nothing of themselves, whatever
// their codecs and the delay of what is between.
func TestNobodyHearsHimself(t *testing.T) {
	for _, a := range every() {
		for b := a; int(b) < codec.Count && b.CanEncode(); b++ {
			y := newParty(t, Options{}, a, b)
			const frames = 100
			var said [2][]int16
			for i, p := range y.phones {
				said[i] = measure.Talker(p.codec.SampleRate(), uint64(i+1), frames*20*time.Millisecond)
			}
			for n := range frames {
				for i, p := range y.phones {
					frame := p.codec.SampleRate() / 50
					p.says(y.talkers[i].frame(said[i][n*frame:][:frame]))
				}
				y.w.arrived(2)
				y.w.frames(1)
			}
			for i, p := range y.phones {
				rate, other := p.codec.SampleRate(), y.phones[1-i].codec.SampleRate()
				heard := decode(p.codec, p.hears(frames))
				self := likeness(heard, said[i], rate)
				them := likeness(heard, codec.Resample(said[1-i], other, rate), rate)
				if self > 0.15 || them < 0.5 {
					t.Errorf("%v with %v: phone %d hears %.2f of itself and %.2f of the other", a, b, i, self, them)
				}
			}
		}
	}
}
