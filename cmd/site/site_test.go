package site

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const settingsLua = `return { name = "Test", sip = { udp = "127.0.0.1:0", tcp = false, realm = "test" },
  rtp = { ports = "16384-32767", address = "127.0.0.1" }, metrics = "127.0.0.1:0" }`

const mainLua = `extension("600", function(call) call:answer() call:sleep("1h") end)
extension("20x", function(call) call:bridge(call.dialled, { timeout = "20s" }) end)
extension("601", { emergency = true }, function(call) call:answer() call:sleep("1h") end)`

// short is a folder whose name leaves room for a socket's.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// options are those of a small site on new data.
func options(t *testing.T) Options {
	t.Helper()
	dir := short(t)
	for name, text := range map[string]string{"settings.lua": settingsLua, "main.lua": mainLua} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Options{Dir: dir, Data: filepath.Join(dir, "data"), Mode: "serve", Runtime: filepath.Join(dir, "run")}
}

// running is a site that runs until the test ends, unless it was stopped before.
func running(t *testing.T, o Options) (s *Site, done <-chan error) {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, result := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ended)
		result <- s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, result
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// phoneOf is a telephone on a new line.
func phoneOf(t *testing.T, s *Site, number string) *phone.Phone {
	t.Helper()
	told, err := s.Manager().AddLine(t.Context(), manage.NewLine{Line: directory.Line{Number: number, Voicemail: true}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Options{Server: s.Address(), Number: number, Secret: told.Secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestStoppingLetsCallsFinishAndTakesNoNewOnes(t *testing.T) {
	ctx := within(t)
	s, done := running(t, options(t))
	p := phoneOf(t, s, "201")
	call, err := p.Dial(ctx, "600")
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	var status *sip.StatusError
	for { // Stop does not wait until it has taken effect
		another, err := p.Dial(ctx, "600")
		if err == nil {
			another.Hangup()
			continue
		}
		if !errors.As(err, &status) || status.Code != 503 {
			t.Fatalf("a new call while stopping: %v, want 503", err)
		}
		break
	}
	emergency, err := p.Dial(ctx, "601")
	if err != nil {
		t.Fatalf("an emergency call while stopping: %v", err)
	}
	emergency.Hangup()
	select {
	case <-call.Done():
		t.Fatalf("the call under way was ended: %v", call.Err())
	case err := <-done:
		t.Fatalf("the exchange ended before its call: %v", err)
	default:
	}
	if code, _ := get(t, s, "/readyz"); code != 503 {
		t.Errorf("while stopping, /readyz says %d, want 503", code)
	}
	if st, err := s.Manager().Status(ctx); err != nil || !st.Stopping {
		t.Errorf("status while stopping: %+v, %v", st, err)
	}
	call.Hangup()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Fatal("the exchange does not end after its last call")
	}
}

func TestStoppingAtOnceEndsCalls(t *testing.T) {
	ctx := within(t)
	o := options(t)
	s, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(run) }()
	p := phoneOf(t, s, "201")
	call, err := p.Dial(ctx, "600")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := call.WaitEnded(ctx); err != nil {
		t.Errorf("the call still stands: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, s *Site, path string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Metrics()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestMetricsTellOfCalls(t *testing.T) {
	ctx := within(t)
	s, _ := running(t, options(t))
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": "belfry_calls_live 0"} {
		if code, text := get(t, s, path); code != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d, without %q", path, code, want)
		}
	}
	call, err := phoneOf(t, s, "201").Dial(ctx, "600")
	if err != nil {
		t.Fatal(err)
	}
	if _, text := get(t, s, "/metrics"); !strings.Contains(text, "belfry_calls_live 1") || !strings.Contains(text, "go_goroutines") {
		t.Error("/metrics does not show the call, or the process")
	}
	live, err := s.Manager().Calls(ctx)
	if err != nil || len(live) != 1 || live[0].From != "201" || live[0].To != "600" {
		t.Errorf("live calls: %+v, %v", live, err)
	}
	call.Hangup()
}

func TestOneExchangeADataFolder(t *testing.T) {
	o := options(t)
	running(t, o)
	_, err := Open(t.Context(), o)
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "belfry serve, process") {
		t.Errorf("a second exchange: %v", err)
	}
	if _, _, err := OpenData(t.Context(), o.Data, o.Dir); !errors.Is(err, ErrHeld) {
		t.Errorf("the data of a running exchange: %v", err)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t)
	o.Override = func(c *Config) { c.SIP.UDP = []string{l.LocalAddr().String()} }
	if _, err := Open(t.Context(), o); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want that the address is in use", err)
	}
	o.Override = nil
	running(t, o) // nothing was left open
}

func TestWhatIsWrongWithASiteIsTold(t *testing.T) {
	for name, text := range map[string]string{
		"settings.lua": `return { sip = { udp = "nowhere" } }`,
		"main.lua":     `extension("600", function(call) call:anwser() end)`,
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			if err := os.WriteFile(filepath.Join(o.Dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), o)
			problems := Problems(err)
			if len(problems) != 1 || problems[0].File != name || problems[0].Line != 1 {
				t.Errorf("problems %+v of %v", problems, err)
			}
		})
	}
}

func TestASecretIsGoodInItsRealmOnly(t *testing.T) {
	ctx := within(t)
	o := options(t)
	data, closeData, err := OpenData(ctx, o.Data, o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	told, err := data.AddLine(ctx, manage.NewLine{Line: directory.Line{Number: "201", Name: "Ana"}})
	if err := errors.Join(err, closeData()); err != nil {
		t.Fatal(err)
	}
	// A line that was added before the exchange ran may call with the secret it got then.
	s, _ := running(t, o)
	p, err := phone.New(phone.Options{Server: s.Address(), Number: "201", Secret: told.Secret})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Register(ctx); err != nil {
		t.Error(err)
	}
	l, err := s.Manager().Line(ctx, "201")
	if err != nil || len(l.Devices) != 1 || l.Devices[0].UserAgent != "Belfry phone" {
		t.Errorf("the line's phones: %+v, %v", l.Devices, err)
	}
}

func TestACallerIsLentASecret(t *testing.T) {
	ctx := within(t)
	s, _ := running(t, options(t))
	phoneOf(t, s, "201")
	c, err := s.Manager().Caller(ctx, "201")
	if err != nil || c.Number != "201" || c.Server != s.Address() {
		t.Fatalf("%+v, %v", c, err)
	}
	p, err := phone.New(phone.Options{Server: c.Server, Number: c.Number, User: c.User, Secret: c.Secret})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if call, err := p.Dial(ctx, "600"); err != nil {
		t.Errorf("calling with what was lent: %v", err)
	} else {
		call.Hangup()
	}
	if c, err := s.Manager().Caller(ctx, ""); err != nil || c.Number != "" || c.Secret != "" {
		t.Errorf("a stranger is lent something: %+v, %v", c, err)
	}
	if _, err := s.Manager().Caller(ctx, "999"); !errors.Is(err, directory.ErrNoLine) {
		t.Errorf("a line there is not: %v", err)
	}
}

// A phone's transfers are proved here, where there is an exchange to ask.
func TestTransfers(t *testing.T) {
	for _, attended := range []bool{false, true} {
		name := map[bool]string{false: "unattended", true: "attended"}[attended]
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			s, _ := running(t, options(t))
			a, b, c := phoneOf(t, s, "201"), phoneOf(t, s, "202"), phoneOf(t, s, "203")
			atB := make(chan *phone.Call, 1)
			b.SetIncoming(phone.AnswersAfter(0, func(ctx context.Context, call *phone.Call) {
				atB <- call
				<-ctx.Done()
			}))
			atC := make(chan *phone.Call, 2)
			c.SetIncoming(phone.AnswersAfter(0, func(ctx context.Context, call *phone.Call) {
				atC <- call
				<-ctx.Done()
			}))
			for _, p := range []*phone.Phone{b, c} {
				if err := p.Register(ctx); err != nil {
					t.Fatal(err)
				}
			}
			first, err := a.Dial(ctx, "202")
			if err != nil {
				t.Fatal(err)
			}
			transferor := <-atB
			if attended {
				if err := transferor.Hold(ctx); err != nil {
					t.Fatal(err)
				}
				second, err := b.Dial(ctx, "203")
				if err != nil {
					t.Fatal(err)
				}
				err = transferor.TransferTo(ctx, second)
				if err != nil {
					t.Fatal(err)
				}
			} else if err := transferor.Transfer(ctx, "203"); err != nil {
				t.Fatal(err)
			}
			third := <-atC
			// A and C hear each other now: a key that A presses arrives at C.
			if err := first.SendDigits(ctx, "5"); err != nil {
				t.Fatal(err)
			}
			if keys, err := third.WaitDigits(ctx, 1); err != nil || keys != "5" {
				t.Errorf("C heard keys %q of A: %v", keys, err)
			}
			first.Hangup()
			if err := third.WaitEnded(ctx); err != nil {
				t.Errorf("C's call still stands: %v", err)
			}
		})
	}
}

// A phone that hangs up and is switched off at once, as test calls are, leaves no call behind.
func TestHangingUpReachesTheExchange(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			ctx := within(t)
			o := options(t)
			o.Override = func(c *Config) { c.SIP.TCP = []string{"127.0.0.1:0"} }
			s, _ := running(t, o)
			told, err := s.Manager().AddLine(ctx, manage.NewLine{Line: directory.Line{Number: "201"}})
			if err != nil {
				t.Fatal(err)
			}
			server := s.Engine().Addrs(transport)[0]
			p, err := phone.New(phone.Options{Server: server, Number: "201", Secret: told.Secret, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			call, err := p.Dial(ctx, "600")
			if err != nil {
				t.Fatal(err)
			}
			call.Hangup()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			for len(s.Engine().Calls()) > 0 {
				if err := clock.Sleep(ctx, clock.Real(), 5*time.Millisecond); err != nil {
					t.Fatalf("the exchange still has the call: %v", err)
				}
			}
		})
	}
}

// A person chose the PIN, or will; that of a telephone on a wall is known to many until it is changed.
func TestPINsOfWallsAreDefaultOnes(t *testing.T) {
	ctx := within(t)
	s, _ := running(t, options(t))
	_, err := s.Manager().ImportLines(ctx, strings.NewReader(`number,name,kind,person,voicemail,pin
201,Ana,person,ana,yes,274951
202,Lodge,nonPerson,,yes,830462
`))
	if err != nil {
		t.Fatal(err)
	}
	for number, must := range map[string]bool{"201": false, "202": true} {
		box, err := s.Manager().Mailbox(ctx, number)
		if err != nil || !box.HasPIN || box.MustChangePIN != must {
			t.Errorf("mailbox %s: %+v, %v", number, box, err)
		}
	}
}
