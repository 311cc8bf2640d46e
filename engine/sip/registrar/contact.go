package registrar

import (
	"slices"
	"strconv"
	"strings"
)

// contactKey is equal for contacts that are the same place. A device that names
// itself (RFC 5626 §4.1) is the same wherever it is, so that one which restarts on
// another port replaces its old binding. Others are compared by URI (RFC 3261
// §19.1.4): scheme, host and parameter names without regard to case, the rest
// exactly, of the parameters only those that lead elsewhere.
func contactKey(c Contact) string {
	if c.Instance != "" {
		return "instance " + c.Instance + " " + strconv.Itoa(c.RegID)
	}
	scheme, rest, ok := strings.Cut(c.URI, ":")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "sip" && scheme != "sips" {
		return strings.Clone(c.URI)
	}
	user, host := "", rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, host = rest[:i+1], rest[i+1:]
	}
	host, _, _ = strings.Cut(host, "?")
	parts := strings.Split(strings.ToLower(host), ";")
	var significant []string
	for _, p := range parts[1:] {
		name, _, _ := strings.Cut(p, "=")
		switch name {
		case "transport", "user", "ttl", "method", "maddr", "ob":
			significant = append(significant, p)
		}
	}
	slices.Sort(significant)
	return scheme + ":" + user + parts[0] + ";" + strings.Join(significant, ";")
}
