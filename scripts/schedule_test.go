package scripts

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	s, err := parseSchedule([]string{"mon-fri 09:00-17:30", "sat 10:00-12:00,14:00-16:00", "sun 22:00-02:00"}, "Europe/London",
		[]string{"12-25", "2026-11-27"})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-11-23T09:00:00Z": true, // Monday
		"2026-11-23T08:59:59Z": false,
		"2026-11-23T17:30:00Z": false,
		"2026-06-01T08:00:00Z": true,  // Monday, summer time: 09:00 in London
		"2026-11-28T13:00:00Z": false, // Saturday, between
		"2026-11-28T15:59:00Z": true,
		"2026-11-29T12:00:00Z": false, // Sunday
		"2026-11-29T23:00:00Z": true,
		"2026-11-30T01:59:00Z": true, // still Sunday's
		"2026-11-30T02:00:00Z": false,
		"2026-11-27T10:00:00Z": false, // closed
		"2026-12-25T10:00:00Z": false, // a Friday, every year
		"2028-12-25T10:00:00Z": false,
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.isOpen(when); got != want {
			t.Errorf("%s (%s): open %v", at, when.Weekday(), got)
		}
	}
	for _, wrong := range []string{"", "mon-fri 9-17", "mon-fri 09:00-25:00", "monday", "mon fri 09:00-10:00", "mon-fri 09:00"} {
		if _, err := parseSchedule([]string{wrong}, "", nil); err == nil {
			t.Errorf("%q was accepted", wrong)
		}
	}
	if _, err := parseSchedule([]string{"mon"}, "Europe/Oxford", nil); err == nil {
		t.Error("a time zone that does not exist was accepted")
	}
	if _, err := parseSchedule([]string{"mon"}, "", []string{"25-12"}); err == nil {
		t.Error("a day that does not exist was accepted")
	}
}
