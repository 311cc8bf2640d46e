package explain

import (
	"slices"
	"strings"
	"time"
)

// ParseTime reads when a call is made, in now's time zone: "now", "14:00" (today), "sat 14:00" (the next one),
// "2026-11-28 14:00", "2026-11-28" (midnight), or RFC 3339 with a zone of its own.
func ParseTime(text string, now time.Time) (time.Time, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "now" {
		return now, nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err == nil {
		return t.In(now.Location()), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, strings.ToUpper(text), now.Location()); err == nil {
			return t, nil
		}
	}
	day, clock, named := strings.Cut(text, " ")
	if !named {
		day, clock = "", text
	}
	at, err := time.Parse("15:04", strings.TrimSpace(clock))
	if err != nil {
		at, err = time.Parse("15:04:05", strings.TrimSpace(clock))
	}
	days := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	wanted := slices.IndexFunc(days, func(d string) bool {
		return len(day) >= 3 && strings.HasPrefix(day, d) && strings.HasPrefix(strings.ToLower(time.Weekday(slices.Index(days, d)).String()), day)
	})
	if err != nil || named && wanted < 0 {
		return time.Time{}, &Error{quoted(text) + " is no time", `"14:00", "sat 14:00", "2026-11-28 14:00" or "now"`}
	}
	t := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
	for named && (int(t.Weekday()) != wanted || t.Before(now)) {
		t = time.Date(t.Year(), t.Month(), t.Day()+1, at.Hour(), at.Minute(), at.Second(), 0, now.Location())
	}
	return t, nil
}
