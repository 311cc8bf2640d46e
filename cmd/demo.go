package cmd

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/dialplans"
)

type demoCmd struct {
	Dir string `type:"existingdir" placeholder:"DIR" help:"Another dialplan's folder, with lines.csv. Default: ./dialplans/chorus, or the one in the program."`
}

// demo is a demo that runs.
type demo struct {
	c       *console
	dir     string // of the dialplan
	inside  bool   // the dialplan is the program's own, not one on the disk
	data    string
	lines   []demoLine
	secrets map[string]string // by number
	site    *site.Site
	robots  robots
	teller  *teller
}

// demoLine is one line of the demo, with what a demo may tell of it.
type demoLine struct {
	Number string `json:"number"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
	PIN    string `json:"pin,omitempty"`
	Robot  string `json:"robot,omitempty"` // what answers there; "": a phone of yours may register
}

func (k *demoCmd) Run(ctx context.Context, c *console) (err error) {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer cancel()
	d := &demo{c: c, dir: k.Dir, teller: newTeller(c)}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		if ctx.Err() != nil { // stopped before it began
			return nil
		}
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() { done <- d.site.Run(running) }()
	if err := d.startRobots(ctx); err != nil {
		stop()
		<-done
		if ctx.Err() != nil {
			return nil
		}
		return world("", "starting the robot phones: %s", err)
	}
	if err := c.answer(d.report(), d.announce); err != nil {
		stop()
		return errors.Join(err, <-done)
	}
	d.teller.begin()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	err = d.robots.close() // first, so that somebody is there to take their registrations back
	stop()
	return errors.Join(err, <-done)
}

func (d *demo) open(ctx context.Context) (err error) {
	if d.data, err = os.MkdirTemp("", "belfry-demo-"); err != nil {
		return world("", "making a folder for the demo's data: %s", err)
	}
	if err := d.findDialplan(); err != nil {
		return world("", "unpacking the demo's dialplan: %s", err)
	}
	for port := firstPort; ; port++ {
		if port > lastPort {
			return world("stop what uses them", "no SIP port is free from %d to %d", firstPort, lastPort)
		}
		if !free(port) {
			continue
		}
		err := d.openSite(ctx, port)
		if errors.Is(err, syscall.EADDRINUSE) { // taken this moment
			continue
		}
		if err != nil {
			return openFailure(d.dir, err)
		}
		break
	}
	return d.addLines(ctx)
}

// The ports at which a demo looks for a free one.
const firstPort, lastPort = 5060, 5099

func free(port int) bool {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	udp, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	return tcp.Close() == nil
}

// findDialplan takes the checkout's, so that edits count, or unpacks the program's own.
func (d *demo) findDialplan() error {
	if d.dir != "" {
		return nil
	}
	here := filepath.Join("dialplans", "chorus")
	if _, err := os.Stat(filepath.Join(here, "main.lua")); err == nil {
		d.dir = here
		return nil
	}
	d.dir, d.inside = filepath.Join(d.data, "chorus"), true
	chorus, err := fs.Sub(dialplans.Files, "chorus")
	if err != nil {
		return err
	}
	return os.CopyFS(d.dir, chorus)
}

func (d *demo) openSite(ctx context.Context, port int) (err error) {
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var log slog.Handler = d.teller
	if d.c.json {
		log = slog.NewJSONHandler(d.c.err, nil)
	}
	d.site, err = site.Open(ctx, site.Options{
		Dir: d.dir, Data: d.data, Mode: "demo", Version: version(), Log: slog.New(log),
		Override: func(c *site.Config) {
			c.SIP.UDP, c.SIP.TCP, c.SIP.Advertise, c.RTP.Address = []string{at}, []string{at}, "", "127.0.0.1"
			c.Metrics, c.Control, c.Trunks = "127.0.0.1:0", site.DefaultControl, nil
		},
	})
	return err
}

// addLines reads the dialplan's lines.csv and gives each line a secret that can be told.
func (d *demo) addLines(ctx context.Context) error {
	path := filepath.Join(d.dir, "lines.csv")
	file, err := os.Open(path)
	if err != nil {
		return yours("a demo's dialplan brings its lines along", "reading lines: %s", err)
	}
	defer file.Close()
	m := d.site.Manager()
	if _, err := m.ImportLines(ctx, file); err != nil {
		f := asFailure(err)
		f.what = path + ": " + f.what
		return f
	}
	pins, err := readPINs(path)
	if err != nil {
		return err
	}
	lines, err := m.Lines(ctx)
	if err != nil {
		return err
	}
	d.secrets = map[string]string{}
	for _, l := range lines {
		secret := friendlySecret()
		if _, err := m.SetLine(ctx, l.Number, manage.LineChange{Secret: &secret}); err != nil {
			return err
		}
		d.secrets[l.Number] = secret
		d.lines = append(d.lines, demoLine{Number: l.Number, Name: l.Name, Secret: secret, PIN: pins[l.Number]})
	}
	d.castRobots(lines)
	d.site.Lend(d.secrets, d.ordinary())
	return nil
}

// ordinary is a person's line that no robot has: test calls come from there.
func (d *demo) ordinary() string {
	for _, l := range slices.Backward(d.lines) {
		if l.Robot == "" && l.PIN != "" {
			return l.Number
		}
	}
	return d.lines[0].Number
}

// readPINs are the PINs in a file of lines, which nothing else tells.
func readPINs(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	number, pin := slices.Index(rows[0], "number"), slices.Index(rows[0], "pin")
	pins := map[string]string{}
	for _, row := range rows[1:] {
		if number >= 0 && pin >= 0 {
			pins[row[number]] = row[pin]
		}
	}
	return pins, nil
}

// friendlySecret can be typed into a phone; it protects a demo that nobody but this machine reaches.
func friendlySecret() string {
	first := []string{"plum", "amber", "quiet", "mossy", "brisk", "copper", "silver", "velvet", "cedar", "sunny"}
	second := []string{"otter", "heron", "badger", "finch", "maple", "lantern", "harbour", "meadow", "anchor", "belfry"}
	return fmt.Sprintf("%s-%s-%d", first[rand.N(len(first))], second[rand.N(len(second))], 10+rand.N(90))
}

// report is the demo as JSON has it.
func (d *demo) report() any {
	return struct {
		UDP      []string   `json:"udp"`
		TCP      []string   `json:"tcp"`
		Dialplan string     `json:"dialplan"`
		Data     string     `json:"data"`
		Metrics  string     `json:"metrics"`
		Lines    []demoLine `json:"lines"`
	}{d.site.Engine().Addrs("udp"), d.site.Engine().Addrs("tcp"), d.dir, d.data, d.site.Metrics(), d.lines}
}

// announce tells people what runs and what to try.
func (d *demo) announce() {
	c, x := d.c, d.site
	c.printf("\n  %s   demo: loopback only, thrown away when you press Ctrl-C\n\n", c.paint(bold, "belfry "+version()))
	where := d.dir
	if d.inside {
		where = "chorus (the program's own)"
	}
	sip := listening(x)
	if !strings.Contains(sip, ":"+strconv.Itoa(firstPort)+" ") {
		sip += fmt.Sprintf("   (%d is taken)", firstPort)
	}
	for _, r := range [][2]string{
		{"sip", sip},
		{"rtp", fmt.Sprintf("127.0.0.1:%d-%d", x.Config().RTP.MinPort, x.Config().RTP.MaxPort)},
		{"dialplan", where + "   " + dialplanText(x)},
		{"data", d.data},
		{"metrics", "http://" + x.Metrics() + "/metrics"},
	} {
		c.printf("  %s  %s\n", c.paint(dim, fmt.Sprintf("%8s", r[0])), r[1])
	}
	c.printf("\n  Phones may register at %s:\n\n", x.Address())
	var rows [][]string
	for _, l := range d.lines {
		rows = append(rows, []string{"  " + l.Number, l.Name, l.Secret, dash(l.PIN), l.Robot})
	}
	c.table([]string{"  number", "name", "secret", "mailbox pin", ""}, rows)
	c.printf("\n  Try, in another terminal:\n\n")
	for i, try := range d.tries() {
		c.printf("  %2d  %-34s %s\n", i+1, try[0], c.paint(dim, try[1]))
	}
	c.printf("\n  Ctrl-C stops it.\n\n")
}

func (d *demo) tries() [][2]string {
	me := program()
	var all [][2]string
	for _, number := range []string{d.robots.answers, d.robots.busy, d.robots.silent} {
		for _, l := range d.lines {
			if l.Number == number {
				all = append(all, [2]string{me + " call " + number, l.Name + " " + strings.TrimPrefix(l.Robot, "robot: ")})
			}
		}
	}
	if n := d.robots.silent; n != "" {
		all = append(all, [2]string{me + " mailbox show " + n, "the message that the last call left"})
	}
	all = append(all, [2]string{me + " calls --history 10", "what has happened"})
	if !d.inside {
		all = append(all, [2]string{"edit " + filepath.Join(d.dir, "main.lua"), "and save: the next call uses it"})
	}
	return all
}

// program is how people call this command.
func program() string {
	path, err := os.Executable()
	if err == nil && strings.Contains(path, "go-build") {
		return "go run ."
	}
	return "belfry"
}

func (d *demo) close() error {
	var errs []error
	errs = append(errs, d.robots.close())
	if d.site != nil {
		errs = append(errs, d.site.Close())
	}
	if d.data != "" {
		errs = append(errs, os.RemoveAll(d.data))
	}
	return errors.Join(errs...)
}
