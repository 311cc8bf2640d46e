package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
	"github.com/belfry-pbx/belfry/scripts/dialtest/live"
	"github.com/belfry-pbx/belfry/stdlib"
)

// Live makes real exchanges of a site, on the loopback interface, for its tests: with its settings, its prompts and the
// lines of its lines.csv.
type Live struct {
	dir     string
	options engine.Options
	host    *scripts.Host
	sounds  *live.Sounds
}

// GoLive loads a site for tests in real time. What is wrong with it can be had by Problems.
func GoLive(ctx context.Context, dir string) (*Live, error) {
	config, err := loadForTests(dir)
	if err != nil {
		return nil, err
	}
	prompts := config.PromptLibrary(dir, nil, nil)
	l := &Live{dir: dir, options: config.engineOptions(prompts)}
	l.host, err = scripts.Open(scripts.Options{Dir: dir, Stdlib: stdlib.Files, Prompts: prompts, Language: config.Language,
		Trunks: config.TrunkNames(), Bindings: dialtest.Bindings()})
	if err != nil {
		return nil, err
	}
	l.sounds, err = live.Learn(ctx, prompts)
	return l, err
}

// Host has the dialplan.
func (l *Live) Host() *scripts.Host { return l.host }

// Close does nothing: each exchange is closed by who has opened it.
func (l *Live) Close() error { return nil }

// Open starts an exchange, for dialtest.Options.
func (l *Live) Open(o dialtest.OpenOptions) (dialtest.Exchange, error) {
	if o.Start.IsZero() {
		o.Start = testStart()
	}
	c := clock.NewJumping()
	c.Jump(o.Start.Sub(c.Now()))
	options := l.options
	options.Log = o.Log
	if o.Trace != nil {
		options.Trace = o.Trace(c)
	}
	return live.Open(context.Background(), live.Options{Engine: options, Clock: c, Sounds: l.sounds, Lines: l.lines})
}

// lines imports those of lines.csv.
func (l *Live) lines(ctx context.Context, e *engine.Engine) error {
	file := filepath.Join(l.dir, linesFile)
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	data := &manage.Data{Directory: e.Directory(), Boxes: e.Mailboxes(), Log: e.CallLog()}
	if _, err := data.ImportLines(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
