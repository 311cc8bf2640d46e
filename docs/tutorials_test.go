package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each tutorial, done as it says: from top to bottom, in one folder.
func TestTutorials(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "belfry"), "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, c := range []struct{ name, ends, folder string }{
		{"first-call", "", ""},
		{"menu", "dialplans/starter", "starter"},
		{"embed", "examples/hello", "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &reader{t: t, bin: bin, dir: workFolder(t), env: []string{"BELFRY_RUNTIME=" + t.TempDir()}}
			defer r.stop()
			root := r.dir
			text, err := os.ReadFile("tutorials/" + c.name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			r.read(string(text))
			if c.ends != "" {
				same(t, filepath.Join(root, c.folder), filepath.Join("..", filepath.FromSlash(c.ends)))
			}
		})
	}
}

// workFolder is one in the module, so that a Go program in it finds the engine.
func workFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(".", "tutorial")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if dir, err = filepath.Abs(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// same tells whether a folder holds what is shipped, READMEs and what the exchange keeps aside.
func same(t *testing.T, got, want string) {
	t.Helper()
	read := func(dir string) map[string]string {
		files := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() && e.Name() == "data" {
				return fs.SkipDir
			}
			if e.IsDir() || e.Name() == "README.md" {
				return nil
			}
			text, err := os.ReadFile(path)
			files[e.Name()] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	made, shipped := read(got), read(want)
	for name, text := range shipped {
		if made[name] != text {
			t.Errorf("%s is not as the tutorial leaves it:\n%s", filepath.Join(want, name), made[name])
		}
	}
	for name := range made {
		if shipped[name] == "" {
			t.Errorf("%s has no %s", want, name)
		}
	}
}

// reader does what a tutorial says.
type reader struct {
	t       *testing.T
	bin     string // where belfry is
	dir     string // where the reader is
	env     []string
	said    string     // by the commands since the last block of text
	serving *presently // nil: no exchange runs
}

var (
	reSteps   = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	reWrite   = regexp.MustCompile("Write `([\\w.]+)`:\\s*$")
	reAppend  = regexp.MustCompile("Add at the end of `([\\w.]+)`:\\s*$")
	reExit    = regexp.MustCompile(`^(.*?)\s*# exit (\d)$`)
	reServing = regexp.MustCompile(`^belfry (demo|serve)\b`)
)

func (r *reader) read(text string) {
	at := 0
	for _, m := range reSteps.FindAllStringSubmatchIndex(text, -1) {
		before, language, block := text[at:m[0]], text[m[2]:m[3]], text[m[4]:m[5]]
		at = m[1]
		if strings.Contains(before, "Stop ") && strings.Contains(before, "Ctrl-C") {
			r.stop()
		}
		switch {
		case language == "sh":
			r.said = ""
			for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
				r.command(line)
			}
		case language == "text":
			r.hears(block)
		case reWrite.MatchString(before):
			r.write(reWrite.FindStringSubmatch(before)[1], block)
		case reAppend.MatchString(before):
			name := reAppend.FindStringSubmatch(before)[1]
			was, err := os.ReadFile(filepath.Join(r.dir, name))
			if err != nil {
				r.t.Fatal(err)
			}
			between := "\n"
			if strings.Count(block, "\n") == 1 {
				between = "" // one line more, not one part more
			}
			r.write(name, string(was)+between+block)
		case language == "go":
			r.compiles(block)
		default:
			r.t.Fatalf("what is to be done with this?\n%s", block)
		}
	}
}

// write saves a file. An exchange that runs must notice it.
func (r *reader) write(name, text string) {
	r.t.Helper()
	noticed := func() bool { return true }
	if r.serving != nil {
		noticed = r.serving.says(name)
	}
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	for late := time.Now().Add(patience); !noticed(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			r.t.Fatalf("the exchange does not notice that %s has been saved:\n%s", name, r.serving.all())
		}
	}
}

// compiles sees that a program which is only shown can be built.
func (r *reader) compiles(text string) {
	dir, err := os.MkdirTemp(r.dir, "shown")
	if err != nil {
		r.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command("go", "vet", ".")
	cmd.Dir = dir
	if out, err := run(cmd); err != nil {
		r.t.Errorf("%v\n%s", err, out)
	}
}

func (r *reader) command(line string) {
	r.t.Helper()
	want := 0
	if m := reExit.FindStringSubmatch(line); m != nil {
		line = m[1]
		want, _ = strconv.Atoi(m[2])
	}
	words := strings.Fields(line)
	switch {
	case words[0] == "cd":
		r.dir = filepath.Join(r.dir, words[1])
		return
	case reServing.MatchString(line):
		r.serve(line)
		return
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), append(r.env, "PATH="+r.bin+string(os.PathListSeparator)+os.Getenv("PATH"))...)
	if strings.HasPrefix(line, "go install") {
		cmd.Dir, cmd.Env = "..", append(cmd.Env, "GOBIN="+r.bin)
	}
	out, err := run(cmd)
	r.said += out
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		r.t.Fatalf("%s: %v, want exit code %d\n%s", line, err, want, out)
	}
}

// serve starts an exchange in place of the one that runs, on ports that are free.
func (r *reader) serve(line string) {
	r.t.Helper()
	r.stop()
	words := strings.Fields(line)
	for i := range words[:len(words)-1] {
		if words[i] == "--site" {
			words[i+1] = onFreePorts(r.t, filepath.Join(r.dir, words[i+1]))
		}
	}
	cmd := exec.Command(filepath.Join(r.bin, "belfry"), words[1:]...)
	cmd.Dir = r.dir
	if words[1] == "demo" && len(words) == 2 {
		cmd.Dir = ".." // the checkout
	}
	cmd.Env = append(os.Environ(), r.env...)
	p, err := start(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	r.serving = p
	for late := time.Now().Add(patience); !strings.Contains(p.all(), "Ctrl-C "); time.Sleep(5 * time.Millisecond) {
		if p.ended() || time.Now().After(late) {
			r.t.Fatalf("%s does not get ready:\n%s", line, p.all())
		}
	}
}

func (r *reader) stop() {
	if r.serving != nil {
		r.serving.stop()
		r.serving = nil
	}
}

// hears sees that the last commands have said these lines, in this order.
func (r *reader) hears(block string) {
	r.t.Helper()
	blanks := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	rest := blanks(r.said)
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		_, after, found := strings.Cut(rest, blanks(line))
		if !found {
			r.t.Errorf("%q is not among what was said:\n%s", line, r.said)
			return
		}
		rest = after
	}
}

// presently is a program that runs until it is stopped.
type presently struct {
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	out  bytes.Buffer
}

func start(cmd *exec.Cmd) (*presently, error) {
	p := &presently{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

// Write keeps what the program says.
func (p *presently) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *presently) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// says tells, each time, whether the program has said a text since now.
func (p *presently) says(text string) func() bool {
	from := len(p.all())
	return func() bool { return strings.Contains(p.all()[from:], text) }
}

func (p *presently) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *presently) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.done
}
