package site

import (
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/stdlib"
)

// Config is how a site is set up: what its settings.lua says, or the defaults.
type Config struct {
	Name      string
	Language  string   // of prompts
	UDP, TCP  []string // SIP listen addresses
	Realm     string
	Domains   []string
	Advertise string // the address in SIP and SDP; "": the interface's own
	NAT       bool
	RTPPorts  [2]uint16
	Prompts   []string // folders heard before the shipped prompts, relative to the site
	Control   string   // the control socket, relative to the data folder
	Metrics   string   // "": none
	Trunks    []engine.Trunk
	SIPHosts  []string
	MaxCalls  int
	Shards    int
	Drain     time.Duration // how long calls may finish when the exchange stops

	// Secrets of lines, by number, that test calls may use. Only the demo knows any.
	Secrets map[string]string
}

func defaults() Config {
	return Config{
		Name: "Belfry", Language: "en", UDP: []string{"0.0.0.0:5060"}, TCP: []string{"0.0.0.0:5060"},
		Realm: defaultRealm, Control: DefaultControl, Drain: 10 * time.Minute,
	}
}

// Address is where a phone on this machine reaches the exchange.
func (s *Site) Address() string {
	all := s.engine.Addrs("udp")
	if len(all) == 0 {
		all = s.engine.Addrs("tcp")
	}
	if len(all) == 0 {
		return ""
	}
	host, port, err := net.SplitHostPort(all[0])
	if err != nil {
		return all[0]
	}
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}

// LoadConfig reads the settings.lua of a site, if it has one.
func LoadConfig(dir string) (Config, error) {
	return defaults(), nil
}

func realmOfSite(dir string) (string, error) {
	c, err := LoadConfig(dir)
	return c.Realm, err
}

// PromptLibrary is the site's sounds: first those given, then the folders that settings name, then the shipped ones.
func (c Config) PromptLibrary(dir string, first []fs.FS, log *slog.Logger) *prompt.Library {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	sources := slices.Clone(first)
	for _, folder := range c.Prompts {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		sources = append(sources, os.DirFS(folder))
	}
	return prompt.New(prompt.Options{Sources: append(sources, stdlib.Prompts()), Language: c.Language, Log: log})
}
