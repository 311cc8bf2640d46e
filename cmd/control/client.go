package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/callog"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// Client manages a running exchange. Its errors are *manage.Error for what the exchange
// refused, and manage.ErrNotRunning when nobody answers.
type Client struct {
	path string
	http *http.Client
}

var _ manage.Manager = (*Client)(nil)

// NewClient talks to the socket at path; nothing is opened before the first request.
func NewClient(path string) *Client {
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}}
}

// Path is the socket's.
func (c *Client) Path() string { return c.path }

// do sends a request and returns the body of the answer, which the caller closes.
func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://belfry/v1/"+path, body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return nil, fmt.Errorf("%w (%s)", manage.ErrNotRunning, c.path)
		}
		return nil, fmt.Errorf("asking the exchange at %s: %w", c.path, err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	e := &manage.Error{}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(e); err != nil || e.Message == "" {
		return nil, &manage.Error{Code: manage.Failed, Message: "the exchange answered " + res.Status,
			Hint: "belfry and the running exchange may be of different versions; restart it"}
	}
	return nil, e
}

// ask sends in, if it is not nil, and reads the answer.
func ask[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return out, err
		}
		body = bytes.NewReader(data)
	}
	return read[T](c.do(ctx, method, path, body))
}

func read[T any](answer io.ReadCloser, err error) (out T, _ error) {
	if err != nil {
		return out, err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(&out); err != nil {
		return out, fmt.Errorf("reading the exchange's answer: %w", err)
	}
	return out, nil
}

func line(number string) string { return "lines/" + url.PathEscape(number) }
func box(number string) string  { return "mailboxes/" + url.PathEscape(number) }

// Status implements manage.Manager, as do the methods below.
func (c *Client) Status(ctx context.Context) (manage.Status, error) {
	return ask[manage.Status](ctx, c, "GET", "status", nil)
}

// Lines lists all lines.
func (c *Client) Lines(ctx context.Context) ([]manage.Line, error) {
	return ask[[]manage.Line](ctx, c, "GET", "lines", nil)
}

// Line returns one line.
func (c *Client) Line(ctx context.Context, number string) (manage.Line, error) {
	return ask[manage.Line](ctx, c, "GET", line(number), nil)
}

// AddLine adds a line.
func (c *Client) AddLine(ctx context.Context, n manage.NewLine) (manage.Secret, error) {
	return ask[manage.Secret](ctx, c, "POST", "lines", n)
}

// SetLine changes a line.
func (c *Client) SetLine(ctx context.Context, number string, change manage.LineChange) (manage.Secret, error) {
	return ask[manage.Secret](ctx, c, "PATCH", line(number), change)
}

// RemoveLine removes a line.
func (c *Client) RemoveLine(ctx context.Context, number string, messagesToo bool) error {
	path := line(number)
	if messagesToo {
		path += "?messages=remove"
	}
	_, err := ask[struct{}](ctx, c, "DELETE", path, nil)
	return err
}

// ImportLines reads lines.csv.
func (c *Client) ImportLines(ctx context.Context, csv io.Reader) (manage.Imported, error) {
	return read[manage.Imported](c.do(ctx, "POST", "lines.csv", csv))
}

// ExportLines writes lines.csv.
func (c *Client) ExportLines(ctx context.Context, csv io.Writer) error {
	answer, err := c.do(ctx, "GET", "lines.csv", nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(csv, answer)
	return err
}

// Mailboxes lists all mailboxes.
func (c *Client) Mailboxes(ctx context.Context) ([]manage.Mailbox, error) {
	return ask[[]manage.Mailbox](ctx, c, "GET", "mailboxes", nil)
}

// Mailbox returns a mailbox with its messages.
func (c *Client) Mailbox(ctx context.Context, number string) (manage.Mailbox, error) {
	return ask[manage.Mailbox](ctx, c, "GET", box(number), nil)
}

// UnlockMailbox lets a locked mailbox be opened again.
func (c *Client) UnlockMailbox(ctx context.Context, number string) error {
	_, err := ask[struct{}](ctx, c, "POST", box(number)+"/unlock", nil)
	return err
}

// SendAgain has refused mails go once more.
func (c *Client) SendAgain(ctx context.Context, number string) (int, error) {
	return ask[int](ctx, c, "POST", box(number)+"/send-again", nil)
}

// Calls lists the live calls.
func (c *Client) Calls(ctx context.Context) ([]engine.CallInfo, error) {
	return ask[[]engine.CallInfo](ctx, c, "GET", "calls", nil)
}

// History is the last calls.
func (c *Client) History(ctx context.Context, limit int) ([]callog.Record, error) {
	return ask[[]callog.Record](ctx, c, "GET", "history?limit="+strconv.Itoa(limit), nil)
}

// Traces are the latest calls whose story is kept.
func (c *Client) Traces(ctx context.Context, limit int) ([]trace.Info, error) {
	return ask[[]trace.Info](ctx, c, "GET", "traces?limit="+strconv.Itoa(limit), nil)
}

// Trace is one call's story.
func (c *Client) Trace(ctx context.Context, id string) (trace.Trace, error) {
	return ask[trace.Trace](ctx, c, "GET", "traces/"+url.PathEscape(id), nil)
}

// FollowTrace gives a call's story as it comes.
func (c *Client) FollowTrace(ctx context.Context, id string, each func(trace.Step) error) error {
	answer, err := c.do(ctx, "GET", "traces/"+url.PathEscape(id)+"/live", nil)
	if err != nil {
		return err
	}
	defer answer.Close()
	for in := json.NewDecoder(answer); ; {
		var step trace.Step
		switch err := in.Decode(&step); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("reading the exchange's answer: %w", err)
		}
		if err := each(step); err != nil {
			return err
		}
	}
}

// Failures are the failures of the dialplan.
func (c *Client) Failures(ctx context.Context) ([]trace.Group, error) {
	return ask[[]trace.Group](ctx, c, "GET", "failures", nil)
}

// Reload puts changed dialplans in force.
func (c *Client) Reload(ctx context.Context) (manage.Reloaded, error) {
	return ask[manage.Reloaded](ctx, c, "POST", "reload", nil)
}

// Caller is what a test call from a line needs.
func (c *Client) Caller(ctx context.Context, from string) (manage.Caller, error) {
	return ask[manage.Caller](ctx, c, "POST", "caller?from="+url.QueryEscape(from), nil)
}

// Lend is what a telephone needs that is one more of a line.
func (c *Client) Lend(ctx context.Context, line string, long time.Duration) (manage.Caller, error) {
	return ask[manage.Caller](ctx, c, "POST", "loans?line="+url.QueryEscape(line)+"&for="+url.QueryEscape(long.String()), nil)
}

// TakeBack ends what was lent.
func (c *Client) TakeBack(ctx context.Context, user string) error {
	_, err := ask[struct{}](ctx, c, "DELETE", "loans/"+url.PathEscape(user), nil)
	return err
}

// Explain tells what would become of a call.
func (c *Client) Explain(ctx context.Context, q explain.Question) (*explain.Answer, error) {
	return ask[*explain.Answer](ctx, c, "POST", "explain", q)
}

// Plan is all extensions.
func (c *Client) Plan(ctx context.Context) ([]explain.Rule, error) {
	return ask[[]explain.Rule](ctx, c, "GET", "plan", nil)
}
