package lint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

func site() Site {
	return Site{API: api.Belfry(), Trunks: []string{"pstn"},
		Duration: func(s string) (time.Duration, bool) { d, err := time.ParseDuration(s); return d, err == nil },
		Line:     func(number string) (bool, bool) { return number == "201", true },
	}
}

// What is right, or may be, is not complained of.
func TestNoFalseAlarms(t *testing.T) {
	for _, text := range []string{
		// A record may be added to.
		`extension("1", function(call) local r = call:bridge("201") r.note = "x" log.info(r.note) end)`,
		// A value that may be something else is anything.
		`extension("1", function(call) local r = call:bridge("201") r = { outcome = "mine" } if r.outcome == "mine" then call:hangup() end end)`,
		`extension("1", function(call) local o = "given up" o = call:bridge("201").outcome if o == "given up" then call:hangup() end end)`,
		// Whoever is handed the call sees to it.
		`local m = require "m" extension("1", function(call) if m.serve(call) then return end end)`,
		`extension("1", function(call) local visit = { call = call } log.info(visit) end)`,
		`extension("1", function(call) for i = 1, 3 do call:tone("beep") end end)`,
		`extension("1", function(call) if call.from.line then call:answer() else error("no line") end end)`,
		`extension("1", function(call) if call.from.line then call:answer() return end call:reject() end)`,
		// Changed while loading.
		"local all = {}\nlocal function add(x) all[#all + 1] = x end\nadd(1)\nextension(\"1\", function(call) call:bridge(all) end)",
		// A call's own.
		`extension("1", function(call) local n = 0 call:on("digit", function() n = n + 1 end) call:echo() end)`,
		`extension("1", function(call) call:hangup() return true end)`,
		`extension("1", function(call) call:readDigits { timeout = 3600, between = "3s" } end)`,
		`extension("1", function(call) call:bridge("sip:a@b") call:bridge("trunk:pstn/0123") end)`,
		"-- lint: allow W011\nextension(\"1\", function(call) end)",
	} {
		f, err := syntax.Parse("main.lua", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for _, p := range Check(f, site(), false).Problems {
			t.Errorf("%s\n%s", text, p)
		}
	}
}

// A type that hangs on many others is found in time.
func TestManyVariables(t *testing.T) {
	var b strings.Builder
	b.WriteString("local a0 = \"x\"\n")
	for i := 1; i < 150; i++ {
		fmt.Fprintf(&b, "local a%d = a%d\na%d = a%d\n", i, i-1, i, i-1)
	}
	f, err := syntax.Parse("main.lua", b.String()+"if a149 == \"y\" then end\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := Check(f, site(), false).Problems; len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("extension(\"1\", function(call) local r = call:bridge { \"2\" } if r.outcome == \"x\" then call:hangup() f() end end)")
	f.Add("local a = 1 local function f(call) a = a + 1 f(call) end extension(\"1\", f)")
	f.Add("for i, m in ipairs(mailbox(\"1\"):messages()) do m:save().x = #m end")
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := syntax.Parse("x.lua", text); err == nil {
			for _, p := range Check(file, site(), false).Problems {
				_ = p.String()
			}
		}
	})
}
