package scripts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Prompts: names, recordings, and texts such as "number:77513", which the standard library's
// module say turns into lists of names.

// prompt is a prompt argument as a flat list of names and recordings.
func (a *args) prompt(p api.Value, v lua.LValue) []lua.LValue {
	var list []lua.LValue
	var add func(v lua.LValue, depth int)
	add = func(v lua.LValue, depth int) {
		if len(list) >= maxItems {
			a.bad(p, v, fmt.Sprintf("a list of at most %d prompts", maxItems))
		}
		if _, ok := recordingOf(v); ok {
			list = append(list, v)
			return
		}
		t, ok := a.sc.s.Table(v)
		switch {
		case v.Type() == lua.LTString:
			list = append(list, v)
		case ok && depth < 4:
			for i := 1; i <= t.Len(); i++ {
				add(t.RawGetInt(i), depth+1)
			}
		default:
			a.bad(p, v, "a prompt: a name, a recording, or a list of them")
		}
	}
	add(v, 0)
	return list
}

// recordingOf is the recording a value is, if it is one.
func recordingOf(v lua.LValue) (*engine.Recording, bool) {
	ud, ok := v.(*lua.LUserData)
	if !ok {
		return nil, false
	}
	o, ok := ud.Value.(*object)
	if !ok {
		return nil, false
	}
	r, ok := o.value.(*engine.Recording)
	return r, ok
}

// prompts are those of an argument, made ready to be played; nil if it was not given.
func (a *args) prompts(name string) []engine.Prompt {
	return a.sc.expand(a, arg[[]lua.LValue](a, name), 0)
}

// language is that of a call's prompts.
func (a *args) language() string {
	if l := arg[string](a, "language"); l != "" {
		return l
	}
	return a.sc.host.opts.Language
}

func (sc *script) expand(a *args, list []lua.LValue, depth int) []engine.Prompt {
	var out []engine.Prompt
	for _, v := range list {
		if r, ok := recordingOf(v); ok {
			out = append(out, engine.Prompt{Recording: r})
			continue
		}
		name := v.String()
		if fn, value := spoken(name); fn != "" && depth == 0 {
			said := sc.say(a, fn, value)
			out = append(out, sc.expand(a, said, 1)...)
			continue
		}
		if message, hint := missingPrompt(sc.host.opts.Prompts, name, a.language()); message != "" {
			sc.wrong(diag.CodePrompt, name, message, hint)
		}
		out = append(out, engine.Prompt{Name: name})
	}
	return out
}

// spoken tells which function of say speaks a prompt such as "number:77513", and with what.
func spoken(name string) (fn, value string) {
	prefix, value, ok := strings.Cut(name, ":")
	if !ok {
		return "", ""
	}
	switch prefix {
	case "number":
		return "digits", value
	case "count":
		return "number", value
	case "time", "date":
		return prefix, value
	}
	return "", ""
}

// say calls say.digits(text, language), say.number(n, language), say.time(t, language) or
// say.date(t, language); each returns a list of prompts.
func (sc *script) say(a *args, fn, value string) []lua.LValue {
	l := sc.s.L
	var what lua.LValue = lua.LString(value)
	if fn != "digits" {
		n, err := strconv.ParseFloat(value, 64)
		if value == "now" || value == "" {
			n, err = float64(seconds(sc.host.clock.Now())), nil
		}
		if err != nil {
			sc.wrong(diag.CodePrompt, value, fmt.Sprintf("there is no number in the prompt %q", fn+":"+value), "")
		}
		what = lua.LNumber(n)
	}
	f, ok := l.GetField(sc.require("say"), fn).(*lua.LFunction)
	if !ok {
		sc.wrong(diag.CodePrompt, value, "the module say has no function "+fn, "")
	}
	l.Push(f)
	l.Push(what)
	l.Push(lua.LString(a.language()))
	l.Call(2, 1)
	said := l.Get(-1)
	l.Pop(1)
	return a.prompt(api.Value{Name: "what say." + fn + " returned", Type: api.Prompt}, said)
}

// tones are those of engine/prompt.
func tones() []string {
	return []string{"dial", "ringing", "busy", "congestion", "unobtainable", "beep"}
}

// missingMusic says that there is no music of a name, and what was meant; "" if there is.
func missingMusic(p Prompts, name string) (message, hint string) {
	if prefix, _, _ := strings.Cut(name, ":"); prefix == "tone" || prefix == "silence" {
		return missingPrompt(p, name, "")
	}
	if p == nil || p.HasMusic(name) {
		return "", ""
	}
	if hint = diag.DidYouMean(name, p.MusicNames()); hint == "" {
		hint = "put it there as prompts/music/" + name + ".wav"
	}
	return fmt.Sprintf("there is no music %q", name), hint
}

// missingPrompt says that nothing can be heard under a name, and what was meant; "" if something can.
func missingPrompt(p Prompts, name, language string) (message, hint string) {
	switch prefix, rest, _ := strings.Cut(name, ":"); prefix {
	case "tone":
		if !contains(tones(), rest) {
			return fmt.Sprintf("there is no tone %q", rest), diag.Options(rest, "tones", tones())
		}
		return "", ""
	case "silence":
		if _, ok := duration(lua.LString(rest)); !ok {
			return fmt.Sprintf("%q is no length of silence", rest), `write "silence:2s"`
		}
		return "", ""
	}
	if p == nil || p.Has(name, language) {
		return "", ""
	}
	hint = diag.DidYouMean(name, p.Names(language))
	if hint == "" {
		hint = "record it as prompts/" + language + "/" + name + ".wav"
	}
	return fmt.Sprintf("there is no prompt %q", name), hint
}

// music names what a caller hears while waiting.
func (a *args) music(name string) string { return arg[string](a, name) }

// lasting is how long a duration argument is.
func (a *args) lasting(name string) time.Duration { return arg[time.Duration](a, name) }
