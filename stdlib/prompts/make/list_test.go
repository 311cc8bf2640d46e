package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	list, err := parseList("# Greetings\n\nhello\tHello. How are you?\nbeep\t(tone)\n# Letters\nletters/z\tZ\tzed\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []prompt{
		{Name: "hello", Group: "Greetings", Text: "Hello. How are you?"},
		{Name: "beep", Group: "Greetings", Text: "(tone)"},
		{Name: "letters/z", Group: "Letters", Text: "Z", Say: "zed"},
	}
	if !slices.Equal(list, want) {
		t.Errorf("%+v, want %+v", list, want)
	}
	if got := list[0].sentences(); !slices.Equal(got, []string{"Hello.", "How are you?"}) {
		t.Errorf("sentences %q", got)
	}
	if got := list[2].sentences(); !slices.Equal(got, []string{"zed"}) || !list[1].isTone() {
		t.Errorf("reading %q", got)
	}
}

func TestParseListNamesTheLine(t *testing.T) {
	for _, text := range []string{"ok\tfine\nhello", "ok\tfine\nhello\t ", "ok\tfine\nok\tagain", "ok\tfine\n../x\tout", "ok\tfine\na\tb\tc\td"} {
		if _, err := parseList(text); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
