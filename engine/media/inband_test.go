package media

import (
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// keyTone is 20 ms of a key of a telephone (ITU-T Q.23), frame n of its press.
func keyTone(key byte, rate, n int) []int16 {
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
	for i, k := range []byte("123A456B789C*0#D") {
		if k != key {
			continue
		}
		frame := rate / 50
		pcm := toneAt(rate, rows[i/4], 4000, (n+1)*frame)[n*frame:]
		for j, v := range toneAt(rate, columns[i%4], 4000, (n+1)*frame)[n*frame:] {
			pcm[j] += v
		}
		return pcm
	}
	return make([]int16, rate/50)
}

// Who has no telephone-event is heard to press keys, whatever it is connected to, and
// in any codec; who turns out to send events is not heard twice.
func TestKeysInTheSound(t *testing.T) {
	for _, c := range every() {
		w := newWorld(t, Options{})
		digits := make(chan Digit, 100)
		p := newPhone(t, w.e, SessionOptions{Events: Events{Digit: func(d Digit) { digits <- d }}}, c, func(f *Format) {
			f.EventPayloadType, f.ReceivesEvent, f.Inband = 0, 101, true
		})
		same := newPhone(t, w.e, SessionOptions{}, c, nil)
		other := newPhone(t, w.e, SessionOptions{}, codec.PCMU, nil)
		mixer := w.e.NewMixer()
		talker := newTalker(t, c)
		press := func(key byte) {
			t.Helper()
			for n := range 15 { // 100 ms, and a pause
				k := key
				if n >= 5 {
					k = 0
				}
				p.says(talker.frame(keyTone(k, c.SampleRate(), n)))
				w.arrived(1)
				w.frames(1)
			}
		}
		for i, connect := range []func(){
			func() {},
			func() { p.session.Play(NewPlayer([]*Clip{ramp(0, 80000)}, PlayOptions{})) },
			func() { Bridge(p.session, same.session) },
			func() { Bridge(p.session, other.session) },
			func() { mixer.Join(p.session, MemberOptions{}) },
			func() { p.session.Echo() },
		} {
			connect()
			w.commands()
			key := "159#*0"[i]
			press(key)
			d := receive(t, digits)
			if d.Key != key || d.Duration < 60*time.Millisecond || d.Duration > 140*time.Millisecond {
				t.Errorf("%v: key %c was heard as %c for %v", c, key, d.Key, d.Duration)
			}
		}
		p.event('7', 800, true, true)
		w.arrived(1)
		if d := receive(t, digits); d.Key != '7' {
			t.Errorf("%v: the event came as %c", c, d.Key)
		}
		press('8')
		p.event('9', 800, true, true)
		w.arrived(1)
		if d := receive(t, digits); d.Key != '9' {
			t.Errorf("%v: key %c was heard in the sound of a phone that sends events", c, d.Key)
		}
		p.session.Silence()
		w.commands()
		for range 80 {
			p.says(talker.frame(keyTone(0, c.SampleRate(), 0)))
			w.arrived(1)
			w.frames(1)
		}
		if p.session.ear != nil {
			t.Errorf("%v: nobody listens any more, but there is an ear", c)
		}
	}
}
