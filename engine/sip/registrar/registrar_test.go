package registrar

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func newTable(t *testing.T, o Options) (*Registrar, *clock.Fake) {
	c := clock.NewFake(start)
	o.Clock = c
	r := New(o)
	t.Cleanup(r.Close)
	return r, c
}

// request is a REGISTER with one header-less contact a URI.
func request(callID string, cseq uint32, expires int, uris ...string) Request {
	req := Request{
		Line: "77501", CallID: callID, CSeq: cseq, Expires: expires,
		Source: netip.MustParseAddrPort("192.0.2.7:5060"), Transport: "udp", UserAgent: "phone/1.0",
	}
	for _, u := range uris {
		req.Contacts = append(req.Contacts, Contact{URI: u, Expires: -1, Q: -1})
	}
	return req
}

func register(t *testing.T, r *Registrar, req Request) []Binding {
	t.Helper()
	b, err := r.Register(req)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return b
}

func contacts(list []Binding) string {
	var s []string
	for _, b := range list {
		s = append(s, b.Contact)
	}
	return strings.Join(s, " ")
}

func want(t *testing.T, r *Registrar, uris ...string) {
	t.Helper()
	if got := contacts(r.Bindings("77501")); got != strings.Join(uris, " ") {
		t.Errorf("bindings %q, want %q", got, uris)
	}
}

func TestBindingIsKeptUntilItEnds(t *testing.T) {
	changed := make(chan string, 10)
	r, c := newTable(t, Options{Changed: func(line string, b []Binding) { changed <- line + ": " + contacts(b) }})
	got := register(t, r, request("a", 1, 600, "sip:1@192.0.2.7"))
	expected := []Binding{{
		Line: "77501", Contact: "sip:1@192.0.2.7", Transport: "udp", Source: netip.MustParseAddrPort("192.0.2.7:5060"),
		CallID: "a", CSeq: 1, Expires: start.Add(10 * time.Minute), UserAgent: "phone/1.0", Q: 1,
	}}
	if d := cmp.Diff(expected, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Errorf("bindings (-want +got):\n%s", d)
	}
	if s := <-changed; s != "77501: sip:1@192.0.2.7" {
		t.Errorf("told %q", s)
	}
	c.Advance(5 * time.Minute)
	register(t, r, request("a", 2, 600, "sip:1@192.0.2.7"))
	if s := <-changed; s != "77501: sip:1@192.0.2.7" {
		t.Errorf("told %q", s)
	}
	c.Advance(10*time.Minute - time.Second)
	want(t, r, "sip:1@192.0.2.7")
	c.Advance(time.Second)
	want(t, r)
	if s := <-changed; s != "77501: " {
		t.Errorf("told %q", s)
	}
	if lines, bindings := r.Len(); lines != 0 || bindings != 0 {
		t.Errorf("%d lines, %d bindings are left", lines, bindings)
	}
}

func TestEachEndsAtItsOwnTime(t *testing.T) {
	changed := make(chan string, 10)
	r, c := newTable(t, Options{})
	for i, seconds := range []int{300, 100, 200} {
		register(t, r, request("a", uint32(i+1), seconds, fmt.Sprintf("sip:%d@192.0.2.7", seconds)))
	}
	r.opts.Changed = func(_ string, b []Binding) { changed <- contacts(b) }
	for _, left := range []string{"sip:300@192.0.2.7 sip:200@192.0.2.7", "sip:300@192.0.2.7", ""} {
		c.Advance(100 * time.Second)
		if s := <-changed; s != left {
			t.Errorf("left %q, want %q", s, left)
		}
	}
}

func TestLife(t *testing.T) {
	r, _ := newTable(t, Options{MinExpires: time.Minute, MaxExpires: time.Hour, DefaultExpires: 30 * time.Minute})
	for _, c := range []struct {
		header, parameter int
		want              time.Duration
	}{
		{-1, -1, 30 * time.Minute},
		{600, -1, 10 * time.Minute},
		{600, 900, 15 * time.Minute},
		{7200, -1, time.Hour},
		{-1, 1 << 40, time.Hour},
		{60, -1, time.Minute},
	} {
		req := request("a", 1, c.header, "sip:1@192.0.2.7")
		req.Contacts[0].Expires = c.parameter
		if got := register(t, r, req)[0].Expires.Sub(start); got != c.want {
			t.Errorf("header %d, parameter %d: %v", c.header, c.parameter, got)
		}
	}
	if _, err := r.Register(request("a", 2, 59, "sip:1@192.0.2.7")); !errors.Is(err, ErrTooBrief) {
		t.Errorf("59 s: %v", err)
	}
	register(t, r, request("a", 3, 0, "sip:1@192.0.2.7"))
	want(t, r)
}

func TestOrderOfRequests(t *testing.T) {
	r, _ := newTable(t, Options{})
	register(t, r, request("a", 5, 600, "sip:1@192.0.2.7", "sip:2@192.0.2.7"))
	if _, err := r.Register(request("a", 4, 0, "sip:1@192.0.2.7")); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("an earlier request: %v", err)
	}
	if _, err := r.Register(Request{Line: "77501", CallID: "a", CSeq: 4, Wildcard: true}); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("an earlier *: %v", err)
	}
	want(t, r, "sip:1@192.0.2.7", "sip:2@192.0.2.7")
	register(t, r, request("a", 5, 600, "sip:1@192.0.2.7")) // the same again
	register(t, r, request("b", 1, 600, "sip:1@192.0.2.7")) // the device restarted
	register(t, r, request("b", 2, 0, "sip:1@192.0.2.7"))
	want(t, r, "sip:2@192.0.2.7")
}

func TestAllOrNothing(t *testing.T) {
	r, _ := newTable(t, Options{MaxBindings: 2, Track: true, Changed: func(line string, b []Binding) {
		if len(b) > 1 {
			t.Errorf("told of %q", contacts(b))
		}
	}})
	register(t, r, request("a", 1, 600, "sip:1@192.0.2.7"))
	_, mark := r.Changes(0)
	for name, c := range map[string]struct {
		edit func(*Request)
		want error
	}{
		"too many":      {func(q *Request) { q.Contacts = append(q.Contacts, Contact{URI: "sip:3@x", Expires: -1}) }, ErrTooManyBindings},
		"one too brief": {func(q *Request) { q.Contacts = append(q.Contacts, Contact{URI: "sip:1@192.0.2.7", Expires: 1}) }, ErrTooBrief},
		"one too long":  {func(q *Request) { q.Contacts[0].URI = "sip:" + strings.Repeat("1", 600) }, ErrInvalid},
		"long Call-ID":  {func(q *Request) { q.CallID = strings.Repeat("1", 600) }, ErrInvalid},
		"long Path":     {func(q *Request) { q.Path = []string{strings.Repeat("1", 600)} }, ErrInvalid},
		"much Path":     {func(q *Request) { q.Path = make([]string, 6) }, ErrInvalid},
		"empty":         {func(q *Request) { q.Contacts[0].URI = "" }, ErrInvalid},
		"* and another": {func(q *Request) { q.Wildcard = true }, ErrInvalid},
		"* for a while": {func(q *Request) { q.Wildcard, q.Contacts = true, nil }, ErrInvalid},
		"* without":     {func(q *Request) { q.Wildcard, q.Contacts, q.Expires = true, nil, -1 }, ErrInvalid},
	} {
		req := request("a", 2, 600, "sip:2@192.0.2.7")
		c.edit(&req)
		if _, err := r.Register(req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		want(t, r, "sip:1@192.0.2.7")
	}
	if changed, _ := r.Changes(mark); len(changed) != 0 {
		t.Errorf("recorded %v", changed)
	}
}

func TestDeviceCanMoveWhenItsLineIsFull(t *testing.T) {
	r, _ := newTable(t, Options{MaxBindings: 1})
	register(t, r, request("a", 1, 600, "sip:1@192.0.2.7"))
	req := request("a", 2, 600, "sip:1@192.0.2.7", "sip:1@192.0.2.8")
	req.Contacts[0].Expires = 0
	register(t, r, req)
	want(t, r, "sip:1@192.0.2.8")
}

func TestWildcardTakesAllAway(t *testing.T) {
	r, _ := newTable(t, Options{})
	register(t, r, request("a", 1, 600, "sip:1@192.0.2.7"))
	register(t, r, request("b", 9, 600, "sip:2@192.0.2.7"))
	register(t, r, Request{Line: "77501", CallID: "a", CSeq: 2, Wildcard: true})
	want(t, r)
	register(t, r, Request{Line: "77501", CallID: "a", CSeq: 3, Wildcard: true}) // nothing is there any more
}

func TestAskingChangesNothing(t *testing.T) {
	changes := 0
	r, _ := newTable(t, Options{Changed: func(string, []Binding) { changes++ }})
	register(t, r, request("a", 1, 600, "sip:1@192.0.2.7"))
	if got := contacts(register(t, r, request("b", 1, 0))); got != "sip:1@192.0.2.7" || changes != 1 {
		t.Errorf("bindings %q after %d changes", got, changes)
	}
}

func TestBestFirst(t *testing.T) {
	r, _ := newTable(t, Options{})
	for i, q := range []float64{0.2, -1, 0.5, 1, 7} {
		req := request("a", uint32(i+1), 600, fmt.Sprintf("sip:%d@192.0.2.7", i))
		req.Contacts[0].Q = q
		register(t, r, req)
	}
	want(t, r, "sip:1@192.0.2.7", "sip:3@192.0.2.7", "sip:4@192.0.2.7", "sip:2@192.0.2.7", "sip:0@192.0.2.7")
}

func TestSameContact(t *testing.T) {
	for _, c := range []struct {
		a, b Contact
		want bool
	}{
		{Contact{URI: "sip:a@host;transport=UDP;x=1"}, Contact{URI: "SIP:a@HOST;Transport=udp?h=v"}, true},
		{Contact{URI: "sip:a@host"}, Contact{URI: "sip:A@host"}, false},
		{Contact{URI: "sip:a@host:5061"}, Contact{URI: "sip:a@host"}, false},
		{Contact{URI: "sip:a@host;transport=tcp"}, Contact{URI: "sip:a@host"}, false},
		{Contact{URI: "sip:a@host;maddr=x;transport=tcp"}, Contact{URI: "sip:a@host;transport=tcp;maddr=x"}, true},
		{Contact{URI: "sips:a@host"}, Contact{URI: "sip:a@host"}, false},
		{Contact{URI: "sip:a;x=1@host"}, Contact{URI: "sip:a;x=2@host"}, false},
		{Contact{URI: "tel:+44"}, Contact{URI: "tel:+44"}, true},
		{Contact{URI: "sip:a@1", Instance: "<urn:uuid:1>"}, Contact{URI: "sip:a@2", Instance: "<urn:uuid:1>"}, true},
		{Contact{URI: "sip:a@1", Instance: "<urn:uuid:1>", RegID: 1}, Contact{URI: "sip:a@1", Instance: "<urn:uuid:1>", RegID: 2}, false},
	} {
		if got := contactKey(c.a) == contactKey(c.b); got != c.want {
			t.Errorf("%+v and %+v: %v", c.a, c.b, got)
		}
	}
}

func TestChangesAreHandedOverUntilSaved(t *testing.T) {
	r, c := newTable(t, Options{Track: true})
	saved := func(since uint64) (string, uint64) {
		list, mark := r.Changes(since)
		var s []string
		for _, b := range list {
			state := "+"
			if !b.Expires.After(c.Now()) {
				state = "-"
			}
			s = append(s, state+b.Contact)
		}
		if len(s) > 1 && s[0] > s[1] {
			s[0], s[1] = s[1], s[0]
		}
		return strings.Join(s, " "), mark
	}
	instance := func(cseq uint32, uri string) Request {
		req := request("a", cseq, 600, uri)
		req.Contacts[0].Instance = "<urn:uuid:1>"
		return req
	}
	register(t, r, instance(1, "sip:1@192.0.2.7:1"))
	s, first := saved(0)
	if s != "+sip:1@192.0.2.7:1" {
		t.Errorf("after the first: %q", s)
	}
	if s, _ = saved(0); s != "+sip:1@192.0.2.7:1" {
		t.Errorf("again, after a failure: %q", s)
	}
	register(t, r, instance(2, "sip:1@192.0.2.7:2"))
	s, second := saved(first)
	if s != "+sip:1@192.0.2.7:2 -sip:1@192.0.2.7:1" {
		t.Errorf("after it moved: %q", s)
	}
	r.Remove("77501", "sip:1@192.0.2.7:2")
	s, third := saved(second)
	if s != "-sip:1@192.0.2.7:2" {
		t.Errorf("after it went: %q", s)
	}
	if s, _ = saved(third); s != "" || len(r.changes.pending) != 0 {
		t.Errorf("in the end: %q, %d pending", s, len(r.changes.pending))
	}
}

func TestLoad(t *testing.T) {
	r, c := newTable(t, Options{Track: true, Changed: func(string, []Binding) {}})
	register(t, r, request("new", 1, 600, "sip:1@192.0.2.7"))
	_, mark := r.Changes(0)
	r.Load([]Binding{
		{Line: "77501", Contact: "sip:1@192.0.2.7", CallID: "old", Expires: start.Add(time.Hour)},
		{Line: "77501", Contact: "sip:2@192.0.2.7", CallID: "b", CSeq: 7, Expires: start.Add(time.Minute)},
		{Line: "77501", Contact: "sip:3@192.0.2.7", CallID: "c", Expires: start},
	})
	want(t, r, "sip:1@192.0.2.7", "sip:2@192.0.2.7")
	if b := r.Bindings("77501")[0]; b.CallID != "new" {
		t.Errorf("an old binding took the place of a new one: %+v", b)
	}
	if changed, _ := r.Changes(mark); len(changed) != 0 {
		t.Errorf("what was loaded would be saved again: %v", changed)
	}
	if _, err := r.Register(request("b", 6, 600, "sip:2@192.0.2.7")); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("the order of requests was lost: %v", err)
	}
	c.Advance(time.Minute)
	want(t, r, "sip:1@192.0.2.7")
}

func TestRemoveLine(t *testing.T) {
	r, _ := newTable(t, Options{})
	register(t, r, request("a", 1, 600, "sip:1@192.0.2.7", "sip:2@192.0.2.7"))
	r.Remove("77501", "sip:3@192.0.2.7")
	want(t, r, "sip:1@192.0.2.7", "sip:2@192.0.2.7")
	r.Remove("77501", "")
	want(t, r)
}

func TestLastNotificationTellsTheLatest(t *testing.T) {
	var mu sync.Mutex
	last := map[string]int{}
	r, _ := newTable(t, Options{MaxBindings: 100, Changed: func(line string, b []Binding) {
		mu.Lock()
		last[line] = len(b)
		mu.Unlock()
	}})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for line := range 3 {
				req := request("a", 1, 600, fmt.Sprintf("sip:%d@192.0.2.7", i))
				req.Line = fmt.Sprint(line)
				if _, err := r.Register(req); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for line := range 3 {
		if n := last[fmt.Sprint(line)]; n != 50 {
			t.Errorf("line %d: told of %d bindings last", line, n)
		}
	}
}

// A message of 4 KiB per REGISTER must not stay in memory with its binding.
func TestMemoryOfABinding(t *testing.T) {
	r, _ := newTable(t, Options{})
	const n = 20000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range n {
		message := fmt.Sprintf("%08d sip:%08d@192.0.2.7:5060;transport=udp 1f4c8a7e-%08d-call-id@192.0.2.7 Some Telephone 1.2.3 rev 4", i, i, i) +
			strings.Repeat("x", 4000)
		req := Request{Line: message[:8], CallID: message[49:84], CSeq: 1, Expires: 600, UserAgent: message[84:110], Transport: "udp"}
		req.Contacts = []Contact{{URI: message[9:48], Expires: -1, Q: -1}}
		if _, err := r.Register(req); err != nil {
			t.Fatal(err)
		}
	}
	if each := (heap() - before) / n; each > 1024 {
		t.Errorf("%d octets a binding", each)
	} else {
		t.Logf("%d octets a binding", each)
	}
	runtime.KeepAlive(r)
}

func BenchmarkRefresh(b *testing.B) {
	r := New(Options{Track: true})
	defer r.Close()
	reqs := make([]Request, 10000)
	for i := range reqs {
		reqs[i] = request("a", 1, 600, "sip:1@192.0.2.7:5060;transport=udp")
		reqs[i].Line = fmt.Sprint(i)
	}
	b.ReportAllocs()
	var i uint32
	for b.Loop() {
		req := &reqs[i%10000]
		i++
		req.CSeq = i
		if _, err := r.Register(*req); err != nil {
			b.Fatal(err)
		}
	}
}
