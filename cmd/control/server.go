// Package control is how the command talks to a running exchange: typed requests, as
// JSON over HTTP, on a unix socket that only the exchange's owner may open.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// maxBody bounds what one request may bring; a file of lines is the largest.
const maxBody = 64 << 20

// maxPath is how long a socket's path may be on every system (the 104 bytes of sun_path on BSD, less its NUL).
const maxPath = 103

// Server answers on a control socket.
type Server struct {
	m    manage.Manager
	log  *slog.Logger
	http *http.Server
	l    net.Listener
}

// Listen opens the socket at path, mode 0600, and takes the place of one that a dead
// exchange has left. The caller must already hold what says that no other exchange uses it.
func Listen(path string, m manage.Manager, log *slog.Logger) (*Server, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("control socket %s: the path is longer than the %d bytes that a socket may have; choose a shorter data folder", path, maxPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &Server{m: m, log: log, l: l}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// Run answers until ctx ends, and removes the socket.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Close releases a socket whose Run was never called.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	m := s.m
	get(mux, "GET /v1/status", func(ctx context.Context, _ *http.Request) (manage.Status, error) { return m.Status(ctx) })
	get(mux, "GET /v1/lines", func(ctx context.Context, _ *http.Request) ([]manage.Line, error) { return m.Lines(ctx) })
	get(mux, "GET /v1/lines/{number}", func(ctx context.Context, r *http.Request) (manage.Line, error) {
		return m.Line(ctx, r.PathValue("number"))
	})
	post(mux, "POST /v1/lines", func(ctx context.Context, _ *http.Request, n manage.NewLine) (manage.Secret, error) {
		return m.AddLine(ctx, n)
	})
	post(mux, "PATCH /v1/lines/{number}", func(ctx context.Context, r *http.Request, c manage.LineChange) (manage.Secret, error) {
		return m.SetLine(ctx, r.PathValue("number"), c)
	})
	get(mux, "DELETE /v1/lines/{number}", func(ctx context.Context, r *http.Request) (struct{}, error) {
		return struct{}{}, m.RemoveLine(ctx, r.PathValue("number"), r.FormValue("messages") == "remove")
	})
	get(mux, "POST /v1/lines.csv", func(ctx context.Context, r *http.Request) (manage.Imported, error) {
		return m.ImportLines(ctx, r.Body)
	})
	mux.HandleFunc("GET /v1/lines.csv", func(w http.ResponseWriter, r *http.Request) {
		var file bytes.Buffer
		if err := m.ExportLines(r.Context(), &file); err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = file.WriteTo(w)
	})
	get(mux, "GET /v1/mailboxes", func(ctx context.Context, _ *http.Request) ([]manage.Mailbox, error) { return m.Mailboxes(ctx) })
	get(mux, "GET /v1/mailboxes/{number}", func(ctx context.Context, r *http.Request) (manage.Mailbox, error) {
		return m.Mailbox(ctx, r.PathValue("number"))
	})
	get(mux, "POST /v1/mailboxes/{number}/unlock", func(ctx context.Context, r *http.Request) (struct{}, error) {
		return struct{}{}, m.UnlockMailbox(ctx, r.PathValue("number"))
	})
	get(mux, "POST /v1/mailboxes/{number}/send-again", func(ctx context.Context, r *http.Request) (int, error) {
		return m.SendAgain(ctx, r.PathValue("number"))
	})
	get(mux, "GET /v1/calls", func(ctx context.Context, _ *http.Request) (any, error) { return m.Calls(ctx) })
	get(mux, "GET /v1/history", func(ctx context.Context, r *http.Request) (any, error) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || limit < 1 {
			return nil, &manage.Error{Code: manage.Invalid, Message: "limit is no number of calls"}
		}
		return m.History(ctx, limit)
	})
	get(mux, "GET /v1/traces", func(ctx context.Context, r *http.Request) ([]trace.Info, error) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || limit < 1 {
			return nil, &manage.Error{Code: manage.Invalid, Message: "limit is no number of calls"}
		}
		return m.Traces(ctx, limit)
	})
	get(mux, "GET /v1/traces/{id}", func(ctx context.Context, r *http.Request) (trace.Trace, error) {
		return m.Trace(ctx, r.PathValue("id"))
	})
	mux.HandleFunc("GET /v1/traces/{id}/live", func(w http.ResponseWriter, r *http.Request) { s.follow(w, r) })
	get(mux, "GET /v1/failures", func(ctx context.Context, _ *http.Request) ([]trace.Group, error) { return m.Failures(ctx) })
	get(mux, "POST /v1/reload", func(ctx context.Context, _ *http.Request) (manage.Reloaded, error) { return m.Reload(ctx) })
	get(mux, "POST /v1/caller", func(ctx context.Context, r *http.Request) (manage.Caller, error) {
		return m.Caller(ctx, r.FormValue("from"))
	})
	get(mux, "POST /v1/loans", func(ctx context.Context, r *http.Request) (manage.Caller, error) {
		long, err := time.ParseDuration(r.FormValue("for"))
		if err != nil || long <= 0 {
			return manage.Caller{}, &manage.Error{Code: manage.Invalid, Message: "for is no length of time"}
		}
		return m.Lend(ctx, r.FormValue("line"), long)
	})
	get(mux, "DELETE /v1/loans/{user}", func(ctx context.Context, r *http.Request) (struct{}, error) {
		return struct{}{}, m.TakeBack(ctx, r.PathValue("user"))
	})
	post(mux, "POST /v1/explain", func(ctx context.Context, _ *http.Request, q explain.Question) (*explain.Answer, error) {
		return m.Explain(ctx, q)
	})
	get(mux, "GET /v1/plan", func(ctx context.Context, _ *http.Request) ([]explain.Rule, error) { return m.Plan(ctx) })
	return http.MaxBytesHandler(mux, maxBody)
}

// follow sends the steps of a call as they come, a line of JSON each.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	out, begun := json.NewEncoder(w), false
	flush := http.NewResponseController(w)
	err := s.m.FollowTrace(r.Context(), r.PathValue("id"), func(step trace.Step) error {
		if !begun {
			w.Header().Set("Content-Type", "application/jsonl")
			begun = true
		}
		if err := out.Encode(step); err != nil {
			return err
		}
		return flush.Flush()
	})
	if err != nil && !begun {
		refuse(w, err)
	}
}

// get answers a request that has no JSON body.
func get[T any](mux *http.ServeMux, pattern string, f func(context.Context, *http.Request) (T, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		result, err := f(r.Context(), r)
		reply(w, result, err)
	})
}

// post answers a request whose body is an In. Fields that In does not have are refused.
func post[In, T any](mux *http.ServeMux, pattern string, f func(context.Context, *http.Request, In) (T, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in In
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			refuse(w, &manage.Error{Code: manage.Invalid, Message: "the request cannot be read: " + err.Error(),
				Hint: "belfry and the running exchange may be of different versions; restart it"})
			return
		}
		result, err := f(r.Context(), r, in)
		reply(w, result, err)
	})
}

func reply(w http.ResponseWriter, result any, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(result) // whoever asked may be gone
}

// refuse sends an error. The status is for people with curl; the client reads the body.
func refuse(w http.ResponseWriter, err error) {
	e := manage.AsError(err)
	status := http.StatusInternalServerError
	switch e.Code {
	case manage.NotFound:
		status = http.StatusNotFound
	case manage.Exists:
		status = http.StatusConflict
	case manage.Invalid:
		status = http.StatusUnprocessableEntity
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e)
}

var _ io.Closer = (*Server)(nil)
