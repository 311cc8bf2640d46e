package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
)

// world is a disk and a store that fail at a chosen operation, and what the mailboxes
// have promised meanwhile.
type world struct {
	t     testing.TB
	disk  *simDisk
	db    *bolt.Store
	clock *clock.Fake
	dir   string
	boxes *Mailboxes

	ops   int                                           // so far
	fault func(n int, op string) (half bool, err error) // of the nth operation
	trace []string

	said     map[string][][]int16 // by draft: what was said, and what before beginning again
	durable  map[string]int       // by draft: samples that a flush has reported done
	acked    map[string]promise   // by message
	purged   map[string]bool      // by message: asked for; true: promised
	greeting [][]int16            // possible ones; nil: none
}

type promise struct {
	box   string
	sound []int16 // nil: not known, but at least 2 s
	heard bool
}

func newWorld(t testing.TB, dir string, fault func(int, string) (bool, error)) *world {
	t.Helper()
	w := &world{
		t: t, disk: newSimDisk(), dir: dir, clock: clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)), fault: fault,
		said: map[string][][]int16{}, durable: map[string]int{}, acked: map[string]promise{}, purged: map[string]bool{}, greeting: [][]int16{nil},
	}
	var err error
	w.db, err = bolt.Open(filepath.Join(dir, "belfry.db"), bolt.Options{Clock: w.clock})
	no(t, err)
	return w
}

func (w *world) open(s store.Store) error {
	var err error
	w.boxes, err = Open(context.Background(), Options{Dir: w.dir, Store: s, Clock: w.clock, FS: w.disk, Log: slog.New(slog.DiscardHandler)})
	return err
}

func (w *world) ask(op, name string) (bool, error) {
	w.ops++
	w.trace = append(w.trace, op+" "+name)
	return w.fault(w.ops, op)
}

// faultyStore asks before each write, and after it: a power cut may come between the
// write and its report.
type faultyStore struct {
	store.Store
	w *world
}

func (s faultyStore) Batch(ctx context.Context, fn func(store.Batch) error) error {
	return s.w.stored(func() error { return s.Store.Batch(ctx, fn) })
}

func (s faultyStore) Bucket(name string) store.Bucket {
	return faultyBucket{s.Store.Bucket(name), s.w}
}

type faultyBucket struct {
	store.Bucket
	w *world
}

func (b faultyBucket) Delete(ctx context.Context, key string) error {
	return b.w.stored(func() error { return b.Bucket.Delete(ctx, key) })
}

func (b faultyBucket) PutIf(ctx context.Context, key string, value []byte, rev uint64, opts ...store.PutOption) (n uint64, err error) {
	err = b.w.stored(func() error { n, err = b.Bucket.PutIf(ctx, key, value, rev, opts...); return err })
	return n, err
}

func (w *world) stored(write func() error) error {
	if _, err := w.askLocked("store"); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	_, err := w.askLocked("stored")
	return err
}

func (w *world) askLocked(op string) (bool, error) {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	return w.ask(op, "")
}

// voice is different for each seed.
func voice(seed int, d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*rate))
	for i := range pcm {
		pcm[i] = int16(seed*1009 + i*(2*seed+1))
	}
	return pcm
}

// use does all that mailboxes do, notes what is promised, and goes on whatever fails.
func (w *world) use() {
	ctx := context.Background()
	w.disk.setFault(w.ask)
	defer w.disk.setFault(nil)
	if w.open(faultyStore{w.db, w}) != nil {
		return
	}
	for _, number := range []string{"77513", "77514"} {
		_ = w.boxes.Create(ctx, number)
	}
	m, err := w.boxes.Get("77513")
	if err != nil {
		return
	}
	a := w.leave(m, 1, nil)
	w.greet(m, voice(11, 300*time.Millisecond))
	b := w.leave(m, 2, voice(3, 1300*time.Millisecond))
	if p, ok := w.acked[a]; ok && m.MarkHeard(ctx, a) == nil {
		p.heard = true
		w.acked[a] = p
	}
	if _, ok := w.acked[b]; ok && m.Delete(ctx, b) == nil {
		w.purged[b] = false
		w.purged[b] = m.Purge(ctx) == nil
	}
	if _, ok := w.acked[a]; ok {
		w.forward(m, a)
	}
	w.greet(m, voice(12, 500*time.Millisecond))
	if d, err := m.Begin(ctx, Caller{Number: "5"}); err == nil { // and never ends
		w.say(d, voice(5, 1200*time.Millisecond))
		w.flush(d)
		w.say(d, voice(5, 1500*time.Millisecond)[rate*6/5:])
	}
}

func (w *world) say(d *Draft, pcm []int16) {
	id := d.w.header.ID
	if len(w.said[id]) == 0 {
		w.said[id] = [][]int16{nil}
	}
	last := &w.said[id][len(w.said[id])-1]
	*last = append(*last, pcm...)
	_ = d.Write(pcm)
}

func (w *world) flush(d *Draft) {
	if d.flush() == nil && d.w.err == nil {
		w.durable[d.w.header.ID] = d.w.syncedAt
	}
}

// leave leaves a message, after another that its caller does not like if there is one.
func (w *world) leave(m *Mailbox, seed int, before []int16) (id string) {
	d, err := m.Begin(context.Background(), Caller{Number: fmt.Sprint(seed)})
	if err != nil {
		return ""
	}
	id = d.w.header.ID
	if before != nil {
		w.say(d, before)
		w.flush(d)
		if d.Restart() == nil {
			w.said[id] = append(w.said[id], nil)
			w.durable[id] = 0
		}
	}
	said := voice(seed, 2250*time.Millisecond)
	w.say(d, said[:rate*3/2])
	w.flush(d)
	w.say(d, said[rate*3/2:])
	if msg, err := d.Commit(context.Background(), false); err == nil {
		p := promise{box: m.number, sound: said}
		if d.w.err != nil { // the disk was full: what it had until then
			p.sound = w.said[id][len(w.said[id])-1][:msg.Length*rate/time.Second]
		}
		w.acked[id] = p
	}
	return id
}

func (w *world) greet(m *Mailbox, pcm []int16) {
	w.greeting = append(w.greeting, pcm)
	if m.SetGreeting(context.Background(), "busy", media.NewClip(rate, pcm)) == nil {
		w.greeting = [][]int16{pcm}
	}
}

func (w *world) forward(m *Mailbox, id string) {
	sound := append(voice(7, 300*time.Millisecond), w.acked[id].sound...)
	w.said["forwarded"] = [][]int16{sound}
	if m.Forward(context.Background(), id, "77514", media.NewClip(rate, voice(7, 300*time.Millisecond))) == nil {
		w.acked["forwarded"] = promise{box: "77514", sound: sound}
	}
}

// crash ends the process, as far as it can: nothing more is written.
func (w *world) crash(s survivor) {
	dead := errors.New("no power")
	w.disk.setFault(func(string, string) (bool, error) { return false, dead })
	w.fault = func(int, string) (bool, error) { return false, dead }
	if w.boxes != nil {
		_ = w.boxes.Close()
	}
	w.disk = w.disk.restarted(s)
}

// check opens the mailboxes again and compares what is there with what was promised.
func (w *world) check() {
	t := w.t
	t.Helper()
	no(t, w.open(w.db))
	before := w.inventory()
	w.checkPromises()
	no(t, w.boxes.Close())
	no(t, w.open(w.db)) // now there is nothing left to recover
	defer func() { no(t, w.boxes.Close()) }()
	if list := w.inventory(); list != before {
		t.Errorf("after one more start:\n%s\nbefore:\n%s", list, before)
	}
	ctx := context.Background()
	if m, err := w.boxes.Get("77513"); err == nil { // and it takes messages
		d, err := m.Begin(ctx, Caller{})
		no(t, err)
		no(t, d.Write(voice(6, 2*time.Second)))
		_, err = d.Commit(ctx, false)
		no(t, err)
	}
}

// inventory lists all messages and makes sure that files and index agree.
func (w *world) inventory() (text string) {
	t := w.t
	t.Helper()
	var indexed []string
	for _, number := range []string{"77513", "77514"} {
		all, err := (&Mailbox{w.boxes, number}).all(context.Background())
		no(t, err)
		for _, m := range all {
			text += fmt.Sprintf("%+v\n", m)
			indexed = append(indexed, m.ID+messageSuffix)
		}
	}
	inNew, err := w.disk.ReadDir(newDir)
	no(t, err)
	slices.Sort(inNew)
	slices.Sort(indexed)
	if !slices.Equal(inNew, indexed) {
		t.Errorf("files %v, index %v", inNew, indexed)
	}
	greetings, err := w.db.Bucket(greetingBucket).List(context.Background(), "")
	no(t, err)
	if files, err := w.disk.ReadDir(greetingDir); err != nil || len(files) != len(greetings) {
		t.Errorf("%d greetings in files %v, %v", len(greetings), files, err)
	}
	for _, dir := range []string{tmpDir, quarantineDir} {
		if left, err := w.disk.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", dir, left, err)
		}
	}
	for _, bucket := range []string{tombstoneBucket, quarantineBucket} {
		if left, err := w.db.Bucket(bucket).List(context.Background(), ""); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", bucket, left, err)
		}
	}
	return text
}

func (w *world) checkPromises() {
	t, ctx := w.t, context.Background()
	t.Helper()
	found := map[string]bool{}
	for _, number := range []string{"77513", "77514"} {
		m := &Mailbox{w.boxes, number}
		all, err := m.all(ctx)
		no(t, err)
		for _, msg := range all {
			id := msg.ID
			if msg.ForwardedBy != "" {
				id = "forwarded"
			}
			if found[id] {
				t.Errorf("%s is there twice", id)
			}
			found[id] = true
			clip, err := m.Sound(ctx, msg.ID)
			if err != nil {
				t.Errorf("message %s of %s cannot be played: %v", id, msg.From, err)
				continue
			}
			sound := clip.PCM()
			if clip.Duration() != msg.Length {
				t.Errorf("message of %s is %v and plays %v", msg.From, msg.Length, clip.Duration())
			}
			if w.purged[id] {
				t.Errorf("message of %s is back, which was deleted for good", msg.From)
			}
			if p, ok := w.acked[id]; ok {
				if p.box != number || !slices.Equal(sound, p.sound) || msg.Heard != p.heard && p.heard || msg.Interrupted {
					t.Errorf("message of %s is not what was acknowledged: %+v, %d samples of %d", msg.From, msg, len(sound), len(p.sound))
				}
				continue
			}
			if !slices.ContainsFunc(w.said[id], func(said []int16) bool { return len(said) >= len(sound) && slices.Equal(said[:len(sound)], sound) }) {
				t.Errorf("message of %s holds what nobody said", msg.From)
			}
			if len(sound) < w.durable[id] {
				t.Errorf("message of %s has %d samples of %d that were flushed", msg.From, len(sound), w.durable[id])
			}
			if len(sound) < rate {
				t.Errorf("message of %s has %d samples only", msg.From, len(sound))
			}
		}
	}
	for id, p := range w.acked {
		if _, purging := w.purged[id]; !found[id] && !purging {
			t.Errorf("message of %s is lost, %d samples that were acknowledged", id, len(p.sound))
		}
	}
	for id, n := range w.durable {
		if _, purging := w.purged[id]; n >= rate && !found[id] && !purging {
			t.Errorf("%d samples that were flushed are lost", n)
		}
	}
	w.checkGreeting()
}

func (w *world) checkGreeting() {
	w.t.Helper()
	clip, err := (&Mailbox{w.boxes, "77513"}).Greeting(context.Background(), "busy")
	if err != nil {
		w.t.Errorf("the greeting: %v", err)
		return
	}
	var pcm []int16
	if clip != nil {
		pcm = clip.PCM()
	}
	if !slices.ContainsFunc(w.greeting, func(g []int16) bool { return slices.Equal(g, pcm) && (g == nil) == (clip == nil) }) {
		w.t.Errorf("the greeting is none that was recorded: %d samples", len(pcm))
	}
}

// quickDir is a folder where flushing is cheap: here it is the simulated disk that matters.
func quickDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "belfry-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { no(t, os.RemoveAll(dir)) })
	return dir
}

// everyOperation runs the script with a fault at the first operation, at the second, and
// so on, until it gets through without one.
func everyOperation(t *testing.T, fault func(at, n int, op string) (bool, error), crash survivor) {
	t.Parallel()
	for at := 1; ; at++ {
		hit := false
		w := newWorld(t, quickDir(t), func(n int, op string) (bool, error) {
			half, err := fault(at, n, op)
			hit = hit || err != nil
			return half, err
		})
		w.use()
		where := w.trace[min(at, len(w.trace))-1]
		w.crash(crash)
		w.check()
		no(t, w.db.Close())
		if t.Failed() {
			t.Fatalf("the fault was at operation %d of %d: %s\nacknowledged: %d, greetings %d", at, len(w.trace), where, len(w.acked), len(w.greeting))
		}
		if !hit {
			if len(w.acked) != 3 || at < 50 {
				t.Fatalf("without a fault after %d operations only %d messages were acknowledged: %v", at, len(w.acked), w.trace)
			}
			t.Logf("%d operations", at-1)
			return
		}
	}
}

func TestPowerCutAtEveryOperation(t *testing.T) {
	noPower := errors.New("no power")
	cut := func(at, n int, _ string) (bool, error) {
		if n < at {
			return false, nil
		}
		return n == at, noPower // the first write that fails is torn
	}
	for name, s := range map[string]survivor{"lost": lost, "kept": kept, "torn": torn, "stale": stale} {
		t.Run(name, func(t *testing.T) { everyOperation(t, cut, s) })
	}
}

// A single operation fails, and the exchange goes on. A failed flush has dropped what
// it should have written.
func TestEveryOperationFailsOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		errno error
		half  bool
		crash survivor
	}{
		{"EIO, half done", syscall.EIO, true, lost}, {"EIO", syscall.EIO, false, kept},
		{"ENOSPC, half done", syscall.ENOSPC, true, kept}, {"ENOSPC", syscall.ENOSPC, false, lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			everyOperation(t, func(at, n int, op string) (bool, error) {
				if n != at {
					return false, nil
				}
				return c.half, &fs.PathError{Op: op, Path: "x", Err: c.errno}
			}, c.crash)
		})
	}
}

// From some operation on the disk is full: nothing grows until the next start.
func TestDiskFillsUpAtEveryOperation(t *testing.T) {
	for name, s := range map[string]survivor{"lost": lost, "kept": kept} {
		t.Run(name, func(t *testing.T) {
			everyOperation(t, func(at, n int, op string) (bool, error) {
				if n < at || op != "write" && op != "create" && op != "store" {
					return false, nil
				}
				return true, &fs.PathError{Op: op, Path: "x", Err: syscall.ENOSPC}
			}, s)
		})
	}
}

// The power fails in the recovery too, at each of its operations, and again.
func TestPowerCutInRecovery(t *testing.T) {
	noPower := errors.New("no power")
	script := newWorld(t, quickDir(t), func(int, string) (bool, error) { return false, nil })
	script.use()
	total := script.ops
	script.crash(lost)
	no(t, script.db.Close())
	for _, first := range []int{total, total - 8, total / 2} {
		for _, s := range []survivor{lost, kept, torn, stale} {
			t.Run(fmt.Sprint("after ", first, " operations, ", s), func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					w := newWorld(t, quickDir(t), func(n int, _ string) (bool, error) {
						if n < first {
							return false, nil
						}
						return n == first, noPower
					})
					w.use()
					w.crash(s)
					cut := w.cutRecovery(at)
					w.crash(s)
					w.check()
					no(t, w.db.Close())
					if t.Failed() {
						t.Fatalf("the power failed again at operation %d of the recovery: %v", at, w.trace[len(w.trace)-at:])
					}
					if !cut {
						return
					}
				}
			})
		}
	}
}

// cutRecovery opens the mailboxes and cuts the power at an operation, if there are so many.
func (w *world) cutRecovery(at int) (cut bool) {
	w.ops = 0
	w.fault = func(n int, _ string) (bool, error) {
		if n < at {
			return false, nil
		}
		cut = true
		return n == at, errors.New("no power")
	}
	w.disk.setFault(w.ask)
	_ = w.open(faultyStore{w.db, w})
	w.disk.setFault(nil)
	return cut
}
