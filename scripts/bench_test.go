package scripts

import (
	"os"
	"testing"

	"github.com/belfry-pbx/belfry/stdlib"
)

// What it costs to give a call its state, with the whole of the Chorus dialplan in it.
func BenchmarkLoadIntoAState(b *testing.B) {
	dir := "../dialplans/chorus"
	if _, err := os.Stat(dir); err != nil {
		b.Fatal(err)
	}
	h, err := Open(Options{Dir: dir, Stdlib: stdlib.Files})
	if err != nil {
		b.Fatal(err)
	}
	g := h.current()
	b.ReportAllocs()
	for b.Loop() {
		sc := newScript(b.Context(), g, nil)
		sc.wanted = &g.routes[0].key
		if err := sc.loadMain(); err != nil || sc.handler == nil {
			b.Fatal(err)
		}
		sc.close()
	}
}
