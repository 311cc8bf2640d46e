package scripts

import (
	"cmp"
	"context"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

func luaText(s string) lua.LValue { return lua.LString(s) }

// Check finds what is wrong with a dialplan without serving it: all that Open would refuse or warn of, and what is wrong
// with its tests. o.Engine may be nil; with o.Prompts nil, prompts are not looked for.
func Check(ctx context.Context, o Options) ([]diag.Problem, error) {
	h, err := newHost(o)
	if err != nil {
		return Problems(err), ignoreLoad(err)
	}
	files, err := readDir(o.Dir)
	if err != nil {
		return nil, err
	}
	g, err := h.compileAll(ctx, files)
	tests := h.static(files, isTest)
	if err == nil {
		g.lookAtMentions(g.plan(), tests)
	}
	problems := slices.Concat(Problems(err), g.warnings, tests.errors, tests.warnings)
	sortProblems(problems)
	return problems, ignoreLoad(err)
}

func sortProblems(list []diag.Problem) {
	slices.SortStableFunc(list, func(a, b diag.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// ignoreLoad is nil for an error that is told as problems.
func ignoreLoad(err error) error {
	if Problems(err) != nil {
		return nil
	}
	return err
}
