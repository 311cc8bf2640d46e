package cmd

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"

	"github.com/belfry-pbx/belfry/engine/callog"
)

type callsCmd struct {
	dataFlag
	History int `short:"n" placeholder:"N" help:"Show the last N calls instead."`
}

func (k *callsCmd) Run(ctx context.Context, c *console) error {
	if k.History < 0 {
		return usage("", "--history takes a number of calls")
	}
	if k.History > 0 {
		return k.history(ctx, c)
	}
	m, err := k.client(ctx)
	if err != nil {
		return err
	}
	calls, err := m.Calls(ctx)
	if err != nil {
		return err
	}
	return c.answer(orEmpty(calls), func() {
		if len(calls) == 0 {
			c.say("There are no calls now. The last ones: belfry calls --history 10")
			return
		}
		var rows [][]string
		for _, one := range calls {
			rows = append(rows, []string{short(one.ID), dash(one.From), dash(one.FromName), one.To, dash(one.With), string(one.State), seconds(one.Age.Seconds()), dash(one.Route)})
		}
		c.table([]string{"id", "from", "name", "to", "with", "state", "age>", "extension"}, rows)
	})
}

func (k *callsCmd) history(ctx context.Context, c *console) error {
	m, done, err := k.open(ctx, c)
	if err != nil {
		return err
	}
	records, err := m.History(ctx, k.History)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return c.answer(orEmpty(records), func() {
		if len(records) == 0 {
			c.say("There have been no calls.")
			return
		}
		var rows [][]string
		for _, r := range records {
			rows = append(rows, []string{short(r.ID), when(r.Start), dash(r.From), r.To, r.Outcome, dash(r.By), talked(r)})
		}
		c.table([]string{"id", "time", "from", "to", "outcome", "by", "length>"}, rows)
	})
}

func talked(r callog.Record) string {
	if r.Answered.IsZero() {
		return "-"
	}
	return seconds(r.End.Sub(r.Answered).Seconds())
}

// short is as much of a call's id as people need to tell calls apart.
func short(id string) string { return id[:min(4, len(id))] }

type reloadCmd struct {
	dataFlag
}

func (r *reloadCmd) Run(ctx context.Context, c *console) error {
	m, err := r.client(ctx)
	if err != nil {
		return err
	}
	did, err := m.Reload(ctx)
	if err != nil {
		return err
	}
	return c.answer(did, func() { c.printf("%s\n", did.Text) })
}

type versionCmd struct{}

// version is what the program was built from: the release's tag, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "development" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v
}

func (*versionCmd) Run(c *console) error {
	v := struct {
		Version string `json:"version"`
		Go      string `json:"go"`
		System  string `json:"system"`
	}{version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	return c.answer(v, func() { c.printf("belfry %s   %s %s\n", v.Version, v.Go, v.System) })
}
