//go:build linux && (amd64 || arm64) && !static

package codec

import (
	"math"
	"runtime"
	"testing"
)

// needLibopus fails a test where the library is missing: a test that is passed over is no test.
func needLibopus(t testing.TB) {
	t.Helper()
	if systemOpus() == nil {
		t.Fatal("libopus.so.0, which Debian's package libopus0 has, is needed")
	}
}

func BenchmarkOpusEncode(b *testing.B) {
	needLibopus(b)
	pcm, out := sounds(48000)["speech"], make([]byte, 1275)
	e, err := newOpusEncoder(opusRate, 1)
	if err != nil {
		b.Fatal(err)
	}
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(out, pcm[at:])
		at = (at + 960) % (len(pcm) - 960)
	}
}

func BenchmarkOpusDecode(b *testing.B) {
	needLibopus(b)
	for name, d := range opusDecoders(b) {
		b.Run(name, func(b *testing.B) {
			packets := encodeAll(b, Opus, sounds(48000)["speech"])
			at, out := 0, make([]int16, 5760)
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(out, packets[at])
				at = (at + 1) % len(packets)
			}
		})
	}
}

func opusDecoders(t testing.TB) map[string]Decoder {
	t.Helper()
	pion, err := newPionDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Decoder{"libopus": newLibopusDecoder(), "pion": pion}
}

func TestOpusRoundTrip(t *testing.T) {
	needLibopus(t)
	for name, d := range opusDecoders(t) {
		t.Run(name, func(t *testing.T) {
			pcm := sine(48000, 1000, 10000, 1)
			var got []int16
			out := make([]int16, 5760)
			for _, p := range encodeAll(t, Opus, pcm) {
				n := d.Decode(out, p)
				if n != 960 {
					t.Fatalf("a packet of %d bytes became %d samples", len(p), n)
				}
				got = append(got, out[:n]...)
			}
			if l := level(got[9600:], 48000, 10000); math.Abs(l) > 1 {
				t.Errorf("a tone comes back at %.1f dB", l)
			}
		})
	}
}

func TestOpusWorksOnLockedThreads(t *testing.T) {
	needLibopus(t)
	done := make(chan int)
	for range 4 {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			e, _ := newOpusEncoder(opusRate, 1)
			d := newLibopusDecoder()
			total, out, pcm := 0, make([]byte, 1275), make([]int16, 5760)
			for range 50 {
				n := e.Encode(out, sine(48000, 500, 8000, 0.02))
				runtime.GC()
				total += d.Decode(pcm, out[:n])
			}
			done <- total
		}()
	}
	for range 4 {
		if n := <-done; n != 50*960 {
			t.Errorf("%d samples came back", n)
		}
	}
}

func TestOpusRecoversByTheNextPacket(t *testing.T) {
	needLibopus(t)
	pcm := sounds(48000)["speech"]
	for _, loss := range []int{0, 20} {
		encoder, err := NewEncoder(Opus)
		if err != nil {
			t.Fatal(err)
		}
		encoder.(Protector).Protect(loss)
		whole, broken := newLibopusDecoder(), newLibopusDecoder()
		var previous []byte
		recovered, likeness := 0, 0.0
		for i, at := 0, 0; at+960 <= len(pcm); i, at = i+1, at+960 {
			b, want, got := make([]byte, 1275), make([]int16, 960), make([]int16, 960)
			b = b[:encoder.Encode(b, pcm[at:])]
			if previous != nil {
				whole.Decode(want, previous)
				switch lost := i%10 == 9; {
				case !lost:
					broken.Decode(got, previous)
				case broken.(Recoverer).Recover(got, b) == 960:
					recovered++
					likeness += similarity(want, got)
				default:
					broken.Conceal(got)
				}
			}
			previous = b
		}
		switch {
		case loss == 0 && recovered != 0:
			t.Errorf("%d packets recovered from copies that were never sent", recovered)
		case loss > 0 && (recovered < 5 || likeness/float64(recovered) < 0.8):
			t.Errorf("%d of 10 packets were recovered, like what was lost by %.2f", recovered, likeness/float64(recovered))
		}
	}
}

func TestOpusIsTheSystems(t *testing.T) {
	needLibopus(t)
	if !Opus.CanEncode() || !Opus.CanDecode() {
		t.Errorf("Opus can be encoded: %v, decoded: %v", Opus.CanEncode(), Opus.CanDecode())
	}
	if d, err := NewDecoder(Opus); err != nil {
		t.Error(err)
	} else if _, ok := d.(Recoverer); !ok {
		t.Errorf("%T recovers nothing", d)
	}
}

// What libopus says in place of lost packets dies away too.
func TestLibopusConcealsAndFades(t *testing.T) {
	needLibopus(t)
	pcm := sounds(48000)["speech"]
	d, out := newLibopusDecoder(), make([]int16, 960)
	for _, p := range encodeAll(t, Opus, pcm)[:6] {
		d.Decode(out, p)
	}
	before := level(append(make([]int16, 480), append(out, make([]int16, 480)...)...), 48000, 10000)
	out = out[:960]
	first, last := 0.0, 0.0
	for i := range 50 {
		d.Conceal(out)
		last = level(append(make([]int16, 480), append(out[:960:960], make([]int16, 480)...)...), 48000, 10000)
		if i == 0 {
			first = last
		}
	}
	if first < before-6 || last > before-30 {
		t.Errorf("sound at %.1f dB is followed by %.1f dB, and a second later by %.1f dB", before, first, last)
	}
}
