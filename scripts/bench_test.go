package scripts

import (
	"os"
	"slices"
	"testing"

	"github.com/belfry-pbx/belfry/stdlib"
)

// What it costs to give a call its state and a handler of the Chorus dialplan in it.
func BenchmarkStateOfACall(b *testing.B) {
	dir := "../dialplans/chorus"
	if _, err := os.Stat(dir); err != nil {
		b.Fatal(err)
	}
	h, err := Open(Options{Dir: dir, Stdlib: stdlib.Files})
	if err != nil {
		b.Fatal(err)
	}
	g := h.current()
	r := &g.routes[slices.IndexFunc(g.routes, func(r route) bool { return r.Pattern == "7xxxx" })]
	b.ReportAllocs()
	for b.Loop() {
		sc := newScript(b.Context(), g, nil)
		sc.copies.value(r.handler)
		sc.close()
	}
}
