package bolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/storetest"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

// TestMain can be the other process: the one that has the file, wants it, or is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("BOLT_TEST_WRITE"); path != "" {
		s, err := Open(path, Options{})
		for i := 0; err == nil; i++ {
			if _, err = s.Bucket("b").Put(context.Background(), fmt.Sprint(i), fmt.Append(nil, i)); err == nil {
				fmt.Println(i) // acknowledged
			}
		}
		fmt.Println(err)
		os.Exit(1)
	}
	if path := os.Getenv("BOLT_TEST_OPEN"); path != "" {
		s, err := Open(path, Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("opened")
		if err := s.Close(); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func otherProcess(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BOLT_TEST_OPEN="+path)
	out, _ := cmd.CombinedOutput() // exit status 1 says no more than the text
	return strings.TrimSpace(string(out))
}

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string, c clock.Clock) store.Store {
		return open(t, filepath.Join(dir, "belfry.db"), Options{Clock: c})
	})
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "belfry.db")
	s := open(t, path, Options{})
	if said := otherProcess(t, path); !strings.Contains(said, ErrLocked.Error()) {
		t.Errorf("another process was told %q", said)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("this process was told %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if said := otherProcess(t, path); said != "opened" {
		t.Errorf("once it was closed, another process was told %q", said)
	}
}

func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belfry.db")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BOLT_TEST_WRITE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if acknowledged = append(acknowledged, lines.Text()); len(acknowledged) == 50 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	b := open(t, path, Options{}).Bucket("b")
	for _, key := range acknowledged {
		if e, err := b.Get(t.Context(), key); err != nil || string(e.Value) != key {
			t.Errorf("%s: %q, %v", key, e.Value, err)
		}
	}
	if len(acknowledged) < 50 {
		t.Errorf("only %d writes were acknowledged: %v", len(acknowledged), acknowledged)
	}
}

func TestFirstStartTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belfry.db")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var got []*Store
	for range 8 {
		wg.Go(func() {
			s, err := Open(path, Options{})
			if err != nil {
				if !errors.Is(err, ErrLocked) {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			got = append(got, s)
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("%d have the file", len(got))
	}
	defer got[0].Close()
	if _, err := got[0].Bucket("b").Put(context.Background(), "k", nil); err != nil {
		t.Error(err)
	}
}

func TestFolderHoldsNothingElseAndIsPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "belfry.db")
	// What a crash in the first start has left: an incomplete file under its first name.
	if err := os.WriteFile(path+".123.new", []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path, Options{})
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Name() != "belfry.db" {
		t.Errorf("the folder holds %v", files)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belfry.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrFormat) {
		t.Errorf("Open says %v", err)
	}
}

// A disk that fails in a commit: that write and all later ones are refused, reading goes
// on, and after a restart what was acknowledged is there.
func TestFailedDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "belfry.db")
	var file *os.File
	broken := func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag, mode)
		file = f
		return f, err
	}
	ctx := context.Background()
	open(t, path, Options{}).Close()
	s := open(t, path, Options{openFile: broken})
	b := s.Bucket("b")
	if _, err := b.Put(ctx, "k", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, "k", []byte("lost")); err == nil {
		t.Fatal("a write was acknowledged that can't have reached the disk")
	}
	if _, err := b.Put(ctx, "k", []byte("lost")); !errors.Is(err, ErrFailed) {
		t.Errorf("then told %v", err)
	}
	if e, err := b.Get(ctx, "k"); err != nil || string(e.Value) != "kept" {
		t.Errorf("reads %q, %v", e.Value, err)
	}
	_ = s.Close()
	if e, err := open(t, path, Options{}).Bucket("b").Get(ctx, "k"); err != nil || string(e.Value) != "kept" {
		t.Errorf("after a restart reads %q, %v", e.Value, err)
	}
}

// Only a disk that was full before anything was flushed leaves the file as it was.
func TestFullDiskIsNoFailure(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "belfry.db", Err: syscall.ENOSPC}
	for err, want := range map[error]bool{
		nil: false, full: false, fmt.Errorf("store: %w", full): false,
		syscall.ENOSPC: true, &fs.PathError{Op: "write", Path: "belfry.db", Err: syscall.EIO}: true, ErrFailed: true,
	} {
		if poisonous(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

func TestPanicInBatchHarmsNobody(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "belfry.db"), Options{})
	ctx := context.Background()
	err := s.Batch(ctx, func(tx store.Batch) error {
		if err := tx.Put("b", "k", nil); err != nil {
			return err
		}
		return errors.New(strings.Split("k", "/")[1])
	})
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("told %v", err)
	}
	if _, err := s.Bucket("b").Get(ctx, "k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half a batch was written: %v", err)
	}
	if _, err := s.Bucket("b").Put(ctx, "k", nil); err != nil {
		t.Error(err)
	}
}

func TestPanicOfAWatcherHarmsNobody(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "belfry.db"), Options{})
	b, told := s.Bucket("b"), 0
	for _, fn := range []func(store.Entry){func(store.Entry) { panic("its own fault") }, func(store.Entry) { told++ }} {
		if _, err := b.Watch(t.Context(), "", fn); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := b.Put(t.Context(), "k", nil); err != nil {
			t.Fatal(err)
		}
	}
	if told != 2 {
		t.Errorf("the other was told %d times", told)
	}
}

func TestSweepLeavesNothingBehind(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	s := open(t, filepath.Join(t.TempDir(), "belfry.db"), Options{Clock: c})
	const n = 2*maxSweep + 10
	ctx := t.Context()
	if err := s.Batch(ctx, func(tx store.Batch) error {
		for i := range n {
			if err := tx.Put("b", fmt.Sprint(i), nil, store.TTL(time.Minute)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w := make(chan store.Entry, n)
	if _, err := s.Bucket("b").Watch(ctx, "", func(e store.Entry) { w <- e }); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	for told := 0; told < n; {
		select {
		case <-w:
			told++
		case <-time.After(time.Millisecond):
			c.Advance(time.Second)
		}
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		if k, _ := tx.Bucket(dataBucket).Bucket([]byte("b")).Cursor().First(); k != nil {
			t.Errorf("%q is still there", k)
		}
		if k, _ := tx.Bucket(expiryBucket).Cursor().First(); k != nil {
			t.Errorf("its expiry %q is still there", k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "belfry.db"), Options{})
			bucket, value := s.Bucket("b"), make([]byte, 200)
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						if _, err := bucket.Put(b.Context(), fmt.Sprint(i%10000), value); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "belfry.db"), Options{})
	bucket := s.Bucket("b")
	if _, err := bucket.Put(b.Context(), "k", make([]byte, 200)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bucket.Get(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}
