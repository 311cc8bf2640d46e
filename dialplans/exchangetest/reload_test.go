package exchangetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A call of the reload test: rung, kept for a while, and then routed afresh. There it is seen whether the files that
// serve it are still those it began with: mark.lua says in each generation which it is.
const reloadRoutes = `
local mark = require "mark"
if mark ~= require "late" then error("half of a change") end

extension("55501", { from = "trunk:pstn" }, function(call)
  store("marks"):set(call.id, mark)
  call:bridge("77500", { callerName = "first" })
  call:redirect("55502")
end)

extension("55502", { from = "trunk:pstn" }, function(call)
  local late = require "late"
  local same = store("marks"):get(call.id) == mark and late == mark
  call:bridge("77500", { callerName = same and "same" or "changed" })
end)
`

// Files change every second, now and then into nonsense, while 200 calls are under way and 20 more come each second.
func TestReloadUnderLoad(t *testing.T) {
	const calls, rate, stays = 400, 20, 5 * time.Second // each call stays twice
	x := startExchange(t, func(dir string) {
		manyCalls(t, dir)
		appendTo(t, dir, "main.lua", reloadRoutes)
		writeMark(t, dir, 1)
	})
	p := x.answers(x.registered(sipp{
		does: "marked", as: "77500", calls: 2 * calls, fills: map[string]string{"stays": strconv.Itoa(int(stays.Milliseconds()))},
	}))
	caller := x.sipp(sipp{does: "twolegs", host: carrier, from: "+441632960123", dials: "55501", calls: calls, rate: rate, args: []string{"-l", "1000"}})
	most := 0
	change := time.NewTicker(time.Second)
	defer change.Stop()
	for n := 2; !caller.ended(); n++ {
		select {
		case <-caller.done:
		case <-change.C:
		}
		most = max(most, len(x.Engine().Calls()))
		if n%3 == 0 {
			x.write("mark.lua", "this is no Lua")
			continue
		}
		writeMark(t, x.dir, n)
	}
	caller.wait()
	p.wait()
	if most < calls/4 {
		t.Errorf("at most %d calls at once: that is no load", most)
	}
	if g := x.Host().Generation(); g < 5 {
		t.Errorf("the dialplan is at generation %d only: it was not reloaded meanwhile", g)
	}
	if strings.Contains(p.messages(), `"changed"`) {
		t.Error("a call has changed generation")
	}
}

// writeMark makes the dialplan's next generation. late.lua is first asked for when a call has been going on for long.
func writeMark(t *testing.T, dir string, n int) {
	t.Helper()
	x := exchange{t: t, dir: dir}
	x.write("mark.lua", fmt.Sprintf("return %d\n", n))
	x.write("late.lua", fmt.Sprintf("return %d\n", n))
}

// manyCalls lets 77500 have many calls at once. It has no mailbox that would take them instead.
func manyCalls(t *testing.T, dir string) {
	t.Helper()
	rewrite(t, dir, "lines.csv", "Estates,,national,", "Estates,,national callWaiting,")
}
