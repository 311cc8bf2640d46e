package scripts_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belfry-pbx/belfry/engine/trace"
)

// told returns the trace of the latest call once it has a step with text.
func (x *exchange) told(text string) []trace.Step {
	x.t.Helper()
	all, err := x.traces.List(1)
	if err != nil || len(all) != 1 {
		x.t.Fatalf("the traces are %+v, %v", all, err)
	}
	var steps []trace.Step
	found := false
	err = x.traces.Follow(within(x.t), all[0].ID, func(s trace.Step) error {
		if steps = append(steps, s); strings.Contains(s.Text, text) {
			found = true
			return errEnough
		}
		return nil
	})
	if !found {
		x.t.Fatalf("the trace never says %q, %v: %+v", text, err, steps)
	}
	return steps
}

type enough struct{}

func (enough) Error() string { return "enough" }

var errEnough error = enough{}

func TestATraceHasTheLinesOfTheDialplan(t *testing.T) {
	t.Parallel()
	x := start(t, map[string]string{"main.lua": `
local hours = schedule { "mon-sun 00:00-24:00" }

extension("600", function(call)
  call:answer()
  if hours:isOpen() then call:playPrompt { "welcome", "digits/7" } end
  store("turns"):set("secret-key", "secret-value")
  local r = call:readDigits { max = 2 }
  log.info("chosen")
  call:redirect("601")
end)
extension("601", function(call) call:hangup() end)`})
	call := x.dial(x.phone("77513", nil), "600")
	press(t, call, "42")
	var got []string
	for _, s := range x.told("over:") {
		if s.Kind == trace.SIP {
			continue
		}
		got = append(got, string(s.Kind)+" "+s.At+" "+s.Text)
	}
	want := []string{
		"call main.lua:4 routed 600 extension 600",
		"script main.lua:5 call:answer",
		"call main.lua:5 answered",
		"script main.lua:6 schedule mon-sun 00:00-24:00 is open",
		"script main.lua:6 call:playPrompt welcome, digits/7",
		"media main.lua:6 playing welcome, digits/7",
		"script main.lua:7 store(turns):set → true",
		"script main.lua:8 call:readDigits",
		"media main.lua:8 pressed 4",
		"media main.lua:8 pressed 2",
		"media main.lua:8 read 42",
		"script main.lua:9 log.info chosen",
		"script main.lua:10 call:redirect 601",
		"call main.lua:10 redirected from 600 to 601",
		"call main.lua:12 routed 601 extension 601",
		"script main.lua:12 call:hangup",
		"call main.lua:12 hung up by the exchange",
	}
	// Keys may come while the prompt plays, when nobody has asked for them yet.
	var shown []string
	for _, line := range got {
		switch {
		case strings.Contains(line, "pressed a key that nobody"), strings.Contains(line, "sound of"), strings.Contains(line, "over:"):
		case strings.Contains(line, "pressed "):
		default:
			shown = append(shown, line)
		}
	}
	var expected []string
	for _, line := range want {
		if !strings.Contains(line, "pressed ") {
			expected = append(expected, line)
		}
	}
	if d := cmp.Diff(expected, shown); d != "" {
		t.Error(d)
	}
}

func TestFailuresOfADialplanAreKept(t *testing.T) {
	t.Parallel()
	x := start(t, map[string]string{"main.lua": `
local function pick(list)
  return list.first.number
end

local function choose(call)
  local n = pick({})
  call:bridge(n)
end

extension("600", { name = "sales" }, function(call)
  choose(call)
end)`})
	p := x.phone("77513", nil)
	for range 2 {
		call := x.dial(p, "600")
		if err := call.WaitEnded(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	groups := x.errors.List()
	if len(groups) != 1 {
		t.Fatalf("there are %d groups: %+v", len(groups), groups)
	}
	g := groups[0]
	if g.Count != 2 || len(g.Calls) != 2 || g.At != "main.lua:3" || g.Extension != "sales" || g.Heard != "belfry/failure" || g.Code == "" {
		t.Errorf("the failure is %+v", g)
	}
	if d := cmp.Diff([]string{"main.lua:3 in pick", "main.lua:7 in choose", "main.lua:12"}, g.Stack); d != "" {
		t.Errorf("the stack: %s", d)
	}
	if !strings.Contains(g.Excerpt, "return list.first.number") || !strings.Contains(g.Excerpt, "^") {
		t.Errorf("the excerpt is\n%s", g.Excerpt)
	}
	var told []string
	for _, s := range x.told("over:") {
		if s.Kind == trace.Error || s.Kind == trace.Media && strings.Contains(s.Text, "playing") {
			told = append(told, string(s.Kind)+" "+s.At+" "+s.Text)
		}
	}
	if want := []string{"error main.lua:3 " + g.Message, "media main.lua:11 playing belfry/failure"}; !cmp.Equal(want, told) {
		t.Errorf("the trace tells of it %q", told)
	}
}
