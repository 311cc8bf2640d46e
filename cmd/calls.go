package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
)

type callsCmd struct {
	dataFlag
	History int  `short:"n" placeholder:"N" help:"Show the last N calls instead."`
	Legs    bool `short:"l" help:"Show how the sound of each phone on a call fares: codec, packets, loss, jitter."`
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
		if k.Legs {
			showLegs(c, calls)
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
		if k.Legs {
			for _, r := range records {
				for _, l := range r.Legs {
					rows = append(rows, append([]string{short(r.ID), when(r.Start)}, figures(l)...))
				}
			}
			c.table(append([]string{"id", "time"}, figureNames()...), rows)
			return
		}
		for _, r := range records {
			rows = append(rows, []string{short(r.ID), when(r.Start), dash(r.From), r.To, r.Outcome, dash(r.By), talked(r)})
		}
		c.table([]string{"id", "time", "from", "to", "outcome", "by", "length>"}, rows)
	})
}

// showLegs prints one leg a line, those of a call together.
func showLegs(c *console, calls []engine.CallInfo) {
	var rows [][]string
	for _, one := range calls {
		for _, l := range one.Legs {
			rows = append(rows, append([]string{short(one.ID), string(one.Sound)}, figures(l.Leg)...))
		}
	}
	c.table(append([]string{"id", "sound"}, figureNames()...), rows)
}

// figureNames are the columns of figures. "lost" is of what came from the phone, "lost there" of what went to it.
func figureNames() []string {
	return []string{"phone", "codec", "in>", "out>", "lost>", "lost there>", "jitter>", "rtt>", "dropped"}
}

func figures(l callog.Leg) []string {
	var dropped []string
	for reason, n := range l.Dropped {
		dropped = append(dropped, fmt.Sprintf("%s %d", reason, n))
	}
	slices.Sort(dropped)
	return []string{dash(l.Number), dash(l.Codec), strconv.FormatUint(l.In, 10), strconv.FormatUint(l.Out, 10),
		strconv.FormatInt(l.Lost, 10), strconv.FormatInt(l.RemoteLost, 10), ms(l.Jitter), ms(l.RTT), dash(strings.Join(dropped, ", "))}
}

func ms(v float64) string {
	if v == 0 {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', -1, 64) + " ms"
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
