package site

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/prompt"
	"github.com/belfry-pbx/belfry/scripts"
	"github.com/belfry-pbx/belfry/scripts/diag"
	"github.com/belfry-pbx/belfry/scripts/settings"
	"github.com/belfry-pbx/belfry/stdlib"
)

// Config is how a site is set up: what its settings.lua says, and what that does not say.
type Config struct {
	settings.Settings

	Shards int    // media threads; 0: one a core
	Debian string // where the packages asterisk-core-sounds-*-wav put sounds, if Prompts.Debian; "": nowhere
}

// DebianSounds is where Debian's packages of sounds put theirs: en_US_f_Allison and the like, one folder a voice.
const DebianSounds = "/usr/share/asterisk/sounds"

// LoadConfig reads the settings.lua of a site, if it has one. What is wrong with it can be
// had by Problems.
func LoadConfig(dir string) (Config, error) {
	s, err := settings.Load(dir, settings.Options{})
	return Config{Settings: s, Debian: DebianSounds}, err
}

// Problems are those of a dialplan or its settings that an error stands for; nil if it is
// about something else.
func Problems(err error) []diag.Problem {
	var s *settings.Error
	if errors.As(err, &s) {
		return s.Problems
	}
	return scripts.Problems(err)
}

func realmOfSite(dir string) (string, error) {
	c, err := LoadConfig(dir)
	return c.SIP.Realm, err
}

// Unused lists the settings that this version does not act on.
func (c Config) Unused() (names []string) {
	for name, set := range map[string]bool{
		"sip.tls": len(c.SIP.TLS) > 0, "sip.ws": len(c.SIP.WS) > 0, "sip.wss": len(c.SIP.WSS) > 0,
	} {
		if set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// trunks are the settings' trunks as the engine takes them.
func (c Config) trunks() []engine.Trunk {
	var all []engine.Trunk
	for _, t := range c.Trunks {
		all = append(all, engine.Trunk{
			Name: t.Name, Host: t.Host, User: t.User, Secret: t.Secret, Transport: t.Transport, Register: t.Register, From: t.From,
			Codecs: codecs(t.Codecs),
		})
	}
	return all
}

// engineOptions are what the settings say of an exchange. Store, Data, Clock, Log and Metrics are not theirs.
func (c Config) engineOptions(prompts engine.Prompts) engine.Options {
	advertise := c.SIP.Advertise
	if advertise == "" {
		advertise = c.RTP.Address
	}
	return engine.Options{
		Prompts: prompts,
		UDP:     c.SIP.UDP, TCP: c.SIP.TCP, Realm: c.SIP.Realm, Domains: c.SIP.Domains, Advertise: advertise, SIPHosts: c.SIP.Hosts,
		Trunks: c.trunks(), NAT: c.RTP.NAT, RTPPorts: [2]uint16{c.RTP.MinPort, c.RTP.MaxPort}, RTPTimeout: c.RTP.Timeout, Driver: c.RTP.Driver,
		Codecs: codecs(c.Codecs), MaxCalls: c.MaxCalls, Shards: c.Shards, Mail: c.mail(),
	}
}

// TrunkNames are the names of the trunks; never nil.
func (c Config) TrunkNames() []string {
	names := []string{}
	for _, t := range c.Trunks {
		names = append(names, t.Name)
	}
	return names
}

// codecs are those that the settings name; they have looked that there are such.
func codecs(names []string) (all []codec.Codec) {
	for _, name := range names {
		if c, ok := codec.ByName(name); ok {
			all = append(all, c)
		}
	}
	return all
}

// PromptsFolder is where a site keeps prompts of its own.
const PromptsFolder = "prompts"

// PromptLibrary is a site's sounds: those of its own folder, then those given, those of the folders in the settings,
// Debian's, and the shipped ones.
func (c Config) PromptLibrary(dir string, more []fs.FS, log *slog.Logger) *prompt.Library {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var sources []fs.FS
	add := func(folder string) {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			sources = append(sources, os.DirFS(folder))
		}
	}
	add(filepath.Join(dir, PromptsFolder))
	sources = append(sources, more...)
	for _, folder := range c.Prompts.Folders {
		add(folder)
	}
	if c.Prompts.Debian && c.Debian != "" {
		add(c.Debian)
	}
	return prompt.New(prompt.Options{Sources: append(sources, stdlib.Prompts()), Language: c.Language, Log: log})
}

// Address is where a phone on this machine reaches the exchange.
func (s *Site) Address() string {
	all := append(s.engine.Addrs("udp"), s.engine.Addrs("tcp")...)
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

// Lend makes the secrets of lines, by number, known to test calls, and the line they come from
// unless told another. Only a demo can: an exchange does not know secrets, and lends others. Call it before Run.
func (s *Site) Lend(secrets map[string]string, from string) { s.secrets, s.callFrom = secrets, from }
