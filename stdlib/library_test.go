package stdlib_test

import (
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// The tests in Lua, x_test.lua beside x.lua: belfry test stdlib.
func TestLibrary(t *testing.T) {
	s, err := site.Simulate(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	report, err := dialtest.Run(t.Context(), dialtest.Options{Host: s.Host(), Open: s.Open, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, failed, _ := report.Count(); failed > 0 {
		report.Print(t.Output(), dialtest.Style{Dir: "stdlib"})
		t.Fail()
	}
}
