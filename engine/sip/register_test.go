package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memoryStore is a BindingStore; the first failures calls of Save fail.
type memoryStore struct {
	mu       sync.Mutex
	kept     map[string]Binding
	saves    int
	failures int
}

func (m *memoryStore) Load(context.Context) ([]Binding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Binding
	for _, b := range m.kept {
		out = append(out, b)
	}
	return out, nil
}

func (m *memoryStore) Save(_ context.Context, changed []Binding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.failures > 0 {
		m.failures--
		return errors.New("the disk is full")
	}
	for _, b := range changed {
		if b.Expires.After(time.Now()) {
			m.kept[b.Line+b.Contact] = b
		} else {
			delete(m.kept, b.Line+b.Contact)
		}
	}
	return nil
}

func (m *memoryStore) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.kept)
}

func TestRegisterSeveralDevices(t *testing.T) {
	changed := make(chan int, 20)
	s := startServer(t, func(o *Options) {
		o.MaxBindings = 3
		o.Registered = func(_ string, b []Binding) { changed <- len(b) }
	})
	var phones []*phone
	for range 3 {
		p := newPhone(t, s, "1001")
		p.registerAuth(600, "User-Agent: Phone/1")
		phones = append(phones, p)
	}
	if b := s.Bindings("1001"); len(b) != 3 || b[0].Source != netip.MustParseAddrPort(phones[0].addr()) || b[0].UserAgent != "Phone/1" || b[0].Transport != "udp" {
		t.Fatalf("bindings %+v", b)
	}
	for i := range 3 {
		if n := <-changed; n != i+1 {
			t.Errorf("told of %d", n)
		}
	}
	register := func(p *phone, extra ...string) *msg {
		c := p.newCall("1001")
		c.target = "sip:" + realm
		c.do("REGISTER", "", extra...)
		ch := p.response("REGISTER", 401)
		c.do("REGISTER", "", append(extra, p.authorize(ch, "REGISTER", c.target, "1001", "secret1001"))...)
		return p.final("REGISTER")
	}
	fourth := newPhone(t, s, "1001")
	if res := register(fourth, "Expires: 600"); res.code() != 403 {
		t.Errorf("a fourth: %d", res.code())
	}
	if res := register(phones[0], "Expires: 10"); res.code() != 423 || res.get("Min-Expires") != "60" {
		t.Errorf("too brief: %d, Min-Expires %q", res.code(), res.get("Min-Expires"))
	}
	if res := register(phones[0], "Expires: 0"); res.code() != 200 || len(res.all("Contact")) != 2 {
		t.Errorf("leaving: %d with %q", res.code(), res.all("Contact"))
	}
	two := fmt.Sprintf("Contact: <sip:a@%s>;q=0.5;expires=100, <sip:b@%s>;expires=0", fourth.addr(), fourth.addr())
	if res := register(fourth, two); res.code() != 200 || !slices.ContainsFunc(res.all("Contact"), func(c string) bool { return strings.Contains(c, "sip:a@") && strings.HasSuffix(c, "expires=100") }) {
		t.Errorf("two contacts: %d with %q", res.code(), res.all("Contact"))
	}
	if res := register(fourth, "Contact: *", "Expires: 0"); res.code() != 200 || len(s.Bindings("1001")) != 0 {
		t.Errorf("*: %d, left %v", res.code(), s.Bindings("1001"))
	}
	if res := register(fourth, "Contact: <mailto:x@y>"); res.code() != 400 {
		t.Errorf("a Contact that is none: %d", res.code())
	}
}

func TestRegisterForAnotherIsRefused(t *testing.T) {
	s := startServer(t, nil)
	p := newPhone(t, s, "1001")
	c := p.newCall("1002") // To: another line
	c.target = "sip:" + realm
	c.do("REGISTER", "")
	ch := p.response("REGISTER", 401)
	c.do("REGISTER", "", p.authorize(ch, "REGISTER", c.target, "1001", "secret1001"))
	p.response("REGISTER", 403)
	if len(s.Bindings("1002")) != 0 {
		t.Error("registered")
	}
}

func TestRegistrationsSurviveARestart(t *testing.T) {
	store := &memoryStore{kept: make(map[string]Binding), failures: 1}
	s := startServer(t, func(o *Options) { o.Bindings = store })
	p := newPhone(t, s, "1001")
	p.registerAuth(600)
	eventually(t, "it is saved, after one failure", func() bool { return store.len() == 1 })
	again := startServer(t, func(o *Options) { o.Bindings = store })
	eventually(t, "it is loaded", func() bool { return len(again.Bindings("1001")) == 1 })
	b := again.Bindings("1001")
	done := dial(t.Context(), again, DialRequest{Binding: &b[0]})
	p.respond(p.request("INVITE"), 486, "a", "")
	<-done
	// A change right before the end is not lost either.
	q := newPhone(t, again, "1002")
	ctx, cancel := context.WithCancel(context.Background())
	last, err := New(Options{UDP: []string{"127.0.0.1:0"}, Realm: realm, Timers: testTimers, Lines: testLines, Bindings: store})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- last.Run(ctx) }()
	<-last.ready
	q.server = parseUDP(last.Addrs("udp")[0])
	q.registerAuth(600)
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if store.len() != 2 {
		t.Errorf("%d kept", store.len())
	}
}

func TestTrunkRegisters(t *testing.T) {
	carrier := newPhone(t, nil, "carrier")
	s := startServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "pstn", Host: carrier.addr(), User: "acct", Secret: "pw", Transport: "udp", Register: true}}
	})
	reg := carrier.request("REGISTER")
	carrier.respond(reg, 401, "r", "", `WWW-Authenticate: Digest realm="carrier", nonce="n", algorithm=MD5, qop="auth"`)
	reg = carrier.wait("REGISTER with credentials", func(m *msg) bool { return m.get("Authorization") != "" })
	if !strings.Contains(reg.get("Authorization"), `username="acct"`) || !strings.Contains(reg.get("To"), "sip:acct@") {
		t.Errorf("REGISTER %+v", reg)
	}
	carrier.respond(reg, 423, "r", "", "Min-Expires: 900")
	reg = carrier.wait("REGISTER for longer", func(m *msg) bool { return m.method() == "REGISTER" && m.get("Expires") == "900" })
	carrier.respond(reg, 200, "r", "", "Contact: "+reg.get("Contact")+";expires=900")
	eventually(t, "it is registered", func() bool {
		st := s.Trunks()
		return len(st) == 1 && st[0].Registered && st[0].Error == "" && time.Until(st[0].Until) > 800*time.Second
	})
	s.SetTrunks(nil)
	if len(s.Trunks()) != 0 {
		t.Error("the trunk is still there")
	}
	carrier.respond(carrier.wait("the end of the registration", func(m *msg) bool {
		return m.method() == "REGISTER" && m.get("Expires") == "0"
	}), 200, "r", "")
}
