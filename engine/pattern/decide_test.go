package pattern

import "testing"

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		place    int
		atA, atB Place
	}{
		{"77513", "7xxxx", 2, Place{"7", 1}, Place{"x", 10}},
		{"7xxxx", ".", 1, Place{"7", 1}, Place{".", 0}},
		{"[2-5]1", "x.", 1, Place{"[2-5]", 4}, Place{"x", 10}},
		{"1[06]", "1z", 2, Place{"[06]", 2}, Place{"z", 9}},
		{"*72", "*72.", 4, Place{}, Place{".", 0}},
		{"*72.", "*72xx", 4, Place{".", 0}, Place{"x", 10}},
		{"7[12]xx", "7[34]xx", 0, Place{}, Place{}},
		{"1xxxx", "1xxxx", 0, Place{}, Place{}},
	} {
		a, b := parse(t, c.a), parse(t, c.b)
		place, atA, atB := Decide(a, b)
		if place != c.place || atA != c.atA || atB != c.atB {
			t.Errorf("Decide(%s, %s) = %d %v %v, want %d %v %v", c.a, c.b, place, atA, atB, c.place, c.atA, c.atB)
		}
		if (place == 0) != (Compare(a, b) == 0) {
			t.Errorf("Decide(%s, %s) is at place %d, but Compare is %d", c.a, c.b, place, Compare(a, b))
		}
	}
}
