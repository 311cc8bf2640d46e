package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// Result is what a request's credentials came to.
type Result uint8

const (
	// OK: the request comes from who it says.
	OK Result = iota
	// Missing: no credentials for this realm. Challenge; nobody failed.
	Missing
	// Stale: right secret, but the nonce is old, unknown or of another source.
	// Challenge with stale=true; nobody failed.
	Stale
	// Wrong: unknown user or wrong secret. Challenge; this counts as a failure.
	Wrong
	// Replay: right secret, but this nonce count was used before. Challenge with
	// stale=true: some telephones never count.
	Replay
	// Malformed: not credentials, or not as we asked for them. 400 Bad Request.
	Malformed
)

var resultNames = [...]string{"ok", "missing", "stale", "wrong", "replay", "malformed"}

// String is a word fit for logs and metrics.
func (r Result) String() string {
	if int(r) < len(resultNames) {
		return resultNames[r]
	}
	return strconv.Itoa(int(r))
}

// Options are a Server's.
type Options struct {
	Realm      string
	Key        []byte        // secret that nonces are made with; nil: random, so nonces end with the process
	Clock      clock.Clock   // nil: real
	Lifetime   time.Duration // of a nonce; 0: 60 s
	MaxNonces  int           // nonces whose counts are remembered; 0: 16384 (about 150 octets each)
	AllowNoQop bool          // accept clients of RFC 2069, which can be replayed against by who listens
}

// Server challenges and checks. It stores nothing for those who have not
// authenticated. It is safe for concurrent use.
type Server struct {
	opts   Options
	counts *counts
}

// NewServer makes a server for one realm.
func NewServer(o Options) *Server {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Lifetime <= 0 {
		o.Lifetime = time.Minute
	}
	if o.MaxNonces <= 0 {
		o.MaxNonces = 16384
	}
	if len(o.Key) == 0 {
		o.Key = make([]byte, 32)
		rand.Read(o.Key) // cannot fail
	}
	return &Server{opts: o, counts: newCounts(o.MaxNonces)}
}

// Challenge gives the values of the WWW-Authenticate (or Proxy-Authenticate)
// headers, best algorithm first (RFC 8760 §2.4). Its nonce is good only for
// requests from source, which should be what stays the same from one request of
// a client to the next: its IP address.
func (s *Server) Challenge(source string, stale bool) []string {
	tail := `, nonce="` + s.nonce(source) + `", qop="auth"`
	if stale {
		tail += ", stale=true"
	}
	realm := "Digest realm=" + quote(s.opts.Realm)
	return []string{
		realm + tail + ", algorithm=" + SHA256,
		realm + tail + ", algorithm=" + MD5,
	}
}

// Check tells who sent a request. header is the value of its Authorization (or
// Proxy-Authorization) header, "" if it has none; uri its Request-URI. lookup
// gives the lower-case hex HA1 values of a user; one that is "" is not accepted.
// An unknown user costs the same work and gives the same result as a wrong
// secret. user is who the credentials claim to be: believe it only if r is OK.
func (s *Server) Check(header, method, uri string, body []byte, source string,
	lookup func(user string) (ha1MD5, ha1SHA256 string, ok bool)) (user string, r Result) {
	list, ok := cutScheme(header)
	if !ok {
		return "", Missing
	}
	c, err := parse(list)
	if err != nil {
		return "", Malformed
	}
	if unescape(c["realm"]) != s.opts.Realm {
		return "", Missing // for somebody else on the path: RFC 3261 §22.3
	}
	user = unescape(c["username"])
	p := proof{
		algorithm: c["algorithm"], nonce: c["nonce"], nc: c["nc"], cnonce: c["cnonce"], qop: strings.ToLower(c["qop"]),
		method: method, uri: c["uri"], body: body,
	}
	nc, ok := s.wellFormed(p, user)
	if !ok || c["response"] == "" || !sameURI(p.uri, uri) {
		return user, Malformed
	}

	md5HA1, shaHA1, known := lookup(user)
	ha1 := md5HA1
	if strings.EqualFold(p.algorithm, SHA256) {
		ha1 = shaHA1
	}
	dummy := s.dummy(user)
	if !known || ha1 == "" {
		known, ha1 = false, dummy
	}
	want := p.response(ha1)
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c["response"]))) != 1 || !known {
		return user, Wrong
	}
	return user, s.fresh(p, source, nc)
}

// wellFormed checks all that does not depend on who asks, and reads the count.
func (s *Server) wellFormed(p proof, user string) (nc uint32, ok bool) {
	if user == "" || p.nonce == "" || p.uri == "" {
		return 0, false
	}
	if p.algorithm != "" && !strings.EqualFold(p.algorithm, MD5) && !strings.EqualFold(p.algorithm, SHA256) {
		return 0, false
	}
	switch p.qop {
	case "":
		return 0, s.opts.AllowNoQop
	case "auth", "auth-int":
		n, err := strconv.ParseUint(p.nc, 16, 32)
		return uint32(n), err == nil && n > 0 && len(p.nc) == 8 && p.cnonce != ""
	}
	return 0, false
}

// fresh judges the nonce of credentials that are otherwise right.
func (s *Server) fresh(p proof, source string, nc uint32) Result {
	issued, ok := s.issued(p.nonce, source)
	now := s.opts.Clock.Now()
	if !ok || now.Sub(issued) > s.opts.Lifetime || issued.After(now) {
		return Stale
	}
	switch s.counts.use(p.nonce, issued, nc) {
	case used:
		if p.qop == "" {
			return Stale // a client of RFC 2069 does not count: a new nonce each time
		}
		return Replay
	case forgotten:
		return Stale
	}
	return OK
}

// A nonce is time of issue (8 octets, ns), random (8), HMAC of these, source and
// realm (16). The random part keeps apart two clients of one source.
const nonceSize = 8 + 8 + 16

func (s *Server) nonce(source string) string {
	b := make([]byte, 16, nonceSize)
	binary.BigEndian.PutUint64(b, uint64(s.opts.Clock.Now().UnixNano()))
	rand.Read(b[8:16])
	b = append(b, s.mac("nonce", string(b), source)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// issued reads the time out of a nonce that we made for this source.
func (s *Server) issued(nonce, source string) (time.Time, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[16:], s.mac("nonce", string(b[:16]), source)) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))), true
}

// mac authenticates parts; the lengths before them keep them apart.
func (s *Server) mac(parts ...string) []byte {
	m := hmac.New(sha256.New, s.opts.Key)
	for _, part := range append(parts, s.opts.Realm) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		m.Write(n[:])
		m.Write([]byte(part))
	}
	return m.Sum(nil)[:16]
}

// dummy stands in for the HA1 of a user who does not exist.
func (s *Server) dummy(user string) string {
	return hex.EncodeToString(s.mac("dummy", user))
}

// sameURI compares a digest-uri with the Request-URI by scheme, user, host and
// port. Parameters are left out: telephones differ in whether they repeat them,
// and proxies add some.
func sameURI(a, b string) bool {
	as, au, ah := splitURI(a)
	bs, bu, bh := splitURI(b)
	return strings.EqualFold(as, bs) && au == bu && strings.EqualFold(ah, bh)
}

func splitURI(uri string) (scheme, user, host string) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return "", "", uri
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i], rest[i+1:]
	}
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	defaultPort := ":5060"
	if strings.EqualFold(scheme, "sips") {
		defaultPort = ":5061"
	}
	return scheme, user, strings.TrimSuffix(rest, defaultPort)
}
