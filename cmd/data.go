package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/control"
	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
)

// dataFlag says which exchange a verb is about, by its data folder.
type dataFlag struct {
	Data string `env:"BELFRY_DATA" placeholder:"DIR" help:"The exchange's data folder. Default: ./data, or that of the exchange that runs."`
}

// newFlag is for verbs that may be the first to use a data folder.
type newFlag struct {
	dataFlag
	Site string `default:"." placeholder:"DIR" help:"The dialplan's folder, whose realm a new data folder gets."`
}

// open makes a data folder that does not exist.
func (n newFlag) open(ctx context.Context, c *console) (manage.Manager, func() error, error) {
	return n.dataFlag.reach(ctx, c, n.Site)
}

// open reaches the exchange: over its control socket when it runs, else its data folder itself.
func (d dataFlag) open(ctx context.Context, c *console) (manage.Manager, func() error, error) {
	return d.reach(ctx, c, "")
}

// reach is open; newFor is the site for which a data folder is made that does not exist, "" for none.
func (d dataFlag) reach(ctx context.Context, c *console, newFor string) (manage.Manager, func() error, error) {
	dir, err := d.folder(ctx, newFor != "")
	if err != nil {
		return nil, nil, err
	}
	if m, err := running(ctx, dir); m != nil || err != nil {
		return m, func() error { return nil }, err
	}
	switch _, err := os.Stat(filepath.Join(dir, site.DatabaseFile)); {
	case errors.Is(err, os.ErrNotExist) && newFor == "":
		return nil, nil, yours("name the folder with --data, or start the exchange: belfry serve", "%s holds no exchange's data", dir)
	case errors.Is(err, os.ErrNotExist):
		c.say("%s is new", dir)
	}
	data, closeData, err := site.OpenData(ctx, dir, newFor)
	if errors.Is(err, site.ErrHeld) {
		return nil, nil, world("", "%s", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	return data, closeData, nil
}

// client reaches an exchange that must be running.
func (d dataFlag) client(ctx context.Context) (manage.Manager, error) {
	dir, err := d.folder(ctx, false)
	if err != nil {
		return nil, err
	}
	m, err := running(ctx, dir)
	if m == nil && err == nil {
		err = noServer("start it with: belfry serve --data "+dir+"   or try: belfry demo", "no exchange is running on %s", dir)
	}
	return m, err
}

// running is the exchange that runs on a data folder, nil if none does.
func running(ctx context.Context, dir string) (manage.Manager, error) {
	socket := filepath.Join(dir, site.DefaultControl)
	if e, ok := control.Holder(dir); ok {
		socket = e.Socket
	}
	m := control.NewClient(socket)
	_, err := m.Status(ctx)
	if errors.Is(err, manage.ErrNotRunning) {
		return nil, nil
	}
	return m, err
}

// folder is the one that was named, else ./data if there is one, else that of the exchange that
// was started last. create: ./data if there is nothing else.
func (d dataFlag) folder(ctx context.Context, create bool) (string, error) {
	if d.Data != "" {
		return filepath.Abs(d.Data)
	}
	here, err := filepath.Abs(site.DefaultData)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(here, site.DatabaseFile)); err == nil {
		return here, nil
	}
	all, err := control.Find(control.Runtime())
	if err != nil {
		return "", world("", "looking for running exchanges: %s", err)
	}
	for _, e := range all {
		if _, err := control.NewClient(e.Socket).Status(ctx); err == nil {
			return e.Data, nil
		}
	}
	if create {
		return here, nil
	}
	return "", noServer("start one: belfry demo   or name a data folder: --data DIR", "no exchange is running, and there is no ./%s", site.DefaultData)
}
