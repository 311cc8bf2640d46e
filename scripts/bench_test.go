package scripts

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/sandbox"
	"github.com/belfry-pbx/belfry/stdlib"
)

// chorus is the generation of the Chorus dialplan, and the extension that most of its calls go to.
func chorus(b *testing.B) (*generation, *route) {
	b.Helper()
	h, err := Open(Options{Dir: "../dialplans/chorus", Stdlib: stdlib.Files})
	if err != nil {
		b.Fatal(err)
	}
	g := h.current()
	return g, &g.routes[slices.IndexFunc(g.routes, func(r route) bool { return r.Pattern == "7xxxx" })]
}

// What it costs to give a call its state and a handler of the Chorus dialplan in it.
func BenchmarkStateOfACall(b *testing.B) {
	g, r := chorus(b)
	b.ReportAllocs()
	for b.Loop() {
		sc := newScript(b.Context(), g.host, g, nil)
		sc.s.Value(r.handler)
		sc.close()
	}
}

// What it costs to read and run the Chorus dialplan, once for a generation.
func BenchmarkGeneration(b *testing.B) {
	g, _ := chorus(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.host.compileAll(b.Context(), g.files); err != nil {
			b.Fatal(err)
		}
	}
}

// What calls take that wait in a primitive, four functions deep, and have used what their handler uses: memory of the
// state and stack of the goroutine.
func BenchmarkWaitingCalls(b *testing.B) {
	g, r := chorus(b)
	chunk, err := sandbox.Parse([]byte("local site = require \"site\"\nlocal used = { site.assistants.answer, site.ring.extension }\n"+
		"local function go(n, wait)\n if n == 0 then wait() return #used end\n local r = go(n - 1, wait)\n return r\nend\nreturn go"), "deep.lua")
	if err != nil {
		b.Fatal(err)
	}
	deep, err := sandbox.Compile(chunk, "deep.lua")
	if err != nil {
		b.Fatal(err)
	}
	const calls = 500
	for b.Loop() {
		before := memory()
		release := make(chan struct{})
		var waiting, ended sync.WaitGroup
		waiting.Add(calls)
		for range calls {
			ended.Go(func() {
				sc := newScript(b.Context(), g.host, g, nil)
				defer sc.close()
				sc.handler = sc.s.Value(r.handler).(*lua.LFunction)
				run, err := sc.s.Call(sc.s.Load(deep))
				if err == nil {
					_, err = sc.s.Call(run, lua.LNumber(3), sc.s.L.NewFunction(func(*lua.LState) int { waiting.Done(); <-release; return 0 }))
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		waiting.Wait()
		heap, stack := memory().since(before)
		b.ReportMetric(float64(heap)/calls, "heap-B/call")
		b.ReportMetric(float64(stack)/calls, "stack-B/call")
		close(release)
		ended.Wait()
	}
}

type used struct{ heap, stack int }

func memory() used {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{int(m.HeapAlloc), int(m.StackInuse)}
}

func (u used) since(v used) (heap, stack int) { return u.heap - v.heap, u.stack - v.stack }
