package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/cmd/control"
	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/engine/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shortDir is a folder whose name leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// serve answers for a new data folder on a socket, until the test ends.
func serve(t *testing.T) (socket string) {
	t.Helper()
	dir := shortDir(t)
	data, closeData, err := site.OpenData(t.Context(), filepath.Join(dir, "data"), dir)
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s.sock")
	s, err := control.Listen(socket, data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, closeData()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	return socket
}

// codeOf is the code of a *manage.Error.
func codeOf(err error) manage.Code {
	var e *manage.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestLinesOverTheSocket(t *testing.T) {
	ctx := t.Context()
	c := control.NewClient(serve(t))
	told, err := c.AddLine(ctx, manage.NewLine{Line: directory.Line{Number: "77501", Name: "Ana", Permissions: []string{"national"}, Voicemail: true}})
	if err != nil {
		t.Fatal(err)
	}
	if len(told.Secret) != 26 {
		t.Errorf("the secret that was made is %q", told.Secret)
	}
	name, secret := "Ana Lovelace", ""
	if told, err = c.SetLine(ctx, "77501", manage.LineChange{Name: &name, Secret: &secret}); err != nil || told.Secret == "" {
		t.Fatalf("setting name and a new secret: %q, %v", told.Secret, err)
	}
	l, err := c.Line(ctx, "77501")
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Line{Number: "77501", Name: name, Kind: directory.Person, Permissions: []string{"national"}, Voicemail: true}
	if d := cmp.Diff(want, l.Line); d != "" {
		t.Errorf("line (-want +got):\n%s", d)
	}
	did, err := c.ImportLines(ctx, strings.NewReader("number,name\n77502,Ben\n"))
	if err != nil || did.Added != 1 || len(did.Secrets) != 1 {
		t.Errorf("import: %+v, %v", did, err)
	}
	var csv bytes.Buffer
	if err := c.ExportLines(ctx, &csv); err != nil || strings.Count(csv.String(), "\n") != 3 {
		t.Errorf("export: %q, %v", csv.String(), err)
	}
	boxes, err := c.Mailboxes(ctx)
	if err != nil || len(boxes) != 2 {
		t.Errorf("mailboxes: %+v, %v", boxes, err)
	}
	if err := c.UnlockMailbox(ctx, "77501"); err != nil {
		t.Error(err)
	}
	if err := c.RemoveLine(ctx, "77501", false); err != nil {
		t.Error(err)
	}
	if all, err := c.Lines(ctx); err != nil || len(all) != 1 {
		t.Errorf("lines after one was removed: %+v, %v", all, err)
	}
}

func TestErrorsAreTheSameOverTheSocket(t *testing.T) {
	ctx := t.Context()
	c := control.NewClient(serve(t))
	_, err := c.Line(ctx, "1/../2?x=#")
	if codeOf(err) != manage.NotFound {
		t.Errorf("an unknown line with a strange name: %v", err)
	}
	_, err = c.AddLine(ctx, manage.NewLine{Line: directory.Line{Number: "x"}})
	if codeOf(err) != manage.Invalid || !strings.Contains(err.Error(), "number") {
		t.Errorf("a number that is none: %v", err)
	}
	_, err = c.ImportLines(ctx, strings.NewReader("number\nx\ny\n"))
	var e *manage.Error
	if !errors.As(err, &e) || e.Code != manage.Invalid || len(e.Details) != 2 || e.Hint == "" {
		t.Errorf("a file with two mistakes: %#v", err)
	}
	if _, err := c.Mailbox(ctx, "77501"); codeOf(err) != manage.NotFound {
		t.Errorf("an unknown mailbox: %v", err)
	}
	// What only a running exchange can do, asked of a data folder alone.
	if _, err := c.Reload(ctx); codeOf(err) != manage.NotRunning {
		t.Errorf("reload: %v", err)
	}
}

func TestRequestsAreChecked(t *testing.T) {
	socket := serve(t)
	h := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "lines", `{"number": "77501", "colour": "red"}`, 422},
		{"POST", "lines", `not JSON`, 422},
		{"GET", "history?limit=many", "", 422},
		{"GET", "history?limit=-1", "", 422},
		{"GET", "nothing", "", 404},
		{"PUT", "lines", "", 405},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, "http://belfry/v1/"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := h.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != test.status {
			t.Errorf("%s %s: %s, want %d: %s", test.method, test.path, res.Status, test.status, text)
		}
		if test.status == 422 && !json.Valid(text) {
			t.Errorf("%s %s: the refusal is no JSON: %s", test.method, test.path, text)
		}
	}
}

func TestOnlyTheOwnerMayOpenTheSocket(t *testing.T) {
	info, err := os.Stat(serve(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}

func TestNobodyThere(t *testing.T) {
	dir := shortDir(t)
	socket := filepath.Join(dir, "s.sock")
	if _, err := control.NewClient(socket).Status(t.Context()); !errors.Is(err, manage.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	// A dead exchange leaves its socket behind; the next takes its place.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.NewClient(socket).Status(t.Context()); !errors.Is(err, manage.ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	s, err := control.Listen(socket, &manage.Data{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("in the place of a dead one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 120))
	if _, err := control.Listen(long, &manage.Data{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "shorter data folder") {
		t.Errorf("a path that is too long: %v", err)
	}
}

func TestExchangesAreFound(t *testing.T) {
	dir := shortDir(t)
	runtime := filepath.Join(dir, "run")
	if all, err := control.Find(runtime); err != nil || len(all) != 0 {
		t.Errorf("before the first: %v, %v", all, err)
	}
	older := control.Exchange{PID: 1, Mode: "serve", Socket: "/a.sock", Data: dir, Started: time.Unix(1000, 0).UTC()}
	newer := control.Exchange{PID: 2, Mode: "demo", Socket: "/b.sock", Data: dir, Started: time.Unix(2000, 0).UTC()}
	var removes []func()
	for _, e := range []control.Exchange{older, newer} {
		remove, err := control.Announce(runtime, e)
		if err != nil {
			t.Fatal(err)
		}
		removes = append(removes, remove)
	}
	all, err := control.Find(runtime)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]control.Exchange{newer, older}, all); d != "" {
		t.Errorf("found (-want +got):\n%s", d)
	}
	if e, ok := control.Holder(dir); !ok || e.PID != 2 {
		t.Errorf("the data folder's holder: %+v, %v", e, ok)
	}
	for _, remove := range removes {
		remove()
	}
	if all, err := control.Find(runtime); err != nil || len(all) != 0 {
		t.Errorf("after the last: %v, %v", all, err)
	}
	if _, ok := control.Holder(dir); ok {
		t.Error("the data folder still names a holder")
	}
}

func TestAFolderThatOthersMayWriteIsNotTrusted(t *testing.T) {
	dir := filepath.Join(shortDir(t), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // past the umask
		t.Fatal(err)
	}
	if _, err := control.Find(dir); err == nil {
		t.Error("a folder that everybody may write is believed")
	}
	if _, err := control.Announce(dir, control.Exchange{Data: t.TempDir()}); err == nil {
		t.Error("an exchange is announced in a folder that everybody may write")
	}
}
