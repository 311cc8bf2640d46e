package soundfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/belfry-pbx/belfry/engine/media/measure"
)

const rate = 16000

// tone is a sine of half of full scale.
func tone(hz float64, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(16384 * math.Sin(2*math.Pi*hz*float64(i)/rate))
	}
	return pcm
}

func create(t *testing.T, format string) (Writer, *os.File) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sound."+format))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := New(f, format, rate)
	if err != nil {
		t.Fatal(err)
	}
	return w, f
}

// write gives w both channels in pieces of 20 ms, as they come.
func write(t *testing.T, w Writer, left, right []int16) {
	t.Helper()
	for len(left) > 0 {
		n := min(len(left), rate/50)
		if err := w.Write(left[:n], right[:n]); err != nil {
			t.Fatal(err)
		}
		left, right = left[n:], right[n:]
	}
}

// readWAV reads what we and opusdec write: PCM with two channels.
func readWAV(t *testing.T, file string) (hz int, left, right []int16) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if len(b) < wavHeaderSize || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || le.Uint16(b[22:]) != 2 || le.Uint16(b[34:]) != 16 {
		t.Fatalf("no WAV file of two channels: % x", b[:min(len(b), wavHeaderSize)])
	}
	at := bytes.Index(b, []byte("data"))
	size := int(le.Uint32(b[at+4:]))
	sound := b[at+8:]
	if size > len(sound) {
		t.Fatalf("the header promises %d bytes of sound, there are %d", size, len(sound))
	}
	for sound = sound[:size]; len(sound) >= 4; sound = sound[4:] {
		left = append(left, int16(le.Uint16(sound)))
		right = append(right, int16(le.Uint16(sound[2:])))
	}
	return int(le.Uint32(b[24:])), left, right
}

func TestWAVKeepsBothChannelsToTheSample(t *testing.T) {
	w, f := create(t, "wav")
	left, right := tone(440, 7*rate+123), tone(1000, 7*rate+123)
	write(t, w, left, right)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	hz, gotLeft, gotRight := readWAV(t, f.Name())
	if hz != rate || !equal(gotLeft, left) || !equal(gotRight, right) {
		t.Errorf("%d Hz, %d and %d samples that are not what was written", hz, len(gotLeft), len(gotRight))
	}
}

func equal(a, b []int16) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestAWAVFileThatWasCutOffPlaysToNearlyItsEnd(t *testing.T) {
	w, f := create(t, "wav")
	write(t, w, tone(440, 12*rate), tone(440, 12*rate))
	_, left, _ := readWAV(t, f.Name()) // without Close
	if seconds := len(left) / rate; seconds < 12-patchEvery {
		t.Errorf("%d s of 12 can be played", seconds)
	}
}

// decode has Debian's opusdec, which nobody here wrote, play a file.
func decode(t *testing.T, file string) (left, right []int16) {
	t.Helper()
	out := file + ".wav"
	if text, err := exec.Command("opusdec", "--quiet", "--no-dither", "--force-wav", "--rate", "16000", file, out).CombinedOutput(); err != nil {
		t.Fatalf("opusdec (Debian's opus-tools): %v: %s", err, text)
	}
	_, left, right = readWAV(t, out)
	return left, right
}

func TestOpusIsPlayedByOpusTools(t *testing.T) {
	w, f := create(t, "opus")
	n := 3*rate + 777
	write(t, w, tone(440, n), tone(1000, n))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	left, right := decode(t, f.Name())
	if len(left) != n {
		t.Errorf("%d samples, want %d", len(left), n)
	}
	for name, c := range map[string]struct {
		pcm []int16
		hz  float64
	}{"left": {left, 440}, "right": {right, 1000}} {
		r := measure.Tone(c.pcm[rate/10:len(c.pcm)-rate/10], rate, c.hz)
		if math.Abs(r.Level+6.02) > 0.5 || r.THDN > -20 || r.Gaps != 0 {
			t.Errorf("%s channel: %+v", name, r)
		}
	}
}

func TestAnOpusFileThatWasCutOffPlaysToNearlyItsEnd(t *testing.T) {
	w, f := create(t, "opus")
	write(t, w, tone(440, 5*rate), tone(440, 5*rate))
	if left, _ := decode(t, f.Name()); len(left) < 3*rate { // without Close
		t.Errorf("%d samples of %d can be played", len(left), 5*rate)
	}
}

// fullDisk takes so many bytes and no more.
type fullDisk struct{ left int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), d.left)
	d.left -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func (d *fullDisk) Seek(int64, int) (int64, error) { return 0, nil }

func TestAFullDiskIsTold(t *testing.T) {
	for _, format := range Formats() {
		for space := 0; space < 20000; space += 999 {
			w, err := New(&fullDisk{space}, format, rate)
			for i := 0; err == nil && i < 500; i++ {
				err = w.Write(tone(300, rate/50), tone(500, rate/50))
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s, %d bytes: %v", format, space, err)
			}
		}
	}
}

func TestAFormatThatIsNone(t *testing.T) {
	if _, err := New(&fullDisk{}, "mp3", rate); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

var _ io.WriteSeeker = (*fullDisk)(nil)
