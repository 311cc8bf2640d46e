package cmd

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

type testCmd struct {
	Dir     string        `arg:"" default:"." help:"A site, or a folder with sites in it."`
	Only    string        `name:"run" placeholder:"RE" help:"Only tests whose names match."`
	Cover   bool          `help:"Tell which extensions and menu keys no test makes use of."`
	Faults  bool          `help:"Run each test again for every prompt, call, timer and write, with that failing: nobody may be stranded."`
	Seed    uint64        `default:"1" help:"Of the random numbers that scripts get."`
	Real    bool          `help:"Over SIP and RTP, in real time: each test with an exchange of its own on loopback, or with --data with one that runs."`
	Data    string        `placeholder:"DIR" help:"With --real: by telephones of the exchange that runs with that data folder. Real telephones of the lines ring too, and what calls leave, such as messages, stays."`
	Limit   time.Duration `default:"10m" help:"How long the tests may take with --real; what does not fit is left out."`
	Verbose bool          `short:"v" help:"The whole story of the calls of a test that fails."`

	exchange manage.Manager // that runs with Data; nil: each test has one of its own
}

// maxSites is how many sites a folder is looked through for.
const maxSites = 200

// testGCPercent is how much garbage there may be before it is collected, in per cent of what is in use.
const testGCPercent = 500

func (k *testCmd) Run(ctx context.Context, c *console) error {
	only, err := regexp.Compile(k.Only)
	if err != nil {
		return usage("--run takes a regular expression, such as 'nobody answers'", "--run: %v", err)
	}
	if k.Real && k.Faults {
		return usage("leave one of them out", "--faults makes the parts of a simulated exchange fail: not those of a real one")
	}
	switch {
	case k.Data != "" && !k.Real:
		return usage("add --real", "--data is for tests in real time")
	case k.Data != "" && k.Cover:
		return usage("leave one of them out", "--cover looks into the exchange: not into one that runs by itself")
	}
	if info, err := os.Stat(k.Dir); err != nil || !info.IsDir() {
		return yours("name the folder that holds main.lua", "%s is not a folder", k.Dir)
	}
	sites, err := sitesIn(k.Dir)
	if err != nil {
		return yours("", "%s cannot be looked through: %v", k.Dir, err)
	}
	if k.Data != "" {
		if len(sites) > 1 {
			return usage("name the folder of the site that the exchange runs", "there are %s in %s", plural(len(sites), "site"), k.Dir)
		}
		if k.exchange, err = (dataFlag{Data: k.Data}).client(ctx); err != nil {
			return err
		}
		var cancel context.CancelFunc // what was lent is given back after Ctrl-C too
		ctx, cancel = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer cancel()
	}
	// Each test makes an exchange and throws it away: with five times the room, a fifth of the garbage collector's work.
	defer debug.SetGCPercent(debug.SetGCPercent(testGCPercent))
	start := time.Now()
	whole := &dialtest.Report{}
	all := dialtest.JSON{Files: []dialtest.JSONFile{}}
	style := dialtest.Style{Paint: c.paint, Verbose: k.Verbose}
	for i, dir := range sites {
		report, err := k.site(ctx, c, dir, only)
		if report != nil {
			style.Dir = shownDir(dir)
			whole.Add(report)
			if c.json {
				all.Add(report.JSON(style.Dir))
			} else {
				if i > 0 && report.Shows() {
					c.printf("\n")
				}
				report.Print(c.out, style)
				if report.Cover != nil {
					c.printf("\n%s: ", cmp.Or(style.Dir, "here"))
					report.Cover.Print(c.out)
				}
			}
		}
		if err != nil {
			return err
		}
	}
	passed, failed, _ := whole.Count()
	whole.Took = time.Since(start)
	all.TookMS = whole.Took.Milliseconds()
	if c.json {
		if err := c.answer(all, nil); err != nil {
			return err
		}
	} else if passed+failed+whole.LeftOut() > 0 {
		c.printf("\n%s\n", whole.Last())
	}
	switch {
	case failed > 0:
		return &failure{code: exitYours, what: plural(failed, "failure") + " in " + k.Dir}
	case passed == 0 && whole.LeftOut() > 0:
		return yours("give them more time with --limit, or leave out --real", "all tests in %s were left out", k.Dir)
	case passed == 0 && k.Only != "":
		return yours("belfry test without --run runs them all", "no test in %s has a name like %q", k.Dir, k.Only)
	case passed == 0:
		return yours(`write a file main_test.lua beside main.lua: test("600 is answered", function(t) … end)`, "there are no tests in %s", k.Dir)
	}
	return nil
}

// stage is where the tests of a site are played: by the simulator, or in real time.
type stage interface {
	Host() *scripts.Host
	Open(o dialtest.OpenOptions) (dialtest.Exchange, error)
	Close() error
}

func (k *testCmd) stage(ctx context.Context, dir string) (stage, error) {
	switch {
	case k.exchange != nil:
		return site.GoRunning(ctx, dir, k.exchange, k.Limit+time.Minute)
	case k.Real:
		return site.GoLive(ctx, dir)
	}
	return site.Simulate(ctx, dir)
}

// site runs the tests of one site.
func (k *testCmd) site(ctx context.Context, c *console, dir string, only *regexp.Regexp) (_ *dialtest.Report, err error) {
	s, err := k.stage(ctx, dir)
	if problems := site.Problems(err); problems != nil {
		report := &dialtest.Report{}
		for _, p := range problems {
			p.Effect = "no test was run: the dialplan cannot be loaded"
			report.Broken(p)
		}
		return report, nil
	}
	if err != nil {
		return nil, yours("", "%s cannot be tested: %v", dir, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	o := dialtest.Options{Host: s.Host(), Open: s.Open, Only: only, Seed: k.Seed, Cover: k.Cover, Faults: k.Faults}
	if k.Real {
		if o.Live, o.Workers = k.Limit, sideBySide; k.exchange != nil {
			o.Workers = 1 // they share the exchange
		}
		o.Done = func(file string, r dialtest.Result) {
			c.say("%s  %s: %s  %s", r.Word(), file, r.Name, r.Took.Round(100*time.Millisecond))
		}
	}
	report, err := dialtest.Run(ctx, o)
	if err != nil {
		return report, world("", "the tests of %s cannot be run: %v", dir, err)
	}
	return report, nil
}

// sideBySide is how many tests are played at a time in real time: they wait, mostly.
const sideBySide = 16

// sitesIn finds the sites in a folder: itself, if it has a main.lua; otherwise those below it.
func sitesIn(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "main.lua")); err == nil {
		return []string{dir}, nil
	}
	var found []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && e.Name()[0] == '.':
			return filepath.SkipDir
		case e.Name() == "main.lua" && !e.IsDir():
			tests, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*_test.lua"))
			if err == nil && len(tests) > 0 {
				found = append(found, filepath.Dir(path))
			}
			if len(found) > maxSites {
				return errors.New("there are too many sites in it")
			}
			return err
		}
		return nil
	})
	if len(found) == 0 {
		found = []string{dir}
	}
	slices.Sort(found)
	return found, err
}

// shownDir is a folder as it can be reached from here.
func shownDir(dir string) string {
	if dir == "." {
		return ""
	}
	return filepath.Clean(dir)
}
