package settings

import (
	"cmp"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// The ways to keep a connection to the mail server private.
const (
	tlsSTARTTLS = "starttls"
	tlsImplicit = "implicit"
	tlsNone     = "none"
)

// implicitPort is where TLS begins at once (RFC 8314 section 3.3).
const implicitPort = "465"

func (r *reader) mail(path string, v lua.LValue, to *Mail) {
	r.table(path, v, map[string]func(string, lua.LValue){
		"smtp": r.server(&to.SMTP), "from": r.sender(&to.From), "user": text(r, &to.User), "secret": text(r, &to.Secret),
		"tls":   r.oneOf(&to.TLS, []string{tlsSTARTTLS, tlsImplicit, tlsNone}),
		"ca":    r.there(&to.CA, os.FileMode.IsRegular, "file"),
		"sound": r.oneOf(&to.Sound, []string{"wav", "opus"}), "templates": r.there(&to.Templates, os.FileMode.IsDir, "folder"),
	})
	host, port, err := net.SplitHostPort(to.SMTP)
	if err != nil { // told, or there is none
		return
	}
	usual := tlsSTARTTLS
	switch {
	case port == implicitPort:
		usual = tlsImplicit
	case isLoopback(host):
		usual = tlsNone
	}
	to.TLS = cmp.Or(to.TLS, usual)
	switch {
	case to.From == "":
		r.wrong(path, "has no sender", `from = "voicemail@example.net"`)
	case (to.User == "") != (to.Secret == ""):
		r.wrong(path, "has a user or a secret, and not both", `user = "…", secret = secret "SMTP"`)
	case to.User != "" && to.TLS == tlsNone && !isLoopback(host):
		r.wrong(path, `sends its secret in the clear`, `leave tls = "none" out: then the server must speak TLS`)
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (r *reader) server(to *string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		host, port, err := net.SplitHostPort(v.String())
		n, bad := strconv.ParseUint(port, 10, 16)
		if err != nil || bad != nil || host == "" || n == 0 {
			r.wrong(path, `must be a host and port such as "smtp.example.net:587"`, "")
			return
		}
		*to = v.String()
	}
}

func (r *reader) sender(to *string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		if _, err := mail.ParseAddress(v.String()); err != nil {
			r.wrong(path, `must be an address such as "voicemail@example.net" or "Voicemail <voicemail@example.net>"`, "")
			return
		}
		*to = v.String()
	}
}

// there reads the name of something that there is on the disk, from the site's folder on.
func (r *reader) there(to *string, is func(os.FileMode) bool, what string) func(string, lua.LValue) {
	return func(path string, v lua.LValue) {
		name := v.String()
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.dir, name)
		}
		if info, err := os.Stat(name); err != nil || !is(info.Mode()) {
			r.wrong(path, fmt.Sprintf("names a %s that is not there: %s", what, name), "")
			return
		}
		*to = name
	}
}
