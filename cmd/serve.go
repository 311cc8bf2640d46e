package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/belfry-pbx/belfry/cmd/site"
)

type serveCmd struct {
	Site    string   `default:"." placeholder:"DIR" help:"The dialplan's folder, with its settings.lua."`
	Data    string   `env:"BELFRY_DATA" placeholder:"DIR" help:"The data folder; made if it does not exist. Default: ./data"`
	Prompts []string `type:"existingdir" placeholder:"DIR" help:"A folder of prompts to be heard before the shipped ones and those of settings.lua."`
	Verbose bool     `short:"v" help:"Log more."`
}

func (s *serveCmd) Run(ctx context.Context, c *console) error {
	if _, err := os.Stat(filepath.Join(s.Site, "main.lua")); err != nil {
		return yours("name the dialplan's folder with --site, or see how it looks: belfry demo", "%s holds no dialplan: there is no main.lua", s.Site)
	}
	if s.Data == "" {
		s.Data = site.DefaultData
	}
	o := site.Options{Dir: s.Site, Data: s.Data, Mode: "serve", Version: version(), Log: s.logger(c)}
	for _, dir := range s.Prompts {
		o.Prompts = append(o.Prompts, os.DirFS(dir))
	}
	x, err := site.Open(ctx, o)
	if err != nil {
		return openFailure(s.Site, err)
	}
	if !c.json {
		s.announce(c, x)
	}
	return errors.Join(runUntilSignalled(ctx, c, x), x.Close())
}

func (s *serveCmd) logger(c *console) *slog.Logger {
	o := &slog.HandlerOptions{}
	if s.Verbose {
		o.Level = slog.LevelDebug
	}
	if c.json {
		return slog.New(slog.NewJSONHandler(c.err, o))
	}
	return slog.New(slog.NewTextHandler(c.err, o))
}

func (s *serveCmd) announce(c *console, x *site.Site) {
	rows := [][2]string{{"sip", listening(x)}, {"dialplan", s.Site + "   " + dialplanText(x)}, {"data", s.Data}}
	if m := x.Metrics(); m != "" {
		rows = append(rows, [2]string{"metrics", "http://" + m + "/metrics"})
	}
	c.printf("\n  belfry %s   %s\n\n", version(), x.Config().Name)
	for _, r := range rows {
		c.printf("  %s  %s\n", c.paint(dim, fmt.Sprintf("%10s", r[0])), r[1])
	}
	c.printf("\n  Ctrl-C lets calls finish and stops; again, it stops at once.\n\n")
}

// listening is where phones reach the exchange, by address and transport.
func listening(x *site.Site) string {
	udp, tcp := x.Engine().Addrs("udp"), x.Engine().Addrs("tcp")
	if strings.Join(udp, " ") == strings.Join(tcp, " ") {
		return strings.Join(udp, " ") + " udp, tcp"
	}
	var all []string
	for _, a := range udp {
		all = append(all, a+" udp")
	}
	for _, a := range tcp {
		all = append(all, a+" tcp")
	}
	return strings.Join(all, ", ")
}

func dialplanText(x *site.Site) string {
	return plural(len(x.Host().Routes()), "extension") + ", no problems   (watching)"
}

// runUntilSignalled serves until the second signal at the latest: the first lets calls finish.
func runUntilSignalled(ctx context.Context, c *console, x *site.Site) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	for stopping := false; ; stopping = true {
		select {
		case err := <-done:
			return err
		case <-signals:
		}
		if stopping {
			cancel()
			return <-done
		}
		if n := len(x.Engine().Calls()); n > 0 {
			c.say("\nStopping when %s finished; Ctrl-C again stops at once.", areFinishing(n))
		}
		x.Stop()
	}
}

func areFinishing(n int) string {
	if n == 1 {
		return "1 call has"
	}
	return fmt.Sprintf("%d calls have", n)
}

// openFailure says why a site could not be opened.
func openFailure(dir string, err error) error {
	if problems := site.Problems(err); problems != nil {
		f := &failure{code: exitYours, what: fmt.Sprintf("%s has %s", dir, plural(len(problems), "problem")), do: "put them right; belfry check " + dir + " tells again"}
		for _, p := range problems {
			p.File = shown(dir, p.File)
			f.more = append(f.more, p.String())
		}
		return f
	}
	switch {
	case errors.Is(err, site.ErrHeld):
		return world("stop that one first, or use another folder: --data DIR", "%s", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return world("stop what listens there, or set another address in settings.lua: sip = { udp = \"0.0.0.0:5070\" }", "%s", err)
	}
	return world("", "%s", err)
}
