package sandbox

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

// A conversion of string.format: flags, width, precision, verb.
var reConversion = regexp.MustCompile(`%([-+ #0]*)(\d{0,2})(?:\.(\d{0,2}))?([a-zA-Z%])?`)

func (s *State) textFormat(l *lua.LState) int {
	format := l.CheckString(1)
	var out strings.Builder
	arg, last := 1, 0
	next := func() lua.LValue {
		arg++
		if arg > l.GetTop() {
			s.Raise(Raised{Code: diag.CodeArgument, Word: "format", Message: "string.format has more % than values"})
		}
		return l.Get(arg)
	}
	add := func(text string) { s.grow(&out, text) }
	for _, m := range reConversion.FindAllStringSubmatchIndex(format, -1) {
		add(format[last:m[0]])
		last = m[1]
		part := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return format[m[2*i]:m[2*i+1]]
		}
		spec := "%" + part(1) + part(2)
		if m[6] >= 0 {
			spec += "." + part(3)
		}
		add(s.convert(spec, m[6] >= 0, part(4), next))
	}
	add(format[last:])
	l.Push(lua.LString(out.String()))
	return 1
}

func (s *State) convert(spec string, precise bool, verb string, next func() lua.LValue) string {
	number := func() float64 {
		v := next()
		n, ok := v.(lua.LNumber)
		if text, isText := v.(lua.LString); isText {
			f, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
			n, ok = lua.LNumber(f), err == nil
		}
		if !ok {
			s.argument("string.format: %" + verb + " takes a number, not " + aOrNil(v.Type().String()))
		}
		return float64(n)
	}
	whole := func() int64 {
		f := number()
		if math.IsNaN(f) || f < math.MinInt64 || f >= math.MaxInt64 {
			s.argument("string.format: %" + verb + " takes a whole number")
		}
		return int64(f)
	}
	switch verb {
	case "%":
		return "%"
	case "d", "i":
		return fmt.Sprintf(spec+"d", whole())
	case "u":
		return fmt.Sprintf(spec+"d", uint64(whole()))
	case "x", "X", "o":
		return fmt.Sprintf(spec+verb, uint64(whole()))
	case "c":
		return string([]byte{byte(whole())})
	case "e", "E", "f", "g", "G":
		if !precise {
			spec += ".6"
		}
		return fmt.Sprintf(spec+verb, number())
	case "q":
		return quote(s.text(next()))
	case "s":
		return fmt.Sprintf(spec+"s", s.text(next()))
	}
	s.argument("string.format has no conversion %" + verb)
	return ""
}

// quote is %q: as Lua would read it back.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\\', '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
