package stdlib_test

import (
	"testing"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// simulate loads the exchange in which the library is tested.
func simulate(t *testing.T) *site.Simulation {
	t.Helper()
	s, err := site.Simulate(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The tests in Lua, x_test.lua beside x.lua: belfry test --cover stdlib. They leave no extension and no menu key untried.
func TestLibrary(t *testing.T) {
	s := simulate(t)
	report, err := dialtest.Run(t.Context(), dialtest.Options{Host: s.Host(), Open: s.Open, Seed: 1, Cover: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, failed, _ := report.Count(); failed > 0 {
		report.Print(t.Output(), dialtest.Style{Dir: "stdlib"})
		t.Fail()
	}
	if c := report.Cover; len(c.Extensions) > 0 || len(c.Choices) > 0 {
		c.Print(t.Output())
		t.Fail()
	}
}
