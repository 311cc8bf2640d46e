package callog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type site struct {
	*Log
	clock *clock.Fake
	store *bolt.Store
	path  string
	opts  Options
}

func newSite(t testing.TB, o Options) *site {
	t.Helper()
	s := &site{path: filepath.Join(t.TempDir(), "belfry.db"), opts: o, clock: clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))}
	s.open(t)
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

func (s *site) open(t testing.TB) {
	t.Helper()
	var err error
	s.store, err = bolt.Open(s.path, bolt.Options{Clock: s.clock})
	no(t, err)
	o := s.opts
	o.Clock = s.clock
	s.Log, err = Open(t.Context(), s.store, o)
	no(t, err)
}

func (s *site) restart(t testing.TB) {
	t.Helper()
	no(t, s.store.Close())
	s.open(t)
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call adds a call of a minute that has just ended.
func (s *site) call(t testing.TB, id, from, to string) {
	t.Helper()
	now := s.clock.Now()
	no(t, s.Add(t.Context(), Record{ID: id, Start: now.Add(-time.Minute), Answered: now.Add(-50 * time.Second), End: now,
		From: from, FromLine: from, To: to, By: to, Outcome: "answered"}))
}

func (s *site) ids(t testing.TB, f Filter) string {
	t.Helper()
	records, err := s.Records(t.Context(), f)
	no(t, err)
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestRecordIsKeptAsItIs(t *testing.T) {
	s := newSite(t, Options{})
	now := s.clock.Now()
	want := Record{
		ID: "c1", Start: now.Add(-time.Minute), Answered: now.Add(-50 * time.Second), End: now, From: "01865277000", FromName: "Anna",
		To: "77513", ToName: "Lodge", Outcome: "answered", By: "77514", Trunk: "pstn", Diversion: "77515", Emergency: true,
	}
	no(t, s.Add(t.Context(), want))
	s.restart(t)
	got, err := s.Records(t.Context(), Filter{})
	no(t, err)
	if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("records %+v", got)
	}
}

func TestRecordsByTimeAndLine(t *testing.T) {
	s := newSite(t, Options{})
	start := s.clock.Now()
	if got := s.ids(t, Filter{}); got != "" {
		t.Errorf("before the first: %s", got)
	}
	for i, c := range []struct{ from, to string }{{"77513", "77514"}, {"77514", "77515"}, {"", "77513"}, {"77515", "0186512345"}} {
		s.clock.Advance(time.Hour)
		s.call(t, fmt.Sprint("c", i), c.from, c.to)
	}
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{}, "c3 c2 c1 c0"},
		{Filter{Limit: 2}, "c3 c2"},
		{Filter{Line: "77513"}, "c2 c0"},
		{Filter{Line: "77513", Limit: 1}, "c2"},
		{Filter{Line: "7751"}, ""},
		{Filter{Since: start.Add(2*time.Hour - time.Minute)}, "c3 c2 c1"},
		{Filter{Since: start.Add(2*time.Hour - 59*time.Second)}, "c3 c2"},
		{Filter{Until: start.Add(2 * time.Hour)}, "c1 c0"},
		{Filter{Since: start.Add(90 * time.Minute), Until: start.Add(150 * time.Minute), Line: "77515"}, "c1"},
		{Filter{Since: start.Add(24 * time.Hour)}, ""},
	} {
		if got := s.ids(t, c.filter); got != c.want {
			t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
		}
	}
	if _, err := s.Records(t.Context(), Filter{Line: "../x"}); !errors.Is(err, ErrLine) {
		t.Errorf("told %v", err)
	}
}

// A long call that began before Since does not hide those that began after it.
func TestLongCallAmongShortOnes(t *testing.T) {
	s := newSite(t, Options{})
	start := s.clock.Now()
	s.clock.Advance(time.Hour)
	s.call(t, "short", "1", "2")
	s.clock.Advance(time.Hour)
	no(t, s.Add(t.Context(), Record{ID: "long", Start: start, End: s.clock.Now()}))
	if got := s.ids(t, Filter{Since: start.Add(time.Minute)}); got != "short" {
		t.Errorf("records %q", got)
	}
	if got := s.ids(t, Filter{}); got != "long short" {
		t.Errorf("records %q", got)
	}
}

func TestRecordsAreKeptForTheirTime(t *testing.T) {
	s := newSite(t, Options{Keep: 24 * time.Hour})
	s.call(t, "old", "77513", "77514")
	s.clock.Advance(12 * time.Hour)
	s.call(t, "young", "77513", "77514")
	s.clock.Advance(12 * time.Hour)
	if got := s.ids(t, Filter{}) + "/" + s.ids(t, Filter{Line: "77513"}); got != "young/young" {
		t.Errorf("records %q", got)
	}
	no(t, s.Add(t.Context(), Record{ID: "ancient", End: s.clock.Now().Add(-48 * time.Hour)}))
	if got := s.ids(t, Filter{}); got != "young" {
		t.Errorf("records %q", got)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	s := newSite(t, Options{MaxRecords: 5})
	for i := range 12 {
		s.call(t, fmt.Sprint("c", i), "77513", fmt.Sprint(i))
	}
	s.restart(t)
	s.call(t, "c12", "77513", "12")
	want := "c12 c11 c10 c9 c8"
	if got := s.ids(t, Filter{}); got != want {
		t.Errorf("records %q", got)
	}
	if got := s.ids(t, Filter{Line: "77513"}); got != want {
		t.Errorf("records of the line %q", got)
	}
	for bucket, most := range map[string]int{recordBucket: 5, lineBucket: 10} {
		if all, err := s.store.Bucket(bucket).List(t.Context(), ""); err != nil || len(all) != most {
			t.Errorf("%s holds %d, %v", bucket, len(all), err)
		}
	}
}

func TestRecordsSpanBlocks(t *testing.T) {
	s := newSite(t, Options{MaxRecords: 10000})
	no(t, s.store.Batch(t.Context(), func(tx store.Batch) error {
		return tx.Put(counterBucket, "calls", []byte(sequence(3*4096-2)))
	}))
	for i := range 5 {
		s.call(t, fmt.Sprint("c", i), "77513", "77514")
	}
	if got := s.ids(t, Filter{}) + "/" + s.ids(t, Filter{Line: "77514"}); got != "c4 c3 c2 c1 c0/c4 c3 c2 c1 c0" {
		t.Errorf("records %q", got)
	}
}

func TestStrangersTextIsBounded(t *testing.T) {
	s := newSite(t, Options{})
	long := strings.Repeat("ü", 100000)
	no(t, s.Add(t.Context(), Record{ID: long, End: s.clock.Now(), From: long, FromName: "a\xffb", To: long, Outcome: long}))
	no(t, s.AddEntry(t.Context(), "77513", Entry{Kind: Missed, Number: long, Name: long}))
	r, err := s.Records(t.Context(), Filter{})
	no(t, err)
	e, err := s.Entries(t.Context(), "77513", 0)
	no(t, err)
	if len(r[0].From) != maxText || len(r[0].To) != maxText || r[0].FromName != "a\ufffdb" || len(e[0].Name) != maxText {
		t.Errorf("kept %+v and %+v", r, e)
	}
}

func TestConcurrentCalls(t *testing.T) {
	s := newSite(t, Options{})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if err := s.Add(t.Context(), Record{ID: fmt.Sprint(i), End: s.clock.Now(), FromLine: "77513"}); err != nil {
				t.Error(err)
			}
			if err := s.AddEntry(t.Context(), "77513", Entry{Kind: Dialled, Number: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	records, err := s.Records(t.Context(), Filter{Line: "77513", Limit: 1000})
	no(t, err)
	entries, err := s.Entries(t.Context(), "77513", 0)
	no(t, err)
	if len(records) != 100 || len(entries) != 100 {
		t.Errorf("%d records and %d entries of 100 calls", len(records), len(entries))
	}
}

func numbers(t *testing.T, s *site, line string, limit int) string {
	t.Helper()
	entries, err := s.Entries(t.Context(), line, limit)
	no(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Number)
	}
	return strings.Join(list, " ")
}

func TestEntriesOfALine(t *testing.T) {
	s := newSite(t, Options{MaxEntries: 4})
	ctx := t.Context()
	want := Entry{ID: "c0", Kind: Received, Number: "0", Name: "Anna", Time: s.clock.Now(), Length: 90 * time.Second, ByOther: "77514"}
	no(t, s.AddEntry(ctx, "77513", want))
	got, err := s.Entries(ctx, "77513", 0)
	no(t, err)
	if len(got) != 1 || got[0] != want {
		t.Errorf("entries %+v", got)
	}
	for i := 1; i < 4; i++ {
		s.clock.Advance(time.Minute)
		no(t, s.AddEntry(ctx, "77513", Entry{ID: fmt.Sprint("c", i), Kind: Missed, Number: fmt.Sprint(i), Time: s.clock.Now()}))
	}
	no(t, s.AddEntry(ctx, "7751", Entry{Kind: Dialled, Number: "x", Time: s.clock.Now()}))
	s.restart(t)
	if got := numbers(t, s, "77513", 0) + "/" + numbers(t, s, "77513", 2); got != "3 2 1 0/3 2" {
		t.Errorf("entries %q", got)
	}
	s.clock.Advance(time.Minute)
	no(t, s.AddEntry(ctx, "77513", Entry{ID: "c4", Kind: Forwarded, Number: "4", Time: s.clock.Now()}))
	if got := numbers(t, s, "77513", 0); got != "4 3 2 1" { // the oldest has gone
		t.Errorf("entries %q", got)
	}
	no(t, s.Delete(ctx, "77513", "c3"))
	if err := s.Delete(ctx, "77513", "c3"); !errors.Is(err, ErrNoEntry) {
		t.Errorf("deleted twice: %v", err)
	}
	if got := numbers(t, s, "77513", 0); got != "4 2 1" {
		t.Errorf("entries %q", got)
	}
	no(t, s.DeleteAll(ctx, "77513"))
	no(t, s.DeleteAll(ctx, "77513"))
	if got := numbers(t, s, "77513", 0) + "/" + numbers(t, s, "7751", 0); got != "/x" {
		t.Errorf("entries %q", got)
	}
	no(t, s.AddEntry(ctx, "77513", Entry{Kind: Dialled, Number: "5"}))
	made, err := s.Entries(ctx, "77513", 0)
	no(t, err)
	if len(made) != 1 || made[0].ID == "" {
		t.Errorf("an entry without an id: %+v", made)
	}
}

func TestEntriesAreInOrderOfTime(t *testing.T) {
	s := newSite(t, Options{})
	for _, minutes := range []int{3, 1, 2} {
		no(t, s.AddEntry(t.Context(), "77513", Entry{Kind: Missed, Number: fmt.Sprint(minutes), Time: s.clock.Now().Add(time.Duration(minutes) * time.Minute)}))
	}
	if got := numbers(t, s, "77513", 0); got != "3 2 1" {
		t.Errorf("entries %q", got)
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	s := newSite(t, Options{})
	for _, line := range []string{"", "7/7", "anna", strings.Repeat("1", 21)} {
		_, err := s.Entries(t.Context(), line, 0)
		for _, err := range []error{err, s.AddEntry(t.Context(), line, Entry{Kind: Missed}), s.Delete(t.Context(), line, "x"), s.DeleteAll(t.Context(), line)} {
			if !errors.Is(err, ErrLine) {
				t.Errorf("line %q: %v", line, err)
			}
		}
	}
	if err := s.AddEntry(t.Context(), "77513", Entry{Kind: "lost"}); !errors.Is(err, ErrKind) {
		t.Errorf("told %v", err)
	}
	if _, err := Open(context.Background(), s.store, Options{Keep: -1}); err == nil {
		t.Error("a negative limit was accepted")
	}
}

func BenchmarkAdd(b *testing.B) {
	s := newSite(b, Options{})
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.call(b, "id", "77513", "77514")
		}
	})
}

func BenchmarkRecordsOfALine(b *testing.B) {
	s := newSite(b, Options{})
	var records []int
	for i := range 5000 {
		records = append(records, i)
	}
	for chunk := range slices.Chunk(records, 250) {
		var wg sync.WaitGroup
		for _, i := range chunk {
			wg.Go(func() { s.call(b, fmt.Sprint(i), fmt.Sprint(77000+i%50), "77514") })
		}
		wg.Wait()
	}
	for b.Loop() {
		if _, err := s.Records(b.Context(), Filter{Line: "77010"}); err != nil {
			b.Fatal(err)
		}
	}
}
