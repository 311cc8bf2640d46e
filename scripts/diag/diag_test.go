package diag

import (
	"testing"

	"github.com/yuin/gopher-lua/parse"
	"strings"
)

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

func TestSyntaxFindsWhatIsNotClosed(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"if true then\n  x()\n", "x.lua:1:1: this 'if' is never closed"},
		{"local t = {\n  1,\n  2\n", "x.lua:1:11: this '{' is never closed"},
		{"f(function()\n  g()\nend\n", "x.lua:1:2: this '(' is never closed"},
		{"f(function()\n  if a then\n    g()\nend)\n", "x.lua:2:3: this 'if' is never closed"},
		{"while true do\n  f()\n", "x.lua:1:1: this 'while' is never closed"},
		{"repeat\n  f()\n", "x.lua:1:1: this 'repeat' is never closed"},
		{"do\n  for i = 1, 2 do\n    f()\n  end\n", "x.lua:1:1: this 'do' is never closed"},
		{"-- if (\nlocal s = \"if (\" f(\n", "x.lua:2:19: this '(' is never closed"},
		{"local x = = 1", "x.lua:1:11: '=' cannot stand here"},
		{"if a != b then end", "x.lua:1:6: '!' cannot stand here ('not equal' is written ~=, and 'not' is written not)"},
	} {
		_, err := parse.Parse(strings.NewReader(c.src), "x.lua")
		if err == nil {
			t.Fatalf("%q is Lua", c.src)
		}
		if got := Syntax("x.lua", c.src, err).Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.src, got, c.want)
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

func FuzzSyntax(f *testing.F) {
	f.Add("if true then [[ ]] -- x\n end end )(")
	f.Fuzz(func(t *testing.T, src string) {
		_, err := parse.Parse(strings.NewReader(src), "x.lua")
		if err != nil {
			_ = Syntax("x.lua", src, err).String()
		}
	})
}
