package mailbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func check(t testing.TB, m *Mailbox, pin string, want PINResult) {
	t.Helper()
	if got, err := m.CheckPIN(t.Context(), pin); err != nil || got != want {
		t.Errorf("PIN %s: %v, %v; want %v", pin, got, err, want)
	}
}

func TestPINIsActiveAfterTenMinutes(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m := s.box(t, "77513")
	check(t, m, "824613", PINNotReady)
	no(t, m.SetPIN(ctx, "824613"))
	check(t, m, "824613", PINNotReady)
	s.clock.Advance(10*time.Minute - time.Second)
	for range 4 { // nobody is locked out by trying a PIN that is not ready
		check(t, m, "824613", PINNotReady)
	}
	s.clock.Advance(time.Second)
	check(t, m, "824613", PINOK)

	no(t, m.SetPIN(ctx, "135790"))
	check(t, m, "824613", PINOK)
	check(t, m, "135790", PINWrong)
	s.restart(t)
	m = s.box(t, "77513")
	check(t, m, "824613", PINOK)
	s.clock.Advance(10 * time.Minute)
	check(t, m, "824613", PINWrong)
	check(t, m, "135790", PINOK)
	s.restart(t)
	m = s.box(t, "77513")
	check(t, m, "135790", PINOK)

	no(t, m.SetPIN(ctx, "111222"))
	s.clock.Advance(9 * time.Minute)
	no(t, m.SetPIN(ctx, "111333")) // changes his mind
	s.clock.Advance(9 * time.Minute)
	check(t, m, "135790", PINOK)
	s.clock.Advance(time.Minute)
	check(t, m, "111222", PINWrong)
	check(t, m, "111333", PINOK)
	no(t, m.SetPINNow(ctx, "444555"))
	check(t, m, "444555", PINOK)
}

func TestThreeWrongTriesLockForThirtyMinutes(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	no(t, m.SetPINNow(t.Context(), "824613"))
	check(t, m, "000000", PINWrong)
	s.restart(t) // another call, another process
	m = s.box(t, "77513")
	check(t, m, "12", PINWrong)
	check(t, m, "824613", PINOK) // a good log-in resets the count
	check(t, m, "000000", PINWrong)
	check(t, m, "000001", PINWrong)
	if until, err := m.LockedUntil(t.Context()); err != nil || !until.IsZero() {
		t.Errorf("locked until %v, %v", until, err)
	}
	check(t, m, "000002", PINWrong)
	check(t, m, "824613", PINLocked)
	if until, err := m.LockedUntil(t.Context()); err != nil || !until.Equal(s.clock.Now().Add(30*time.Minute)) {
		t.Errorf("locked until %v, %v", until, err)
	}
	s.restart(t)
	m = s.box(t, "77513")
	check(t, m, "824613", PINLocked)
	leave(t, m, "1", 3*time.Second, false) // messages can be left
	s.clock.Advance(30*time.Minute - time.Second)
	check(t, m, "000003", PINLocked) // and does not prolong it
	s.clock.Advance(time.Second)
	check(t, m, "000004", PINWrong) // it has three tries again
	check(t, m, "000005", PINWrong)
	check(t, m, "824613", PINOK)

	for range 3 {
		check(t, m, "000000", PINWrong)
	}
	check(t, m, "824613", PINLocked)
	no(t, m.Unlock(t.Context()))
	check(t, m, "824613", PINOK)
	check(t, s.box(t, "77514"), "824613", PINNotReady) // the neighbour is not concerned
}

func TestConcurrentTriesAreThree(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	no(t, m.SetPINNow(t.Context(), "824613"))
	var mu sync.Mutex
	results := map[PINResult]int{}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			r, err := m.CheckPIN(t.Context(), fmt.Sprintf("%06d", i))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			results[r]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if results[PINWrong] != 3 || results[PINLocked] != 37 {
		t.Errorf("results %v", results)
	}
	check(t, m, "824613", PINLocked)
}

func TestTrivialPINsAreRefused(t *testing.T) {
	for _, c := range []struct {
		number string
		bad    []string
		good   []string
	}{
		{"77513", []string{"000000", "777777", "123456", "654321", "012345", "987654", "890123", "210987",
			"775130", "977513", "315770", "931577", "131313", "513513", "333333"}, []string{"824613", "135790", "112233", "775310"}},
		{"100", []string{"100100", "510042", "700123", "001001"}, []string{"824613"}},
		{"01865277513", []string{"277513", "018652", "315772", "865277"}, []string{"775130"}},
		{"12", []string{"121212"}, []string{"127834", "824613"}},
		{"1", []string{"111111"}, []string{"824613"}},
	} {
		for _, pin := range c.bad {
			if err := CheckNewPIN(c.number, pin); !errors.Is(err, ErrTrivialPIN) {
				t.Errorf("%s for %s: %v", pin, c.number, err)
			}
		}
		for _, pin := range c.good {
			if err := CheckNewPIN(c.number, pin); err != nil {
				t.Errorf("%s for %s: %v", pin, c.number, err)
			}
		}
	}
	for _, pin := range []string{"", "82461", "8246137", "82461a", "82461#", "８24613"} {
		if err := CheckNewPIN("77513", pin); !errors.Is(err, ErrBadPIN) {
			t.Errorf("%q: %v", pin, err)
		}
	}
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	no(t, m.SetPINNow(t.Context(), "824613"))
	for _, set := range []error{m.SetPIN(t.Context(), "123456"), m.SetPINNow(t.Context(), "123456"), m.SetDefaultPIN(t.Context(), "123456")} {
		if !errors.Is(set, ErrTrivialPIN) {
			t.Errorf("told %v", set)
		}
	}
	s.clock.Advance(time.Hour)
	check(t, m, "824613", PINOK)
}

func TestDefaultPINIsChangedAtFirstUse(t *testing.T) {
	s := newSite(t, Options{})
	m := s.box(t, "77513")
	must := func(want bool) {
		t.Helper()
		if got, err := m.MustChangePIN(t.Context()); err != nil || got != want {
			t.Errorf("must change: %v, %v", got, err)
		}
	}
	no(t, m.SetDefaultPIN(t.Context(), "824613"))
	check(t, m, "824613", PINOK)
	must(true)
	no(t, m.SetPIN(t.Context(), "135790"))
	must(false)
	check(t, m, "824613", PINOK)
	s.clock.Advance(10 * time.Minute)
	check(t, m, "135790", PINOK)
	must(false)
}

func TestPINIsHashedWithAKeyOutsideTheDatabase(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	m, same := s.box(t, "77513"), s.box(t, "77514")
	no(t, m.SetPINNow(ctx, "824613"))
	no(t, same.SetPINNow(ctx, "824613"))
	a, err := s.store.Bucket(pinBucket).Get(ctx, "77513")
	no(t, err)
	b, err := s.store.Bucket(pinBucket).Get(ctx, "77514")
	no(t, err)
	if strings.Contains(string(a.Value), "824613") || string(a.Value) == string(b.Value) {
		t.Errorf("kept as %s", a.Value)
	}
	key := filepath.Join(s.dir, "voicemail", "pin.key")
	s.close(t)
	kept, err := os.ReadFile(key)
	no(t, err)
	no(t, os.Remove(key))
	s.open(t)
	check(t, s.box(t, "77513"), "824613", PINNotReady)
	s.close(t)
	no(t, os.WriteFile(key, kept, 0o600))
	s.open(t)
	check(t, s.box(t, "77513"), "824613", PINOK)
}

func BenchmarkCheckPIN(b *testing.B) {
	s := newSite(b, Options{})
	m := s.box(b, "77513")
	no(b, m.SetPINNow(b.Context(), "824613"))
	for b.Loop() {
		check(b, m, "824613", PINOK)
	}
}

func BenchmarkHashPIN(b *testing.B) {
	s := newSite(b, Options{})
	for b.Loop() {
		s.hashPIN("824613")
	}
}
