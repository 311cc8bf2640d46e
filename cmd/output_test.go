package cmd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

func TestTablesAreAligned(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.table([]string{"number", "name", "new>"}, [][]string{{"201", "Zoë Müller", "3"}, {"77501", "Al", "12"}})
	want := "number  name        new\n201     Zoë Müller    3\n77501   Al           12\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLengthsAreSaidAsPeopleSayThem(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0 s", 2: "2 s", 4.94: "4.9 s", 9.97: "10 s", 25.4: "25 s", 60: "1 min", 80: "1 min 20 s", 3599.6: "1 h 0 min", 7500: "2 h 5 min",
	} {
		if got := seconds(s); got != want {
			t.Errorf("%v s is said as %q, want %q", s, got, want)
		}
	}
}

func TestEveryErrorHasItsExitCode(t *testing.T) {
	who := manage.Caller{Number: "201", Secret: "s"}
	s := &story{number: "600"}
	refused := func(code int) error { return s.outcome(who, &sip.StatusError{Code: code}) }
	for name, test := range map[string]struct {
		err  error
		code int
	}{
		"no such line":        {directory.ErrNoLine, exitYours},
		"a wrong field":       {&directory.FieldError{Field: "name"}, exitYours},
		"not running":         {manage.ErrNotRunning, exitServer},
		"anything else":       {errors.New("the disk is full"), exitWorld},
		"number unobtainable": {refused(404), exitYours},
		"forbidden":           {refused(403), exitYours},
		"busy":                {refused(486), exitWorld},
		"declined":            {refused(603), exitWorld},
		"full":                {refused(503), exitWorld},
		"something new":       {refused(599), exitWorld},
		"no exchange":         {s.outcome(who, phone.ErrNoExchange), exitServer},
		"no answer":           {s.outcome(who, context.DeadlineExceeded), exitWorld},
	} {
		if f := asFailure(test.err); f.code != test.code || f.what == "" {
			t.Errorf("%s: exit %d %q, want %d", name, f.code, f.what, test.code)
		}
	}
	answered := &story{number: "600", answered: true}
	if err := answered.outcome(who, nil); err != nil {
		t.Errorf("answered: %v", err)
	}
}

func TestErrorsInJSON(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.json = true
	c.fail(&failure{exitYours, "nothing was imported", []string{"line 2: x"}, "put it right"})
	want := `{"error":"nothing was imported","details":["line 2: x"],"hint":"put it right","exitCode":1}` + "\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
}

func TestTheTellerSaysWhatAPersonWouldSay(t *testing.T) {
	var out bytes.Buffer
	tell := newTeller(newConsole(nil, &out, &out))
	log := slog.New(tell)
	log.Info("dialplans: generation 1 live in 3 ms") // before it begins
	tell.begin()
	call := log.With("call", "a3f91c2b77d0")
	call.Info("call", "from", "201", "dialled", "202", "trunk", "")
	call.Debug("routed", "dialled", "202", "extension", "20x", "at", "main.lua:4")
	call.Debug("BYE", "error", "timeout") // nothing to a person
	call.Info("not reached", "target", "202", "outcome", "noAnswer", "error", "sip: 480")
	call.Info("message saved", "mailbox", "202", "message", "m1", "length", 5100*time.Millisecond)
	call.Info("ended", "outcome", "answered", "answeredBy", "", "seconds", 36)
	log.Info("registered at a trunk", "trunk", "pstn") // nothing to a person
	log.Warn("the disk is nearly full", "free", 3)
	log.Info("dialplans: generation 2 live in 3 ms")
	var got []string
	for line := range strings.Lines(out.String()) {
		_, said, _ := strings.Cut(line, "  ") // without the time
		got = append(got, strings.Join(strings.Fields(said), " "))
	}
	want := []string{
		"a3f9 201 calls 202",
		"a3f9 goes to extension 20x main.lua:4",
		"a3f9 202: no answer",
		"a3f9 a message of 5.1 s is left in mailbox 202",
		"a3f9 ended: answered, 36 s",
		"the disk is nearly full free=3",
		"dialplans: generation 2 live in 3 ms",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
