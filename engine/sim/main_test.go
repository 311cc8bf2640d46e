package sim

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newWorld makes a World that ends with the test, at nine on a Monday.
func newWorld(t testing.TB) *World {
	w := NewWorld(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	t.Cleanup(w.Close)
	return w
}

// run lets all happen that can within an hour.
func run(t testing.TB, w *World) {
	t.Helper()
	w.Run(nil, time.Hour)
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
}
