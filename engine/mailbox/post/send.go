package post

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// How long the server may take.
const (
	dialTime    = 30 * time.Second
	idleTime    = 5 * time.Minute // between two of its words; RFC 5321 section 4.5.3.2
	sessionTime = 24 * time.Hour  // idleTime is what ends one
)

// session is a connection to the mail server, over which it has let us in.
type session struct {
	client *mail.Client
	smtp   *smtp.Client
	conn   net.Conn
	most   int64 // the octets of a mail that the server takes (RFC 1870); 0: it does not say
	stop   func() bool
}

// connect opens a session. It ends with ctx.
func (p *Post) connect(ctx context.Context) (_ *session, err error) {
	s := &session{stop: func() bool { return true }}
	private := &tls.Config{ServerName: p.host, MinVersion: tls.VersionTLS12, RootCAs: p.o.Roots}
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTime}
		c, err := d.DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		s.conn = &patient{Conn: c}
		if p.o.TLS == ImplicitTLS {
			s.conn = tls.Client(s.conn, private)
		}
		s.stop = context.AfterFunc(ctx, func() { _ = c.Close() })
		return s.conn, nil
	}
	options := []mail.Option{
		mail.WithPort(p.port), mail.WithTimeout(sessionTime), mail.WithDialContextFunc(dial), mail.WithTLSConfig(private), mail.WithoutNoop(),
	}
	if p.o.TLS == STARTTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if p.o.User != "" {
		// Those that tell the password come last. The library sends it in the clear only to this machine.
		options = append(options, mail.WithUsername(p.o.User), mail.WithPassword(p.o.Secret), mail.WithOpportunisticSMTPAuth(
			mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthCramMD5, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	defer func() {
		if err != nil {
			s.close()
			err = fmt.Errorf("mail server %s: %w", p.o.Server, err)
		}
	}()
	if s.client, err = mail.NewClient(p.host, options...); err != nil {
		return nil, err
	}
	if s.smtp, err = s.client.DialToSMTPClientWithContext(ctx); err != nil {
		return nil, err
	}
	if _, size := s.smtp.Extension("SIZE"); size != "" {
		s.most, _ = strconv.ParseInt(size, 10, 64) // what is no number is no limit
	}
	return s, nil
}

// close is also for sessions that have failed.
func (s *session) close() {
	s.stop()
	if s.smtp != nil && s.smtp.HasConnection() {
		_ = s.smtp.Quit() // what was sent is sent
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// patient has the connection end when the other side says nothing for idleTime, whatever it is told by the library, for which a
// session has a deadline, however much there is to be sent.
type patient struct{ net.Conn }

func (c *patient) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(idleTime)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *patient) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(idleTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (*patient) SetDeadline(time.Time) error      { return nil }
func (*patient) SetReadDeadline(time.Time) error  { return nil }
func (*patient) SetWriteDeadline(time.Time) error { return nil }

// verdict is what the server makes of a mail.
type verdict int

const (
	accepted verdict = iota // it is the server's now
	putOff                  // this one: later
	tooLarge
	refused // for good
	noUse   // the server takes none at present, whichever it is
)

// send hands a mail over.
func (s *session) send(letter *mail.Msg) (verdict, error) {
	err := s.client.SendWithSMTPClient(s.smtp, letter)
	if err == nil || letter.IsDelivered() { // it is accepted, even if the server is gone now
		return accepted, nil
	}
	var sent *mail.SendError
	if !errors.As(err, &sent) {
		return noUse, err
	}
	code := sent.ErrorCode()
	switch {
	case code == 552 || sent.EnhancedStatusCode() == "5.3.4": // RFC 5321 section 4.2.3, RFC 3463 section 3.4
		return tooLarge, err
	case sent.Reason == mail.ErrSMTPRcptTo || sent.Reason == mail.ErrSMTPData || sent.Reason == mail.ErrSMTPDataClose:
		switch {
		case code == 421: // it closes
			return noUse, err
		case code >= 500:
			return refused, err
		case code >= 400 || sent.Reason == mail.ErrSMTPDataClose:
			return putOff, err
		}
	case sent.Reason == mail.ErrWriteContent: // perhaps because of what is in it: others shall not wait for it
		return putOff, err
	}
	return noUse, err // also where it does not like the sender, which all mails have
}

// words is the server's part of an error, and not the recipients and ids the library adds.
func words(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), ", affected ")
	return short(reReply.ReplaceAllString(text, "$1 $2"))
}

// reReply is a reply as the library shows it.
var reReply = regexp.MustCompile(`\b([45]\d\d) "([^"]*)"`)
