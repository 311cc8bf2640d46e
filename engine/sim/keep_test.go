package sim

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/registration"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/memory"
)

// kept is all that outlives a call, in a World, with people who change it and watchers who are told. What happens is
// written down.
type kept struct {
	w       *World
	store   *memory.Store
	disk    *mailbox.Memory
	lines   *directory.Directory
	boxes   *mailbox.Mailboxes
	calls   *callog.Log
	phones  *registration.Store
	chance  *rand.Rand
	story   bytes.Buffer
	changes int
}

func newKept(t testing.TB, s *Site, seed uint64) *kept {
	k := &kept{w: NewWorld(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)), chance: rand.New(rand.NewPCG(seed, 1))}
	k.store, k.disk = s.store.Clone(k.w), s.disk.Clone()
	log := slog.New(slog.NewTextHandler(&k.story, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Duration(a.Key, k.now())
		}
		return a
	}}))
	ctx := context.Background()
	var err error
	no := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	k.lines, err = directory.Open(ctx, k.store, directory.Options{Simulated: true, Like: s.directory, Realm: "x", Clock: k.w, Runner: k.w, Log: log})
	no(err)
	k.boxes, err = mailbox.Open(ctx, mailbox.Options{Simulated: true, Store: k.store, FS: k.disk, Clock: k.w, Runner: k.w, Log: log, MaxMessages: 3})
	no(err)
	k.calls, err = callog.Open(ctx, k.store, callog.Options{Clock: k.w, Log: log, Gather: time.Second, MaxRecords: 20, MaxEntries: 5, Keep: time.Hour})
	no(err)
	k.phones = registration.New(k.store, registration.WithClock(k.w))
	k.lines.Watch(func(number string) { k.tell("first watcher", number, k.line(number)) })
	k.lines.Watch(func(number string) {
		k.tell("second watcher", number, k.line(number))
		if k.changes++; k.changes%7 == 0 { // a watcher may change things
			k.tell("second watcher changes", number, k.lines.SetDND(ctx, number, k.changes%2 == 0))
		}
	})
	k.boxes.OnWaiting(func(number string, w mailbox.Waiting) { k.tell("lamp", number, w) })
	_, err = k.store.Bucket("registrations").Watch(ctx, "", func(e store.Entry) { k.tell("phone", e.Key, e.Revision, e.Deleted) })
	no(err)
	_, err = k.store.Bucket("calls").Watch(ctx, "", func(e store.Entry) { k.tell("call", e.Key, e.Deleted) })
	no(err)
	return k
}

func (k *kept) now() time.Duration {
	return k.w.Now().Sub(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
}

func (k *kept) tell(what ...any) { fmt.Fprintln(&k.story, append([]any{k.now()}, what...)...) }

func (k *kept) line(number string) any {
	l, err := k.lines.Line(context.Background(), number)
	if err != nil {
		return err
	}
	return fmt.Sprint(l.DND, l.Forwards, l.Name)
}

// sleep has a person do nothing for a while.
func (k *kept) sleep(d time.Duration) {
	place, over := k.w.NewWaiter(), false
	k.w.AfterFunc(d, func() { over = true; place.Wake() })
	for !over {
		place.Wait(context.Background(), context.Background())
	}
}

// pick is a number of the site's, or one that it does not have.
func (k *kept) pick() string {
	return []string{"77513", "77514", "15902", "77602", "77610", "12345"}[k.chance.IntN(6)]
}

// person does one thing after another.
func (k *kept) person(name string, things int) {
	for range things {
		k.sleep(time.Duration(k.chance.IntN(4)) * 250 * time.Millisecond)
		k.tell(name, "began")
		k.tell(append([]any{name}, k.anything(name)...)...)
	}
}

// anything does something and says what came of it.
func (k *kept) anything(name string) []any {
	ctx, d, number := context.Background(), k.lines, k.pick()
	switch k.chance.IntN(18) {
	case 0:
		return []any{"dnd", number, d.SetDND(ctx, number, k.chance.IntN(2) == 0)}
	case 1:
		return []any{"forward", number, d.SetForward(ctx, number, directory.ForwardKinds()[k.chance.IntN(4)], k.pick())}
	case 2:
		return []any{"add", number, d.Add(ctx, directory.Line{Number: number, Name: name, Kind: directory.Person, Voicemail: true}, "a long secret")}
	case 3:
		return []any{"remove", number, d.Remove(ctx, number)}
	case 4:
		err := d.List("club").Add(ctx, number)
		all, _ := d.List("club").Entries(ctx)
		return []any{"list", number, err, all}
	case 5:
		return []any{"unlist", number, d.List("club").Remove(ctx, number)}
	case 6:
		err := d.Logout(ctx, "group", number)
		out, _ := d.LoggedOut(ctx, "group")
		return []any{"log out", number, err, out}
	case 7:
		return []any{"log in", number, d.Login(ctx, "group", number), k.boxes.Create(ctx, number)}
	case 8, 9:
		return k.message(ctx, number)
	case 10, 11:
		return k.listen(ctx, number)
	case 12:
		return k.call(ctx, number)
	case 13:
		return k.register(ctx, number)
	default:
		return k.settings(ctx, number)
	}
}

func (k *kept) message(ctx context.Context, number string) []any {
	box, err := k.boxes.Get(number)
	if err != nil {
		return []any{"message", err}
	}
	draft, err := box.Begin(ctx, mailbox.Caller{Number: "15902"})
	if err != nil {
		return []any{"message", err}
	}
	for range k.chance.IntN(6) {
		if err := draft.Write(make([]int16, 8000+k.chance.IntN(8000))); err != nil {
			return []any{"message", err}
		}
		k.sleep(time.Duration(k.chance.IntN(3)) * time.Second)
	}
	switch k.chance.IntN(8) {
	case 0:
		draft.Discard()
		return []any{"message", number, "discarded"}
	case 1:
		k.tell("again", draft.Restart())
	}
	m, err := draft.Commit(ctx, k.chance.IntN(2) == 0)
	return []any{"message", number, m, err}
}

func (k *kept) listen(ctx context.Context, number string) []any {
	box, err := k.boxes.Get(number)
	if err != nil {
		return []any{"listen", err}
	}
	folder := []string{mailbox.FolderNew, mailbox.FolderSaved, mailbox.FolderDeleted}[k.chance.IntN(3)]
	all, err := box.Messages(ctx, folder)
	if err != nil || len(all) == 0 {
		return []any{"listen", number, all, err}
	}
	m := all[k.chance.IntN(len(all))]
	switch k.chance.IntN(7) {
	case 0:
		return []any{"heard", m.ID, box.MarkHeard(ctx, m.ID)}
	case 1, 2:
		return []any{"delete", m.ID, box.Delete(ctx, m.ID)}
	case 3:
		return []any{"undelete", m.ID, box.Undelete(ctx, m.ID)}
	case 4:
		return []any{"save", m.ID, box.Save(ctx, m.ID)}
	case 5:
		return []any{"pass on", m.ID, box.Forward(ctx, m.ID, k.pick(), nil)}
	default:
		clip, err := box.Sound(ctx, m.ID)
		if err != nil {
			return []any{"sound", m.ID, err}
		}
		return []any{"sound", m.ID, clip.Duration(), box.Purge(ctx)}
	}
}

func (k *kept) call(ctx context.Context, number string) []any {
	k.changes++
	id := fmt.Sprint("call-", k.changes)
	err := k.calls.Add(ctx, callog.Record{ID: id, Start: k.w.Now(), End: k.w.Now(), FromLine: number, To: k.pick()},
		callog.Share{Line: number, Entry: callog.Entry{ID: id, Kind: callog.Dialled, Time: k.w.Now()}})
	if k.chance.IntN(3) > 0 {
		return []any{id, err}
	}
	entries, listErr := k.calls.Entries(ctx, number, 0)
	records, recordErr := k.calls.Records(ctx, callog.Filter{Line: k.pick(), Limit: 5})
	return []any{id, err, entries, listErr, records, recordErr, k.calls.Delete(ctx, k.pick(), id)}
}

func (k *kept) register(ctx context.Context, number string) []any {
	until := k.w.Now().Add(time.Duration(k.chance.IntN(20)-2) * time.Second)
	err := k.phones.Save(ctx, []registration.Record{{Line: number, Contact: "sip:" + number, Expires: until}})
	all, loadErr := k.phones.Load(ctx)
	return []any{"register", number, err, all, loadErr}
}

func (k *kept) settings(ctx context.Context, number string) []any {
	box, err := k.boxes.Get(number)
	if err != nil {
		return []any{"settings", err}
	}
	switch k.chance.IntN(8) {
	case 0:
		return []any{"PIN", number, box.SetPINNow(ctx, fmt.Sprintf("%06d", 274950+k.chance.IntN(3)))}
	case 1:
		r, err := box.CheckPIN(ctx, fmt.Sprintf("%06d", 274950+k.chance.IntN(3)))
		return []any{"try", number, r, err}
	case 2:
		var clip *media.Clip
		if k.chance.IntN(3) > 0 {
			clip = media.NewClip(8000, make([]int16, 8000*(1+k.chance.IntN(3))))
		}
		return []any{"greeting", number, box.SetGreeting(ctx, "busy", clip)}
	case 3:
		list, err := k.boxes.List(ctx)
		return []any{"mailboxes", list, err}
	case 4:
		return []any{"remove mailbox", number, k.boxes.Remove(ctx, number)}
	default:
		r, err := box.CheckPIN(ctx, "000000")
		return []any{"try", number, r, err}
	}
}

// run lets four people do many things, and then days pass. It returns all that was seen, and what is left.
func (k *kept) run(t testing.TB) string {
	for i := range 4 {
		k.w.Go(func() { k.person(fmt.Sprint("person ", i+1), 60) })
	}
	k.w.Run(nil, 50*time.Hour)
	k.tell("in the end", k.w.Steps(), k.w.Err())
	ctx := context.Background()
	for _, bucket := range []string{
		"lines", "secrets", "people", "lists", "logouts", "mailboxes", "mailbox-pins", "messages", "messages-deleted", "greetings",
		"mailbox-tombstones", "mailbox-quarantine", "calls", "calls-by-line", "call-entries", "call-counters", "registrations",
	} {
		all, err := k.store.Bucket(bucket).List(ctx, "")
		if err != nil {
			t.Error(err)
		}
		for _, e := range all {
			value := string(e.Value)
			if bucket == "secrets" {
				value = "sealed" // with what is random in every seal
			}
			k.tell(bucket, e.Key, e.Revision, e.Expires, value)
		}
	}
	for _, dir := range []string{"tmp", "new", "greetings", "quarantine"} {
		names, err := k.disk.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		k.tell(dir, names)
	}
	if err := k.boxes.Close(); err != nil {
		t.Error(err)
	}
	k.lines.Close()
	k.w.Close()
	return k.story.String()
}

// The same things done have the same effects, in the same order and at the same times, to the byte: one after another, and
// side by side with others.
func TestWhatIsKeptGoesTheSameWay(t *testing.T) {
	s := chorus(t)
	words := map[string]bool{}
	for seed := range uint64(12) {
		want := newKept(t, s, seed).run(t)
		stories := make([]string, 4)
		var wg sync.WaitGroup
		for i := range stories {
			k := newKept(t, s, seed)
			wg.Go(func() { stories[i] = k.run(t) })
		}
		wg.Wait()
		for _, got := range stories {
			if got != want {
				t.Fatalf("seed %d: %s", seed, difference(want, got))
			}
		}
		if other := newKept(t, s, seed+1000).run(t); other == want {
			t.Fatalf("seed %d: other things had the same effects", seed)
		}
		for _, line := range strings.Split(want, "\n") {
			for _, word := range []string{"first watcher", "second watcher changes", "lamp", "phone", "call 00", "pass on", "the mailbox is full", "locked", "true"} {
				if strings.Contains(line, word) {
					words[word] = true
				}
			}
		}
		if lines := strings.Count(want, "\n"); lines < 500 {
			t.Errorf("seed %d: only %d things happened", seed, lines)
		}
	}
	t.Log("seen:", slices.Sorted(maps.Keys(words)))
	if len(words) != 9 {
		t.Errorf("of what is to be compared there was only %v", slices.Sorted(maps.Keys(words)))
	}
}

// difference is where two stories part.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n%s\nand was\n%s\nafter\n%s", i+1, b[i], a[i], strings.Join(a[max(0, i-5):i], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, and there were %d", len(b), len(a))
}

// Where nothing is recorded, deleted or watched for its expiry, no housekeeping is left that could wake.
func TestHousekeepingLetsTheClockStand(t *testing.T) {
	x := of(t, chorus(t), nil)
	if x.World().Run(func() bool { return false }, 24*365*time.Hour); x.World().Now() != x.options.Start {
		t.Errorf("something woke at %v", x.World().Now())
	}
	if n := x.World().Steps(); n > 0 {
		t.Errorf("%d steps", n)
	}
}

// What is kept, made of a site, is open at once, however many lines there are.
func BenchmarkOpen(b *testing.B) {
	many := chorus(b)
	for i := range 5000 {
		if err := many.Directory().Add(b.Context(), directory.Line{Number: fmt.Sprint(100000 + i), Kind: directory.NonPerson}, ""); err != nil {
			b.Fatal(err)
		}
	}
	for name, s := range map[string]*Site{"lines=14": chorus(b), "lines=5014": many} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := NewWorld(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
			ctx := b.Context()
			for b.Loop() {
				db := s.store.Clone(w)
				lines, err := directory.Open(ctx, db, directory.Options{Simulated: true, Like: s.directory, Realm: "x", Clock: w, Runner: w})
				if err != nil {
					b.Fatal(err)
				}
				boxes, err := mailbox.Open(ctx, mailbox.Options{Simulated: true, Store: db, FS: s.disk.Clone(), Clock: w, Runner: w})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := callog.Open(ctx, db, callog.Options{Clock: w}); err != nil {
					b.Fatal(err)
				}
				if _, err := registration.New(db, registration.WithClock(w)).Load(ctx); err != nil {
					b.Fatal(err)
				}
				lines.Close()
				if err := boxes.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
