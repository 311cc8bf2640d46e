package dialtest

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/trace"
)

// maxSteps is how much of a test's story is kept.
const maxSteps = 5000

// story is the trace of all calls of a test, in the order in which things happened.
type story struct {
	mu    sync.Mutex
	steps []trace.Step
	over  bool // the test has failed: what follows is of no interest
}

func (s *story) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

func (s *story) Begin(string, string, string) {}
func (s *story) Join(string, string, string)  {}
func (s *story) Hide(string, string)          {}
func (s *story) End(string, string)           {}

func (s *story) Add(step trace.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) < maxSteps && !s.over {
		s.steps = append(s.steps, step)
	}
}

// scriptError is an error that a handler raised.
type scriptError struct {
	message string // in one line, with its place
	whole   string // with the lines around it, as it is printed
}

// errorLog is a log that keeps the errors of handlers.
type errorLog struct {
	mu  sync.Mutex
	all []scriptError
}

func (l *errorLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (l *errorLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *errorLog) WithGroup(string) slog.Handler                    { return l }

// Handle keeps what the script host says of a handler, and nothing that a dialplan logs by itself.
func (l *errorLog) Handle(_ context.Context, r slog.Record) error {
	e := scriptError{message: r.Message}
	ours := false
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "problem":
			e.whole, ours = a.Value.String(), true
		case "panic", "extension":
			ours = true
		case "error":
			e.message += ": " + a.Value.String()
		}
		return true
	})
	if ours {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, e)
	}
	return nil
}

func (l *errorLog) errors() []scriptError {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// unexpected are those that none of these texts is a part of.
func (l *errorLog) unexpected(texts []string) (all []scriptError) {
	for _, e := range l.errors() {
		if !slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(e.message, t) }) {
			all = append(all, e)
		}
	}
	return all
}

// missing is the first of these texts that no error has.
func (l *errorLog) missing(texts []string) string {
	for _, t := range texts {
		if !slices.ContainsFunc(l.errors(), func(e scriptError) bool { return strings.Contains(e.message, t) }) {
			return t
		}
	}
	return ""
}
