package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/sim"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
	"github.com/belfry-pbx/belfry/stdlib"
)

// testStart is what the clock of a test shows at first, unless t:at sets it: a Monday at noon, as the machine's time zone has it.
func testStart() time.Time { return time.Date(2026, time.January, 5, 12, 0, 0, 0, time.Local) }

// Simulation makes simulated exchanges of a site: with its settings, its prompts and the lines of its lines.csv.
type Simulation struct {
	options engine.Options
	base    string
	host    *scripts.Host
}

// Simulate loads a site for its tests. What is wrong with it can be had by Problems.
func Simulate(ctx context.Context, dir string) (*Simulation, error) {
	config, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	prompts := config.PromptLibrary(dir, nil, nil)
	s := &Simulation{options: config.engineOptions(prompts)}
	s.host, err = scripts.Open(scripts.Options{Dir: dir, Stdlib: stdlib.Files, Prompts: prompts, Language: config.Language,
		Trunks: config.TrunkNames(), Bindings: dialtest.Bindings()})
	if err != nil {
		return nil, err
	}
	if s.base, err = os.MkdirTemp("", "belfry-test"); err != nil {
		return nil, err
	}
	if err := s.importLines(ctx, filepath.Join(dir, linesFile)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Host has the dialplan.
func (s *Simulation) Host() *scripts.Host { return s.host }

// Close lets go of what the exchanges begin with.
func (s *Simulation) Close() error { return os.RemoveAll(s.base) }

func (s *Simulation) importLines(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	x, closeAll, err := s.open(s.base, dialtest.OpenOptions{})
	if err != nil {
		return err
	}
	e := x.Engine()
	data := &manage.Data{Directory: e.Directory(), Boxes: e.Mailboxes(), Log: e.CallLog()}
	if _, err = data.ImportLines(ctx, f); err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return errors.Join(err, closeAll())
}

func (s *Simulation) open(dir string, o dialtest.OpenOptions) (*sim.Exchange, func() error, error) {
	db, err := bolt.Open(filepath.Join(dir, DatabaseFile), bolt.Options{})
	if err != nil {
		return nil, nil, err
	}
	options := s.options
	options.Store, options.Data, options.Log, options.Trace = db, dir, o.Log, o.Trace
	if o.Start.IsZero() {
		o.Start = testStart()
	}
	x, err := sim.New(sim.Options{Engine: options, Start: o.Start})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return x, func() error { return errors.Join(x.Close(), db.Close()) }, nil
}

// Open makes an exchange, for dialtest.Options.
func (s *Simulation) Open(o dialtest.OpenOptions) (dialtest.Exchange, error) {
	dir, err := os.MkdirTemp(s.base, "x")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{DatabaseFile, keyFile, filepath.Join(voicemailDir, "pin.key")} {
		b, err := os.ReadFile(filepath.Join(s.base, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		to := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600)); err != nil {
			return nil, err
		}
	}
	x, closeAll, err := s.open(dir, o)
	if err != nil {
		return nil, err
	}
	return closing{dialtest.Simulated(x), closeAll}, nil
}

type closing struct {
	dialtest.Exchange
	close func() error
}

func (c closing) Close() error { return c.close() }
