package doctor

import "testing"

func TestQuotas(t *testing.T) {
	for text, want := range map[string]float64{"max 100000": 0, "150000 100000": 1.5, "": 0, "1 0": 0} {
		if got := quota(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
