package site

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/explain"
	"github.com/belfry-pbx/belfry/stdlib"
)

// linesFile is where a site may list its lines, for when it has no data yet.
const linesFile = "lines.csv"

// OpenExplained loads a site whose exchange does not run, so that its calls can be explained: with the data of a
// folder, or, where data is "", with the lines of its lines.csv.
func OpenExplained(ctx context.Context, dir, data string) (x explain.Exchange, closeAll func() error, err error) {
	config, err := LoadConfig(dir)
	if err != nil {
		return x, nil, err
	}
	if data != "" {
		var d *manage.Data
		if d, closeAll, err = OpenData(ctx, data, dir); err != nil {
			return x, nil, err
		}
		x.Directory = d.Directory
	} else if x.Directory, closeAll, err = openLines(ctx, dir); err != nil {
		return x, nil, err
	}
	x.Trunks = config.TrunkNames()
	x.Host, err = scripts.Open(scripts.Options{Dir: dir, Stdlib: stdlib.Files, Language: config.Language, Trunks: x.Trunks})
	if err != nil {
		return x, nil, errors.Join(err, closeAll())
	}
	return x, closeAll, nil
}

// openLines is a directory of the lines in a site's lines.csv, which is thrown away when it is closed.
func openLines(ctx context.Context, dir string) (_ *directory.Directory, closeAll func() error, err error) {
	scratch, err := os.MkdirTemp("", "belfry-explain-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(scratch) }
	db, err := openStore(scratch, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	d, err := directory.Open(ctx, db, directory.Options{Realm: "explain", KeyFile: filepath.Join(scratch, keyFile)})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close(), remove())
	}
	closeAll = func() error {
		d.Close()
		return errors.Join(db.Close(), remove())
	}
	if err := importLines(ctx, d, filepath.Join(dir, linesFile)); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return d, closeAll, nil
}

// importLines reads a lines.csv, if there is one.
func importLines(ctx context.Context, d *directory.Directory, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return manage.ImportDirectory(ctx, d, f)
}
