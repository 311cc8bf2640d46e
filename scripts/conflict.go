package scripts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// conflict finds an earlier extension that would take the same calls with the same right:
// neither pattern is the more specific, some number is in both, and some caller may reach both.
func (g *generation) conflict(earlier []route, r route) *diag.Problem {
	p, err := pattern.Parse(r.Pattern)
	if err != nil {
		return nil // Mux.Add says so
	}
	for _, e := range earlier {
		q, err := pattern.Parse(e.Pattern)
		if err != nil || pattern.Compare(p, q) != 0 || !pattern.Overlaps(p, q) || !sameCallers(e.From, r.From) {
			continue
		}
		problem := g.place(r)
		problem.Code = diag.CodeConflict
		problem.Message = fmt.Sprintf("extension %q takes the same calls as the one at %s", r.Pattern, e.Where)
		if e.Pattern != r.Pattern {
			problem.Message = fmt.Sprintf("extension %q and %q at %s share numbers, and neither is more specific", r.Pattern, e.Pattern, e.Where)
		}
		problem.Hint = "keep one, or give them different callers: from ="
		return &problem
	}
	return nil
}

// sameCallers tells whether some caller may reach both.
func sameCallers(a, b []string) bool {
	if slices.Contains(a, "any") || slices.Contains(b, "any") {
		return true
	}
	return slices.ContainsFunc(a, func(f string) bool { return slices.Contains(b, f) })
}

// checkFrom says what is wrong with an extension's from, or "".
func checkFrom(from []string) string {
	for _, f := range from {
		if f != "lines" && f != "any" && (!strings.HasPrefix(f, "trunk:") || f == "trunk:") {
			return fmt.Sprintf(`from = %q is neither "lines", "any" nor "trunk:NAME"`, f)
		}
	}
	return ""
}
