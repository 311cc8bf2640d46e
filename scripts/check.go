package scripts

import (
	"context"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/diag"
)

func luaText(s string) lua.LValue { return lua.LString(s) }

// Check finds what is wrong with a dialplan without serving it: all that Open would refuse, and
// what is wrong with its tests. o.Engine may be nil; with o.Prompts nil, prompts are not looked for.
func Check(ctx context.Context, o Options) ([]diag.Problem, error) {
	h, err := newHost(o)
	if err != nil {
		return Problems(err), ignoreLoad(err)
	}
	files, err := readDir(o.Dir)
	if err != nil {
		return nil, err
	}
	var problems []diag.Problem
	for _, name := range sortedNames(files) {
		if !isTest(name) {
			continue
		}
		if problem := files[name].compile(); problem != nil {
			problems = append(problems, *problem)
			continue
		}
		problems = append(problems, h.static(files[name], files)...)
	}
	_, err = h.compileAll(ctx, files)
	problems = append(Problems(err), problems...)
	slices.SortStableFunc(problems, func(a, b diag.Problem) int {
		if a.File != b.File {
			if a.File < b.File {
				return -1
			}
			return 1
		}
		return a.Line - b.Line
	})
	return problems, ignoreLoad(err)
}

// ignoreLoad is nil for an error that is told as problems.
func ignoreLoad(err error) error {
	if Problems(err) != nil {
		return nil
	}
	return err
}
