package directory

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/belfry-pbx/belfry/engine/store"
)

func TestListTakesNumbersRangesPatternsAndInternal(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	for _, c := range []struct {
		entry   string
		in, out []string
	}{
		{"77513", []string{"77513"}, []string{"7751", "775130", "", "77513/"}},
		{"+441865277513", []string{"+441865277513"}, []string{"441865277513"}},
		{"77500-77599", []string{"77500", "77555", "77599"}, []string{"77499", "77600", "775", "775555", "7755x"}},
		{"00100-00199", []string{"00150"}, []string{"150", "00200"}},
		{"775xx", []string{"77500", "77599"}, []string{"77600", "775", "775999"}},
		{"07.", []string{"07700900123", "071"}, []string{"07", "0800"}},
		{"internal", []string{"77513"}, []string{"77514", "internal"}},
	} {
		l := s.List("of " + c.entry)
		no(t, l.Add(ctx, " "+c.entry+" "))
		for _, number := range append(c.in, c.out...) {
			got, err := l.Includes(ctx, number)
			if want := slices.Contains(c.in, number); err != nil || got != want {
				t.Errorf("%s includes %q: %v, %v", c.entry, number, got, err)
			}
		}
		no(t, l.Remove(ctx, c.entry))
		if got, err := l.Includes(ctx, c.in[0]); err != nil || got {
			t.Errorf("%s still includes %s once removed, %v", c.entry, c.in[0], err)
		}
	}
}

func TestListIsKept(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	l := s.List("whitelist:77513")
	for _, e := range []string{"77514", "100-199", "9", "77514"} {
		no(t, l.Add(ctx, e))
	}
	no(t, s.List("whitelist:775").Add(ctx, "1"))
	no(t, l.Remove(ctx, "12345"))
	s.close()
	s.open(t, "chorus")
	entries, err := s.List("whitelist:77513").Entries(ctx)
	if err != nil || !slices.Equal(entries, []string{"9", "77514", "100-199"}) {
		t.Errorf("entries %q, %v", entries, err)
	}
	if got, err := s.List("whitelist:77513").Includes(ctx, "150"); err != nil || !got {
		t.Errorf("includes 150: %v, %v", got, err)
	}
	if got, err := s.List("nobody's").Includes(ctx, "150"); err != nil || got {
		t.Errorf("an empty list includes 150: %v, %v", got, err)
	}
}

func TestBadEntriesAndNames(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	for _, bad := range []string{"", "hello", "200-100", "1-100", "[9-1]", "77513/77514"} {
		if err := s.List("l").Add(ctx, bad); err == nil {
			t.Errorf("entry %q was accepted", bad)
		}
	}
	for _, bad := range []string{"", "a/b", "a\nb"} {
		_, includesErr := s.List(bad).Includes(ctx, "1")
		if err := s.List(bad).Add(ctx, "1"); err == nil || includesErr == nil {
			t.Errorf("list name %q was accepted", bad)
		}
	}
}

func TestListIsBounded(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.store.Batch(ctx, func(tx store.Batch) error {
		for i := range maxEntries {
			if err := tx.Put(listBucket, fmt.Sprint("l/", i), nil); err != nil {
				return err
			}
		}
		return nil
	}))
	s.close()
	s.open(t, "chorus")
	if err := s.List("l").Add(ctx, "77513"); !errors.Is(err, ErrListFull) {
		t.Errorf("told %v", err)
	}
	no(t, s.List("l").Remove(ctx, "7"))
	no(t, s.List("l").Add(ctx, "77513"))
}

func TestGroupLogins(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	no(t, s.Add(ctx, porter(), ""))
	no(t, s.Add(ctx, Line{Number: "100", Kind: Person}, ""))
	out := func(group string, want ...string) {
		t.Helper()
		got, err := s.LoggedOut(ctx, group)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("logged out of %s: %q, %v; want %q", group, got, err, want)
		}
	}
	no(t, s.Login(ctx, "77000", "100")) // as everybody is at first
	out("77000")
	no(t, s.Logout(ctx, "77000", "77513"))
	no(t, s.Logout(ctx, "77000", "100"))
	no(t, s.Logout(ctx, "77000", "100"))
	out("77000", "100", "77513")
	out("77001")
	no(t, s.Login(ctx, "77000", "100"))
	out("77000", "77513")
	s.close()
	s.open(t, "chorus")
	out("77000", "77513")
	no(t, s.Remove(ctx, "77513")) // whoever has the number next is logged in
	no(t, s.Add(ctx, porter(), ""))
	s.close()
	s.open(t, "chorus")
	out("77000")
	if err := s.Logout(ctx, "77000", "99999"); !errors.Is(err, ErrNoLine) {
		t.Errorf("logging out nobody: %v", err)
	}
}
