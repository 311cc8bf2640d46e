package site

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/memory"
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
	closeStore := func() error { return nil }
	if data != "" {
		db, err := openStore(data, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			return x, nil, err
		}
		closeStore = db.Close
		x.Engine.Store, x.Mail = db, os.DirFS(filepath.Join(data, voicemailDir))
	} else if x.Engine.Store, err = storeOfLines(ctx, dir); err != nil {
		return x, nil, err
	}
	fail := func(err error) (explain.Exchange, func() error, error) { return x, nil, errors.Join(err, closeStore()) }
	if x.Directory, err = openDirectory(ctx, memory.Over(x.Engine.Store, nil)); err != nil {
		return fail(err)
	}
	x.Host, err = scripts.Open(scripts.Options{
		Dir: dir, Stdlib: stdlib.Files, Language: config.Language, Trunks: config.TrunkNames(), Prompts: x.Engine.Prompts,
	})
	if err != nil {
		x.Directory.Close()
		return fail(err)
	}
	return x, func() error { x.Directory.Close(); return closeStore() }, nil
}

// openDirectory is the directory of a store, without its secrets.
func openDirectory(ctx context.Context, s store.Store) (*directory.Directory, error) {
	return directory.Open(ctx, s, directory.Options{Realm: "explain", Simulated: true})
}

// storeOfLines has the lines in a site's lines.csv, if there is one, and their mailboxes.
func storeOfLines(ctx context.Context, dir string) (store.Store, error) {
	s := memory.New(nil)
	f, err := os.Open(filepath.Join(dir, linesFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &manage.Data{}
	if d.Directory, err = openDirectory(ctx, s); err != nil {
		return nil, err
	}
	defer d.Directory.Close()
	if d.Boxes, err = mailbox.Open(ctx, mailbox.Options{Store: s, Simulated: true}); err != nil {
		return nil, err
	}
	_, err = d.ImportLines(ctx, f)
	return s, errors.Join(err, d.Boxes.Close())
}
