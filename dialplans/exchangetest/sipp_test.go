package exchangetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"
)

// sippLimit is how long one SIPp may run before its test fails.
const sippLimit = 90 * time.Second

// sipp says who one SIPp is and what it does.
type sipp struct {
	does   string            // the scenario: testdata/sipp/does.xml
	as     string            // the line that it registers and calls as; "": a stranger, or the carrier
	from   string            // the number that a stranger or the carrier presents
	dials  string            // the number it calls
	host   string            // its own address; "": 127.0.0.1
	port   int               // its own port; 0: any free one
	calls  int               // it ends after so many; 0: 1
	rate   int               // calls begun each second; 0: 10
	tcp    bool              // instead of UDP
	server string            // what it calls; "": the exchange
	fills  map[string]string // what is left open in the scenario: {{.status}} …
	args   []string          // further options
}

// running is a SIPp at work.
type running struct {
	t    *testing.T
	who  sipp
	dir  string
	out  bytes.Buffer
	done chan struct{}
	err  error
}

// sipp starts SIPp. If it ends with an error or not at all, the test fails with all that it sent and received.
func (x *exchange) sipp(who sipp) *running {
	x.t.Helper()
	if who.host == "" {
		who.host = "127.0.0.1"
	}
	if who.server == "" {
		who.server = x.Address()
		if who.tcp {
			who.server = x.Engine().Addrs("tcp")[0]
		}
	}
	if who.port == 0 {
		who.port = freeUDPPort(x.t, who.host)
	}
	home, contact := "carrier.example", net.JoinHostPort(who.host, strconv.Itoa(who.port))
	if who.as != "" {
		who.from, home = who.as, "chorus"
		if !who.tcp {
			who.server, contact = relay(x.t, contact, who.server)
		}
	}
	r := &running{t: x.t, who: who, dir: x.t.TempDir(), done: make(chan struct{})}
	transport := "u1"
	if who.tcp {
		transport = "t1"
	}
	args := []string{
		who.server, "-sf", r.scenario(), "-i", who.host, "-mi", who.host, "-p", strconv.Itoa(who.port), "-t", transport,
		"-m", strconv.Itoa(max(1, who.calls)), "-r", strconv.Itoa(max(1, who.rate)),
		"-timeout", fmt.Sprintf("%.0fs", sippLimit.Seconds()), "-timeout_error",
		"-nostdin", "-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log", "-max_socket", "1000",
		"-key", "number", cmp.Or(who.from, "-"), "-key", "home", home, "-key", "contact", contact,
	}
	if who.dials != "" {
		args = append(args, "-s", who.dials)
	}
	if who.as != "" {
		args = append(args, "-au", who.as, "-ap", secretOf(who.as), "-auth_uri", who.uri())
	}
	ctx, cancel := context.WithTimeout(context.Background(), sippLimit+10*time.Second)
	cmd := exec.CommandContext(ctx, "sipp", append(args, who.args...)...)
	cmd.Dir = r.dir
	cmd.Stdout, cmd.Stderr = &r.out, &r.out
	if err := cmd.Start(); err != nil {
		cancel()
		x.t.Fatalf("start SIPp (make test installs it): %v", err)
	}
	go func() {
		defer close(r.done)
		defer cancel()
		r.err = cmd.Wait()
	}()
	x.t.Cleanup(func() {
		cancel()
		<-r.done
		if x.t.Failed() {
			r.tell()
		}
	})
	return r
}

// uri is the digest URI, which must be that of the request; SIPp makes one of its own otherwise.
func (s sipp) uri() string {
	if s.dials == "" {
		return "chorus"
	}
	return s.dials + "@chorus"
}

// answers starts SIPp as one that is called, and returns when it listens.
func (x *exchange) answers(who sipp) *running {
	x.t.Helper()
	r := x.sipp(who)
	eventually(x.t, "SIPp to listen", func() bool { return r.ended() || r.listens() })
	if r.ended() {
		x.t.Fatalf("SIPp %s is over before it began: %v", who.does, r.err)
	}
	return r
}

// does runs SIPp to its end.
func (x *exchange) does(who sipp) {
	x.t.Helper()
	x.sipp(who).wait()
}

// wait waits until SIPp has ended; all its calls must have gone as the scenario says.
func (r *running) wait() {
	r.t.Helper()
	<-r.done
	if r.err != nil {
		r.t.Fatalf("SIPp %s (%s calling %q): %v", r.who.does, r.who.as, r.who.dials, r.err)
	}
}

func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// listens tells whether SIPp has its socket: nobody else can have it then.
func (r *running) listens() bool {
	at := net.JoinHostPort(r.who.host, strconv.Itoa(r.who.port))
	if r.who.tcp {
		l, err := net.Listen("tcp", at)
		if err == nil {
			l.Close()
		}
		return err != nil
	}
	c, err := net.ListenPacket("udp", at)
	if err == nil {
		c.Close()
	}
	return err != nil
}

// tell logs what went over the wire.
func (r *running) tell() {
	r.t.Logf("--- SIPp %s as %q on %s:%d: %v", r.who.does, r.who.as, r.who.host, r.who.port, r.err)
	for _, name := range []string{"errors.log", "messages.log"} {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			r.t.Logf("%s: %v", name, err)
			continue
		}
		r.t.Logf("%s:\n%s", name, text[:min(len(text), 20000)])
	}
	if _, err := os.Stat(filepath.Join(r.dir, "messages.log")); err != nil {
		r.t.Logf("%s", r.out.String())
	}
}

// messages are all that SIPp has sent and received so far.
func (r *running) messages() string {
	text, err := os.ReadFile(filepath.Join(r.dir, "messages.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return string(text)
}

// scenario writes the scenario out: its file is a template, so that each says only what is particular to it.
func (r *running) scenario() string {
	r.t.Helper()
	parts := template.New("").Funcs(template.FuncMap{"starts": starts, "inside": inside, "back": back, "reply": reply, "sdp": sdp, "nowhere": nowhere})
	if _, err := parts.ParseFiles("testdata/sipp/parts.xml", "testdata/sipp/"+r.who.does+".xml"); err != nil {
		r.t.Fatal(err)
	}
	var text bytes.Buffer
	if err := parts.ExecuteTemplate(&text, r.who.does+".xml", r.who.fills); err != nil {
		r.t.Fatal(err)
	}
	name := filepath.Join(r.dir, "scenario.xml")
	if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}

// starts is a request that begins something: its first lines, up to the scenario's own headers.
func starts(method string, seq int) string {
	if method == "REGISTER" {
		return request(method, "sip:chorus", self, "<sip:[number]@chorus>", seq)
	}
	return request(method, "sip:[service]@chorus", self, "<sip:[service]@chorus>", seq)
}

const self = `"SIPp" <sip:[number]@[home]>;tag=[pid]t[call_number]`

// inside is a request of who called, inside the dialog.
func inside(method string, seq int) string {
	return request(method, "[next_url]", self, "<sip:[service]@chorus>[peer_tag_param]", seq)
}

// back is a request of who was called, inside the dialog.
func back(method string, seq int) string {
	return request(method, "[next_url]", "[$me];tag=[pid]u[call_number]", "[$peer]", seq)
}

func request(method, uri, from, to string, seq int) string {
	lines := []string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
		"[routes]",
		"From: " + from,
		"To: " + to,
		"Call-ID: [call_id]",
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Max-Forwards: 70",
	}
	if !slices.Contains([]string{"BYE", "CANCEL", "ACK", "PRACK"}, method) {
		lines = append(lines, "Contact: <sip:[number]@[contact];transport=[transport]>")
	}
	return strings.Join(lines, "\n")
}

// reply is a response to the request received last: its first lines. Code 0: reason has it.
func reply(code int, reason string) string {
	if code != 0 {
		reason = fmt.Sprintf("%d %s", code, reason)
	}
	return strings.Join([]string{
		"SIP/2.0 " + reason,
		"[last_Via:]",
		"[last_Record-Route:]",
		"[last_From:]",
		"[last_To:];tag=[pid]u[call_number]",
		"[last_Call-ID:]",
		"[last_CSeq:]",
		"Contact: <sip:[number]@[contact];transport=[transport]>",
	}, "\n")
}

// sdp is a description of sound in a direction ("sendrecv", "sendonly" …), as the last headers and the body.
func sdp(direction string) string { return describe("[media_ip]", direction) }

// nowhere is hold as RFC 2543 had it.
func nowhere(direction string) string { return describe("0.0.0.0", direction) }

func describe(addr, direction string) string {
	return strings.Join([]string{
		"Content-Type: application/sdp",
		"Content-Length: [len]",
		"",
		"v=0",
		"o=sipp 1 1 IN IP[media_ip_type] [media_ip]",
		"s=-",
		"c=IN IP[media_ip_type] " + addr,
		"t=0 0",
		"m=audio [media_port] RTP/AVP 8 101",
		"a=rtpmap:8 PCMA/8000",
		"a=rtpmap:101 telephone-event/8000",
		"a=" + direction,
	}, "\n")
}

// registered registers a phone for its line with SIPp; the same one then answers.
func (x *exchange) registered(who sipp) sipp {
	x.t.Helper()
	if who.port == 0 {
		who.port = freeUDPPort(x.t, "127.0.0.1")
	}
	register := who
	register.does, register.calls, register.fills, register.args = "register", 1, nil, nil
	x.does(register)
	return who
}

// in is the same exchange for a test within the test.
func (x *exchange) in(t *testing.T) *exchange {
	within := *x
	within.t = t
	return &within
}
