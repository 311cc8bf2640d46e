package manage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/trace"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/explain"
)

// Code says what kind of error an Error is.
type Code string

// The kinds of errors.
const (
	NotFound   Code = "notFound"   // no such line or mailbox
	Exists     Code = "exists"     // there is one already
	Invalid    Code = "invalid"    // what was given is wrong: a field, a file, a dialplan
	NotRunning Code = "notRunning" // needs an exchange that runs
	Failed     Code = "failed"     // the disk, or a fault of ours
)

// Error is why a request was refused, in the words that people read.
type Error struct {
	Code    Code     `json:"code"`
	Message string   `json:"message"`
	Details []string `json:"details,omitempty"` // one a mistake
	Hint    string   `json:"hint,omitempty"`    // what to do about it
}

func (e *Error) Error() string {
	s := e.Message
	if len(e.Details) > 0 {
		s += ":\n" + strings.Join(e.Details, "\n")
	}
	return s
}

// AsError puts any error into this form; an *Error stays as it is.
func AsError(err error) *Error {
	var e *Error
	var fields *directory.FieldError
	var rows directory.ImportErrors
	var question *explain.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.As(err, &question):
		return &Error{Code: Invalid, Message: question.What, Hint: question.Hint}
	case errors.Is(err, trace.ErrUnknown):
		return &Error{Code: NotFound, Message: err.Error(), Hint: "those that are kept: belfry trace"}
	case errors.Is(err, ErrNotRunning):
		return &Error{Code: NotRunning, Message: err.Error(), Hint: "start it with: belfry serve"}
	case errors.As(err, &rows):
		e := &Error{Code: Invalid, Message: fmt.Sprintf("nothing was imported, %s", countOf(len(rows), "mistake")),
			Hint: "put the file right and import it again: an import changes everything or nothing"}
		for _, r := range rows {
			e.Details = append(e.Details, r.Error())
		}
		return e
	case errors.As(err, &fields):
		return &Error{Code: Invalid, Message: fields.Field + " " + fields.Problem, Hint: fields.Fix}
	case errors.Is(err, directory.ErrNoLine):
		return &Error{Code: NotFound, Message: plain(err), Hint: "belfry line list shows those there are"}
	case errors.Is(err, directory.ErrExists):
		return &Error{Code: Exists, Message: plain(err), Hint: "belfry line set changes one"}
	case errors.Is(err, directory.ErrPersonTaken):
		return &Error{Code: Exists, Message: plain(err), Hint: "an account has one line; take it from the other line first"}
	case errors.Is(err, mailbox.ErrTrivialPIN), errors.Is(err, mailbox.ErrBadPIN):
		return &Error{Code: Invalid, Message: err.Error(), Hint: "choose another six digits"}
	case errors.Is(err, mailbox.ErrNoMailbox):
		return &Error{Code: NotFound, Message: plain(err), Hint: "belfry line set NUMBER --voicemail gives a line one"}
	}
	if problems := scripts.Problems(err); problems != nil {
		e := &Error{Code: Invalid, Message: "the dialplan has " + countOf(len(problems), "problem")}
		for _, p := range problems {
			e.Details = append(e.Details, p.String())
		}
		return e
	}
	return &Error{Code: Failed, Message: err.Error()}
}

// plain is an error without the names of packages.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "directory: ") }

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
