package mailbox

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"
)

func encoded(t testing.TB, pcm []int16) []byte {
	t.Helper()
	b, err := encodeRecording(recording{header: header{ID: "1", Mailbox: "77513", Time: time.Unix(0, 0)}, sound: pcm}, trailer{Urgent: true})
	no(t, err)
	return b
}

// Whatever bit is wrong, what is read is what was said up to there.
func TestEveryBitIsChecked(t *testing.T) {
	pcm := speech(250 * time.Millisecond)
	file := encoded(t, pcm)
	for i := range file {
		for bit := range 8 {
			bad := bytes.Clone(file)
			bad[i] ^= 1 << bit
			rec, err := readRecording(bytes.NewReader(bad))
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("byte %d: %v", i, err)
				}
				continue
			}
			if len(rec.sound) > len(pcm) || !slices.Equal(rec.sound, pcm[:len(rec.sound)]) {
				t.Fatalf("byte %d, bit %d: plays what nobody said", i, bit)
			}
			if len(rec.sound) == len(pcm) && rec.trailer != nil {
				t.Fatalf("byte %d, bit %d: nobody noticed", i, bit)
			}
		}
	}
}

func TestEveryPrefixIsReadable(t *testing.T) {
	pcm := speech(450 * time.Millisecond)
	file := encoded(t, pcm)
	most := 0
	for n := range len(file) + 1 {
		rec, err := readRecording(bytes.NewReader(file[:n]))
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !slices.Equal(rec.sound, pcm[:len(rec.sound)]) || len(rec.sound) < most {
			t.Fatalf("%d bytes: %d samples, before %d", n, len(rec.sound), most)
		}
		most = len(rec.sound)
		if (rec.trailer != nil) != (n == len(file)) {
			t.Fatalf("%d bytes: trailer %v", n, rec.trailer)
		}
	}
	if most != len(pcm) {
		t.Errorf("%d samples of %d", most, len(pcm))
	}
}

func FuzzReadRecording(f *testing.F) {
	f.Add(encoded(f, speech(5*time.Millisecond)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, file []byte) {
		rec, err := readRecording(bytes.NewReader(file))
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if len(rec.sound)*sampleSize > len(file) {
			t.Errorf("%d samples from %d bytes", len(rec.sound), len(file))
		}
	})
}
