package exchangetest

import (
	"bufio"
	"bytes"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/phone"
)

// process is the command belfry, serving an exchange's dialplan and data.
type process struct {
	*exchange
	exe, at, metrics string
	cmd              *exec.Cmd
	out              bytes.Buffer
}

// startProcess builds the command, serves the chorus dialplan with it and imports the lines.
func startProcess(t *testing.T, change ...func(dir string)) *process {
	t.Helper()
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	p := &process{exchange: newExchange(t, at, metrics), exe: filepath.Join(t.TempDir(), "belfry"), at: at, metrics: metrics}
	for _, f := range change {
		f(p.dir)
	}
	if out, err := exec.Command("go", "build", "-o", p.exe, "../..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p.serve()
	lines := filepath.Join(t.TempDir(), "lines.csv")
	if err := os.WriteFile(lines, []byte(p.lines()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(p.exe, "line", "import", lines, "--data", p.data).CombinedOutput(); err != nil {
		t.Fatalf("belfry line import: %v\n%s", err, out)
	}
	return p
}

// serve starts the command and returns when it serves.
func (p *process) serve() {
	p.t.Helper()
	cmd := exec.Command(p.exe, "serve", "--site", p.dir, "--data", p.data)
	cmd.Env = append(os.Environ(), "GOGC=25") // so that the heap shows what is in use
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
	p.t.Cleanup(func() {
		if p.cmd == cmd {
			p.kill()
		}
		if p.t.Failed() {
			p.t.Logf("belfry serve:\n%s", p.out.String())
		}
	})
	eventually(p.t, "belfry to serve", func() bool { return p.measure("go_goroutines") > 0 })
}

// kill ends the process as a power cut would (SIGKILL).
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// measure reads one of the process's metrics; 0: it has none.
func (p *process) measure(name string) float64 {
	p.t.Helper()
	res, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return f
		}
	}
	return 0
}

// atRest is the least that some measurements in a row show: of the heap, what is left after a collection.
func (p *process) atRest() (goroutines, files, heap float64) {
	p.t.Helper()
	goroutines, files, heap = math.Inf(1), math.Inf(1), math.Inf(1)
	for range 50 {
		goroutines = min(goroutines, p.measure("go_goroutines"))
		files = min(files, p.measure("process_open_fds"))
		heap = min(heap, p.measure("go_memstats_heap_alloc_bytes"))
	}
	return goroutines, files, heap
}

// phone is a built-in telephone at the process.
func (p *process) phone(number string, does phone.Handler) *phone.Phone {
	p.t.Helper()
	ph, err := phone.New(phone.Options{Server: p.at, Number: number, Secret: secretOf(number), Incoming: does})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = ph.Close() }) // its exchange may be gone
	if err := ph.Register(within(p.t)); err != nil {
		p.t.Fatal(err)
	}
	return ph
}

// 2000 calls leave nothing behind once the last transaction is over, 32 s after the last call (RFC 3261, 64*T1).
//
// It has the machine to itself: a SIPp that stands still for half a second sees retransmissions, which it need not mind.
func TestNothingLeaks(t *testing.T) {
	const calls, rate = 2000, 50
	const idle = 2 * 32         // goroutines that wait to be used again, of the engine and of its SIP side
	const stories = 200 * 20480 // bytes: of the calls that ended last, which belfry trace can tell
	patient := []string{"-l", "500", "-default_behaviors", "all,-abortunexp"}
	x := startProcess(t, func(dir string) { manyCalls(t, dir) })
	callee := x.registered(sipp{does: "answer", as: "77500", calls: calls, server: x.at, args: patient})
	goroutines, files, heap := x.atRest()
	p := x.answers(callee)
	x.does(sipp{does: "trunk", host: carrier, from: "+441632960123", dials: "77500", calls: calls, rate: rate, server: x.at, args: patient})
	p.wait()
	if _, _, held := x.atRest(); held < heap+8<<20 { // by transactions that may yet be repeated
		t.Errorf("%.1f MB after the calls, %.1f MB before: the measure tells nothing", held/1e6, heap/1e6)
	}
	limit := time.After(70 * time.Second)
	for {
		g, f, h := x.atRest()
		if g <= goroutines+10+idle && f <= files+5 && h <= heap+4<<20+stories {
			return
		}
		select {
		case <-time.After(time.Second):
		case <-limit:
			t.Fatalf("after %d calls: %v goroutines, %v files, %.1f MB; before: %v, %v, %.1f MB", calls, g, f, h/1e6, goroutines, files, heap/1e6)
		}
	}
}

// A process that is killed in the middle of everything comes back with all that it was trusted with.
func TestKilledProcessComesBack(t *testing.T) {
	t.Parallel()
	x := startProcess(t)
	callee := x.registered(sipp{does: "answer", as: "77500", server: x.at})
	x.phone("15902", phone.AnswersAfter(0, phone.Echoes))
	ada := x.phone("77513", nil)
	if _, err := ada.Dial(within(t), "15902"); err != nil { // a call in the middle of which it happens
		t.Fatal(err)
	}
	message, err := x.phone("77620", nil).Dial(within(t), "77514") // who has no phone
	if err != nil {
		t.Fatal(err)
	}
	if _, err := message.WaitHeard(within(t), phone.Beep, 0); err != nil {
		t.Fatal(err)
	}
	go func() { _ = message.Play(within(t), speech(time.Minute)) }()
	begun := message.Heard().Length()
	eventually(t, "six seconds of a message to be said", func() bool { return message.Heard().Length() > begun+6*time.Second })
	x.kill()

	x.serve()
	p := x.answers(callee) // its registration is from before
	x.does(sipp{does: "trunk", host: carrier, from: "+441632960123", dials: "01865277500", server: x.at})
	p.wait()
	x.kill()

	x.start() // here, to look into the data
	if lines, err := x.Engine().Directory().Lines(within(t)); err != nil || len(lines) != strings.Count(x.lines(), "\n")-1 {
		t.Errorf("%d lines are there: %v", len(lines), err)
	}
	eventually(t, "the phones' registrations to be read", func() bool {
		return x.Engine().Registered("77500") && x.Engine().Registered("15902")
	})
	all := x.messages("77514")
	if len(all) != 1 || !all[0].Interrupted || all[0].From != "77620" || all[0].Length < 3*time.Second {
		t.Fatalf("the messages of 77514 are %+v; want the interrupted one", all)
	}
	box, err := x.Engine().Mailboxes().Get("77514")
	if err != nil {
		t.Fatal(err)
	}
	if sound, err := box.Sound(within(t), all[0].ID); err != nil || sound.Duration() < 3*time.Second {
		t.Errorf("the message cannot be heard: %v", err)
	}
	if result, err := box.CheckPIN(within(t), "830462"); err != nil || result != "ok" {
		t.Errorf("the PIN is %s: %v", result, err)
	}
}
