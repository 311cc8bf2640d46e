package digest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// The examples of RFC 7616 §3.9.1 and RFC 2617 §3.5.
func TestPublishedVectors(t *testing.T) {
	rfc7616 := proof{
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc: "00000001",
		cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop: "auth", method: "GET", uri: "/dir/index.html",
	}
	for algorithm, want := range map[string]string{
		MD5:    "8ca523f5e9506fed4657c9700eebdbec",
		SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		p := rfc7616
		p.algorithm = algorithm
		if got := p.response(HA1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")); got != want {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
	p := proof{
		nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", nc: "00000001", cnonce: "0a4f113b", qop: "auth",
		method: "GET", uri: "/dir/index.html",
	}
	if got := p.response(HA1("", "Mufasa", "testrealm@host.com", "Circle Of Life")); got != "6629fae49393a05397450978507c4ef1" {
		t.Errorf("RFC 2617: %s", got)
	}
	if got := HA1("MD5-sess", "a", "b", "c"); got != "" {
		t.Errorf("unknown algorithm: %q", got)
	}
}

const (
	realm  = "example.org"
	uri    = "sip:example.org"
	source = "192.0.2.7"
)

func lookup(user string) (string, string, bool) {
	switch user {
	case "77501", `o"brien`:
		return HA1(MD5, user, realm, "secret"), HA1(SHA256, user, realm, "secret"), true
	case "sha-only":
		return "", HA1(SHA256, user, realm, "secret"), true
	}
	return "", "", false
}

func newServer(o Options) (*Server, *clock.Fake) {
	c := clock.NewFake(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	o.Realm, o.Clock = realm, c
	return NewServer(o), c
}

func answer(t *testing.T, challenges []string, user, secret string, nc int) string {
	t.Helper()
	h, err := Answer(challenges, "REGISTER", uri, user, secret, nil, nc)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func check(t *testing.T, s *Server, header string, want Result) {
	t.Helper()
	if user, r := s.Check(header, "REGISTER", uri, nil, source, lookup); r != want {
		t.Errorf("%v for %q, want %v\n%s", r, user, want, header)
	}
}

func TestClientAndServerAgree(t *testing.T) {
	for _, user := range []string{"77501", `o"brien`} {
		s, _ := newServer(Options{})
		challenges := s.Challenge(source, false)
		if len(challenges) != 2 || !strings.Contains(challenges[0], "SHA-256") || !strings.Contains(challenges[1], "MD5") {
			t.Fatalf("challenges %q", challenges)
		}
		for i, list := range [][]string{challenges, challenges[1:]} {
			h := answer(t, list, user, "secret", i+1)
			if got, r := s.Check(h, "REGISTER", uri, nil, source, lookup); r != OK || got != user {
				t.Errorf("%v for %q\n%s", r, got, h)
			}
		}
	}
}

func TestWhoIsRefused(t *testing.T) {
	s, _ := newServer(Options{})
	challenges := s.Challenge(source, false)
	good := answer(t, challenges, "77501", "secret", 1)
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		header string
		want   Result
	}{
		"nothing":            {"", Missing},
		"basic":              {"Basic YTpi", Missing},
		"other realm":        {edit(`realm="example.org"`, `realm="example.com"`), Missing},
		"wrong secret":       {answer(t, challenges, "77501", "guess", 1), Wrong},
		"unknown user":       {answer(t, challenges, "77599", "secret", 1), Wrong},
		"user of the dummy":  {answer(t, challenges, "nobody", "", 1), Wrong},
		"MD5 not for him":    {answer(t, challenges[1:], "sha-only", "secret", 1), Wrong},
		"changed count":      {edit("nc=00000001", "nc=00000002"), Wrong},
		"other algorithm":    {edit("algorithm=SHA-256", "algorithm=MD5"), Wrong},
		"cut response":       {edit(`response="`, `response="0`), Wrong},
		"foreign algorithm":  {edit("algorithm=SHA-256", "algorithm=MD5-sess"), Malformed},
		"no response":        {edit("response=", "resp="), Malformed},
		"no nonce":           {edit("nonce=", "once="), Malformed},
		"no user":            {edit(`username="77501"`, `username=""`), Malformed},
		"count of zero":      {edit("nc=00000001", "nc=00000000"), Malformed},
		"count not hex":      {edit("nc=00000001", "nc=0000000g"), Malformed},
		"short count":        {edit("nc=00000001", "nc=1"), Malformed},
		"no cnonce":          {edit("cnonce=", "xnonce="), Malformed},
		"unknown qop":        {edit("qop=auth", "qop=none"), Malformed},
		"no qop":             {edit("qop=auth, ", ""), Malformed},
		"of another request": {edit(`uri="sip:example.org"`, `uri="sip:777@example.org"`), Malformed},
		"twice":              {good + `, username="77502"`, Malformed},
		"open quotes":        {good + `, x="`, Malformed},
		"no comma":           {good + ` x=1, y`, Malformed},
		"too long":           {good + `, x="` + strings.Repeat("x", 5000) + `"`, Malformed},
		"too many":           {good + strings.Repeat(", x=1", 40), Malformed},
	} {
		t.Run(name, func(t *testing.T) { check(t, s, c.header, c.want) })
	}
	check(t, s, good, OK)
	if _, r := s.Check(good, "INVITE", uri, nil, source, lookup); r != Wrong {
		t.Errorf("another method: %v", r)
	}
}

func TestNoncesEnd(t *testing.T) {
	s, c := newServer(Options{Lifetime: time.Minute})
	challenges := s.Challenge(source, false)
	c.Advance(time.Minute)
	check(t, s, answer(t, challenges, "77501", "secret", 1), OK)
	c.Advance(time.Second)
	check(t, s, answer(t, challenges, "77501", "secret", 2), Stale)
	check(t, s, answer(t, challenges, "77501", "guess", 3), Wrong)

	check(t, s, answer(t, s.Challenge("192.0.2.8", false), "77501", "secret", 1), Stale)
	other, _ := newServer(Options{})
	check(t, s, answer(t, other.Challenge(source, false), "77501", "secret", 1), Stale)

	stale := s.Challenge(source, true)
	if !strings.Contains(stale[0], "stale=true") || strings.Contains(s.Challenge(source, false)[0], "stale") {
		t.Errorf("challenge %q", stale[0])
	}
	check(t, s, answer(t, stale, "77501", "secret", 1), OK)
}

func TestNoncesOutliveARestartWithTheSameKey(t *testing.T) {
	a, _ := newServer(Options{Key: []byte("key")})
	b, _ := newServer(Options{Key: []byte("key")})
	check(t, b, answer(t, a.Challenge(source, false), "77501", "secret", 1), OK)
}

func TestCountsAreUsedOnce(t *testing.T) {
	s, _ := newServer(Options{})
	challenges := s.Challenge(source, false)
	for _, step := range []struct {
		nc   int
		want Result
	}{
		{1, OK}, {1, Replay}, {2, OK}, {4, OK}, {3, OK}, {3, Replay}, {2, Replay}, {70, OK}, {7, OK}, {7, Replay},
		{6, Replay}, // too far back to remember
		{1000, OK}, {70, Replay}, {999, OK}, {1000, Replay},
	} {
		t.Run(fmt.Sprint(step.nc), func(t *testing.T) {
			check(t, s, answer(t, challenges, "77501", "secret", step.nc), step.want)
		})
	}
	check(t, s, answer(t, s.Challenge(source, false), "77501", "secret", 1), OK)
}

func TestForgottenNoncesAreStaleAndNotReplayable(t *testing.T) {
	s, c := newServer(Options{MaxNonces: 2})
	var headers []string
	for range 4 {
		headers = append(headers, answer(t, s.Challenge(source, false), "77501", "secret", 1))
		c.Advance(time.Millisecond)
	}
	for _, h := range headers {
		check(t, s, h, OK)
	}
	for i, want := range []Result{Stale, Stale, Replay, Replay} {
		check(t, s, headers[i], want)
	}
	if n := len(s.counts.nonces); n != 2 {
		t.Errorf("%d nonces are remembered", n)
	}
}

func TestStrangersLeaveNothing(t *testing.T) {
	s, _ := newServer(Options{})
	for range 100 {
		check(t, s, answer(t, s.Challenge(source, false), "77501", "guess", 1), Wrong)
	}
	if n := len(s.counts.nonces); n != 0 {
		t.Errorf("%d nonces are remembered", n)
	}
}

func TestClientsOfRFC2069(t *testing.T) {
	s, _ := newServer(Options{AllowNoQop: true})
	old := strings.Replace(s.Challenge(source, false)[1], `, qop="auth"`, "", 1)
	h := answer(t, []string{old}, "77501", "secret", 1)
	if strings.Contains(h, "qop") || strings.Contains(h, "cnonce") {
		t.Fatalf("answer %s", h)
	}
	check(t, s, h, OK)
	check(t, s, h, Stale)
}

func TestIntegrityOfTheBody(t *testing.T) {
	s, _ := newServer(Options{})
	challenge := strings.Replace(s.Challenge(source, false)[0], `qop="auth"`, `qop="auth-int"`, 1)
	h, err := Answer([]string{challenge}, "MESSAGE", uri, "77501", "secret", []byte("hello"), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, r := s.Check(h, "MESSAGE", uri, []byte("hullo"), source, lookup); r != Wrong {
		t.Errorf("changed body: %v", r)
	}
	if _, r := s.Check(h, "MESSAGE", uri, []byte("hello"), source, lookup); r != OK {
		t.Errorf("right body: %v", r)
	}
}

func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:a@example.org", "sip:a@EXAMPLE.org:5060;transport=udp?x=y", true},
		{"sips:example.org:5061", "SIPS:example.org", true},
		{"sip:a@example.org", "sip:A@example.org", false},
		{"sip:a@example.org", "sip:a@example.org:5070", false},
		{"sip:a@example.org", "sips:a@example.org", false},
		{"sip:a;x=1@example.org", "sip:a;x=2@example.org", false},
		{"tel:+44", "tel:+45", false},
		{"*", "*", true},
	} {
		if got := sameURI(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestClientPicksTheStrongest(t *testing.T) {
	md5 := `Digest realm="x", nonce="1", algorithm=MD5, qop="auth"`
	sha := `DIGEST realm="x",nonce="2",algorithm="sha-256",qop="auth-int, auth",opaque=""`
	sha512 := `Digest realm="x", nonce="3", algorithm=SHA-512-256`
	for name, c := range map[string]struct {
		challenges []string
		want       []string
	}{
		"weakest first": {[]string{md5, sha}, []string{`nonce="2"`, "qop=auth,", `opaque=""`, "nc=00000001"}},
		"512":           {[]string{sha, sha512, md5}, []string{`nonce="3"`, "SHA-512-256"}},
		"unknown ones":  {[]string{"Basic realm=x", `Digest nonce="4", algorithm=FOO`, `Digest nonce="5", qop="other"`, `Digest x`, md5}, []string{`nonce="1"`}},
		"none named":    {[]string{`Digest realm="x", nonce="6"`}, []string{`nonce="6"`}},
	} {
		h, err := Answer(c.challenges, "INVITE", "sip:1@example.org", "u", "s", nil, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range c.want {
			if !strings.Contains(h, want) {
				t.Errorf("%s: no %s in %s", name, want, h)
			}
		}
	}
	if _, err := Answer([]string{"Basic realm=x"}, "INVITE", "sip:x", "u", "s", nil, 1); !errors.Is(err, ErrNoChallenge) {
		t.Errorf("basic only: %v", err)
	}
	if r := Realm(sha); r != "x" {
		t.Errorf("realm %q", r)
	}
	if r := Realm("Basic realm=x") + Realm("Digest x"); r != "" {
		t.Errorf("realm %q", r)
	}
}

func FuzzCheck(f *testing.F) {
	s, _ := newServer(Options{AllowNoQop: true, Key: []byte("key")})
	f.Add(`Digest username="77501", realm="example.org", nonce="x", uri="sip:example.org", qop=auth, nc=00000001, cnonce="y", algorithm=MD5, response="z"`)
	f.Fuzz(func(t *testing.T, header string) {
		if user, r := s.Check(header, "REGISTER", uri, nil, source, lookup); r == OK {
			t.Fatalf("%q got in with %s", user, header)
		}
		if h, err := Answer([]string{header}, "REGISTER", uri, "u", "s", nil, 1); err == nil {
			if _, err := parse(h[len("Digest "):]); err != nil && len(h) <= maxHeader {
				t.Fatalf("our answer does not parse: %v\n%s", err, h)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, user := range []string{"77501", "77599"} {
		b.Run(user, func(b *testing.B) {
			s, _ := newServer(Options{})
			challenges := s.Challenge(source, false)
			ha1, ok := HA1(SHA256, user, realm, "secret"), user == "77501"
			find := func(string) (string, string, bool) { return "", ha1, ok }
			h, err := Answer(challenges, "REGISTER", uri, user, "secret", nil, 1)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Check(h, "REGISTER", uri, nil, source, find)
			}
		})
	}
}

func BenchmarkChallenge(b *testing.B) {
	s, _ := newServer(Options{})
	b.ReportAllocs()
	for b.Loop() {
		s.Challenge(source, false)
	}
}
