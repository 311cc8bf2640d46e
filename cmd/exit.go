package cmd

import (
	"errors"
	"fmt"

	"github.com/belfry-pbx/belfry/cmd/manage"
)

// The exit codes of the command. They are a contract: scripts rely on them.
const (
	exitFine   = 0 // it worked; of call: it was answered
	exitYours  = 1 // your files or data are wrong: a dialplan, a file of lines, a number that nothing answers to
	exitUsage  = 2 // the command line is wrong
	exitServer = 3 // there is no exchange to talk to
	exitWorld  = 4 // the world: a disk, a port that is taken, a line that is busy or does not answer
)

// failure is an error with its exit code, what happened and what to do about it.
type failure struct {
	code int
	what string // one line: what happened, to what
	more []string
	do   string // what to do; "": nothing can be advised
}

func (f *failure) Error() string { return f.what }

func yours(do, what string, args ...any) error {
	return &failure{exitYours, fmt.Sprintf(what, args...), nil, do}
}
func usage(do, what string, args ...any) error {
	return &failure{exitUsage, fmt.Sprintf(what, args...), nil, do}
}
func noServer(do, what string, args ...any) error {
	return &failure{exitServer, fmt.Sprintf(what, args...), nil, do}
}
func world(do, what string, args ...any) error {
	return &failure{exitWorld, fmt.Sprintf(what, args...), nil, do}
}

// asFailure gives every error its exit code.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	e := manage.AsError(err)
	f = &failure{code: exitWorld, what: e.Message, more: e.Details, do: e.Hint}
	switch e.Code {
	case manage.NotFound, manage.Exists, manage.Invalid:
		f.code = exitYours
	case manage.NotRunning:
		f.code = exitServer
	}
	return f
}
