package diag

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"playPrompt", "readDigits", "record", "recordVoicemail", "bridge", "hold", "timeout", "from", "onHangup"}
	for word, want := range map[string]string{
		"play_prompt": "playPrompt", "playprompt": "playPrompt", "PlayPromt": "playPrompt", "timout": "timeout",
		"form": "from", "brigde": "bridge", "recordVoiceMail": "recordVoicemail", "onhangup": "onHangup",
		"xyzzy": "", "a": "", "teleport": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestCaretUnderMultiByteText(t *testing.T) {
	p := Problem{File: "x.lua", Line: 2, Message: "wrong", Source: "a\nlocal größe = fehlt\nb"}.Aim("fehlt")
	want := "x.lua:2:15: wrong\n\n     1 | a\n >   2 | local größe = fehlt\n       |               ^^^^^\n     3 | b\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAimTakesWholeWords(t *testing.T) {
	p := Problem{Line: 1, Source: "timeouts(timeout)"}.Aim("timeout")
	if p.Col != 10 {
		t.Errorf("column %d", p.Col)
	}
}
