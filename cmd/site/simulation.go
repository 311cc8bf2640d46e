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
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
	"github.com/belfry-pbx/belfry/scripts/settings"
	"github.com/belfry-pbx/belfry/stdlib"
)

// testStart is what the clock of a test shows at first, unless t:at sets it: a Monday at noon, as the machine's time zone has it.
func testStart() time.Time { return time.Date(2026, time.January, 5, 12, 0, 0, 0, time.Local) }

// Simulation makes simulated exchanges of a site: with its settings, its prompts and the lines of its lines.csv.
type Simulation struct {
	options engine.Options
	host    *scripts.Host
	begin   *sim.Site // what all begin with
	pool    sim.Pool
}

// Simulate loads a site for its tests. What is wrong with it can be had by Problems.
func Simulate(ctx context.Context, dir string) (*Simulation, error) {
	config, err := loadForTests(dir)
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
	if s.begin, err = sim.NewSite(ctx); err != nil {
		return nil, err
	}
	if err := s.importLines(ctx, filepath.Join(dir, linesFile)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// loadForTests reads the settings of a site. Nobody asks for the trunks' secrets here: tests run where there are none.
func loadForTests(dir string) (Config, error) {
	read, err := settings.Load(dir, settings.Options{Secret: func(string) (string, bool) { return "simulated", true }})
	return Config{Settings: read, Debian: DebianSounds}, err
}

// Host has the dialplan.
func (s *Simulation) Host() *scripts.Host { return s.host }

// Close lets go of what the exchanges begin with.
func (s *Simulation) Close() error {
	s.pool.Close()
	return s.begin.Close()
}

func (s *Simulation) importLines(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	data := &manage.Data{Directory: s.begin.Directory(), Boxes: s.begin.Mailboxes()}
	if _, err = data.ImportLines(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Open makes an exchange, for dialtest.Options.
func (s *Simulation) Open(o dialtest.OpenOptions) (dialtest.Exchange, error) {
	if o.Start.IsZero() {
		o.Start = testStart()
	}
	world, options := s.pool.NewWorld(o.Start), s.options
	options.Log = o.Log
	if o.Trace != nil {
		options.Trace = o.Trace(world)
	}
	x, err := sim.New(sim.Options{Engine: options, World: world, Site: s.begin, Change: o.Change})
	if err != nil {
		return nil, err
	}
	return dialtest.Simulated(x), nil
}
