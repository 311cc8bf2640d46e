package dialtest

import (
	"slices"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
)

// Tests of an exchange that runs by itself, for others too.

const needsOwn = "it needs an exchange of its own"

// own is a binding of what changes an exchange, or looks into it.
func own(b scripts.Binding) scripts.Binding {
	return func(a scripts.Args, self any) (any, error) {
		t, ok := self.(*test)
		if !ok {
			t = self.(*party).t
		}
		if t.x.Engine() == nil {
			return nil, &LeftOut{Why: needsOwn}
		}
		return b(a, self)
	}
}

// engineCalls are the calls of the test's exchange. Those of a running one may be anybody's.
func (t *test) engineCalls() []engine.CallInfo {
	if e := t.x.Engine(); e != nil {
		return e.Calls()
	}
	return nil
}

// stories are those of the test's calls so far.
func (t *test) stories() []trace.Trace {
	if r, ok := t.x.(Running); ok && t.attempt.story != nil {
		return r.Stories()
	}
	return t.attempt.story.calls()
}

// mustRunWith says what is wrong with a number that is no line's of an exchange that runs.
func mustRunWith(r Running, number string) error {
	lines, err := r.Lines()
	if err != nil || slices.Contains(lines, number) {
		return err
	}
	hint := "belfry line list shows those there are"
	if near := nearest(number, lines); near != "" {
		hint = "did you mean \"" + near + "\"? " + hint
	}
	return &scripts.Mistake{Word: number, Message: "the exchange that runs has no line " + number, Hint: hint}
}
