package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestFailuresOfOnePlaceAreCounted(t *testing.T) {
	e := &Errors{}
	for i := range 7 {
		e.Add(Failure{Time: start.Add(time.Duration(i) * time.Second), Call: fmt.Sprint("c", i), At: "main.lua:12", Message: "nil is no number", Stack: []string{"main.lua:12"}})
	}
	e.Add(Failure{Time: start, Call: "x", At: "main.lua:13", Message: "nil is no number"})
	all := e.List()
	if len(all) != 2 {
		t.Fatalf("there are %d groups", len(all))
	}
	g := all[0]
	if g.Count != 7 || !g.First.Equal(start) || !g.Last.Equal(start.Add(6*time.Second)) || strings.Join(g.Calls, " ") != "c6 c5 c4 c3 c2" {
		t.Errorf("the first group is %+v", g)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	e := &Errors{}
	for i := range 10 * maxGroups {
		e.Add(Failure{Time: start.Add(time.Duration(i) * time.Second), At: fmt.Sprint("main.lua:", i), Message: strings.Repeat("x", 10*maxText), Stack: make([]string, 10*maxStack)})
		e.Add(Failure{Time: start.Add(time.Duration(i) * time.Second), At: "always.lua:1"})
	}
	all := e.List()
	if len(all) != maxGroups || len(all[1].Message) > 2*maxText || len(all[1].Stack) > maxStack {
		t.Errorf("%d groups, a message of %d octets, a stack of %d", len(all), len(all[1].Message), len(all[1].Stack))
	}
	if all[0].At != "always.lua:1" || all[0].Count != 10*maxGroups {
		t.Errorf("what comes again and again has been forgotten: %+v", all[0])
	}
}
