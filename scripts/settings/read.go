package settings

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/sandbox"
	"github.com/belfry-pbx/belfry/scripts/syntax"
)

// parse evaluates the text of a settings.lua that lies in dir.
func parse(dir string, src []byte, secret func(string) (string, bool)) (Settings, error) {
	file, proto, problem := sandbox.Read(File, string(src))
	if problem != nil {
		return Settings{}, &Error{[]diag.Problem{*problem}}
	}
	r := &reader{dir: dir, source: string(src), file: file, places: map[string]syntax.Span{}}
	r.locate(file.Chunk)
	s := sandbox.New(context.Background(), sandbox.Options{})
	defer s.Close()
	s.SetGlobal("secret", s.L.NewFunction(func(l *lua.LState) int {
		name := l.CheckString(1)
		v, ok := secret(name)
		if !ok {
			s.Raise(sandbox.Raised{Code: diag.CodeSetting, Word: name, Message: "there is no secret " + name,
				Hint: "set BELFRY_SECRET_" + name + " in the environment, or write " + name + "=… in the file " + Secrets})
		}
		l.Push(lua.LString(v))
		return 1
	}))
	v, err := s.Call(s.Load(proto))
	if err != nil {
		return Settings{}, r.failed(err)
	}
	t, ok := v.(*lua.LTable)
	if !ok {
		return Settings{}, &Error{[]diag.Problem{{File: File, Source: string(src), Code: diag.CodeSetting,
			Message: "settings.lua returns no table", Hint: "it says: return { name = …, sip = { … } }"}}}
	}
	out := Default()
	r.site(t, &out)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b diag.Problem) int { return a.Line - b.Line })
		return Settings{}, &Error{r.problems}
	}
	return out, nil
}

func (r *reader) failed(err error) error {
	var script *sandbox.ScriptError
	if errors.As(err, &script) {
		return &Error{[]diag.Problem{script.Problem(r.file)}}
	}
	return &Error{[]diag.Problem{{File: File, Source: r.source, Code: diag.CodeLimit, Message: err.Error()}}}
}

// readSecrets reads lines NAME=value; # begins a comment.
func readSecrets(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets: %w", err)
	}
	all := map[string]string{}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok { // the line is not shown: it may be a secret
			return nil, fmt.Errorf("%s:%d: this is not NAME=value", path, i+1)
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all, nil
}

// reader reads tables with strict keys and collects what is wrong, by field.
type reader struct {
	dir      string
	source   string
	file     *syntax.File
	places   map[string]syntax.Span // of the names of fields written as literals: "trunks.pstn.host"
	problems []diag.Problem
}

// locate finds the places of the fields of the table that is returned.
func (r *reader) locate(chunk *syntax.Block) {
	for _, s := range chunk.Stmts {
		if ret, ok := s.(*syntax.Return); ok && len(ret.Values) == 1 {
			r.locateIn("", ret.Values[0])
		}
	}
}

func (r *reader) locateIn(path string, e syntax.Expr) {
	t, ok := e.(*syntax.Table)
	if !ok {
		return
	}
	for _, f := range t.Fields {
		key, ok := f.Key.(*syntax.String)
		if !ok {
			continue
		}
		field := join(path, key.Value)
		r.places[field] = key.Span
		r.locateIn(field, f.Value)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (r *reader) wrong(path, message, hint string) {
	p := diag.Problem{File: File, Source: r.source, Code: diag.CodeSetting, Message: path + " " + message, Hint: hint}
	if at, ok := r.places[path]; ok {
		p = r.file.Problem(at, diag.CodeSetting, p.Message, hint)
	}
	r.problems = append(r.problems, p)
}

// fields reads the fields of a table, each by its own function; any other key is a mistake.
func (r *reader) fields(path string, t *lua.LTable, known map[string]func(path string, v lua.LValue)) {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		name, ok := key.(lua.LString)
		if read := known[string(name)]; ok && read != nil {
			read(join(path, string(name)), v)
			continue
		}
		what := key.String()
		r.wrong(join(path, what), "is not a setting", diag.Options(what, "settings here", names))
	}
}

func (r *reader) table(path string, v lua.LValue, known map[string]func(string, lua.LValue)) {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.wrong(path, "must be a table", "write { … }")
		return
	}
	r.fields(path, t, known)
}

func text(r *reader, to *string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		s, ok := v.(lua.LString)
		if !ok || strings.TrimSpace(string(s)) == "" {
			r.wrong(path, "must be a text", "")
			return
		}
		*to = string(s)
	}
}

func yes(r *reader, to *bool) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		b, ok := v.(lua.LBool)
		if !ok {
			r.wrong(path, "must be true or false", "")
			return
		}
		*to = bool(b)
	}
}

// list reads a text or a list of texts, each checked.
func list(r *reader, to *[]string, check func(string) string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		if v == lua.LFalse {
			*to = nil
			return
		}
		items := []lua.LValue{v}
		if t, ok := v.(*lua.LTable); ok {
			items = nil
			for i := 1; i <= t.Len(); i++ {
				items = append(items, t.RawGetInt(i))
			}
		}
		var all []string
		for _, item := range items {
			s, ok := item.(lua.LString)
			if !ok {
				r.wrong(path, "must be a text or a list of texts", "")
				return
			}
			if what := check(string(s)); what != "" {
				r.wrong(path, what, "")
				return
			}
			all = append(all, string(s))
		}
		*to = all
	}
}

func anyText(string) string { return "" }

// listenAddress says what is wrong with "0.0.0.0:5060".
func listenAddress(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Sprintf("= %q is not an address and port such as \"0.0.0.0:5060\"", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("= %q has no port from 0 to 65535", s)
	}
	if host != "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Sprintf("= %q: listen on an IP address, not a name", s)
		}
	}
	return ""
}

// pair gives TCP the addresses of UDP, or UDP those of TCP, where only one of them is named: an exchange answers at both
// (RFC 3261 section 18), and who names an address does not mean all others by the way.
func (s *SIP) pair(v lua.LValue) {
	t, ok := v.(*lua.LTable)
	if !ok {
		return
	}
	switch udp, tcp := t.RawGetString("udp"), t.RawGetString("tcp"); {
	case udp == lua.LNil && tcp != lua.LNil && tcp != lua.LFalse:
		s.UDP = slices.Clone(s.TCP)
	case tcp == lua.LNil && udp != lua.LNil && udp != lua.LFalse:
		s.TCP = slices.Clone(s.UDP)
	}
}

func (r *reader) site(t *lua.LTable, s *Settings) {
	r.fields("", t, map[string]func(string, lua.LValue){
		"name": text(r, &s.Name), "language": text(r, &s.Language), "control": text(r, &s.Control),
		"sip": func(path string, v lua.LValue) {
			r.table(path, v, map[string]func(string, lua.LValue){
				"udp": list(r, &s.SIP.UDP, listenAddress), "tcp": list(r, &s.SIP.TCP, listenAddress), "tls": list(r, &s.SIP.TLS, listenAddress),
				"ws": list(r, &s.SIP.WS, listenAddress), "wss": list(r, &s.SIP.WSS, listenAddress),
				"cert": text(r, &s.SIP.Cert), "key": text(r, &s.SIP.Key), "realm": text(r, &s.SIP.Realm),
				"domains": list(r, &s.SIP.Domains, anyText), "advertise": text(r, &s.SIP.Advertise), "hosts": list(r, &s.SIP.Hosts, anyText),
			})
			s.SIP.pair(v)
			if (len(s.SIP.TLS) > 0 || len(s.SIP.WSS) > 0) && (s.SIP.Cert == "" || s.SIP.Key == "") {
				r.wrong(path, "has tls or wss, and no certificate", "cert = \"cert.pem\", key = \"key.pem\"")
			}
		},
		"rtp": func(path string, v lua.LValue) {
			r.table(path, v, map[string]func(string, lua.LValue){
				"ports": r.ports(&s.RTP), "address": r.address(&s.RTP.Address), "nat": yes(r, &s.RTP.NAT), "timeout": r.lasting(&s.RTP.Timeout),
				"driver": r.oneOf(&s.RTP.Driver, drivers),
			})
		},
		"metrics": func(path string, v lua.LValue) {
			var one []string
			list(r, &one, listenAddress)(path, v)
			s.Metrics = strings.Join(one, "")
			if len(one) > 1 {
				r.wrong(path, "takes one address, or false", "")
			}
		},
		"prompts": func(path string, v lua.LValue) { r.prompts(path, v, &s.Prompts) },
		"trace": func(path string, v lua.LValue) {
			if s.Trace.Off = v == lua.LFalse; s.Trace.Off {
				return
			}
			r.table(path, v, map[string]func(string, lua.LValue){
				"keep": r.lastingUpTo(&s.Trace.Keep, maxKeep), "size": r.octets(&s.Trace.Size, 1<<20, 1<<40),
			})
		},
		"maxCalls": r.whole(&s.MaxCalls, 1, 1e6),
		"drain":    r.lasting(&s.Drain),
		"mail":     func(path string, v lua.LValue) { r.mail(path, v, &s.Mail) },
		"codecs":   r.codecs(&s.Codecs),
		"trunks":   func(path string, v lua.LValue) { r.trunks(path, v, s) },
	})
}

// prompts reads a folder, a list of folders, and in the list debian = true or false.
func (r *reader) prompts(path string, v lua.LValue, to *Prompts) {
	if v == lua.LFalse {
		r.wrong(path, "must be a folder or a list of folders", "prompts = { debian = false } leaves Debian's sounds out")
		return
	}
	if t, ok := v.(*lua.LTable); ok {
		r.fields(path, named(t), map[string]func(string, lua.LValue){"debian": yes(r, &to.Debian)})
	}
	list(r, &to.Folders, func(folder string) string {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(r.dir, folder)
		}
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return fmt.Sprintf("names a folder that is not there: %s", folder)
		}
		return ""
	})(path, v)
	for i, folder := range to.Folders {
		if !filepath.IsAbs(folder) {
			to.Folders[i] = filepath.Join(r.dir, folder)
		}
	}
}

// drivers are the names that a driver may have, on whatever system; media says which of them there are here.
var drivers = []string{"auto", "io_uring", "epoll", "portable"}

func (r *reader) oneOf(to *string, names []string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		if !slices.Contains(names, v.String()) {
			r.wrong(path, `must be "`+strings.Join(names, `", "`)+`"`, diag.DidYouMean(v.String(), names))
			return
		}
		*to = v.String()
	}
}

// asCalled are names by which people and other exchanges know codecs.
var asCalled = map[string]codec.Codec{
	"alaw": codec.PCMA, "g711a": codec.PCMA, "ulaw": codec.PCMU, "mulaw": codec.PCMU, "g711u": codec.PCMU, "g.722": codec.G722,
}

// codecs reads a list of codecs, each once.
func (r *reader) codecs(to *[]string) func(string, lua.LValue) {
	var names []string
	for c := codec.None + 1; c.Valid(); c++ {
		names = append(names, c.Name())
	}
	return func(path string, v lua.LValue) {
		items, ok := v.(*lua.LTable)
		if !ok || items.Len() == 0 {
			r.wrong(path, "must be a list of codecs, best first", `codecs = { "G722", "PCMA" }`)
			return
		}
		r.fields(path, named(items), nil)
		var all []string
		for i := 1; i <= items.Len(); i++ {
			name := items.RawGetInt(i).String()
			c, known := codec.ByName(name)
			switch other, called := asCalled[strings.ToLower(name)]; {
			case called:
				r.wrong(path, fmt.Sprintf("names the codec %q", name), fmt.Sprintf("SDP calls it %q", other.Name()))
			case !known:
				r.wrong(path, fmt.Sprintf("names the codec %q, which there is not", name), diag.Options(name, "codecs", names))
			case slices.Contains(all, c.Name()):
				r.wrong(path, fmt.Sprintf("names %s twice", c.Name()), "")
			default:
				all = append(all, c.Name())
			}
		}
		*to = all
	}
}

// named is a table without its list.
func named(t *lua.LTable) *lua.LTable {
	rest := &lua.LTable{}
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		if n, ok := key.(lua.LNumber); !ok || n < 1 || int(n) > t.Len() {
			rest.RawSet(key, v)
		}
	}
	return rest
}

func (r *reader) whole(to *int, least, most int) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		n, ok := v.(lua.LNumber)
		if !ok || n != lua.LNumber(int(n)) || int(n) < least || int(n) > most {
			r.wrong(path, fmt.Sprintf("must be a whole number from %d to %d", least, most), "")
			return
		}
		*to = int(n)
	}
}

func (r *reader) ports(to *RTP) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		from, end, ok := strings.Cut(v.String(), "-")
		lo, err1 := strconv.ParseUint(strings.TrimSpace(from), 10, 16)
		hi, err2 := strconv.ParseUint(strings.TrimSpace(end), 10, 16)
		if !ok || err1 != nil || err2 != nil || lo < 1024 || hi < lo+1 {
			r.wrong(path, `must be a range of ports such as "16384-32767"`, "")
			return
		}
		to.MinPort, to.MaxPort = uint16(lo), uint16(hi)
	}
}

func (r *reader) address(to *string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		if v.String() == "auto" {
			*to = ""
			return
		}
		if _, err := netip.ParseAddr(v.String()); err != nil {
			r.wrong(path, `must be an IP address, or "auto"`, "")
			return
		}
		*to = v.String()
	}
}

func (r *reader) lasting(to *time.Duration) func(string, lua.LValue) {
	return r.lastingUpTo(to, 24*time.Hour)
}

// maxKeep is how long anything may be kept that tells who called whom.
const maxKeep = 90 * 24 * time.Hour

// octets reads an amount of memory or disk: "256MB", "1GB", or octets.
func (r *reader) octets(to *int64, least, most int64) func(string, lua.LValue) {
	units := map[string]float64{"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
	return func(path string, v lua.LValue) {
		digits := strings.TrimRight(v.String(), "KMGB")
		unit, known := units[v.String()[len(digits):]]
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if n *= unit; err != nil || !known || !(n >= float64(least) && n <= float64(most)) {
			r.wrong(path, fmt.Sprintf(`must be an amount such as "256MB", of at least %d MB`, least>>20), "")
			return
		}
		*to = int64(n)
	}
}

func (r *reader) lastingUpTo(to *time.Duration, most time.Duration) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		var d time.Duration
		var err error
		switch v := v.(type) {
		case lua.LNumber:
			d = time.Duration(float64(v) * float64(time.Second))
		case lua.LString:
			d, err = time.ParseDuration(string(v))
		default:
			err = errors.New("neither")
		}
		if err != nil || d <= 0 || d > most {
			r.wrong(path, fmt.Sprintf(`must be a time such as "60s", up to "%.0fh"`, most.Hours()), "")
			return
		}
		*to = d
	}
}

var reTrunk = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func (r *reader) trunks(path string, v lua.LValue, s *Settings) {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.wrong(path, "must be a table", `write trunks = { pstn = { host = "sip.example.net" } }`)
		return
	}
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		name := key.String()
		at := join(path, name)
		if _, text := key.(lua.LString); !text || !reTrunk.MatchString(name) {
			r.wrong(at, "needs a name of letters and digits", `write trunks = { pstn = { … } }`)
			continue
		}
		trunk := Trunk{Name: name}
		r.table(at, v, map[string]func(string, lua.LValue){
			"host": text(r, &trunk.Host), "user": text(r, &trunk.User), "secret": text(r, &trunk.Secret), "register": yes(r, &trunk.Register),
			"transport": func(path string, v lua.LValue) {
				if trunk.Transport = v.String(); !slices.Contains([]string{"udp", "tcp", "tls"}, trunk.Transport) {
					r.wrong(path, `must be "udp", "tcp" or "tls"`, "")
				}
			},
			"from": r.prefixes(&trunk.From), "codecs": r.codecs(&trunk.Codecs),
		})
		if _, table := v.(*lua.LTable); table && trunk.Host == "" {
			r.wrong(at, "has no host", `host = "sip.example.net"`)
		}
		if trunk.Register && (trunk.User == "" || trunk.Secret == "") {
			r.wrong(at, "registers, and has no user and secret", `user = "…", secret = secret "`+strings.ToUpper(name)+`"`)
		}
		s.Trunks = append(s.Trunks, trunk)
	}
	slices.SortFunc(s.Trunks, func(a, b Trunk) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) prefixes(to *[]netip.Prefix) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		var texts []string
		list(r, &texts, func(s string) string {
			if _, err := prefix(s); err != nil {
				return fmt.Sprintf("= %q is no address or range such as \"192.0.2.0/28\"", s)
			}
			return ""
		})(path, v)
		*to = nil
		for _, s := range texts {
			if p, err := prefix(s); err == nil {
				*to = append(*to, p)
			}
		}
	}
}

func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}
