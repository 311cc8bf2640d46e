package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

type explainCmd struct {
	dataFlag
	From string `arg:"" optional:"" help:"Who calls: a line's number, a caller from outside (+44…, \"Joe <+44…>\", anonymous), or trunk:NAME/NUMBER."`
	To   string `arg:"" optional:"" help:"The number that is dialled."`
	At   string `placeholder:"TIME" help:"When: \"14:00\", \"sat 14:00\", \"2026-11-28 14:00\". Default: now."`
	Site string `placeholder:"DIR" help:"The dialplan's folder. Default: that of the exchange that runs, else this folder."`
	All  bool   `help:"List the number plan: all extensions, in the order in which they are tried."`
}

func (k *explainCmd) Run(ctx context.Context, c *console) error {
	switch {
	case k.All && (k.From != "" || k.At != ""):
		return usage("belfry explain --all", "--all lists all extensions, whoever calls")
	case !k.All && k.To == "":
		return usage("belfry explain FROM TO: belfry explain 77513 15902", "explain wants who calls and what is dialled")
	}
	q := explain.Question{From: k.From, To: k.To}
	if k.At != "" {
		at, err := explain.ParseTime(k.At, time.Now())
		var wrong *explain.Error
		if errors.As(err, &wrong) {
			return usage(wrong.Hint, "--at: %s", wrong.What)
		}
		q.At = at
	}
	m, done, err := k.explainer(ctx)
	if err != nil {
		return err
	}
	if k.All {
		plan, err := m.Plan(ctx)
		if err := errors.Join(err, done()); err != nil {
			return err
		}
		return c.answer(orEmpty(plan), func() { showPlan(c, plan) })
	}
	a, err := m.Explain(ctx, q)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(a, func() { showAnswer(c, a) })
}

// explainer answers: the exchange that runs, or the site and the data of one that does not.
type explainer interface {
	Explain(ctx context.Context, q explain.Question) (*explain.Answer, error)
	Plan(ctx context.Context) ([]explain.Rule, error)
}

// explainer finds out who answers. The exchange that runs does, unless another site than its own is asked for.
func (k *explainCmd) explainer(ctx context.Context) (explainer, func() error, error) {
	data, m, err := k.exchange(ctx)
	if err != nil {
		return nil, nil, err
	}
	if m != nil {
		mine, err := k.runs(ctx, m)
		if err != nil || mine {
			return m, func() error { return nil }, err
		}
		if k.Data != "" {
			return nil, nil, yours("leave out --site to ask it, or --data to explain the site by itself", "the exchange that runs on %s has another dialplan than %s", data, k.Site)
		}
		data = ""
	}
	dir := k.Site
	if dir == "" {
		dir = "."
	}
	if _, err := os.Stat(filepath.Join(dir, "main.lua")); err != nil {
		if k.Site != "" {
			return nil, nil, yours("name the folder that holds main.lua", "%s is no dialplan's folder", dir)
		}
		return nil, nil, noServer("name a dialplan's folder: --site DIR   or start an exchange: belfry demo", "no exchange is running, and this folder has no main.lua")
	}
	x, done, err := site.OpenExplained(ctx, dir, data)
	switch {
	case errors.Is(err, site.ErrHeld):
		return nil, nil, world("", "%s", err)
	case site.Problems(err) != nil:
		f := &failure{code: exitYours, what: dir + " has " + plural(len(site.Problems(err)), "problem"), do: "belfry check " + dir}
		for _, p := range site.Problems(err) {
			f.more = append(f.more, p.String())
		}
		return nil, nil, f
	case err != nil:
		f := asFailure(err)
		if f.what = dir + ": " + f.what; data == "" {
			f.code = exitYours // there are only the site's files that could be at fault
		}
		return nil, nil, f
	}
	return siteExplainer{x}, done, nil
}

// exchange is the data folder that is meant, and the exchange that runs on it, if one does; "" if there is no data.
func (k *explainCmd) exchange(ctx context.Context) (data string, m manage.Manager, err error) {
	data, err = k.folder(ctx, false)
	var f *failure
	if errors.As(err, &f) && f.code == exitServer {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	if m, err = running(ctx, data); m != nil || err != nil {
		return data, m, err
	}
	if _, err := os.Stat(filepath.Join(data, site.DatabaseFile)); err != nil {
		return "", nil, yours("name the folder with --data, or leave it out to explain a site by itself", "%s holds no exchange's data", data)
	}
	return data, nil, nil
}

// runs tells whether the running exchange's site is the one that is asked for.
func (k *explainCmd) runs(ctx context.Context, m manage.Manager) (bool, error) {
	if k.Site == "" {
		return true, nil
	}
	s, err := m.Status(ctx)
	if err != nil {
		return false, err
	}
	dir, err := filepath.Abs(k.Site)
	if err != nil {
		return false, err
	}
	return dir == s.Site, nil
}

// siteExplainer answers for an exchange that does not run.
type siteExplainer struct{ x explain.Exchange }

func (s siteExplainer) Explain(ctx context.Context, q explain.Question) (*explain.Answer, error) {
	if q.At.IsZero() {
		q.At = time.Now()
	}
	return explain.Explain(ctx, s.x, q)
}

func (s siteExplainer) Plan(context.Context) ([]explain.Rule, error) {
	return explain.Plan(s.x.Host), nil
}
