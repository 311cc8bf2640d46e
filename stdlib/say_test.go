package stdlib_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestNumbersInWords(t *testing.T) {
	l := state(t)
	run(t, l, `say = require "say"`)
	for n, want := range map[string]string{
		"0": "0", "7": "7", "13": "13", "20": "20", "42": "40 2", "100": "1 hundred", "115": "1 hundred and 15",
		"342": "3 hundred and 40 2", "1000": "1 thousand", "1005": "1 thousand and 5", "1200": "1 thousand 2 hundred",
		"21345":   "20 1 thousand 3 hundred and 40 5",
		"1000001": "1 million and 1", "2500000": "2 million 5 hundred thousand", "-3": "minus 3",
	} {
		expect(t, l, prefixed(want), "say.number(%s)", n)
	}
	for n, want := range map[string]string{
		"1": "h-1", "3": "h-3", "12": "h-12", "20": "h-20", "21": "20 h-1", "31": "30 h-1", "100": "1 h-hundred", "105": "1 hundred and h-5",
	} {
		expect(t, l, prefixed(want), "say.ordinal(%s)", n)
	}
}

// prefixed puts digits/ before each word.
func prefixed(words string) string {
	return "digits/" + strings.ReplaceAll(words, " ", " digits/")
}

func TestTelephoneNumbersInGroups(t *testing.T) {
	l := state(t)
	run(t, l, `say = require "say"
		function spoken(number)
			return (table.concat(say.digits(number), " "):gsub("digits/", ""):gsub("silence:200ms", "-"))
		end`)
	for number, want := range map[string]string{
		"77513": "7 7 5 1 3", "277513": "2 7 7 - 5 1 3", "01865277513": "0 1 8 6 5 - 2 7 7 - 5 1 3",
		"+447700900123": "0 7 7 0 0 - 9 0 0 - 1 2 3", "02079460018": "0 2 0 - 7 9 4 6 - 0 0 1 8",
		"08001234567": "0 8 0 0 - 1 2 3 - 4 5 6 7", "*97": "star 9 7", "+33142685300": "letters/plus 3 3 1 4 2 6 8 5 3 0 0",
		"999": "9 9 9", "": "",
	} {
		expect(t, l, want, "spoken(%q)", number)
	}
}

func TestTimesOfDay(t *testing.T) {
	l := state(t)
	run(t, l, `say = require "say"; say.zone = "Europe/London"`)
	for at, want := range map[string]string{
		"2025-11-26T00:00": "midnight", "2025-11-26T12:00": "noon", "2025-11-26T09:00": "9 a-m", "2025-11-26T15:15": "3 15 p-m",
		"2025-11-26T15:05": "3 oh 5 p-m", "2025-11-26T00:30": "12 30 a-m", "2025-11-26T12:45": "12 40 5 p-m",
		"2025-07-01T11:00": "noon", // British summer time
	} {
		expect(t, l, prefixed(want), "say.time(%d)", epoch(t, at))
	}
}

func TestTimesRelativeToToday(t *testing.T) {
	l := state(t) // now is Wednesday 26 November 2025, 11:00
	run(t, l, `say = require "say"; say.zone = "Europe/London"`)
	for at, want := range map[string]string{
		"2025-11-26T10:20": "today at 10 20 a-m", "2025-11-26T00:00": "today at midnight", "2025-11-25T23:59": "yesterday at 11 50 9 p-m",
		"2025-11-24T09:00": "day-1 at 9 a-m", "2025-11-20T09:00": "day-4 at 9 a-m", "2025-11-19T09:00": "day-3 h-19 mon-10 at 9 a-m",
		"2025-02-28T09:00": "day-5 20 h-8 mon-1 at 9 a-m", "2024-12-31T09:00": "day-2 30 h-1 mon-11 20 20 4 at 9 a-m",
		"2005-03-01T09:00": "day-2 h-1 mon-2 2 thousand and 5 at 9 a-m",
	} {
		expect(t, l, prefixed(want), "say.dateTime(%d)", epoch(t, at))
	}
}

// A message of yesterday evening is yesterday's whatever the month, the year or the clocks do.
func TestYesterdayIsYesterdayAllYearRound(t *testing.T) {
	l := state(t)
	run(t, l, `say = require "say"; say.zone = "Europe/London"`)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for day := time.Date(2023, 12, 25, 0, 10, 0, 0, london); day.Year() < 2025; day = day.AddDate(0, 0, 1) {
		before := time.Date(day.Year(), day.Month(), day.Day()-1, 23, 50, 0, 0, london)
		run(t, l, fmt.Sprintf("clock = %d", day.Unix()))
		expect(t, l, prefixed("yesterday at 11 50 p-m"), "say.dateTime(%d)", before.Unix())
		expect(t, l, prefixed("today at 12 10 a-m"), "say.dateTime(%d)", day.Unix())
	}
}

func TestCountsOfMessages(t *testing.T) {
	l := state(t)
	run(t, l, `say = require "say"`)
	expect(t, l, "vm-no vm-INBOX vm-messages", `say.messages(0, "new")`)
	expect(t, l, "digits/1 vm-INBOX vm-message", `say.messages(1, "new")`)
	expect(t, l, "digits/20 digits/1 belfry/saved-messages", `say.messages(21, "saved")`)
	expect(t, l, "digits/1 belfry/deleted-message", `say.messages(1, "deleted")`)
	expect(t, l, "digits/1 belfry/deleted-message", `say.messages(1, "deleted", "en-GB")`)
	expect(t, l, "a b c d", `say.join("a", { "b", "c" }, {}, "d")`)
}

func epoch(t *testing.T, local string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04", local)
	if err != nil {
		t.Fatal(err)
	}
	return at.Unix()
}
