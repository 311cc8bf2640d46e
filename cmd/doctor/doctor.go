// Package doctor looks an exchange over, whether it runs or not: what a person could do something
// about, on this machine, in the site and in the data folder.
package doctor

import (
	"net/netip"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/cmd/site"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// Level is how much a finding matters.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // it works, and could work better, or stops working as the exchange grows
	Problem Level = "problem" // something does not work
)

// Check is one thing that was looked at.
type Check struct {
	Name    string `json:"name"`
	Level   Level  `json:"level"`
	Finding string `json:"finding"`
	Do      string `json:"do,omitempty"` // what to do about it; "": nothing
}

// Exchange is what is looked at.
type Exchange struct {
	Site     string         // the dialplan's folder; "": there is none to look at
	Config   *site.Config   // of that site, or the default one; nil: its settings cannot be read
	Problems []diag.Problem // of that site
	Data     string         // the data folder; it need not exist
	Running  *manage.Status // nil: no exchange runs on the data folder
}

// Examine makes all checks. It changes nothing, but binds the SIP ports for a moment where no exchange runs.
func Examine(x Exchange) []Check {
	pid := 0
	if x.Running != nil {
		pid = x.Running.PID
	}
	m := readMachine(pid)
	all := []Check{x.exchange(), x.site(), x.data()}
	if x.Config != nil {
		all = append(all, x.prompts())
		all = append(all, x.listening()...)
		all = append(all, x.ports(), files(m, x.Config.MaxCalls), x.driver(), opus(x.Config.Codecs))
		all = append(all, x.mail()...)
		all = append(all, x.unused()...)
	}
	return append(all, buffers(m), cores(m), clockSource(m), wallClock(m, time.Now()))
}

// Worst is the gravest level among checks.
func Worst(all []Check) Level {
	worst := OK
	for _, c := range all {
		if c.Level == Problem || worst == OK {
			worst = c.Level
		}
	}
	return worst
}

func ok(name, finding string) Check          { return Check{name, OK, finding, ""} }
func warning(name, finding, do string) Check { return Check{name, Warning, finding, do} }
func problem(name, finding, do string) Check { return Check{name, Problem, finding, do} }

// loopback tells whether "127.0.0.1:5060" can be reached from this machine only.
func loopback(address string) bool {
	a, err := netip.ParseAddrPort(address)
	return err == nil && a.Addr().IsLoopback()
}
