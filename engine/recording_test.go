package engine_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// What people say in these tests, as tones.
const (
	callerSays = 1000.0
	calledSays = 700.0
	thirdSays  = 1600.0
)

// recording bridges, and records the conversation of who dials 15902; it shows the file.
func recording(files chan<- engine.RecordingFile) engine.HandlerFunc {
	return func(ctx context.Context, c *engine.Call) {
		if c.Dialled() == "15902" {
			f, err := c.StartRecording(ctx, engine.RecordingOptions{Format: "wav", Name: "talk"})
			if err != nil {
				return
			}
			files <- f
		}
		bridging(ctx, c)
	}
}

// channelsOf reads a complete recording, and halves its rate to that of the tests' ears.
func channelsOf(t *testing.T, file string) (left, right []int16) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if string(b[:4]) != "RIFF" || le.Uint16(b[22:]) != 2 || le.Uint32(b[24:]) != 16000 || int(le.Uint32(b[40:])) != len(b)-44 {
		t.Fatalf("not a whole WAV file of two channels at 16 kHz: % x", b[:44])
	}
	for b = b[44:]; len(b) >= 8; b = b[8:] {
		left = append(left, int16(le.Uint16(b)))
		right = append(right, int16(le.Uint16(b[2:])))
	}
	return left, right
}

// said lists the tones on a channel in the order in which they first come, of those that people say in these tests.
func said(pcm []int16) (tones []float64) {
	const window = 800 // 100 ms
	heard := map[float64]bool{}
	for ; len(pcm) >= window; pcm = pcm[window:] {
		for _, hz := range []float64{callerSays, calledSays, thirdSays} {
			if goertzel(pcm[:window], hz) > 1e11 && !heard[hz] {
				heard[hz] = true
				tones = append(tones, hz)
			}
		}
	}
	return tones
}

func wantTones(t *testing.T, channel string, pcm []int16, want ...float64) {
	t.Helper()
	got := said(pcm)
	if len(got) != len(want) {
		t.Errorf("on the %s channel are %v, want %v", channel, got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("on the %s channel are %v, want %v", channel, got, want)
			return
		}
	}
}

// says has a speak until b hears it.
func says(t *testing.T, a, b *phone.Call, hz float64) {
	t.Helper()
	from := b.Heard().Length()
	speak(t, a, hz)
	hears(t, b, phone.Beep, from)
}

func TestARecordingHasACallersWordsLeftAndWhatHeHearsRight(t *testing.T) {
	t.Parallel()
	files, calls := make(chan engine.RecordingFile, 1), make(chan *phone.Call, 1)
	x := start(t, recording(files))
	x.phone("15902", taking(calls))
	a := x.dial(x.phone("77513", nil), "15902")
	b, f := <-calls, <-files
	says(t, a, b, callerSays)
	says(t, b, a, calledSays)
	if _, err := os.Stat(f.Path); err == nil {
		t.Error("the file has its name before it is whole")
	}
	a.Hangup()
	x.settled()
	left, right := channelsOf(t, f.Path)
	wantTones(t, "left", left, callerSays)
	wantTones(t, "right", right, calledSays)
	if i, j := firstOf(left, callerSays), firstOf(right, calledSays); j < i+4000 {
		t.Errorf("the answer begins %d samples after the question, which lasts 8000", j-i)
	}
	records, err := x.CallLog().Records(within(t), callog.Filter{})
	if err != nil || len(records) != 1 || len(records[0].Recordings) != 1 || records[0].Recordings[0] != filepath.Base(f.Path) {
		t.Errorf("the call record names no recording: %+v, %v", records, err)
	}
}

// firstOf is where a tone begins, to 100 ms.
func firstOf(pcm []int16, hz float64) int {
	for i := 0; i+800 <= len(pcm); i += 800 {
		if goertzel(pcm[i:i+800], hz) > 1e11 {
			return i
		}
	}
	return -1
}

func TestARecordingGoesOnThroughTransfers(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"blind", "attended"} {
		for _, who := range []string{"caller", "called"} {
			t.Run(how+" by the "+who, func(t *testing.T) {
				t.Parallel()
				files, bCalls, cCalls := make(chan engine.RecordingFile, 1), make(chan *phone.Call, 1), make(chan *phone.Call, 1)
				x := start(t, recording(files))
				bPhone := x.phone("15902", taking(bCalls))
				x.phone("15903", taking(cCalls))
				aPhone := x.phone("77513", nil)
				a := x.dial(aPhone, "15902")
				b, f := <-bCalls, <-files
				says(t, a, b, callerSays)
				says(t, b, a, calledSays)
				by, stays, from, staysSays := b, a, bPhone, callerSays
				if who == "caller" {
					by, stays, from, staysSays = a, b, aPhone, calledSays
				}
				if how == "blind" {
					if err := by.Transfer(within(t), "15903"); err != nil {
						t.Fatal(err)
					}
				} else {
					if err := by.Hold(within(t)); err != nil {
						t.Fatal(err)
					}
					if err := by.TransferTo(within(t), x.dial(from, "15903")); err != nil {
						t.Fatal(err)
					}
				}
				c := <-cCalls
				says(t, c, stays, thirdSays)
				says(t, stays, c, staysSays)
				c.Hangup()
				ended(t, stays)
				x.settled()
				left, right := channelsOf(t, f.Path)
				if who == "called" {
					wantTones(t, "left", left, callerSays)
					wantTones(t, "right", right, calledSays, thirdSays)
				} else {
					wantTones(t, "left", left, callerSays, thirdSays)
					wantTones(t, "right", right, calledSays)
				}
			})
		}
	}
}

func TestAFailedTransferKeepsItsRecording(t *testing.T) {
	t.Parallel()
	files, calls := make(chan engine.RecordingFile, 1), make(chan *phone.Call, 1)
	x := start(t, recording(files))
	x.phone("15902", taking(calls))
	x.phone("15904", phone.IsBusy())
	a := x.dial(x.phone("77513", nil), "15902")
	b, f := <-calls, <-files
	if err := b.Transfer(within(t), "15904"); status(err) != 486 {
		t.Fatalf("who transferred is told %v, want 486", err)
	}
	says(t, b, a, calledSays)
	a.Hangup()
	x.settled()
	_, right := channelsOf(t, f.Path)
	wantTones(t, "right", right, calledSays)
}

func TestStopRecording(t *testing.T) {
	t.Parallel()
	files, goOn := make(chan engine.RecordingFile, 2), make(chan bool)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		if c.Answer(ctx) != nil {
			return
		}
		for range 2 { // the second time it is the same
			f, err := c.StartRecording(ctx, engine.RecordingOptions{Format: "wav"})
			if err != nil {
				t.Error(err)
			}
			files <- f
		}
		<-goOn
		if err := c.StopRecording(ctx); err != nil {
			t.Error(err)
		}
		goOn <- true
		<-goOn
	})
	a := x.dial(x.phone("77513", nil), "600")
	f, again := <-files, <-files
	if f != again {
		t.Errorf("started twice, it is recorded to %v and %v", f, again)
	}
	speak(t, a, callerSays)
	goOn <- true
	<-goOn
	left, _ := channelsOf(t, f.Path) // it is whole although the call goes on
	wantTones(t, "left", left, callerSays)
	goOn <- true
	ended(t, a)
}

func TestTwoRecordingsNeverShareAFile(t *testing.T) {
	t.Parallel()
	files, calls := make(chan engine.RecordingFile, 2), make(chan *phone.Call, 2)
	x := start(t, recording(files))
	x.phone("15902", taking(calls))
	p := x.phone("77513", nil)
	a, b := x.dial(p, "15902"), x.dial(p, "15902")
	if f, g := <-files, <-files; f.Path == g.Path {
		t.Errorf("both in %s", f.Path)
	}
	a.Hangup()
	b.Hangup()
}

func TestARecordingsNameStaysInItsFolder(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 3)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		for _, name := range []string{"../a", ".", "a/b"} {
			_, err := c.StartRecording(ctx, engine.RecordingOptions{Name: name})
			errs <- err
		}
	})
	_, _ = x.phone("77513", nil).Dial(within(t), "600")
	for range 3 {
		if err := <-errs; err == nil || !strings.Contains(err.Error(), "file") {
			t.Errorf("accepted, or refused as %v", err)
		}
	}
}

func TestWhatAKilledProcessWasRecordingIsThereAfterwards(t *testing.T) {
	t.Parallel()
	var file string
	start(t, nil, func(o *engine.Options) {
		dir := filepath.Join(o.Data, "recordings", "2026-11-22")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(dir, "talk-1.wav")
		if err := os.WriteFile(file+".part", []byte("RIFF"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
