package registration

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
)

func contacts(t *testing.T, s *Store) map[string]string {
	t.Helper()
	records, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range records {
		got[r.Line+" "+r.Contact] = string(r.Data)
	}
	return got
}

func TestRecordsOutliveARestart(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	path := filepath.Join(t.TempDir(), "belfry.db")
	open := func() *bolt.Store {
		s, err := bolt.Open(path, bolt.Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	db := open()
	s := New(db, WithClock(c))
	in := func(d time.Duration) time.Time { return c.Now().Add(d) }
	save := func(records ...Record) {
		t.Helper()
		if err := s.Save(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	save()
	save(
		Record{"77513", "sip:a@192.0.2.1", []byte("desk"), in(time.Hour)},
		Record{"77513", "sip:b@192.0.2.2", []byte("cordless"), in(time.Minute)},
		Record{"77514", "sip:a@192.0.2.1", []byte("other"), in(time.Hour)},
	)
	save(
		Record{"77513", "sip:a@192.0.2.1", []byte("desk again"), in(2 * time.Hour)},
		Record{"77514", "sip:a@192.0.2.1", nil, in(-time.Second)},
		Record{"77515", "sip:never@192.0.2.3", nil, in(0)},
	)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = New(open(), WithClock(c))
	if got := fmt.Sprint(contacts(t, s)); got != "map[77513 sip:a@192.0.2.1:desk again 77513 sip:b@192.0.2.2:cordless]" {
		t.Errorf("loaded %s", got)
	}
	c.Advance(90 * time.Minute)
	if got := fmt.Sprint(contacts(t, s)); got != "map[77513 sip:a@192.0.2.1:desk again]" {
		t.Errorf("later loaded %s", got)
	}
}
