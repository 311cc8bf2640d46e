package post_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; it is not what they measure.
const patience = 20 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits for something to be so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx := within(t)
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never was that %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// smtpd is a mail server: aiosmtpd, with a certificate of a CA of ours.
type smtpd struct {
	t          *testing.T
	dir, mode  string
	port, size int
	roots      *x509.CertPool
	stop       func()

	mu   sync.Mutex
	said []string
}

// serveMail starts one.
func serveMail(t *testing.T, mode string) *smtpd {
	t.Helper()
	s := &smtpd{t: t, dir: t.TempDir(), mode: mode, size: 10 << 20}
	s.certify()
	s.up()
	return s
}

// up starts it at the port that it had, or at any.
func (s *smtpd) up() {
	s.t.Helper()
	cmd := exec.Command("/usr/bin/python3", "testdata/smtpd.py", strconv.Itoa(s.port), s.dir, s.mode, strconv.Itoa(s.size))
	problems := &lockedLog{}
	cmd.Stderr = problems
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		s.t.Fatalf("the mail server does not start (it needs python3-aiosmtpd): %v", cmd.Wait())
	}
	if s.port, err = strconv.Atoi(strings.TrimPrefix(lines.Text(), "listening ")); err != nil {
		s.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines.Scan() {
			s.mu.Lock()
			s.said = append(s.said, lines.Text())
			s.mu.Unlock()
		}
	})
	s.stop = sync.OnceFunc(func() {
		in.Close()
		reading.Wait()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("the mail server said %q and\n%s", s.said, problems.text.String())
		}
	})
	s.t.Cleanup(s.stop)
}

// refusals counts what it has refused.
func (s *smtpd) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.said)
}

func (s *smtpd) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// certify makes a CA and a certificate for 127.0.0.1.
func (s *smtpd) certify() {
	s.t.Helper()
	ok := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	ok(err)
	ca, err = x509.ParseCertificate(caDER)
	ok(err)
	s.roots = x509.NewCertPool()
	s.roots.AddCert(ca)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, ca, &key.PublicKey, caKey)
	ok(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	ok(err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		ok(os.WriteFile(filepath.Join(s.dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// letter is a mail as the server has it.
type letter struct {
	mail.Header
	text, html, soundName, soundType string
	sound                            []byte
}

func (s *smtpd) mails() (all []letter) {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "*.eml"))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range names {
		f, err := os.Open(filepath.Join(s.dir, strconv.Itoa(i)+".eml"))
		if err != nil {
			s.t.Fatal(err)
		}
		defer f.Close()
		m, err := mail.ReadMessage(f)
		if err != nil {
			s.t.Fatal(err)
		}
		l := letter{Header: m.Header}
		l.take(s.t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body)
		all = append(all, l)
	}
	return all
}

func (l *letter) take(t *testing.T, contentType, encoding, disposition string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			l.take(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)
		}
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "text/plain":
		l.text = strings.ReplaceAll(string(b), "\r\n", "\n")
	case "text/html":
		l.html = string(b)
	default:
		_, params, _ := mime.ParseMediaType(disposition)
		l.sound, l.soundType, l.soundName = b, kind, params["filename"]
	}
}

// exchange is the part of one that matters here. Its clock stands still.
type exchange struct {
	*post.Post
	t      *testing.T
	o      post.Options
	db     store.Store
	boxes  *mailbox.Mailboxes
	lines  map[string]directory.Line
	clock  *clock.Fake
	data   string
	log    *lockedLog
	closed func()
}

// lockedLog is what was logged.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// noon of a day on which nothing happened.
var noon = time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)

// open starts an exchange whose mail leaves by a server.
func open(t *testing.T, s *smtpd, change ...func(*post.Options)) *exchange {
	t.Helper()
	x := &exchange{t: t, data: t.TempDir(), clock: clock.NewFake(noon), lines: map[string]directory.Line{}, log: &lockedLog{}}
	x.o = post.Options{Settings: post.Settings{
		Server: s.address(), Roots: s.roots, From: "Chorus Voicemail <voicemail@chorus.example>", Site: "Chorus",
		User: "chorus", Secret: "correct horse",
	}}
	switch s.mode {
	case "plain":
		x.o.TLS, x.o.User, x.o.Secret = post.NoTLS, "", ""
	case "implicit":
		x.o.TLS = post.ImplicitTLS
	}
	for _, f := range change {
		f(&x.o)
	}
	x.start()
	t.Cleanup(func() {
		x.closed()
		if t.Failed() {
			t.Log(x.log.text.String())
		}
	})
	return x
}

func (x *exchange) start() {
	x.t.Helper()
	log := slog.New(slog.NewTextHandler(x.log, nil))
	db, err := bolt.Open(filepath.Join(x.data, "belfry.db"), bolt.Options{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.boxes, err = mailbox.Open(within(x.t), mailbox.Options{Dir: filepath.Join(x.data, "voicemail"), Store: db, Clock: x.clock, Log: log, Added: post.Enqueue})
	if err != nil {
		x.t.Fatal(err)
	}
	x.db = db
	x.o.Store, x.o.Boxes, x.o.Clock, x.o.Log = db, x.boxes, x.clock, log
	x.o.Line = func(_ context.Context, number string) (directory.Line, error) {
		l, ok := x.lines[number]
		if !ok {
			return l, directory.ErrNoLine
		}
		return l, nil
	}
	if x.Post, err = post.New(x.o); err != nil {
		x.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	x.closed = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			x.t.Errorf("Run: %v", err)
		}
		if err := x.boxes.Close(); err != nil {
			x.t.Errorf("close the mailboxes: %v", err)
		}
		if err := db.Close(); err != nil {
			x.t.Errorf("close the store: %v", err)
		}
	})
}

// restart stops the exchange and starts it again on the same data.
func (x *exchange) restart() {
	x.t.Helper()
	x.closed()
	x.start()
}

// line adds a line with a mailbox.
func (x *exchange) line(number, email string, choice directory.MailChoice) {
	x.t.Helper()
	x.lines[number] = directory.Line{Number: number, Name: "Line " + number, Email: email, Mail: choice}
	if err := x.boxes.Create(within(x.t), number); err != nil {
		x.t.Fatal(err)
	}
}

func (x *exchange) leave(number string, c mailbox.Caller, length time.Duration) mailbox.Message {
	x.t.Helper()
	box, err := x.boxes.Get(number)
	if err != nil {
		x.t.Fatal(err)
	}
	d, err := box.Begin(within(x.t), c)
	if err != nil {
		x.t.Fatal(err)
	}
	pcm := make([]int16, length*8000/time.Second)
	for i := range pcm {
		pcm[i] = int16(i % 1000)
	}
	if err := d.Write(pcm); err != nil {
		x.t.Fatal(err)
	}
	m, err := d.Commit(within(x.t), false)
	if err != nil {
		x.t.Fatal(err)
	}
	return m
}

// queued is what waits.
func (x *exchange) queued() []post.Mail {
	x.t.Helper()
	all, err := post.Queue{Store: x.db}.Waiting(within(x.t), "")
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

func (x *exchange) refused() []post.Mail {
	x.t.Helper()
	all, err := post.Queue{Store: x.db}.Refused(within(x.t), "")
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

// folder is where a message is now: "" if it is gone.
func (x *exchange) folder(m mailbox.Message) string {
	x.t.Helper()
	box, err := x.boxes.Get(m.Mailbox)
	if err != nil {
		x.t.Fatal(err)
	}
	now, err := box.Message(within(x.t), m.ID)
	if err != nil {
		return ""
	}
	return now.Folder
}

// settled waits until nothing is to go.
func (x *exchange) settled() {
	x.t.Helper()
	until(x.t, "nothing waits to go", func() bool { return len(x.queued()) == 0 })
}
