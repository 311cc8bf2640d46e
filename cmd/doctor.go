package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/belfry-pbx/belfry/cmd/doctor"
	"github.com/belfry-pbx/belfry/cmd/site"
)

type doctorCmd struct {
	dataFlag
	Site string `placeholder:"DIR" help:"The dialplan's folder. Default: that of the exchange that runs, or the current one if it has a main.lua."`
}

func (k *doctorCmd) Run(ctx context.Context, c *console) error {
	x, err := k.look(ctx)
	if err != nil {
		return err
	}
	all := doctor.Examine(x)
	if err := c.answer(all, func() { showChecks(c, all) }); err != nil {
		return err
	}
	problems, warnings := 0, 0
	for _, one := range all {
		switch one.Level {
		case doctor.Problem:
			problems++
		case doctor.Warning:
			warnings++
		}
	}
	switch {
	case problems > 0:
		return &failure{code: exitYours, what: fmt.Sprintf("%s, %s", plural(problems, "problem"), plural(warnings, "warning"))}
	case warnings > 0:
		c.say("no problems, %s", plural(warnings, "warning"))
	default:
		c.say("no problems")
	}
	return nil
}

// look finds the exchange and its site.
func (k *doctorCmd) look(ctx context.Context) (x doctor.Exchange, err error) {
	x.Data, err = k.folder(ctx, true)
	if err != nil {
		return x, err
	}
	m, err := running(ctx, x.Data)
	if err != nil {
		return x, err
	}
	x.Site = k.Site
	if m != nil {
		status, err := m.Status(ctx)
		if err != nil {
			return x, err
		}
		x.Running = &status
		if x.Site == "" {
			x.Site = status.Site
		}
	}
	if x.Site == "" && hasDialplan(".") {
		x.Site = "."
	}
	if x.Site != "" {
		if !hasDialplan(x.Site) {
			return x, yours("name the dialplan's folder with --site", "%s holds no dialplan: there is no main.lua", x.Site)
		}
		if x.Problems, err = check(ctx, x.Site); err != nil {
			return x, fmt.Errorf("checking %s: %w", x.Site, err)
		}
	}
	config, err := site.LoadConfig(x.Site) // the default settings where there is no site
	switch {
	case err == nil:
		x.Config = &config
	case site.Problems(err) != nil: // they are told already
		err = nil
	}
	return x, err
}

func hasDialplan(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "main.lua"))
	return !errors.Is(err, os.ErrNotExist)
}

// showChecks prints one finding a line, and below it what to do.
func showChecks(c *console, all []doctor.Check) {
	colours := map[doctor.Level]string{doctor.OK: green, doctor.Warning: bold, doctor.Problem: red}
	width := 0
	for _, one := range all {
		width = max(width, len(one.Name))
	}
	for _, one := range all {
		level := c.paint(colours[one.Level], fmt.Sprintf("%-7s", one.Level))
		c.printf("%s  %-*s  %s\n", level, width, one.Name, one.Finding)
		if one.Do != "" {
			c.printf("%s%s\n", strings.Repeat(" ", 7+2+width+2), one.Do)
		}
	}
}
