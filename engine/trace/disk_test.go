package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openLog(t *testing.T, c clock.Clock, d DiskOptions) *Log {
	t.Helper()
	l, err := Open(Options{Clock: c, Calls: 2}, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// makeCall is a call with a message of size octets.
func makeCall(l *Log, id string, size int) {
	l.Begin(id, "77612", "77513")
	l.Join(id, "d-"+id, "77612")
	l.Add(message("d-"+id, "192.0.2.1:5060", Exchange, "INVITE sip:77513@x SIP/2.0\r\nCall-ID: d\r\n\r\n"+strings.Repeat("x", size)))
	l.Add(Step{Call: id, Kind: Script, Text: "call:bridge 77513", At: "main.lua:6"})
	l.End(id, "answered")
}

func TestTracesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	c := clock.NewFake(start)
	l := openLog(t, c, DiskOptions{Dir: dir})
	for i := range 10 {
		makeCall(l, fmt.Sprint("c", i), 100)
		c.Advance(time.Second)
	}
	want := lines(t, l, "c9")
	l.Close() // the calls that linger are written too

	l = openLog(t, c, DiskOptions{Dir: dir})
	for _, id := range []string{"c0", "c9"} {
		if d := cmp.Diff(want, lines(t, l, id)); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
	if _, steps, err := l.Get("c9"[:2]); err != nil || len(steps) != 2 {
		t.Errorf("by the beginning of its id: %v", err)
	}
	all, err := l.List(3)
	if err != nil || len(all) != 3 || all[0].ID != "c9" || all[2].ID != "c7" || all[0].Outcome != "answered" {
		t.Errorf("the latest calls are %+v, %v", all, err)
	}
	if _, _, err := l.Get("x"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a call that never was: %v", err)
	}
	if info, err := os.Stat(l.disk.files()[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestATornFileLosesItsLastCallOnly(t *testing.T) {
	dir := t.TempDir()
	c := clock.NewFake(start)
	l := openLog(t, c, DiskOptions{Dir: dir})
	makeCall(l, "one", 100)
	makeCall(l, "two", 100)
	l.Close()
	name := l.disk.files()[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(name, whole[:len(whole)-cut-1], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.disk.find("two")
		if err == nil {
			t.Fatalf("without its last %d octets the last call is whole", cut+1)
		}
		if _, err := l.disk.find("one"); err != nil && cut < len(whole)/2-10 {
			t.Fatalf("without its last %d octets the first call is lost: %v", cut+1, err)
		}
	}
}

func TestOldTracesMakeRoom(t *testing.T) {
	const size = 64 << 10
	dir := t.TempDir()
	c := clock.NewFake(start)
	l := New(Options{Clock: c, Calls: 2})
	var err error
	if l.disk, err = openDisk(DiskOptions{Dir: dir, Size: size}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		makeCall(l, fmt.Sprint("c", i), 3000)
		l.disk.write(waitingOf(l, c), c.Now())
		c.Advance(time.Millisecond)
	}
	var used int64
	for _, name := range l.disk.files() {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		used += info.Size()
	}
	if used > size || used < size/2 {
		t.Errorf("the traces take %d octets of %d", used, size)
	}
	if _, _, err := l.Get("c99"); err != nil {
		t.Errorf("the last call: %v", err)
	}
	if _, _, err := l.Get("c0"); !errors.Is(err, ErrUnknown) {
		t.Errorf("the first call is there still: %v", err)
	}
	// What is too old goes, however little it is.
	for _, name := range l.disk.files() {
		if err := os.Chtimes(name, start, start); err != nil {
			t.Fatal(err)
		}
	}
	l.disk.drop()
	l.disk.prune(start.Add(25 * time.Hour))
	if left := l.disk.files(); len(left) != 0 {
		t.Errorf("after a day there are still %q", left)
	}
}

// waitingOf takes what keep would write, once it has left.
func waitingOf(l *Log, c *clock.Fake) []*story {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.leaving {
		s.ended = c.Now().Add(-linger)
	}
	l.sweep()
	all := l.waiting
	l.waiting = nil
	return all
}

func TestADiskThatFailsStopsNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "traces")
	c := clock.NewFake(start)
	l := openLog(t, c, DiskOptions{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	makeCall(l, "one", 100)
	l.Close()
	if _, _, err := l.Get("one"); err != nil {
		t.Errorf("in memory it should still be: %v", err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{}, DiskOptions{Dir: dir}); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestJSON(t *testing.T) {
	l, _ := newLog(t, Options{})
	makeCall(l, "c", 10)
	info, steps, err := l.Get("c")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(Trace{info, steps})
	if err != nil {
		t.Fatal(err)
	}
	var back Trace
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	info.Dialogs = nil // their names stand in the steps
	if d := cmp.Diff(Trace{info, steps}, back); d != "" {
		t.Error(d)
	}
}

func FuzzScan(f *testing.F) {
	s := &story{info: Info{ID: "c"}}
	f.Add(appendRecord(nil, s))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "x"+suffix)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		_ = scan(name, func(info []byte, steps func() ([]byte, error)) error {
			n++
			_, err := steps()
			return err
		})
		if n*headSize > len(b) {
			t.Errorf("%d octets have %d calls", len(b), n)
		}
	})
}
