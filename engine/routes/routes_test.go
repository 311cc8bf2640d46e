package routes_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/routes"
)

func TestTo(t *testing.T) {
	table := routes.New(clock.NewFake(time.Unix(0, 0)))
	for _, host := range []string{"127.0.0.1", "::1", "127.0.0.1"} {
		if got, err := table.To(t.Context(), host); err != nil || got != netip.MustParseAddr(host) {
			t.Errorf("To(%s) = %v, %v; want the address itself", host, got, err)
		}
	}
}

// What was asked a moment ago is not asked again; later it is.
func TestToRemembersForAWhile(t *testing.T) {
	now := clock.NewFake(time.Unix(0, 0))
	table := routes.New(now)
	if _, err := table.To(t.Context(), "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // with which nothing can be asked
	if _, err := table.To(gone, "127.0.0.1"); err != nil {
		t.Error("asked again at once:", err)
	}
	now.Advance(time.Minute)
	if _, err := table.To(gone, "127.0.0.1"); err == nil {
		t.Error("a minute later it still believes the old answer")
	}
}
