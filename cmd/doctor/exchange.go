package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/belfry-pbx/belfry/cmd/site"
)

// What an exchange is made of: its process, site, data and sockets.

func (x Exchange) exchange() Check {
	const name = "exchange"
	if x.Running == nil {
		return ok(name, "none runs on "+x.Data)
	}
	r := x.Running
	finding := fmt.Sprintf("%s runs, process %d, version %s, since %s, %s now", r.Name, r.PID, r.Version,
		r.Started.Local().Format("2006-01-02 15:04"), count(r.Calls, "call"))
	if r.Stopping {
		return warning(name, finding+"; it is stopping and takes no new ones", "")
	}
	return ok(name, finding)
}

func (x Exchange) site() Check {
	const name = "site"
	switch n := len(x.Problems); {
	case x.Site == "":
		return warning(name, "no dialplan here; the settings looked at are the default ones", "name its folder with --site")
	case n > 0:
		first := x.Problems[0]
		return problem(name, fmt.Sprintf("%s has %s; the first: %s", x.Site, count(n, "problem"), first.Error()), "belfry check "+x.Site+" shows them")
	}
	return ok(name, x.Site+" has no problems")
}

// expected are prompts that the standard library plays whatever the dialplan says.
var expected = []string{"vm-intro", "vm-password", "digits/1", "beep"}

func (x Exchange) prompts() Check {
	const name = "prompts"
	library := x.Config.PromptLibrary(x.Site, nil, nil)
	var missing []string
	for _, p := range expected {
		if !library.Has(p, x.Config.Language) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		return problem(name, fmt.Sprintf("in the language %q there is no %s", x.Config.Language, strings.Join(missing, ", ")),
			`set a language that there is, language = "en", or name folders of prompts: prompts = { "sounds" }`)
	}
	finding := fmt.Sprintf("%d in %q", len(library.Names(x.Config.Language)), x.Config.Language)
	if _, err := library.Music(""); err != nil {
		return warning(name, finding+"; no music on hold: who waits hears silence", "put WAV files into "+filepath.Join(x.Site, site.PromptsFolder, "moh"))
	}
	return ok(name, finding)
}

// Free space in the data folder, in bytes, below which something is said. A minute of voicemail takes 480,000.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

func (x Exchange) data() Check {
	const name = "data folder"
	// What is not there yet is made where there is something already.
	at := x.Data
	for {
		info, err := os.Stat(at)
		if err == nil && info.IsDir() {
			break
		}
		if err == nil {
			return problem(name, at+" is no folder", "name another with --data")
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return problem(name, err.Error(), "name another with --data, or let this user enter it")
		}
		at = filepath.Dir(at)
	}
	if !writable(at) {
		return problem(name, at+" cannot be written to by this user", "change its owner, or run belfry as the user that it belongs to")
	}
	what := x.Data
	if at != x.Data {
		what += " will be made"
	}
	free, known := freeSpace(at)
	if !known {
		return ok(name, what)
	}
	what = fmt.Sprintf("%s, %s free", what, size(free))
	switch {
	case free < noSpace:
		return problem(name, what+": messages are about to be refused", "make room on that disk")
	case free < littleSpace:
		return warning(name, what, "make room on that disk, before messages are refused")
	}
	return ok(name, what)
}

// listening looks at the SIP addresses, or at those where the exchange listens.
func (x Exchange) listening() []Check {
	var all []Check
	var addresses []string
	for _, t := range []struct {
		transport string
		set, open []string
	}{{"udp", x.Config.SIP.UDP, x.open("udp")}, {"tcp", x.Config.SIP.TCP, x.open("tcp")}} {
		name := "SIP over " + strings.ToUpper(t.transport)
		switch {
		case len(t.open) > 0:
			addresses = append(addresses, t.open...)
			all = append(all, ok(name, strings.Join(t.open, ", ")+", ours"))
		case x.Running != nil || len(t.set) == 0:
			all = append(all, ok(name, "off"))
		default:
			addresses = append(addresses, t.set...)
			all = append(all, free(name, t.transport, t.set))
		}
	}
	if !slices.ContainsFunc(addresses, func(a string) bool { return !loopback(a) }) {
		all = append(all, warning("SIP", "only telephones on this machine can register", `for others: sip = { udp = "0.0.0.0:5060", tcp = "0.0.0.0:5060" }`))
	}
	return all
}

func (x Exchange) open(transport string) []string {
	switch {
	case x.Running == nil:
		return nil
	case transport == "udp":
		return x.Running.UDP
	}
	return x.Running.TCP
}

// free tries to listen, as the exchange will.
func free(name, transport string, addresses []string) Check {
	for _, a := range addresses {
		if err := tryListening(transport, a); err != nil {
			return refused(name, transport, a, err)
		}
	}
	return ok(name, strings.Join(addresses, ", ")+", free")
}

func tryListening(transport, address string) error {
	if transport == "udp" {
		c, err := net.ListenPacket("udp", address)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	l, err := net.Listen(transport, address)
	if err == nil {
		err = l.Close()
	}
	return err
}

func refused(name, transport, address string, err error) Check {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return problem(name, address+" is taken by another program",
			fmt.Sprintf("see which: ss -lnp --%s sport = :%s   then stop it, or set another: sip = { %s = %q }", transport, port, transport, "0.0.0.0:5070"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return problem(name, address+": this machine has no such address", "set one that it has (ip address shows them), or 0.0.0.0 for all")
	case errors.Is(err, syscall.EACCES):
		return problem(name, address+": this user may not listen there", "use a port from 1024 up")
	}
	return problem(name, address+": "+err.Error(), "")
}

// ports compares the range for sound with the calls there may be: two legs of two ports each.
func (x Exchange) ports() Check {
	const name = "RTP ports"
	r := x.Config.RTP
	pairs := (int(r.MaxPort) + 1 - int(r.MinPort) - int(r.MinPort)%2) / 2
	calls := pairs / 2
	finding := fmt.Sprintf("%d-%d, enough for %s between two", r.MinPort, r.MaxPort, count(calls, "call"))
	if calls >= x.Config.MaxCalls {
		return ok(name, finding)
	}
	more := fmt.Sprintf("maxCalls = %d", calls)
	if last := int(r.MinPort) + 4*x.Config.MaxCalls - 1; last <= 65535 {
		more = fmt.Sprintf(`rtp = { ports = "%d-%d" }, or `, r.MinPort, last) + more
	}
	return warning(name, fmt.Sprintf("%s; maxCalls is %d", finding, x.Config.MaxCalls), more)
}

func (x Exchange) unused() (all []Check) {
	for _, name := range x.Config.Unused() {
		all = append(all, warning("settings", name+" is set, and this version does not act on it", ""))
	}
	return all
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func size(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GB", bytes/1e9)
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	}
	return fmt.Sprintf("%d MB", bytes/1e6)
}
