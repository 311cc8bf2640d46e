package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const example = `return {
  name = "Chorus",
  sip = { udp = "0.0.0.0:5060", tcp = { "0.0.0.0:5060", "[::]:5060" }, realm = "chorus" },
  rtp = { ports = "20000-20999", address = "auto", nat = true, timeout = "30s", driver = "epoll" },
  codecs = { "opus", "pcma" },
  control = "belfry.sock",
  metrics = "127.0.0.1:9090",
  maxCalls = 800,
  drain = "1m30s",
  trace = { keep = "720h", size = "1.5GB" },
  trunks = {
    pstn = { host = "sip.example.net", user = "chorus", secret = secret "PSTN", register = true, from = { "192.0.2.5/28", "198.51.100.7" } },
    backup = { host = "203.0.113.9:5060", transport = "tcp", codecs = { "PCMA" } },
  },
  mail = { smtp = "smtp.example.net:587", from = "voicemail@example.net" },
}
`

func load(t *testing.T, src string) (Settings, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "letters"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{File: src, "ca.pem": "", Secrets: "# of the trunks\nPSTN = s3cret=\n\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(dir, Options{})
}

func TestLoad(t *testing.T) {
	got, err := load(t, example)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Name: "Chorus", Language: "en", Control: "belfry.sock", Metrics: "127.0.0.1:9090", MaxCalls: 800, Drain: 90 * time.Second,
		Prompts: Prompts{Debian: true},
		Trace:   Trace{Keep: 720 * time.Hour, Size: 3 << 29},
		SIP:     SIP{UDP: []string{"0.0.0.0:5060"}, TCP: []string{"0.0.0.0:5060", "[::]:5060"}, Realm: "chorus"},
		RTP:     RTP{MinPort: 20000, MaxPort: 20999, NAT: true, Timeout: 30 * time.Second, Driver: "epoll"},
		Codecs:  []string{"opus", "PCMA"},
		Trunks: []Trunk{
			{Name: "backup", Host: "203.0.113.9:5060", Transport: "tcp", Codecs: []string{"PCMA"}},
			{Name: "pstn", Host: "sip.example.net", User: "chorus", Secret: "s3cret=", Register: true,
				From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("198.51.100.7/32")}},
		},
		Mail: Mail{SMTP: "smtp.example.net:587", From: "voicemail@example.net", TLS: "starttls", Sound: "wav"},
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestEnvironmentWinsOverTheFile(t *testing.T) {
	t.Setenv("BELFRY_SECRET_PSTN", "from the environment")
	got, err := load(t, example)
	if err != nil || got.Trunks[1].Secret != "from the environment" {
		t.Errorf("%+v, %v", got.Trunks, err)
	}
}

func TestSiteWithoutSettings(t *testing.T) {
	got, err := Load(t.TempDir(), Options{})
	if err != nil || !cmp.Equal(got, Default()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMistakesNameLineAndField(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"return {\n  nmae = \"x\",\n}", "settings.lua:2:3: nmae is not a setting (did you mean 'name'? (settings here: codecs, control, drain, language, mail"},
		{"return {\n  sip = {\n    upd = \"0.0.0.0:5060\",\n  },\n}", "settings.lua:3:5: sip.upd is not a setting (did you mean 'udp'?"},
		{"return {\n  sip = { udp = \"5060\" },\n}", "settings.lua:2:11: sip.udp = \"5060\" is not an address and port"},
		{`return { sip = { udp = "pbx.example.net:5060" } }`, "listen on an IP address, not a name"},
		{`return { sip = { tls = "0.0.0.0:5061" } }`, "sip has tls or wss, and no certificate"},
		{`return { rtp = { ports = "32767-16384" } }`, "rtp.ports must be a range of ports"},
		{`return { rtp = { address = "pbx" } }`, "rtp.address must be an IP address"},
		{"return {\n  trunks = {\n    pstn = { hots = \"x\" },\n  },\n}", "settings.lua:3:14: trunks.pstn.hots is not a setting (did you mean 'host'?"},
		{`return { trunks = { { host = "x" } } }`, "trunks.1 needs a name"},
		{`return { trunks = { pstn = { host = "x", from = "192.0.2.0/99" } } }`, `trunks.pstn.from = "192.0.2.0/99" is no address`},
		{`return { trunks = { pstn = { host = "x", register = true } } }`, "trunks.pstn registers, and has no user and secret"},
		{`return { trunks = { pstn = { host = "x", secret = secret "NONE" } } }`, "settings.lua:1:59: there is no secret NONE (set BELFRY_SECRET_NONE in the environment, or write NONE=… in the file secrets)"},
		{`return { metrics = true }`, "metrics must be a text"},
		{`return { maxCalls = 0 }`, "maxCalls must be a whole number from 1 to 1000000"},
		{`return { maxCalls = "many" }`, "maxCalls must be a whole number"},
		{"return {\n  drain = \"soon\",\n}", `settings.lua:2:3: drain must be a time such as "60s"`},
		{"return {\n  trace = { size = \"12\" },\n}", `settings.lua:2:13: trace.size must be an amount such as "256MB", of at least 1 MB`},
		{`return { trace = { size = "256TB" } }`, "trace.size must be an amount"},
		{`return { trace = { keep = "9999h" } }`, `trace.keep must be a time such as "60s", up to "2160h"`},
		{`return { trace = true }`, "trace must be a table"},
		{`return { drain = -1 }`, "drain must be a time"},
		{"return {\n  prompts = \"sounds\",\n}", "settings.lua:2:3: prompts names a folder that is not there: /"},
		{`return { prompts = { "secrets" } }`, "prompts names a folder that is not there"}, // it is a file
		{`return { prompts = { debain = false } }`, "settings.lua:1:22: prompts.debain is not a setting (did you mean 'debian'?"},
		{`return { prompts = { debian = "no" } }`, "prompts.debian must be true or false"},
		{`return { prompts = 7 }`, "prompts must be a text or a list of texts"},
		{`return { prompts = false }`, "prompts must be a folder or a list of folders (prompts = { debian = false }"},
		{`return { mail = { smtp = "x:25" } }`, "mail has no sender"},
		{`return { mail = { smtp = "x", from = "a@b" } }`, `mail.smtp must be a host and port such as "smtp.example.net:587"`},
		{`return { mail = { smtp = "x:25", from = "a@b\\r\\nBcc: c@d" } }`, "mail.from must be an address"},
		{`return { mail = { smtp = "x:25", from = "a@b", user = "u" } }`, "mail has a user or a secret, and not both"},
		{`return { mail = { smtp = "x:25", from = "a@b", user = "u", secret = "s", tls = "none" } }`, "mail sends its secret in the clear"},
		{`return { mail = { smtp = "x:25", from = "a@b", tls = "ssl" } }`, `mail.tls must be "starttls", "implicit", "none"`},
		{`return { mail = { smtp = "x:25", from = "a@b", ca = "none.pem" } }`, "mail.ca names a file that is not there"},
		{`return { mail = { smtp = "x:25", from = "a@b", templates = "ca.pem" } }`, "mail.templates names a folder that is not there"},
		{"return {\n  codecs = { \"G722\", \"PCMB\" },\n}", `settings.lua:2:3: codecs names the codec "PCMB", which there is not (did you mean 'PCMU'? (codecs: PCMU, PCMA, G722, opus))`},
		{`return { codecs = { "alaw" } }`, `codecs names the codec "alaw" (SDP calls it "PCMA")`},
		{`return { codecs = { "PCMA", "pcma" } }`, "codecs names PCMA twice"},
		{`return { codecs = "PCMA" }`, "codecs must be a list of codecs"},
		{`return { codecs = {} }`, "codecs must be a list of codecs"},
		{`return { codecs = { "PCMA", prefer = "opus" } }`, "codecs.prefer is not a setting"},
		{"return {\n  trunks = {\n    pstn = { host = \"x\",\n      codecs = { \"G729\" } } } }", `settings.lua:4:7: trunks.pstn.codecs names the codec "G729"`},
		{"return {\n  rtp = { driver = \"epol\" } }", `settings.lua:2:11: rtp.driver must be "auto", "io_uring", "epoll", "portable" (did you mean 'epoll'?)`},
		{`return { name = 5 }`, "name must be a text"},
		{`local x = 1`, "settings.lua returns no table"},
		{`return {`, "this '{' is never closed"},
		{`return { name = nmae }`, "settings.lua:1:17: nothing is called 'nmae'"},
		{`while true do end`, "ran too long"},
	} {
		_, err := load(t, c.src)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.src, err, c.want)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{File: "return {}", Secrets: "hunter2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir, Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestFalseSwitchesOff(t *testing.T) {
	got, err := load(t, `return { metrics = false, trace = false, sip = { tcp = false } }`)
	if err != nil || !got.Trace.Off || got.Metrics != "" || got.SIP.TCP != nil || got.SIP.UDP == nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// An address that is named for one transport holds for the other: nobody who wants loopback gets all interfaces.
func TestOneAddressForBothTransports(t *testing.T) {
	for _, c := range []struct{ written, udp, tcp string }{
		{`{ udp = "127.0.0.1:5070" }`, "[127.0.0.1:5070]", "[127.0.0.1:5070]"},
		{`{ tcp = "127.0.0.1:5070" }`, "[127.0.0.1:5070]", "[127.0.0.1:5070]"},
		{`{ udp = "127.0.0.1:5070", tcp = false }`, "[127.0.0.1:5070]", "[]"},
		{`{ realm = "x" }`, "[0.0.0.0:5060]", "[0.0.0.0:5060]"},
		{`{ tcp = false }`, "[0.0.0.0:5060]", "[]"},
	} {
		got, err := load(t, "return { sip = "+c.written+" }")
		if err != nil || fmt.Sprint(got.SIP.UDP) != c.udp || fmt.Sprint(got.SIP.TCP) != c.tcp {
			t.Errorf("sip = %s: udp %v, tcp %v, %v", c.written, got.SIP.UDP, got.SIP.TCP, err)
		}
	}
}

func TestFoldersOfPrompts(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	for _, folder := range []string{"sounds", "jazz"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		src  string
		want Prompts
	}{
		{`{}`, Prompts{Debian: true}},
		{`{ prompts = "sounds" }`, Prompts{[]string{filepath.Join(dir, "sounds")}, true}},
		{`{ prompts = { "jazz", "` + elsewhere + `", "sounds" } }`, Prompts{[]string{filepath.Join(dir, "jazz"), elsewhere, filepath.Join(dir, "sounds")}, true}},
		{`{ prompts = { debian = false } }`, Prompts{nil, false}},
		{`{ prompts = { "jazz", debian = false } }`, Prompts{[]string{filepath.Join(dir, "jazz")}, false}},
	} {
		if err := os.WriteFile(filepath.Join(dir, File), []byte("return "+c.src), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir, Options{})
		if d := cmp.Diff(c.want, got.Prompts); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", c.src, err, d)
		}
	}
}

// TLS is left out only where the server is this machine, or where the settings say so.
func TestMailIsPrivate(t *testing.T) {
	for smtp, want := range map[string]string{
		`"smtp.example.net:25"`: "starttls", `"smtp.example.net:587"`: "starttls", `"smtp.example.net:465"`: "implicit",
		`"127.0.0.1:25"`: "none", `"localhost:25"`: "none", `"[::1]:25"`: "none", `"127.0.0.1:465"`: "implicit", `"192.0.2.1:25"`: "starttls",
		`"smtp.example.net:25", tls = "none"`: "none", `"localhost:25", tls = "starttls"`: "starttls",
	} {
		s, err := load(t, `return { mail = { from = "a@b", smtp = `+smtp+` } }`)
		if err != nil || s.Mail.TLS != want {
			t.Errorf("%s: %q, %v", smtp, s.Mail.TLS, err)
		}
	}
}
