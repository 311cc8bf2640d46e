package scripts_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
)

// patience bounds every wait of these tests; it is not what they measure.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exchange is a running engine with a dialplan, on loopback.
type exchange struct {
	*engine.Engine
	t    *testing.T
	host *scripts.Host
	dir  string
	logs *logs

	traces *trace.Log
	errors *trace.Errors
}

// logs keeps what is logged, for tests that wait for it.
type logs struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	if os.Getenv("BELFRY_TEST_LOG") != "" {
		fmt.Fprintln(os.Stderr, line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	close(l.more)
	l.more = make(chan struct{})
	return nil
}

// all are the lines so far.
func (l *logs) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// wait returns the nth line that contains text.
func (l *logs) wait(t *testing.T, text string, nth int) string {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		more, found := l.more, 0
		for _, line := range l.lines {
			if strings.Contains(line, text) {
				if found++; found == nth {
					l.mu.Unlock()
					return line
				}
			}
		}
		l.mu.Unlock()
		select {
		case <-more:
		case <-late:
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Fatalf("nothing said %q %d times; the log:\n%s", text, nth, strings.Join(l.lines, "\n"))
		}
	}
}

// sounds are a tone each, longer than any beep.
func sounds(names ...string) fs.FS {
	files := fstest.MapFS{}
	for _, name := range names {
		var b strings.Builder
		if err := media.WriteWAV(&b, sine(600)); err != nil {
			panic(err)
		}
		files["en/"+name+".wav"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return files
}

func sine(hz float64) *media.Clip {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return media.NewClip(8000, pcm)
}

func start(t *testing.T, files map[string]string) *exchange {
	t.Helper()
	data := t.TempDir()
	db, err := bolt.Open(filepath.Join(data, "belfry.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &logs{more: make(chan struct{})}
	traces, failures := trace.New(trace.Options{}), &trace.Errors{}
	eng, err := engine.New(context.Background(), engine.Options{
		Store: db, Data: data, Realm: "belfry.test", UDP: []string{"127.0.0.1:0"}, RTPPorts: [2]uint16{40000, 49999}, Log: slog.New(l), Trace: traces,
		Prompts: prompt.New(prompt.Options{Sources: []fs.FS{sounds("welcome", "belfry/failure", "digits/7", "digits/5")}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{Engine: eng, t: t, dir: t.TempDir(), logs: l, traces: traces, errors: failures}
	x.write(files)
	x.host, err = scripts.Open(scripts.Options{Dir: x.dir, Engine: eng, Log: slog.New(l), Errors: failures, Stdlib: fstest.MapFS{"say.lua": {Data: []byte(
		`return { digits = function(s) local t = {} for d in s:gmatch("%d") do t[#t + 1] = "digits/" .. d end return t end }`)}}})
	if err != nil {
		t.Fatal(err)
	}
	eng.SetHandler(x.host)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- eng.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, eng.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return x
}

// write puts files in place as editors do: beside, and renamed over.
func (x *exchange) write(files map[string]string) {
	for name, text := range files {
		path := filepath.Join(x.dir, name)
		err := os.WriteFile(path+"~", []byte(text), 0o644)
		if err == nil {
			err = os.Rename(path+"~", path)
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
}

func (x *exchange) phone(number string, behaviour phone.Handler) *phone.Phone {
	x.t.Helper()
	ctx := within(x.t)
	if err := x.Directory().Add(ctx, directory.Line{Number: number, Name: "Line " + number, Kind: directory.Person, Person: "p" + number,
		Permissions: []string{"national"}}, "secret-of-"+number); err != nil {
		x.t.Fatal(err)
	}
	p, err := phone.New(phone.Options{Server: x.Addrs("udp")[0], Number: number, Secret: "secret-of-" + number, Incoming: behaviour})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			x.t.Error(err)
		}
	})
	if err := p.Register(ctx); err != nil {
		x.t.Fatal(err)
	}
	return p
}

func (x *exchange) dial(p *phone.Phone, number string) *phone.Call {
	x.t.Helper()
	c, err := p.Dial(within(x.t), number)
	if err != nil {
		x.t.Fatalf("%s calls %s: %v", p.Number(), number, err)
	}
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// press presses keys. The last may end the call before it has been let go.
func press(t *testing.T, c *phone.Call, keys string) {
	t.Helper()
	if err := c.SendDigits(within(t), keys); err != nil && !errors.Is(err, media.ErrClosed) {
		t.Error(err)
	}
}

// heardSomething tells whether a prompt of these tests was heard. A busy machine may break one tone into several.
func heardSomething(c *phone.Call) bool {
	h := c.Heard()
	return h.Has(phone.Tone) || h.Has(phone.Beep)
}

func status(err error) int {
	var s *sip.StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

func TestPromptsDigitsAndBridge(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
		extension("600", function(call)
		  call:answer()
		  local r = call:readDigits { prompt = { "welcome", "number:75" }, max = 5 }
		  log.info("dialled " .. r.outcome .. " " .. r.digits, { from = call.from.number, name = call.from.name })
		  local b = call:bridge(r.digits, { timeout = "20s" })
		  log.info("bridge " .. b.outcome .. " by " .. tostring(b.by))
		end)
		extension("601", function(call) call:reject("busy") log.error("went on") end)`})
	a := x.phone("77513", nil)
	x.phone("15902", phone.IsBusy())
	call := x.dial(a, "600")
	for !heardSomething(call) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-call.Done():
			t.Fatal("the call ended before the prompt was heard")
		}
	}
	press(t, call, "15902")
	if line := x.logs.wait(t, "dialled digits 15902", 1); !strings.Contains(line, "from=77513") || !strings.Contains(line, "at=main.lua:5") {
		t.Errorf("logged %q", line)
	}
	x.logs.wait(t, "bridge busy by nil", 1)
	if err := call.WaitEnded(within(t)); err != nil {
		t.Error(err)
	}
	if _, err := a.Dial(within(t), "601"); status(err) != 486 {
		t.Errorf("rejected with %v", err)
	}
}

// A handler that goes wrong costs its own caller a prompt and a hang-up, and nobody else anything.
func TestFailingHandlersEndTheirOwnCallOnly(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
		extension("1", function(call) local t = nil; call:answer(); return t.x end)
		extension("2", function(call) while true do pcall(function() while true do end end) end end)
		extension("3", function(call) local t = {} while true do t[#t + 1] = { #t } end end)
		extension("4", function(call) call:playPrompt(call.dialled) end)
		extension("5", function(call) call:on("digit", function() error("in an event") end) call:answer() pcall(call.sleep, call, "1h") log.info("went on") end)
		extension("6", function(call) call:answer() while true do call:sleep("1s") end end)`})
	a, b := x.phone("77513", nil), x.phone("15902", nil)
	fine := x.dial(b, "6")
	for _, c := range []struct{ number, want string }{
		{"1", "main.lua:2:72: what stands before 'x' here is nil"},
		{"2", "ran too long"},
		{"3", "too much memory"},
		{"4", `there is no prompt "4"`},
		{"5", "in an event"},
	} {
		call := x.dial(a, c.number)
		if c.number == "5" {
			press(t, call, "1")
		}
		if err := call.WaitEnded(within(t)); err != nil {
			t.Errorf("%s: not ended: %v", c.number, err)
		}
		if !heardSomething(call) {
			t.Errorf("%s: the failure prompt is not heard; heard %v", c.number, call.Heard())
		}
		x.logs.wait(t, c.want, 1)
	}
	if fine.Err() != nil {
		t.Errorf("another call is gone: %v", fine.Err())
	}
	fine.Hangup()
}

// Hanging up ends the handler wherever it is, whatever it catches; then onHangup runs.
func TestHangupUnwindsAndCleansUp(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
		extension("600", function(call)
		  call:onHangup(function()
		    store("calls"):set("last", { from = call.from.number, n = { 1, 2 } })
		    log.info("cleaned up, " .. tostring(pcall(call.answer, call)))
		  end)
		  call:answer()
		  log.info("waits")
		  while true do pcall(call.sleep, call, "1h") pcall(log.error, "went on") end
		end)
		extension("601", function(call)
		  local v = store("calls"):get("last")
		  log.info("kept " .. v.from .. " " .. #v.n)
		  local n = store("calls"):update("count", function(n) return (n or 0) + 1 end)
		  local ok, err = store("calls"):set("f", print)
		  log.info("count " .. n .. " " .. tostring(ok) .. " " .. err.code .. ": " .. tostring(err))
		end)`})
	a := x.phone("77513", nil)
	call := x.dial(a, "600")
	x.logs.wait(t, "waits", 1)
	call.Hangup()
	x.logs.wait(t, "cleaned up, false", 1)
	if _, err := a.Dial(within(t), "601"); status(err) == 0 {
		t.Errorf("601: %v", err)
	}
	x.logs.wait(t, "kept 77513 2", 1)
	x.logs.wait(t, "count 1 nil invalid: cannot be kept", 1)
	for _, line := range x.logs.all() {
		if strings.Contains(line, "went on") {
			t.Error(line)
		}
	}
}

func TestLinesListsAndGroups(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
		local vips = list("vips")
		local hours = schedule { "mon-sun" }
		group("600", { members = { "77513", "15902" }, ringFor = "12s" })
		extension("600", function(call)
		  assert(hours:isOpen())
		  assert(line("99999") == nil and mailbox("99999") == nil and group("601") == nil)
		  local me = line(call.from.line)
		  assert(me.name == "Line 77513" and me.registered and me:hasPermission("local") and not me:hasPermission("premium"))
		  assert(me:setForward("busy", "15902") and me.forward.busy == "15902" and me.forward.always == nil)
		  assert(me:setForward("busy", nil) and me.forward.busy == nil and me:lastForward("busy") == "15902")
		  assert(me:setDnd(true) and me.dnd)
		  assert(vips:add("77500-77599") and vips:includes("77513") and not vips:includes("15902"))
		  local g = group("600")
		  assert(g.kind == "hunt" and #g.members == 2 and g.ringFor == 12 and g.overflow == nil)
		  assert(g:isLoggedIn("77513") and g:logout("77513") and not g:isLoggedIn("77513") and g:login("77513"))
		  local ok, err = g:login("99999")
		  assert(ok == nil and err.code == "notFound")
		  local ok, message = pcall(function() return g.memebrs end) -- lint: allow E011
		  assert(not ok and message:find("did you mean 'members'?", 1, true), message)
		  local ok, message = pcall(function() return me:setDND(true) end) -- lint: allow E011
		  assert(not ok and message:find("did you mean 'setDnd'?", 1, true), message)
		  local ok, message = pcall(call.bridge, call, { 77513 })
		  assert(not ok and message:find("list of texts", 1, true), message)
		  local ok, message = pcall(call.playPrompt, call, "welcome", { volum = 3 })
		  assert(not ok and message:find("did you mean 'volume'?", 1, true), message)
		  log.info("all is well")
		end)`})
	a := x.phone("77513", nil)
	if _, err := a.Dial(within(t), "600"); status(err) == 0 {
		t.Errorf("600: %v", err)
	}
	x.logs.wait(t, "all is well", 1)
}

// What main.lua left, and no call has looked into yet, can be given to whatever takes tables.
func TestTablesOfMainAsArguments(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
		local t = {
		  prompts = { "welcome", { "welcome" } }, missing = { "welcome", { "nosuch" } }, bridged = { "15902" }, how = { timeout = "20s", diversion = { number = "77500", reason = "user-busy" } },
		  kept = { n = { 1, { 2 } }, name = "x" }, fields = { one = 1, two = "2" }, known = { a = false, b = 1 }, given = { a = 2 },
		}
		extension("600", function(call)
		  call:answer()
		  call:playPrompt(t.prompts)
		  assert(not pcall(call.playPrompt, call, t.missing))
		  assert(store("calls"):set("kept", t.kept))
		  local kept = store("calls"):get("kept")
		  local o = check("o", t.given, t.known)
		  local b = call:bridge(t.bridged, t.how)
		  log.info("it was " .. b.outcome .. kept.name .. kept.n[2][1] .. o.a .. o.b, t.fields)
		end)`})
	a := x.phone("77513", nil)
	x.phone("15902", phone.IsBusy())
	x.dial(a, "600")
	if line := x.logs.wait(t, "it was busyx221", 1); !strings.Contains(line, "one=1") || !strings.Contains(line, "two=2") {
		t.Errorf("logged %q", line)
	}
}

// Calls hold their generation, its modules included, while files change under them, some broken.
func TestReloadUnderLoad(t *testing.T) {
	plan := func(n int) map[string]string {
		return map[string]string{
			"version.lua": fmt.Sprintf("return %d", n),
			"late.lua":    fmt.Sprintf("return %d", n),
			"main.lua": fmt.Sprintf(`
				local begun = require "version"
				extension("600", function(call)
				  call:answer()
				  log.info("call begun on " .. begun)
				  call:on("digit", function(key) call:hangup() end)
				  for i = 1, 1000 do call:sleep("20ms") end
				end)
				extension("601", function(call)
				  call:onHangup(function() log.info("ended " .. begun .. " " .. require "late" .. " %d") end)
				  call:redirect("600")
				end)`, n),
		}
	}
	x := start(t, plan(1))
	a := x.phone("77513", nil)
	ctx, stop := context.WithCancel(context.Background())
	watching := make(chan error, 1)
	go func() { watching <- x.host.Watch(ctx) }()
	var calls []*phone.Call
	for n := 1; n <= 6; n++ {
		if n > 1 {
			// A broken state in between is never served.
			x.write(map[string]string{"late.lua": "return ("})
			x.logs.wait(t, fmt.Sprintf("generation %d keeps serving", n-1), 1)
			p := plan(n)
			x.write(map[string]string{"version.lua": p["version.lua"]})
			x.write(map[string]string{"main.lua": p["main.lua"]})
			x.write(map[string]string{"late.lua": p["late.lua"]})
			x.logs.wait(t, fmt.Sprintf("generation %d live", n), 1)
		}
		for range 3 {
			calls = append(calls, x.dial(a, "601"))
		}
		x.logs.wait(t, fmt.Sprintf("call begun on %d", n), 3)
	}
	if r, err := x.host.Reload(t.Context()); err != nil || !r.Unchanged || len(r.Finishing) != 5 || r.Finishing[0].Calls != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			press(t, c, "1")
			if err := c.WaitEnded(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for n := 1; n <= 6; n++ {
		x.logs.wait(t, fmt.Sprintf("ended %d %d %d", n, n, n), 3)
	}
	stop()
	if err := <-watching; err != nil {
		t.Error(err)
	}
	if r, err := x.host.Reload(t.Context()); err != nil || len(r.Finishing) != 0 {
		t.Errorf("generations without calls are still there: %+v, %v", r, err)
	}
	lines := x.logs.all()
	if i := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "panicked") }); i >= 0 {
		t.Error(lines[i])
	}
}

func TestRecordingAConversation(t *testing.T) {
	x := start(t, map[string]string{"main.lua": `
extension("600", function(call)
  call:answer()
  local file, err = call:startRecording { format = "wav", name = "talk" }
  log.info("to " .. tostring(file))
  call:playPrompt("tone:beep")
  log.info("stopped", { ok = call:stopRecording() })
  local none, why = call:startRecording { name = "../talk" }
  log.info("refused", { file = none, why = tostring(why) })
end)
`})
	x.dial(x.phone("77513", nil), "600")
	file := strings.TrimPrefix(x.logs.wait(t, "to ", 1), "to ")
	file, _, _ = strings.Cut(file, " ")
	x.logs.wait(t, "ok=true", 1)
	if b, err := os.ReadFile(file); err != nil || string(b[:4]) != "RIFF" {
		t.Errorf("%q holds no recording: %v", file, err)
	}
	x.logs.wait(t, `cannot be a file's name`, 1)
}
