package scripts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/trace"
)

// schedule is when something is open.
type schedule struct {
	text   string // as it is written: "mon-fri 09:00-17:30, sat 10:00-12:00"
	zone   *time.Location
	spans  []span
	closed []string // "2026-12-25" or "12-25"
}

// span is one stretch of opening hours. One that ends before it begins goes on past midnight.
type span struct {
	days     [7]bool // of its beginning, from Sunday
	from, to int     // minutes since midnight; to may be 24:00
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

const minutesPerDay = 24 * 60

func location(zone string) (*time.Location, error) {
	if zone == "" {
		return time.Local, nil
	}
	l, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q", zone)
	}
	return l, nil
}

// parseSchedule reads rules such as "mon-fri 09:00-17:30", "sat,sun 10:00-12:00,14:00-16:00",
// "sun" (all day) and "22:00-06:00" (every day).
func parseSchedule(rules []string, zone string, closedOn []string) (*schedule, error) {
	s := &schedule{text: strings.Join(rules, ", "), closed: closedOn}
	var err error
	if s.zone, err = location(zone); err != nil {
		return nil, err
	}
	for _, d := range closedOn {
		if _, err := time.Parse("2006-01-02", d); err == nil {
			continue
		}
		if _, err := time.Parse("2006-01-02", "2024-"+d); err != nil {
			return nil, fmt.Errorf(`closedOn: %q is not a day such as "2026-12-25" or "12-25"`, d)
		}
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf(`a schedule needs hours such as "mon-fri 09:00-17:30"`)
	}
	for _, rule := range rules {
		spans, err := parseRule(rule)
		if err != nil {
			return nil, err
		}
		s.spans = append(s.spans, spans...)
	}
	return s, nil
}

func parseRule(rule string) ([]span, error) {
	var days [7]bool
	hours := []string{"00:00-24:00"}
	words := strings.Fields(strings.ToLower(rule))
	if len(words) == 0 || len(words) > 2 {
		return nil, fmt.Errorf(`%q is not hours such as "mon-fri 09:00-17:30"`, rule)
	}
	if words[0][0] >= '0' && words[0][0] <= '9' {
		days = [7]bool{true, true, true, true, true, true, true}
		hours = strings.Split(strings.Join(words, ""), ",")
	} else {
		if err := parseDays(words[0], &days); err != nil {
			return nil, fmt.Errorf("%q: %w", rule, err)
		}
		if len(words) == 2 {
			hours = strings.Split(words[1], ",")
		}
	}
	var spans []span
	for _, h := range hours {
		var h1, m1, h2, m2 int
		if n, err := fmt.Sscanf(h, "%d:%d-%d:%d", &h1, &m1, &h2, &m2); n != 4 || err != nil ||
			h1 < 0 || h1 > 23 || h2 < 0 || h2 > 24 || m1 < 0 || m1 > 59 || m2 < 0 || m2 > 59 || h2 == 24 && m2 > 0 {
			return nil, fmt.Errorf(`%q: %q is not hours such as 09:00-17:30`, rule, h)
		}
		spans = append(spans, span{days, h1*60 + m1, h2*60 + m2})
	}
	return spans, nil
}

func parseDays(text string, days *[7]bool) error {
	for _, part := range strings.Split(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, last := slices.Index(weekdays(), from), slices.Index(weekdays(), to)
		if first < 0 || last < 0 {
			return fmt.Errorf("%q is not a day: %s", part, strings.Join(weekdays(), " "))
		}
		for d := first; ; d = (d + 1) % 7 {
			days[d] = true
			if d == last {
				break
			}
		}
	}
	return nil
}

func (s *schedule) isOpen(t time.Time) bool {
	t = t.In(s.zone)
	minute := t.Hour()*60 + t.Minute()
	yesterday := t.AddDate(0, 0, -1)
	for _, sp := range s.spans {
		end := sp.to
		if end <= sp.from {
			end += minutesPerDay
		}
		if sp.days[t.Weekday()] && minute >= sp.from && minute < end && !s.isClosed(t) {
			return true
		}
		if past := minute + minutesPerDay; sp.days[yesterday.Weekday()] && past < end && !s.isClosed(yesterday) {
			return true
		}
	}
	return false
}

// step tells a call's trace what the schedule has said.
func (s *schedule) step(open bool, at string) trace.Step {
	is := "closed"
	if open {
		is = "open"
	}
	return trace.Step{Kind: trace.Script, Text: "schedule " + s.text + " is " + is, At: at, Fields: []trace.Field{
		{Name: "schedule", Value: s.text}, {Name: "open", Value: strconv.FormatBool(open)},
	}}
}

func (s *schedule) isClosed(day time.Time) bool {
	return slices.Contains(s.closed, day.Format("2006-01-02")) || slices.Contains(s.closed, day.Format("01-02"))
}
