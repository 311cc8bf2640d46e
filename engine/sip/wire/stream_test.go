package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// link is a connection over loopback: what the telephone holds, and what we read from.
type link struct {
	phone  net.Conn
	conn   net.Conn
	counts *tally
	clock  *clock.Fake
}

func listen(t *testing.T, o Options) (net.Listener, *tally, *clock.Fake) {
	t.Helper()
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counts, fake := &tally{}, clock.NewFake(time.Unix(0, 0))
	o.Count, o.Clock = counts.count, fake
	l := Listener(inner, o)
	t.Cleanup(func() { l.Close() })
	return l, counts, fake
}

func connect(t *testing.T, o Options) link {
	t.Helper()
	l, counts, fake := listen(t, o)
	phone, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close(); conn.Close() })
	return link{phone, conn, counts, fake}
}

func (l link) send(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(l.phone, s); err != nil {
		t.Fatal(err)
	}
}

// next reads one message.
func (l link) next(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 65535)
	n, err := l.conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestStreamGivesWholeMessagesHoweverTheyArrive(t *testing.T) {
	l := connect(t, Options{})
	a := options("Content-Length: 4", "Subject: a", " folded", "\tline") + "body"
	b := strings.ReplaceAll(options("k: 100rel", "Content-Length:", "l: 0"), "\r\n", "\n")
	stream := "\r\n" + a + b + "\r\n" + a
	go func() {
		for _, c := range []byte(stream) { // a segment may end anywhere, also within a fold
			if _, err := l.phone.Write([]byte{c}); err != nil {
				return
			}
		}
	}()
	for i, want := range []string{"Subject: a folded line\r\n", "Supported: 100rel\r\n", "Subject: a folded line\r\n"} {
		got := l.next(t)
		if !strings.Contains(got, want) || (i != 1) != strings.HasSuffix(got, "\r\n\r\nbody") {
			t.Errorf("message %d:\n%s", i, got)
		}
	}
}

func TestStreamToASmallBuffer(t *testing.T) {
	l := connect(t, Options{})
	l.send(t, options("Subject: "+strings.Repeat("x", 20000))+options())
	var got []byte
	buf := make([]byte, 1000)
	for !bytes.HasSuffix(got, []byte(options())) {
		n, err := l.conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if n := bytes.Count(got, []byte("\r\n\r\n")); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestStreamAnswersPings(t *testing.T) {
	l := connect(t, Options{})
	l.send(t, "\r\n\r\n\r\n\r\n"+options())
	l.next(t)
	buf := make([]byte, 4)
	if _, err := io.ReadFull(l.phone, buf); err != nil || string(buf) != "\r\n\r\n" {
		t.Errorf("%q, %v", buf, err)
	}
	if n := l.counts.get(CountKeepAlive); n != 2 {
		t.Errorf("%d keep-alives", n)
	}
}

func TestStreamGoesOnAfterAMalformedRequest(t *testing.T) {
	l := connect(t, Options{})
	l.send(t, options("Max-Forwards: 300", "Content-Length: 3")+"abc"+options("Subject: after"))
	if got := l.next(t); !strings.Contains(got, "Subject: after") {
		t.Errorf("read\n%s", got)
	}
	buf := make([]byte, 2000)
	n, err := l.phone.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 400 Malformed Max-Forwards\r\n") {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

func TestStreamEndsWhereFramingIsLost(t *testing.T) {
	for name, c := range map[string]struct{ in, answer, reason string }{
		"no Content-Length":   {options("Content-Length:"), "400 Content-Length Missing or Ambiguous", CountFraming},
		"two":                 {options("+l: 0"), "400 Content-Length Missing or Ambiguous", CountFraming},
		"malformed":           {options("Content-Length: x"), "400 Content-Length Missing or Ambiguous", CountFraming},
		"beyond the header":   {options("Content-Length:", "Z: "+strings.Repeat("y\r\nZ: ", 300), "l: 0"), "400 Content-Length Missing or Ambiguous", CountFraming},
		"large":               {options("Content-Length: 65535"), "513 Message Too Large", CountTooLarge},
		"junk":                {"GET / HTTP/1.1\r\n\r\n", "", CountFraming},
		"malformed response":  {"SIP/2.0 99 x\r\n\r\n", "", CountFraming},
		"headers without end": {"OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 80), "", CountTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			l := connect(t, Options{})
			go io.WriteString(l.phone, c.in)
			if n, err := l.conn.Read(make([]byte, 65535)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%d octets, %v", n, err)
			}
			got, _ := io.ReadAll(l.phone) // fails if we had not read all before we closed
			want := ""
			if c.answer != "" {
				want = "SIP/2.0 " + c.answer + "\r\n"
			}
			if len(c.in) < 2000 && !strings.HasPrefix(string(got), want) || c.answer == "" && len(got) > 0 {
				t.Errorf("answered %q", got)
			}
			if l.counts.get(c.reason) != 1 {
				t.Errorf("counted %v", l.counts.n)
			}
		})
	}
}

func TestConnectionThatBringsNothingEnds(t *testing.T) {
	l := connect(t, Options{FirstMessage: time.Minute, Idle: time.Hour})
	read := make(chan error)
	go func() {
		_, err := l.conn.Read(make([]byte, 100))
		read <- err
	}()
	l.send(t, "OPTIONS sip:a SIP/2.0\r\nVia: ") // dripping does not help
	l.clock.Advance(time.Minute)
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if l.counts.get(CountIdle) != 1 {
		t.Errorf("counted %v", l.counts.n)
	}
}

func TestConnectionLivesByItsMessagesAndKeepAlives(t *testing.T) {
	l := connect(t, Options{FirstMessage: time.Minute, Idle: time.Hour})
	l.send(t, options())
	l.next(t)
	l.clock.Advance(59 * time.Minute)
	l.send(t, "\r\n\r\n"+options())
	l.next(t)
	l.clock.Advance(59 * time.Minute)
	l.send(t, options())
	l.next(t)
	l.clock.Advance(time.Hour)
	if _, err := l.conn.Read(make([]byte, 100)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if l.counts.get(CountIdle) != 1 {
		t.Errorf("counted %v", l.counts.n)
	}
}

func TestStreamOverItsRateIsSlowed(t *testing.T) {
	inner, phone := net.Pipe()
	defer phone.Close()
	fake, counts := clock.NewFake(time.Unix(0, 0)), &tally{}
	o := Options{Rate: 1, Burst: 1, Clock: fake, Count: counts.count}.withDefaults()
	c := newConn(inner, o, newLimiter(o), func() {})
	defer c.Close()
	c.source = netip.MustParseAddrPort("192.0.2.7:5060")
	go io.WriteString(phone, options("Subject: 1")+options("Subject: 2"))
	l := link{conn: c}
	l.next(t)
	second := make(chan string)
	go func() {
		buf := make([]byte, 2000)
		n, _ := c.Read(buf)
		second <- string(buf[:n])
	}()
	fake.BlockUntil(2) // the connection's own timer, and the wait
	select {
	case <-second:
		t.Fatal("the second message came at once")
	default:
	}
	fake.Advance(time.Second)
	if got := <-second; !strings.Contains(got, "Subject: 2") {
		t.Errorf("read\n%s", got)
	}
	if counts.get(CountRate) != 1 {
		t.Errorf("counted %v", counts.n)
	}
}

func TestClosingEndsTheWait(t *testing.T) {
	inner, phone := net.Pipe()
	defer phone.Close()
	fake := clock.NewFake(time.Unix(0, 0))
	o := Options{Rate: 1, Burst: 1, Clock: fake}.withDefaults()
	c := newConn(inner, o, newLimiter(o), func() {})
	c.source = netip.MustParseAddrPort("192.0.2.7:5060")
	go io.WriteString(phone, options()+options())
	(link{conn: c}).next(t)
	read := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 100))
		read <- err
	}()
	fake.BlockUntil(2)
	c.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

func TestConnectionsAreCapped(t *testing.T) {
	l := Listener(nil, Options{MaxConns: 3, MaxConnsPerSource: 2, Exempt: netip.MustParsePrefix("198.51.100.0/24").Contains}).(*listener)
	var releases []func()
	for _, step := range []struct{ from, want string }{
		{"192.0.2.7", ""}, {"192.0.2.7", ""}, {"192.0.2.7", CountSource}, {"192.0.2.8", ""},
		{"192.0.2.9", CountConns}, {"198.51.100.1", ""}, {"127.0.0.1", ""},
	} {
		release, reason := l.admit(netip.MustParseAddr(step.from))
		if reason != step.want {
			t.Errorf("%s: %q, want %q", step.from, reason, step.want)
		}
		if release != nil {
			releases = append(releases, release)
		}
	}
	for _, release := range releases {
		release()
	}
	if l.total != 0 || len(l.sources) != 0 {
		t.Errorf("%d connections, %v left", l.total, l.sources)
	}
}

// failing is a listener whose Accept fails for want of file descriptors, then
// as it does when closed.
type failing struct {
	net.Listener
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, err
}

func (f *failing) Close() error { return nil }

func TestAcceptWaitsForFileDescriptors(t *testing.T) {
	fake := clock.NewFake(time.Unix(0, 0))
	f := &failing{errs: []error{&net.OpError{Op: "accept", Err: syscall.EMFILE}, net.ErrClosed, syscall.EMFILE}}
	l := Listener(f, Options{Clock: fake})
	accepted := make(chan error)
	accept := func() {
		_, err := l.Accept()
		accepted <- err
	}
	go accept()
	fake.BlockUntil(1)
	fake.Advance(100 * time.Millisecond)
	if err := <-accepted; err != net.ErrClosed {
		t.Errorf("Accept: %v", err)
	}
	go accept()
	fake.BlockUntil(1)
	l.Close()
	if err := <-accepted; !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Accept: %v", err)
	}
}

func TestConnectionThatWeOpened(t *testing.T) {
	inner, peer := net.Pipe()
	defer peer.Close()
	c := Conn(inner, Options{})
	defer c.Close()
	go io.WriteString(peer, options("k: 100rel"))
	if got := (link{conn: c}).next(t); !strings.Contains(got, "Supported: 100rel\r\n") {
		t.Errorf("read\n%s", got)
	}
}

// pieces is a connection that brings one piece with each read and takes all that
// is written.
type pieces struct {
	net.Conn
	in [][]byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in[0])
	if p.in[0] = p.in[0][n:]; len(p.in[0]) == 0 {
		p.in = p.in[1:]
	}
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error)      { return len(b), nil }
func (p *pieces) Close() error                     { return nil }
func (p *pieces) RemoteAddr() net.Addr             { return nil }
func (p *pieces) SetWriteDeadline(time.Time) error { return nil }

// A stream cut anywhere gives the same messages as one that is not.
func FuzzStream(f *testing.F) {
	f.Add([]byte(options("Content-Length: 2")+"ab\r\n"+strings.ReplaceAll(options("l: 0"), "\r\n", "\n")), uint16(7))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		read := func(in ...[]byte) string {
			c := Conn(&pieces{in: in}, Options{})
			defer c.Close()
			out, _ := io.ReadAll(c) // the error is the end of the stream, or of framing
			return string(out)
		}
		at := min(int(cut), len(data))
		if whole, parts := read(data), read(data[:at], data[at:]); whole != parts {
			t.Fatalf("cut at %d of %q:\n%q\n%q", at, data, whole, parts)
		}
	})
}
