package site

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/explain"
	"github.com/belfry-pbx/belfry/stdlib"
)

// linesFile is where a site may list its lines, for when it has no data yet.
const linesFile = "lines.csv"

// OpenExplained loads a site whose exchange does not run, so that its calls can be explained: with the data of a
// folder, or, where data is "", with the lines of its lines.csv. Nothing is written.
func OpenExplained(ctx context.Context, dir, data string) (x explain.Exchange, closeAll func() error, err error) {
	config, err := LoadConfig(dir)
	if err != nil {
		return x, nil, err
	}
	x.Engine = config.engineOptions(config.PromptLibrary(dir, nil, nil))
	x.Host, err = scripts.Open(scripts.Options{
		Dir: dir, Stdlib: stdlib.Files, Language: config.Language, Trunks: config.TrunkNames(), Prompts: x.Engine.Prompts,
	})
	if err != nil {
		return x, nil, err
	}
	if data == "" {
		if x.Site, err = siteOfLines(ctx, filepath.Join(dir, linesFile)); err != nil {
			return x, nil, err
		}
		return x, x.Site.Close, nil
	}
	db, err := openStore(data, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return x, nil, err
	}
	if x.Site, err = siteOver(ctx, db, data); err != nil {
		return x, nil, errors.Join(err, db.Close())
	}
	return x, func() error { return errors.Join(x.Site.Close(), db.Close()) }, nil
}

// siteOver is what an exchange keeps, to be read and not changed.
func siteOver(ctx context.Context, s store.Store, data string) (*sim.Site, error) {
	disk, err := mailbox.Over(os.DirFS(filepath.Join(data, voicemailDir)))
	if err != nil {
		return nil, err
	}
	return sim.SiteOver(ctx, s, disk)
}

// siteOfLines has the lines in a lines.csv, if there is one, and their mailboxes.
func siteOfLines(ctx context.Context, file string) (*sim.Site, error) {
	s, err := sim.NewSite(ctx)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	defer f.Close()
	d := &manage.Data{Directory: s.Directory(), Boxes: s.Mailboxes()}
	if _, err := d.ImportLines(ctx, f); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
