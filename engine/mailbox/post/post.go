// Package post sends voicemail by e-mail: each message with its sound to the address of the line whose mailbox it is in.
//
// What is to go is in the store with the message itself, and is forgotten when the mail server has taken the mail. A server that
// is down, or that cannot be talked to as the settings say, delays mails and loses none.
package post

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	netmail "net/mail"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/soundfile"
	"github.com/belfry-pbx/belfry/engine/store"
)

// Options of New.
type Options struct {
	Settings
	Store   store.Store
	Boxes   *mailbox.Mailboxes
	Line    func(ctx context.Context, number string) (directory.Line, error) // whose the mailbox is
	Clock   clock.Clock                                                      // nil: the real one
	Log     *slog.Logger                                                     // nil: silent
	Metrics prometheus.Registerer                                            // nil: none
}

// Waiting times between tries.
const (
	firstPause = time.Minute
	serverMost = 15 * time.Minute   // while the server takes no mail at all
	mailMost   = 4 * time.Hour      // while it puts one off
	giveUp     = 7 * 24 * time.Hour // putting one off is refusing it
)

// Post sends what waits. It is safe for concurrent use.
type Post struct {
	o     Options
	queue Queue
	host  string
	port  int
	from  *netmail.Address
	wake  chan struct{}

	sent   map[string]Mail // that the server has and the store does not know to be sent: Run's own
	gone   prometheus.Counter
	denied prometheus.Counter

	mu     sync.Mutex
	server Server
}

// Server is how the mail server is.
type Server struct {
	Down  bool
	Since time.Time // it is
	Error string    // why
	Next  time.Time // it is tried again
	Tries int
}

// New makes a sender; Run sends.
func New(o Options) (*Post, error) {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TLS == "" {
		o.TLS = STARTTLS
	}
	p := &Post{o: o, queue: Queue{o.Store}, wake: make(chan struct{}, 1), sent: map[string]Mail{}}
	host, port, err := net.SplitHostPort(o.Server)
	if err == nil {
		p.host = host
		p.port, err = strconv.Atoi(port)
	}
	if err != nil {
		return nil, fmt.Errorf("mail: the server %q: %w", o.Server, err)
	}
	if p.from, err = netmail.ParseAddress(o.From); err != nil {
		return nil, fmt.Errorf("mail: the sender %q: %w", o.From, err)
	}
	if p.o.Templates == nil {
		if p.o.Templates, err = LoadTemplates(nil); err != nil {
			return nil, err
		}
	}
	if o.Sound == Opus && !slices.Contains(soundfile.Formats(), string(Opus)) {
		o.Log.Warn("mail: this system has no libopus: messages are attached as WAV")
		p.o.Sound = WAV
	}
	f := promauto.With(o.Metrics)
	p.gone = f.NewCounter(prometheus.CounterOpts{Name: "belfry_mail_sent_total", Help: "Mails with messages that the server has taken."})
	p.denied = f.NewCounter(prometheus.CounterOpts{Name: "belfry_mail_refused_total", Help: "Mails that the server has refused for good."})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "belfry_mail_waiting", Help: "Mails that have not gone yet."}, func() float64 {
		all, err := p.queue.Waiting(context.Background(), "")
		if err != nil {
			return math.NaN()
		}
		return float64(len(all))
	})
	return p, nil
}

// Server tells how the mail server was when it was last needed.
func (p *Post) Server() Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}

// Run sends until ctx ends.
func (p *Post) Run(ctx context.Context) error {
	stop, err := p.o.Store.Bucket(queueBucket).Watch(ctx, "", func(e store.Entry) {
		if !e.Deleted {
			p.wakeUp()
		}
	})
	if err != nil {
		if ctx.Err() != nil { // before it had begun
			return nil
		}
		return fmt.Errorf("mail: watching what is to go: %w", err)
	}
	defer stop()
	if err := p.queue.sweep(ctx, p.o.Boxes); err != nil {
		p.o.Log.Error("mail: refused mails stay listed", "error", err)
	}
	for ctx.Err() == nil {
		p.wait(ctx, p.round(ctx))
	}
	return nil
}

// wait returns when there may be something to do: next has come, unless it is zero, or a message has.
func (p *Post) wait(ctx context.Context, next time.Time) {
	var due <-chan time.Time
	if !next.IsZero() {
		t := p.o.Clock.NewTimer(next.Sub(p.o.Clock.Now()))
		defer t.Stop()
		due = t.C()
		if !p.o.Clock.Now().Before(next) { // it has been set forward meanwhile
			return
		}
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-p.wake:
	}
}

func (p *Post) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// round sends what is due, and tells when there will be something to do; zero: when somebody leaves a message.
func (p *Post) round(ctx context.Context) (next time.Time) {
	defer func() {
		if r := recover(); r != nil { // this mail will be tried again; so will the others
			p.o.Log.Error("mail: sending panicked", "panic", r, "stack", string(debug.Stack()))
			next = p.o.Clock.Now().Add(serverMost)
		}
	}()
	now := p.o.Clock.Now()
	if s := p.Server(); s.Down && s.Next.After(now) {
		return s.Next
	}
	all, err := p.queue.Waiting(ctx, "")
	if err != nil {
		return p.troubled(ctx, err)
	}
	var s *session
	defer func() {
		if s != nil {
			s.close()
		}
	}()
	for _, m := range all {
		if ctx.Err() != nil {
			return time.Time{}
		}
		if m.Next.After(now) {
			next = earlier(next, m.Next)
			continue
		}
		again, err := p.one(ctx, m, &s)
		var down *downError
		switch {
		case errors.As(err, &down):
			return p.down(ctx, down.error)
		case err != nil:
			next = earlier(next, p.troubled(ctx, err))
		case !again.IsZero():
			next = earlier(next, again)
		}
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// troubled is about our own disk, mostly.
func (p *Post) troubled(ctx context.Context, err error) time.Time {
	if ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		p.o.Log.Error("mail: cannot go on", "error", err)
	}
	return p.o.Clock.Now().Add(firstPause)
}

// downError says that the server takes no mail, whichever it is.
type downError struct{ error }

// one sees to one mail, over the session in s, which it opens if it needs one. It tells when to see to it again; zero: there is
// nothing more to do.
func (p *Post) one(ctx context.Context, m Mail, s **session) (time.Time, error) {
	if had, ok := p.sent[m.key()]; ok {
		m = had
	}
	if m.Sent {
		return time.Time{}, p.finish(ctx, m)
	}
	msg, err := message(ctx, p.o.Boxes, m)
	if gone(err) {
		return time.Time{}, p.queue.drop(ctx, m)
	}
	if err != nil {
		return time.Time{}, err
	}
	line, err := p.o.Line(ctx, m.Mailbox)
	if err != nil || line.MailTo() == "" {
		return time.Time{}, p.queue.drop(ctx, m)
	}
	if *s == nil {
		if *s, err = p.connect(ctx); err != nil {
			*s = nil
			return time.Time{}, &downError{err}
		}
	}
	sound, whole := p.sound(ctx, msg, (*s).most)
	if m.Silent {
		sound, whole = nil, false
	}
	m.Delete = whole && line.Mail == directory.MailDelete
	letter, err := p.compose(msg, line, sound, m.Delete)
	if err != nil {
		return time.Time{}, err
	}
	v, err := (*s).send(letter)
	if !(*s).smtp.HasConnection() || v == putOff {
		(*s).close() // it may be in the middle of a mail
		*s = nil
	}
	return p.judge(ctx, m, v, err)
}

// sound is what to attach, and whether it is all of the message. most is the octets that the server takes.
func (p *Post) sound(ctx context.Context, msg mailbox.Message, most int64) (_ *media.Clip, whole bool) {
	box, err := p.o.Boxes.Get(msg.Mailbox)
	var clip *media.Clip
	if err == nil {
		clip, err = box.Sound(ctx, msg.ID)
	}
	if err != nil {
		p.o.Log.Error("mail: a message goes without its sound", "mailbox", msg.Mailbox, "message", msg.ID, "error", err)
		return nil, false
	}
	// As WAV, in lines of base64, with room for the words.
	if size := int64(len(clip.PCM()))*2*4/3*78/76 + 32<<10; p.o.Sound != Opus && most > 0 && size > most {
		p.o.Log.Warn("mail: the server takes no mail of that size: a message goes without its sound",
			"mailbox", msg.Mailbox, "message", msg.ID, "size", size, "limit", most)
		return nil, false
	}
	return clip, clip.Duration() >= msg.Length
}

// judge keeps what the server has said of a mail.
func (p *Post) judge(ctx context.Context, m Mail, v verdict, why error) (time.Time, error) {
	if v != noUse {
		p.up()
	}
	now := p.o.Clock.Now()
	m.Error = words(why)
	switch v {
	case accepted:
		p.gone.Inc()
		p.o.Log.Info("mail: a message has gone", "mailbox", m.Mailbox, "message", m.Message)
		m.Sent, m.Error = true, ""
		p.sent[m.key()] = m // whatever happens to the store: not twice
		return time.Time{}, p.finish(ctx, m)
	case noUse:
		return time.Time{}, &downError{why}
	case tooLarge:
		if !m.Silent {
			p.o.Log.Warn("mail: too large for the server: a message goes without its sound", "mailbox", m.Mailbox, "message", m.Message)
			m.Silent = true
			return now, p.queue.keep(ctx, m)
		}
	case putOff:
		if m.First.IsZero() {
			m.First = now
		}
		if now.Sub(m.First) < giveUp {
			m.Next = now.Add(pause(m.Tries, mailMost))
			m.Tries++
			return m.Next, p.queue.keep(ctx, m)
		}
	}
	m.Refused = now
	p.denied.Inc()
	p.o.Log.Error("mail: refused for good; the message stays in its mailbox", "mailbox", m.Mailbox, "message", m.Message, "error", m.Error)
	return time.Time{}, errors.Join(p.queue.keep(ctx, m), p.queue.sweep(ctx, p.o.Boxes))
}

// finish does what is left when the server has a mail.
func (p *Post) finish(ctx context.Context, m Mail) error {
	ctx = context.WithoutCancel(ctx) // a shutdown must not make it go twice
	if m.Delete {
		if err := p.queue.keep(ctx, m); err != nil {
			return err
		}
		box, err := p.o.Boxes.Get(m.Mailbox)
		if err == nil {
			err = box.Delete(ctx, m.Message)
		}
		if err != nil && !gone(err) {
			return err
		}
	}
	if err := p.queue.drop(ctx, m); err != nil {
		return err
	}
	delete(p.sent, m.key())
	return nil
}

// pause grows from firstPause to most.
func pause(tries int, most time.Duration) time.Duration {
	return min(firstPause<<min(tries, 10), most)
}

// down has everything wait, and says so once.
func (p *Post) down(ctx context.Context, why error) time.Time {
	now := p.o.Clock.Now()
	if ctx.Err() != nil {
		return now
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.server
	if !s.Down {
		*s = Server{Down: true, Since: now}
		p.o.Log.Error("mail: the server takes none; messages wait", "error", words(why))
	}
	s.Error, s.Next = words(why), now.Add(pause(s.Tries, serverMost))
	s.Tries++
	return s.Next
}

func (p *Post) up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server.Down {
		p.o.Log.Info("mail: the server takes mail again", "after", p.o.Clock.Now().Sub(p.server.Since).Round(time.Second))
		p.server = Server{}
	}
}
