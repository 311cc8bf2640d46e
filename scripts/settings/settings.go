// Package settings reads a site's settings.lua: how the exchange is connected.
package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

// File is the name of the settings in a site's folder, Secrets that of the file beside it
// with a line NAME=value for each secret.
const (
	File    = "settings.lua"
	Secrets = "secrets"
)

// Settings are those of a site, with defaults filled in.
type Settings struct {
	Name     string // for people
	Language string // of prompts: "en"
	SIP      SIP
	RTP      RTP
	Control  string   // the control socket, in the data folder unless it is a path of its own
	Metrics  string   // listen address; "": none
	Codecs   []string // that are spoken, best first, by their names in SDP; a trunk may have its own
	Trunks   []Trunk
	Mail     Mail
	Prompts  Prompts
	MaxCalls int           // beyond this, calls that are not emergencies are refused
	Drain    time.Duration // how long calls may finish when the exchange stops
	Trace    Trace
}

// Trace is what is kept of each call's story.
type Trace struct {
	Off  bool
	Keep time.Duration // how long
	Size int64         // the most disk, octets
}

// Prompts are sounds that are heard instead of the shipped ones, file by file.
type Prompts struct {
	Folders []string // searched in order; absolute paths
	Debian  bool     // then the packages asterisk-core-sounds-*-wav, where they are installed
}

// SIP is where phones and trunks find the exchange.
type SIP struct {
	UDP, TCP, TLS, WS, WSS []string // listen addresses
	Cert, Key              string   // PEM files for tls and wss
	Realm                  string
	Domains                []string // further names of this exchange
	Advertise              string   // the address to announce when it is not the interface's own
	Hosts                  []string // that targets "sip:user@host" may name
}

// RTP is where sound goes.
type RTP struct {
	MinPort, MaxPort uint16
	Address          string        // to announce; "": that of the route to the peer ("auto")
	NAT              bool          // lines may be reached where their sound comes from
	Timeout          time.Duration // a call whose sound has stopped this long is ended
	Driver           string        // how packets are moved: "auto", or one of media's drivers
}

// Trunk is a way to and from the public network.
type Trunk struct {
	Name, Host, User, Secret, Transport string
	Register                            bool
	From                                []netip.Prefix
	Codecs                              []string // instead of Settings.Codecs; nil: those
}

// Mail is how messages leave by e-mail.
type Mail struct {
	SMTP, From, User, Secret string // SMTP is "host:port"; "": no mail
	TLS                      string // "starttls", "implicit" or "none"
	CA                       string // a PEM file, absolute; "": the system's certificates
	Sound                    string // "wav" or "opus"
	Templates                string // a folder, absolute; "": none
}

// Default are the settings of a site that has no settings.lua.
func Default() Settings {
	return Settings{
		Name: "Belfry", Language: "en", Control: "belfry.sock", MaxCalls: 4000, Drain: 10 * time.Minute,
		Prompts: Prompts{Debian: true},
		Mail:    Mail{Sound: "wav"},
		Trace:   Trace{Keep: 24 * time.Hour, Size: 256 << 20},
		SIP:     SIP{UDP: []string{"0.0.0.0:5060"}, TCP: []string{"0.0.0.0:5060"}, Realm: "belfry"},
		RTP:     RTP{MinPort: 16384, MaxPort: 32767, Timeout: time.Minute, Driver: "auto"},
		// Wideband first, since it sounds better and G.722 costs little; Opus last, since it costs the most to make.
		// Two phones that both prefer it have it between them all the same: that costs nothing.
		Codecs: []string{codec.G722.Name(), codec.PCMA.Name(), codec.PCMU.Name(), codec.Opus.Name()},
	}
}

// Error is what is wrong with a site's settings.
type Error struct{ Problems []diag.Problem }

func (e *Error) Error() string {
	s := e.Problems[0].Error()
	if n := len(e.Problems) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// String is all of it, as it is printed.
func (e *Error) String() string {
	s := ""
	for _, p := range e.Problems {
		s += p.String() + "\n"
	}
	return s
}

// Options of Load.
type Options struct {
	// Secret finds a secret that the settings name; nil: the environment's BELFRY_SECRET_NAME,
	// then the file secrets beside the settings.
	Secret func(name string) (string, bool)
}

// Load reads the settings of a site. A site without settings.lua has the default ones. What is
// wrong with them is an *Error.
func Load(dir string, o Options) (Settings, error) {
	path := filepath.Join(dir, File)
	src, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("read the settings: %w", err)
	}
	if o.Secret == nil {
		file, err := readSecrets(filepath.Join(dir, Secrets))
		if err != nil {
			return Settings{}, err
		}
		o.Secret = func(name string) (string, bool) {
			if v, ok := os.LookupEnv("BELFRY_SECRET_" + name); ok {
				return v, true
			}
			v, ok := file[name]
			return v, ok
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return Settings{}, fmt.Errorf("read the settings: %w", err)
	}
	return parse(dir, src, o.Secret)
}
