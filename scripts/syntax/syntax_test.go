package syntax

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What is not Lua is told at the place where it went wrong, and with what was probably meant.
func TestWhatIsNotLua(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"if true then\n  x()\n", "1:1: this 'if' is never closed (every 'if … then' needs an 'end')"},
		{"local t = {\n  1,\n  2\n", "1:11: this '{' is never closed (add '}')"},
		{"f(function()\n  g()\nend\n", "1:2: this '(' is never closed (add ')')"},
		{"f(function()\n  if a then\n    g()\nend)\n", "2:3: this 'if' is never closed"},
		{"while true do\n  f()\n", "1:1: this 'while' is never closed"},
		{"repeat\n  f()\n", "1:1: this 'repeat' is never closed"},
		{"do\n  for i = 1, 2 do\n    f()\n  end\n", "1:1: this 'do' is never closed"},
		{"-- if (\nlocal s = \"if (\" f(\n", "2:19: this '(' is never closed"},
		{"f(\nend)", "1:2: this '(' is never closed"},
		{"if a then\n  f()\nelse if b then\n  g()\nend\n", "3:1: this 'if' behind 'else' is never closed (write elseif, which needs no 'end' of its own)"},
		{"local x = = 1", "1:11: '=' cannot stand here (one is enough)"},
		{"if a != b then end", "1:6: '!=' cannot stand here ('not equal' is written ~=)"},
		{"if a = b then end", "1:6: '=' cannot stand in a condition (to compare, write ==)"},
		{"if a && b then end", "1:6: '&&' cannot stand here (write and)"},
		{"n += 1", "1:3: '+=' cannot stand here (write n = n + …)"},
		{"t.n++", "1:4: '++' cannot stand here (write t.n = t.n + 1)"},
		{"if a\n  f()\nend", "1:5: 'then' is missing here (if … then … end)"},
		{"for i = 1, 2\n  f()\nend", "1:13: 'do' is missing here (for … do … end)"},
		{"while a then end", "1:9: 'do' belongs here, not 'then'"},
		{"t = { a = 1 b = 2 }", "1:12: a comma is missing here, before 'b'"},
		{"t = {\n  \"a\"\n  \"b\",\n}", "2:6: a comma is missing here, before '\"b\"'"},
		{"f(a b)", "1:4: a comma is missing here, before 'b'"},
		{"local t = {\n  1\nlocal x = 2", "1:11: this '{' is never closed"},
		{"t = { \"a\" = 1 }", "1:7: this key is a text (write [\"a\"] =)"},
		{"t = { timeout = 20s }", "1:17: '20s' is neither a number nor a name (a text stands in quotes: \"20s\")"},
		{"s = \"abc\nf()", "1:5: this text is never closed (add \" at its end)"},
		{"s = [[abc\nf()", "1:5: this text is never closed (end it with ]])"},
		{"--[[ abc\nf()", "1:1: this comment is never closed"},
		{"end", "1:1: 'end' closes nothing"},
		{"f() )", "1:5: ')' closes nothing"},
		{"else", "1:1: 'else' belongs to no 'if'"},
		{"return 1\nf()", "2:1: nothing can follow 'return' or 'break' in a block"},
		{"f", "1:1: this does nothing by itself (to call it, write f(…))"},
		{"x == 1", "1:3: '==' compares, and nothing is done with the answer"},
		{"var x = 1", "1:1: 'var' cannot stand here (write local)"},
		{"local x = “a”", "1:11: '“' cannot stand here (texts stand in straight quotes: \")"},
		{"local größe = 1", "1:9: 'ö' cannot stand here"},
		{"\ufeffx = 1", "1:1: there is a byte-order mark here"},
		{"call:answer", "1:6: a method behind ':' has to be called (write answer(…), or a dot for a field)"},
		{"local end = 1", "1:7: 'end' is a word of Lua's own and no name"},
		{"f(a,)", "1:4: ',' is the last here"},
		{"break", "1:1: 'break' stands in no loop"},
		{"goto a", "1:6: there is no label 'a'"},
		{"function f() return ... end", "1:21: '...' stands in a function that does not take it"},
		{"local s = \"grün\" x = = 2", "1:22: '=' cannot stand here"},
		{"\tlocal x = = 2", "1:12: '=' cannot stand here"},
		{"for x do end", "1:7: '=' or 'in' is missing here"},
		{"f() = 1", "1:1: this cannot be assigned to"},
		{"local x =", "1:10: a value is missing here (behind '=')"},
		{"function f(a b) end", "1:13: a comma is missing here, before 'b'"},
		{strings.Repeat("(", 300), "nested too deeply"},
		{strings.Repeat(" ", MaxSource+1), "longer than 1024 KiB"},
	} {
		f, err := Parse("x.lua", c.text)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q is Lua", c.text)
			continue
		}
		if got := f.Wrong(wrong).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	f, err := Parse("x.lua", "local x = { a = \"größe\", b = 1,\r\n\tc = call:ring() } -- so\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	Inspect(f.Chunk, func(n Node) bool {
		line, col := f.Place(n.Pos().Start)
		got = append(got, fmt.Sprintf("%d:%d %s", line, col, f.Text[n.Pos().Start:n.Pos().End]))
		return true
	})
	want := []string{"1:13 a", "1:17 \"größe\"", "1:26 b", "1:30 1", "2:2 c", "2:6 call:ring()", "2:6 call", "2:11 ring"}
	if got = got[len(got)-len(want):]; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(f.Comments) != 1 || f.Comments[0].Text != "-- so" || f.Line(f.Comments[0].Start) != 2 {
		t.Errorf("%+v", f.Comments)
	}
}

func BenchmarkParse(b *testing.B) {
	text := strings.Repeat("extension(\"600\", { name = \"x\" }, function(call)\n  local r = call:bridge({ \"77513\" }, { timeout = \"20s\" })\n  if r.outcome == \"busy\" then return end\nend)\n", 200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("x.lua", text); err != nil {
			b.Fatal(err)
		}
	}
}
