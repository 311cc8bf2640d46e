// Package docs has no code: its test runs what the documents show.
package docs

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/settings"
	"github.com/belfry-pbx/belfry/stdlib"
)

const patience = 2 * time.Minute

// block is one fenced piece of code in a document.
type block struct{ file, language, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// documents are the repository's README files and everything below docs.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// blocks are those of a language, but for what lies in folders with tests of their own: there, some are wrong on purpose,
// and some are parts of a whole.
func blocks(t *testing.T, language string) []block {
	t.Helper()
	besides := []string{"checks", "reference", "tutorials"}
	var found []block
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(besides, func(folder string) bool { return strings.HasPrefix(name, filepath.Join("..", "docs", folder)) }) {
			continue
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			if m[1] == language {
				found = append(found, block{name, language, m[2]})
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no document has a block of %s", language)
	}
	return found
}

func TestEveryBlockIsOfALanguageThatIsRun(t *testing.T) {
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			switch m[1] {
			case "lua", "go", "sh":
			case "csv", "text":
				if !strings.HasPrefix(name, filepath.Join("..", "docs", "tutorials")) {
					t.Errorf("%s: a block of %s is only for tutorials", name, m[1])
				}
			default:
				t.Errorf("%s: nothing runs a block of %s", name, m[1])
			}
		}
	}
}

// Lua blocks are settings, if that is what they say, or dialplans: they load and have no problems.
func TestLuaBlocksCheck(t *testing.T) {
	for _, b := range blocks(t, "lua") {
		dir := t.TempDir()
		if strings.HasPrefix(b.text, "-- settings.lua\n") {
			if err := os.WriteFile(filepath.Join(dir, "settings.lua"), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := settings.Load(dir, settings.Options{Secret: func(string) (string, bool) { return "a secret", true }}); err != nil {
				t.Errorf("%s: %v", b.file, err)
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		problems, err := scripts.Check(context.Background(), scripts.Options{Dir: dir, Stdlib: stdlib.Files})
		if err != nil {
			t.Errorf("%s: %v", b.file, err)
		}
		for _, p := range problems {
			t.Errorf("%s: %v\n%s", b.file, p, b.text)
		}
	}
}

// Go blocks are programs, which compile, or in a package's README a few lines of one, which parse.
func TestGoBlocksCompile(t *testing.T) {
	for _, b := range blocks(t, "go") {
		var err error
		if !strings.HasPrefix(b.text, "package ") {
			for _, program := range []string{"package p\n" + b.text, "package p\nfunc f() {\n" + b.text + "\n}"} {
				if _, err = parser.ParseFile(token.NewFileSet(), b.file, program, 0); err == nil {
					break
				}
			}
			if err != nil {
				t.Errorf("%s: %v", b.file, err)
			}
			continue
		}
		dir, err := os.MkdirTemp(".", "block")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "vet", "./"+dir).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", b.file, err, out)
		}
	}
}

// Shell blocks are commands of this program or of make. They run in their order against the
// demo, or against an exchange that the commands themselves start.
func TestShellBlocksRun(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "belfry")
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Setenv("BELFRY_RUNTIME", t.TempDir())
	t.Setenv("DATA", filepath.Join(dir, "data"))
	stop := func() {}
	defer func() { stop() }()
	for _, b := range blocks(t, "sh") {
		for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
			line = strings.Replace(line, "go run .", "belfry", 1)
			words := strings.Fields(strings.ReplaceAll(line, " DATA", " "+filepath.Join(dir, "data")))
			if len(words) > 3 && words[1] == "serve" && words[2] == "--site" {
				words[3] = onFreePorts(t, filepath.Join("..", words[3]))
			}
			switch {
			case words[0] == "make": // this test is part of it: see that make knows what to do
				if out, err := run(exec.Command("make", "-C", "..", "-n", words[1])); err != nil {
					t.Errorf("%s: %s: %v\n%s", b.file, line, err, out)
				}
			case words[0] == "belfry" && (words[1] == "demo" || words[1] == "serve"):
				stop() // both want the same ports
				stop = stay(t, exec.Command(program, words[1:]...))
			case words[0] == "belfry":
				cmd := exec.Command(program, words[1:]...)
				cmd.Dir = ".."
				out, err := run(cmd)
				if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != wanted(line) {
					t.Errorf("%s: %s: %v\n%s", b.file, line, err, out)
				}
			default:
				t.Errorf("%s: nothing runs %q", b.file, line)
			}
		}
	}
}

// wanted is a command's exit code: 4, an answer of the world's, from the line that is always busy.
func wanted(line string) int {
	if strings.HasSuffix(line, "call 89100") {
		return 4
	}
	return 0
}

// onFreePorts copies a site, to listen where nothing else does.
func onFreePorts(t *testing.T, site string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(site)); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "settings.lua")
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	free := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAll(text, []byte("127.0.0.1:0"))
	if bytes.Equal(free, text) {
		t.Fatalf("%s names no port of this machine", settings)
	}
	if err := os.WriteFile(settings, free, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(cmd *exec.Cmd) (string, error) {
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	return out.String(), err
}

// stay starts a program that runs until it is stopped, and waits until it says that it is there.
func stay(t *testing.T, cmd *exec.Cmd) (stop func()) {
	t.Helper()
	cmd.Dir = ".."
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		r.Close()
	})
	t.Cleanup(stop)
	ready := make(chan string, 1)
	go func() {
		var seen bytes.Buffer
		buf := make([]byte, 4096)
		told := false
		for {
			n, err := r.Read(buf)
			seen.Write(buf[:n])
			if !told && strings.Contains(seen.String(), "Ctrl-C ") {
				told = true
				ready <- ""
			}
			if err != nil {
				if !told {
					ready <- seen.String()
				}
				return
			}
		}
	}()
	select {
	case problem := <-ready:
		if problem != "" {
			t.Fatalf("%s ended: %s", cmd, problem)
		}
	case <-time.After(patience):
		t.Fatalf("%s does not get ready", cmd)
	}
	return stop
}

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// What a document links to is there.
func TestLinks(t *testing.T) {
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

// Each folder's README says what lives there.
func TestEveryFolderHasAREADME(t *testing.T) {
	for _, dir := range []string{"engine", "scripts", "stdlib", "dialplans", "examples", "docs", "cmd"} {
		if _, err := os.Stat(filepath.Join("..", dir, "README.md")); err != nil {
			t.Error(err)
		}
	}
	parts, err := os.ReadDir("../engine")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if !part.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join("../engine", part.Name(), "README.md")); err != nil {
			t.Error(err)
		}
	}
}
