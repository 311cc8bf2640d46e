package dialtest

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// story is what the calls of a test tell: nil when nobody listens.
type story struct{ log *trace.Log }

// record makes the recorder of an exchange.
func (s *story) record(c clock.Clock) trace.Recorder {
	s.log = trace.New(trace.Options{Clock: c, Calls: maxStories})
	return s.log
}

// maxStories is how many calls of a test are told of.
const maxStories = 20

// calls are those there have been so far, oldest first.
func (s *story) calls() []trace.Trace {
	if s == nil || s.log == nil {
		return nil
	}
	infos, err := s.log.List(maxStories)
	if err != nil {
		return nil
	}
	var all []trace.Trace
	for _, info := range slices.Backward(infos) {
		if info, steps, err := s.log.Get(info.ID); err == nil {
			all = append(all, trace.Trace{Info: info, Steps: steps})
		}
	}
	slices.SortStableFunc(all, func(a, b trace.Trace) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return all
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
