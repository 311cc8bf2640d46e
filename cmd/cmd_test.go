package cmd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/belfry-pbx/belfry/cmd/control"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"belfry": func() { os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command as people do, each script in a folder of its own. Besides what
// testscript knows, the scripts can say:
//
// $CHORUS and $STARTER are copies of the shipped dialplans, without sounds that only some machines have. UPDATE=1 in the environment of
// the test writes what "cmp stdout FILE" wants anew.
//
//	exits CODE PROGRAM ARG…   runs it and wants that exit code
//	up [PHONES [EXCHANGES]]   waits until an exchange, or so many, answer and have so many phones registered
//	down                      waits until none is announced any more
//	lines FILE MOST           wants no more lines than that in a file
func TestScripts(t *testing.T) {
	chorus, starter := shipped(t, "chorus"), shipped(t, "starter")
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			// Sockets have short names only, so their folder cannot lie in the script's.
			dir, err := os.MkdirTemp("", "b")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = os.RemoveAll(dir) })
			env.Setenv("BELFRY_RUNTIME", filepath.Join(dir, "run"))
			env.Setenv("TMPDIR", dir)
			env.Setenv("D", filepath.Join(dir, "data"))
			env.Setenv("NO_COLOR", "1")
			env.Setenv("CHORUS", chorus)
			env.Setenv("STARTER", starter)
			env.Setenv("TZ", "Europe/London")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "up": up, "down": down, "lines": lines,
		},
	})
}

// shipped copies a dialplan, and adds to its settings that the sounds of Debian's packages are not heard.
func shipped(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "dialplans", name))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "settings.lua")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "return {", "return {\n  prompts = { debian = false },", 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s exits %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// patience is how long a script waits for something that takes a moment, on a busy machine.
const patience = 30 * time.Second

func await(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func announced(ts *testscript.TestScript) []control.Exchange {
	all, err := control.Find(ts.Getenv("BELFRY_RUNTIME"))
	ts.Check(err)
	return all
}

func up(ts *testscript.TestScript, _ bool, args []string) {
	wanted := []int{0, 1} // phones, exchanges
	for i, arg := range args {
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		wanted[i] = n
	}
	await(ts, "exchanges that answer", func() bool {
		running := 0
		for _, e := range announced(ts) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			list, err := control.NewClient(e.Socket).Lines(ctx)
			if err != nil {
				continue
			}
			registered := 0
			for _, l := range list {
				registered += len(l.Devices)
			}
			if registered >= wanted[0] {
				running++
			}
		}
		return running >= wanted[1]
	})
}

func down(ts *testscript.TestScript, _ bool, _ []string) {
	await(ts, "the end of all exchanges", func() bool { return len(announced(ts)) == 0 })
}

func lines(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: lines FILE MOST")
	}
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); n > most {
		ts.Fatalf("%s has %d lines, want %d at most", args[0], n, most)
	}
}
