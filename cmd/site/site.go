// Package site puts an exchange together: settings, prompts, store, engine, dialplans,
// control socket and metrics. The verbs serve and demo run one, and so do tests of whole
// exchanges.
package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/belfry-pbx/belfry/cmd/control"
	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/stdlib"
)

// Options say which site, on which data.
type Options struct {
	Dir      string        // the dialplan's folder, with settings.lua or without
	Data     string        // the data folder; made if it does not exist
	Mode     string        // "serve" or "demo", for those who ask
	Version  string        // likewise
	Override func(*Config) // changes what settings.lua says; nil: nothing
	Prompts  []fs.FS       // heard before the shipped ones, after those in the site's own folder
	Runtime  string        // where the exchange is announced; "": control.Runtime()
	Log      *slog.Logger  // nil: silent
	Clock    clock.Clock   // nil: the real one
}

// Site is an exchange that is ready to run, or runs. Close it after Run.
type Site struct {
	o       Options
	config  Config
	log     *slog.Logger
	store   *bolt.Store
	engine  *engine.Engine
	host    *scripts.Host
	data    *manage.Data
	control *control.Server
	metrics *metricsServer // nil: none
	unsay   func()         // takes the announcement back
	started time.Time

	tracing  *trace.Log    // nil: none
	failures *trace.Errors // of the dialplan

	secrets  map[string]string // see Lend
	callFrom string

	stop     chan struct{} // closed by Stop
	stopOnce sync.Once
}

// Open reads the settings and the dialplan, opens the data and binds the sockets. What is wrong
// with the dialplan or its settings is an error with Problems; a data folder in use
// is ErrHeld.
func Open(ctx context.Context, o Options) (*Site, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Runtime == "" {
		o.Runtime = control.Runtime()
	}
	s := &Site{o: o, log: o.Log, failures: &trace.Errors{}, started: time.Now(), stop: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Site) open(ctx context.Context) (err error) {
	if s.o.Dir, err = filepath.Abs(s.o.Dir); err != nil {
		return err
	}
	if s.o.Data, err = filepath.Abs(s.o.Data); err != nil {
		return err
	}
	if s.config, err = LoadConfig(s.o.Dir); err != nil {
		return err
	}
	trunks := s.config.TrunkNames() // also those that the next step leaves out: the dialplan may know them
	if s.o.Override != nil {
		s.o.Override(&s.config)
	}
	if names := s.config.Unused(); len(names) > 0 {
		s.log.Warn("this version does not act on some of the settings", "settings", strings.Join(names, " "))
	}
	if s.store, err = openStore(s.o.Data, s.o.Clock, s.log); err != nil {
		return err
	}
	was, err := rememberRealm(ctx, s.store, s.config.SIP.Realm)
	if err != nil {
		return fmt.Errorf("remembering the realm: %w", err)
	}
	if was != "" {
		s.log.Warn("the realm has changed: every line needs a new secret (belfry line set NUMBER --new-secret)", "was", was, "is", s.config.SIP.Realm)
	}
	if t := s.config.Trace; !t.Off {
		s.tracing, err = trace.Open(trace.Options{Clock: s.o.Clock},
			trace.DiskOptions{Dir: filepath.Join(s.o.Data, tracesDir), Keep: t.Keep, Size: t.Size, Log: s.log})
		if err != nil {
			return err
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	options := s.engineOptions(registry)
	if err := s.readMail(options.Mail); err != nil {
		return err
	}
	if s.engine, err = engine.New(ctx, options); err != nil {
		return err
	}
	s.data = &manage.Data{Directory: s.engine.Directory(), Boxes: s.engine.Mailboxes(), Log: s.engine.CallLog(), Tracing: s.tracing, Mail: post.Queue{Store: s.store}}
	if err := s.data.EnsureMailboxes(ctx); err != nil {
		return err
	}
	s.host, err = scripts.Open(scripts.Options{
		Dir: s.o.Dir, Stdlib: stdlib.Files, Engine: s.engine, Language: s.config.Language, Clock: s.o.Clock, Log: s.log,
		Errors: s.failures,
		Trunks: append(trunks, s.config.TrunkNames()...),
	})
	if err != nil {
		return err
	}
	s.engine.SetHandler(s.host)
	if s.config.Metrics != "" {
		if s.metrics, err = listenMetrics(s.config.Metrics, registry, s.ready, s.log); err != nil {
			return err
		}
	}
	socket := s.config.Control
	if !filepath.IsAbs(socket) {
		socket = filepath.Join(s.o.Data, socket)
	}
	if s.control, err = control.Listen(socket, managed{s.data, s}, s.log); err != nil {
		return err
	}
	s.unsay, err = control.Announce(s.o.Runtime, control.Exchange{
		PID: os.Getpid(), Mode: s.o.Mode, Name: s.config.Name, Socket: socket, Data: s.o.Data, Started: s.started,
	})
	return err
}

func (s *Site) engineOptions(registry prometheus.Registerer) engine.Options {
	o := s.config.engineOptions(s.config.PromptLibrary(s.o.Dir, s.o.Prompts, s.log))
	o.Store, o.Data, o.Clock, o.Log, o.Metrics = s.store, s.o.Data, s.o.Clock, s.log, registry
	if s.tracing != nil {
		o.Trace = s.tracing
	}
	return o
}

// Run serves until ctx ends, or until Stop was called and the calls under way have ended.
func (s *Site) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	part := func(what string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	part("SIP", s.engine.Run)
	part("watching the dialplan", s.host.Watch)
	part("the control socket", s.control.Run)
	if s.metrics != nil {
		part("metrics", s.metrics.run)
	}
	wg.Go(func() {
		select {
		case <-s.stop:
			s.drain(ctx)
			cancel(errStopped)
		case <-ctx.Done():
		}
	})
	<-ctx.Done()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errStopped) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

var errStopped = errors.New("stopped")

// Stop takes no new calls but emergencies, and ends Run when those under way have ended or
// the settings' limit is over. To stop at once, end Run's context.
func (s *Site) Stop() { s.stopOnce.Do(func() { close(s.stop) }) }

func (s *Site) drain(ctx context.Context) {
	n := len(s.engine.Calls())
	if n > 0 {
		s.log.Info("stopping: no new calls; those under way may finish", "calls", n, "within", s.config.Drain)
	}
	ctx, cancel := clock.WithTimeout(ctx, s.engine.Clock(), s.config.Drain)
	defer cancel()
	if err := s.engine.Drain(ctx); err != nil {
		s.log.Warn("stopping: ending the calls that still stand", "calls", len(s.engine.Calls()))
	}
}

func (s *Site) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// ready tells whether the exchange takes calls.
func (s *Site) ready() bool { return !s.stopping() }

// Close releases everything. Call it after Run has returned.
func (s *Site) Close() error {
	var errs []error
	if s.unsay != nil {
		s.unsay()
	}
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	if s.metrics != nil {
		errs = append(errs, s.metrics.close())
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	s.tracing.Close()
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Engine is the exchange itself.
func (s *Site) Engine() *engine.Engine { return s.engine }

// Host serves the dialplan.
func (s *Site) Host() *scripts.Host { return s.host }

// Config is what settings.lua says, overrides included.
func (s *Site) Config() Config { return s.config }

// Manager manages the exchange, as the control socket does.
func (s *Site) Manager() manage.Manager { return managed{s.data, s} }
