// Package exchangetest tests whole exchanges: settings, dialplan, engine and command together,
// with telephones that nobody here wrote (SIPp, baresip) and the built-in one, over real sockets.
package exchangetest

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// patience is how long a test waits for something that takes a moment. It is not what is measured.
const patience = 20 * time.Second

// carrier is the address that the chorus site's trunk has in these tests: loopback, but not ours.
const carrier = "127.0.0.9"

// exchange is a running chorus site on free ports of the loopback interface.
type exchange struct {
	*site.Site
	t     *testing.T
	dir   string // the dialplan: a copy that the test may edit
	data  string
	clock *clock.Jumping // real time that can be moved on
	trunk int            // the carrier's port
	stop  func()
}

// startExchange runs the chorus dialplan with its own lines; the secret of a line is secretOf its number.
// change may edit the copy of the dialplan before it is loaded.
func startExchange(t *testing.T, change ...func(dir string)) *exchange {
	t.Helper()
	x := newExchange(t, "127.0.0.1:0", false)
	for _, f := range change {
		f(x.dir)
	}
	x.start()
	x.importLines()
	return x
}

// newExchange copies the chorus dialplan and says where it is to listen and to be measured: false, or "host:port".
func newExchange(t *testing.T, at string, metrics any) *exchange {
	t.Helper()
	x := &exchange{t: t, dir: t.TempDir(), data: t.TempDir(), clock: clock.NewJumping(), trunk: freeUDPPort(t, carrier)}
	if err := os.CopyFS(x.dir, os.DirFS("../chorus")); err != nil {
		t.Fatal(err)
	}
	if name, ok := metrics.(string); ok {
		metrics = fmt.Sprintf("%q", name)
	}
	x.write("settings.lua", fmt.Sprintf(`return {
  name = "Test",
  sip = { udp = "%[3]s", tcp = "%[3]s", realm = "chorus" },
  rtp = { ports = "20000-29999", address = "127.0.0.1" },
  metrics = %[4]v,
  prompts = { debian = false }, -- the same sounds on every machine
  trunks = { pstn = { host = "%[1]s:%[2]d", from = { "%[1]s/32" } } },
}
`, carrier, x.trunk, at, metrics))
	return x
}

// write puts a file into the dialplan.
func (x *exchange) write(name, text string) {
	x.t.Helper()
	if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

// rewrite changes text in a file of a dialplan; it must be there.
func rewrite(t *testing.T, dir, name, old, new string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, new)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start opens and runs the site; stop ends it. Both may be repeated: the data stays.
func (x *exchange) start() {
	x.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("BELFRY_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	s, err := site.Open(context.Background(), site.Options{
		Dir: x.dir, Data: x.data, Mode: "test", Runtime: x.t.TempDir(), Clock: x.clock, Log: log,
	})
	if err != nil {
		x.t.Fatalf("open the site: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	stopped := false
	x.Site = s
	x.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ran; err != nil {
			x.t.Errorf("run the site: %v", err)
		}
		if err := s.Close(); err != nil {
			x.t.Errorf("close the site: %v", err)
		}
	}
	x.t.Cleanup(x.stop)
}

// importLines imports the dialplan's lines.csv with secrets that the tests know.
func (x *exchange) importLines() {
	x.t.Helper()
	if _, err := x.Manager().ImportLines(context.Background(), strings.NewReader(x.lines())); err != nil {
		x.t.Fatal(err)
	}
}

// lines is the dialplan's lines.csv with secrets that the tests know.
func (x *exchange) lines() string {
	x.t.Helper()
	f, err := os.Open(filepath.Join(x.dir, "lines.csv"))
	if err != nil {
		x.t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		x.t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		row[column["secret"]] = secretOf(row[column["number"]])
	}
	var text strings.Builder
	if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
		x.t.Fatal(err)
	}
	return text.String()
}

// secretOf is a line's secret: the exchange refuses any that the number gives away.
func secretOf(number string) string {
	sum := sha256.Sum256([]byte(number))
	return hex.EncodeToString(sum[:10])
}

// phone registers a built-in telephone for a line of lines.csv.
func (x *exchange) phone(number string, behaviour phone.Handler) *phone.Phone {
	x.t.Helper()
	p, err := phone.New(phone.Options{Server: x.Address(), Number: number, Secret: secretOf(number), Incoming: behaviour})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			x.t.Errorf("close phone %s: %v", number, err)
		}
	})
	if err := p.Register(within(x.t)); err != nil {
		x.t.Fatal(err)
	}
	return p
}

// dial calls a number and waits for the answer.
func (x *exchange) dial(p *phone.Phone, number string) *phone.Call {
	x.t.Helper()
	c, err := p.Dial(within(x.t), number)
	if err != nil {
		x.t.Fatalf("%s calls %s: %v", p.Number(), number, err)
	}
	return c
}

// within is a context that ends when a test has waited long enough.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition, looking again every few milliseconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func freeUDPPort(t *testing.T, host string) int {
	t.Helper()
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// appendTo adds to a file of a dialplan.
func appendTo(t *testing.T, dir, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
