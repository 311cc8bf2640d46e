package site

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// playLive plays the tests of a site over SIP and RTP. What became of each: "ok", why it was left out, or how it failed.
func playLive(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := GoLive(t.Context(), dir)
	if err != nil {
		t.Fatal(err, Problems(err))
	}
	report, err := dialtest.Run(t.Context(), dialtest.Options{Host: s.Host(), Open: s.Open, Workers: 8, Live: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range report.Files {
		for _, r := range f.Results {
			switch {
			case r.OK():
				got[r.Name] = "ok"
			case r.LeftOut != "":
				got[r.Name] = "left out: " + r.LeftOut
			default:
				got[r.Name] = r.Failure.At.Message
				if len(r.Calls) == 0 || len(r.Calls[0].Steps) == 0 {
					t.Errorf("%s: the story of the call is not told", r.Name)
				}
			}
		}
	}
	return got
}

const liveLines = `number,name,kind,person,department,secret,permissions,voicemail,pin,pickup_group,email
201,Ana,person,ana,,,internal,yes,274951,,
202,Ben,person,ben,,,internal,yes,830462,,
`

const livePlan = `
local voicemail = require "voicemail"
local hours = schedule { "sat 09:00-12:00", zone = "Europe/London" }

extension("20x", { name = "people" }, function(call)
  local result = call:bridge(call.dialled, { timeout = "2s" })
  if result.outcome == "answered" then return end
  voicemail.leave(call, call.dialled, { busy = result.outcome == "busy" })
end)
extension("300", { name = "refuses" }, function(call) call:reject("congested") end)
extension("400", { name = "menu" }, function(call)
  call:playPrompt { "beep", "vm-youhave", "digits/7" }
  local got = call:readDigits { prompt = "ext-or-zero", max = 3 }
  if got.digits == "202" then call:bridge("202") end
  call:hangup()
end)
extension("01865240000", { name = "called from outside", from = "trunk:pstn" }, function(call) call:bridge("201") end)
extension("0.", { name = "calls outside" }, function(call)
  local result = call:bridge("trunk:pstn/" .. call.dialled)
  call:reject(result.outcome == "busy" and "busy" or "congested")
end)
extension("500", { name = "hours" }, function(call) call:reject(hours:isOpen() and "busy" or "declined") end)
`

// Each test is there twice: so that it passes, and so that it does not.
const liveTests = `
test("refused", function(t) t:phone("201"):calls("300"):isRejected("congested") end)
test("not so refused", function(t) t:phone("201"):calls("300"):isRejected("busy") end)

local function menu(t)
  t:phone("202"):answersAfter("1s")
  return t:call { from = "201", to = "400" }:hears { "vm-youhave", "digits/7" }
end
test("menu", function(t)
  menu(t):hears("ext-or-zero"):presses("202"):isTalkingTo("202")
  t:phone("202"):isTalkingTo("201"):shows { number = "201", name = "Ana" }
end)
test("not this prompt", function(t) menu(t):presses("9#"):hears("vm-goodbye") end)
test("not this person", function(t)
  local caller = menu(t):hears("ext-or-zero"):presses("202")
  t:phone("202"):isTalkingTo("201"):hangsUp()
  caller:isTalkingTo("203")
end)

test("message", function(t)
  t:phone("202"):isBusy()
  t:phone("201"):calls("202"):hears("vm-intro"):speaksFor("5s"):hangsUp()
  t:mailbox("202"):has { from = "201", length = "5s" }
  t:lamp("202"):isOn()
end)

test("from outside", function(t)
  t:phone("201"):answersAfter("1s")
  local joe = t:call { from = "Joe <+447700900123>", to = "01865240000", diversion = { number = "300", reason = "no-answer" } }
  t:phone("201"):shows { number = "+447700900123", name = "Joe" }
  joe:isTalkingTo("201")
end)
test("calls outside", function(t)
  t:outside("07700900123"):answersAfter("1s")
  t:phone("201"):calls("07700900123"):isTalkingTo("07700900123")
  t:trunk("pstn"):rejects(486)
  t:phone("202"):calls("07700900123"):isRejected("busy")
end)

test("Saturday", function(t)
  t:phone("202"):rings()
  t:at("sat 10:00", { zone = "Europe/London" })
  t:phone("201"):calls("500"):isRejected("busy")
end)
test("Monday", function(t) t:phone("201"):calls("500"):isRejected("declined") end)
test("too long", function(t) t:wait("1h") end)
`

const liveSettings = `return {
  sip = { udp = "127.0.0.1:5060", realm = "live" }, rtp = { ports = "16384-16484", address = "127.0.0.1" },
  trunks = { pstn = { host = "sip.example.net", user = "us", secret = secret "PSTN", register = true } },
}
`

func TestLiveTests(t *testing.T) {
	t.Parallel()
	got := playLive(t, map[string]string{"main.lua": livePlan, "main_test.lua": liveTests, "lines.csv": liveLines, "settings.lua": liveSettings})
	want := map[string]string{
		"refused":         "ok",
		"not so refused":  `the caller should be rejected as "busy" (486), but the call has ended (503)`,
		"menu":            "ok",
		"not this prompt": `the caller should hear "vm-goodbye", but heard `,
		"not this person": "the caller should be talking to 203, but ",
		"message":         "ok",
		"from outside":    "ok",
		"calls outside":   "ok",
		"Saturday":        "ok",
		"Monday":          "ok",
		"too long":        "left out: needs the simulator: it waits for 1h",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !strings.HasPrefix(got[name], want[name]) {
			t.Errorf("%s: %s, want %s", name, got[name], want[name])
		}
	}
}
