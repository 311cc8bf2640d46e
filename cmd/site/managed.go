package site

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// managed is the data of an exchange that runs, and what only such a one can tell.
type managed struct {
	*manage.Data
	site *Site
}

var _ manage.Manager = managed{}

func (m managed) Lines(ctx context.Context) ([]manage.Line, error) {
	all, err := m.Data.Lines(ctx)
	for i := range all {
		m.addDevices(&all[i])
	}
	return all, err
}

func (m managed) Line(ctx context.Context, number string) (manage.Line, error) {
	l, err := m.Data.Line(ctx, number)
	if err == nil {
		m.addDevices(&l)
	}
	return l, err
}

func (m managed) addDevices(l *manage.Line) {
	for _, b := range m.site.engine.Devices(l.Number) {
		l.Devices = append(l.Devices, manage.Device{
			Contact: b.Contact, Transport: b.Transport, Source: b.Source.String(), UserAgent: b.UserAgent, Expires: b.Expires,
		})
	}
}

func (m managed) Status(ctx context.Context) (manage.Status, error) {
	s := m.site
	mail, err := m.mail(ctx)
	return manage.Status{
		Name: s.config.Name, Mode: s.o.Mode, Version: s.o.Version, PID: os.Getpid(), Started: s.started,
		Site: s.o.Dir, Data: s.o.Data, UDP: s.engine.Addrs("udp"), TCP: s.engine.Addrs("tcp"),
		Generation: s.host.Generation(), Calls: len(s.engine.Calls()), Driver: s.engine.MediaDriver(), Stopping: s.stopping(),
		Mail: mail,
	}, err
}

func (m managed) mail(ctx context.Context) (*manage.MailStatus, error) {
	p := m.site.engine.Post()
	if p == nil {
		return nil, nil
	}
	waiting, err := m.Data.Mail.Waiting(ctx, "")
	if err != nil {
		return nil, err
	}
	refused, err := m.Data.Mail.Refused(ctx, "")
	if err != nil {
		return nil, err
	}
	status := &manage.MailStatus{Waiting: len(waiting), Refused: len(refused)}
	if s := p.Server(); s.Down {
		status.Down, status.Error, status.Next = &s.Since, s.Error, &s.Next
	}
	return status, nil
}

func (m managed) Calls(context.Context) ([]engine.CallInfo, error) { return m.site.engine.Calls(), nil }

func (m managed) FollowTrace(ctx context.Context, id string, each func(trace.Step) error) error {
	return m.Tracing.Follow(ctx, id, each)
}

func (m managed) Failures(context.Context) ([]trace.Group, error) { return m.site.failures.List(), nil }

func (m managed) Reload(ctx context.Context) (manage.Reloaded, error) {
	r, err := m.site.host.Reload(ctx)
	if err != nil {
		return manage.Reloaded{}, err
	}
	return manage.Reloaded{Generation: r.Generation, Unchanged: r.Unchanged, Changed: r.Changed, Text: r.String()}, nil
}

func (m managed) Explain(ctx context.Context, q explain.Question) (_ *explain.Answer, err error) {
	e := m.site.engine
	if q.At.IsZero() {
		q.At = e.Clock().Now()
	}
	keeps, err := siteOver(ctx, m.site.store, m.site.o.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, keeps.Close()) }()
	return explain.Explain(ctx, explain.Exchange{
		Host: m.site.host, Site: keeps, Engine: m.site.config.engineOptions(e.Prompts()),
		Phones: func(line string) (int, bool) { return len(e.Devices(line)), e.Busy(line) },
	}, q)
}

func (m managed) Plan(context.Context) ([]explain.Rule, error) { return explain.Plan(m.site.host), nil }

// callFor is how long a caller may begin calls with what is lent.
const callFor = time.Minute

// Caller tells where the exchange listens, and gives what a call from a line needs: its secret where the site knows it,
// otherwise one that is lent for a minute. Only who may open the control socket gets here.
func (m managed) Caller(ctx context.Context, from string) (manage.Caller, error) {
	if from == "" {
		from = m.site.callFrom
	}
	if from == "" {
		return manage.Caller{Server: m.site.Address()}, nil
	}
	return m.Lend(ctx, from, callFor)
}

// Lend is Caller for as long as is asked.
func (m managed) Lend(ctx context.Context, line string, long time.Duration) (manage.Caller, error) {
	c := manage.Caller{Server: m.site.Address()}
	if _, err := m.Data.Line(ctx, line); err != nil {
		return c, err
	}
	c.Number, c.User, c.Secret = line, line, m.site.secrets[line]
	if c.Secret != "" {
		return c, nil
	}
	var err error
	c.User, c.Secret, err = m.site.engine.Lend(line, long)
	return c, err
}

// TakeBack ends what was lent.
func (m managed) TakeBack(_ context.Context, user string) error {
	m.site.engine.TakeBack(user)
	return nil
}
