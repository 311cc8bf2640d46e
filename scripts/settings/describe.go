package settings

// Setting is what may stand in a settings.lua: read.go reads it, and a test holds the two together.
type Setting struct {
	Path    string // "sip.udp", "trunks.NAME.host"
	Takes   string // what it may be
	Default string // as in Lua; "": none
	Doc     string
	Example string // a value, as in Lua
}

// Describe lists all settings, those of a table behind one another.
func Describe() []Setting {
	const addresses = "an address and port, or a list of them; false: none"
	return []Setting{
		{"name", "text", `"Belfry"`, "The site's name, for people.", `"Chorus"`},
		{"language", "text", `"en"`, "The language of prompts that scripts give by name.", `"en"`},
		{"sip.udp", addresses, `"0.0.0.0:5060"`, "Where to listen for SIP over UDP.", `"192.0.2.10:5060"`},
		{"sip.tcp", addresses, `"0.0.0.0:5060"`, "Likewise over TCP.", `{ "192.0.2.10:5060", "[2001:db8::10]:5060" }`},
		{"sip.tls", addresses, "", "Likewise over TLS; it needs cert and key.", "false"},
		{"sip.ws", addresses, "", "Likewise over WebSocket.", `"127.0.0.1:8088"`},
		{"sip.wss", addresses, "", "Likewise over WebSocket and TLS; it needs cert and key.", "false"},
		{"sip.cert", "file", "", "The certificate for tls and wss, PEM.", `"cert.pem"`},
		{"sip.key", "file", "", "Its key, PEM.", `"key.pem"`},
		{"sip.realm", "text", `"belfry"`, "The realm of digest authentication. Lines' secrets are kept for it: when it changes, they all do.", `"chorus"`},
		{"sip.domains", "list of texts", "", "Further names by which this exchange is called.", `{ "pbx.example.org" }`},
		{"sip.advertise", "address", "", "The address to tell others, where it is not the interface's own.", `"198.51.100.7"`},
		{"sip.hosts", "list of texts", "", "Hosts that the target sip:user@host may name. Without it, none.", `{ "partner.example.net" }`},
		{"rtp.ports", "range", `"16384-32767"`, "The UDP ports of sound; a call takes four.", `"20000-20999"`},
		{"rtp.address", `address, or "auto"`, `"auto"`, "The address to tell others; auto: that of the route to them.", `"auto"`},
		{"rtp.nat", "true or false", "false", "Send lines' sound to where theirs comes from.", "true"},
		{"rtp.timeout", "duration", `"1m"`, "A call whose sound has stopped for so long is ended.", `"30s"`},
		{"rtp.driver", `"auto", "io_uring", "epoll" or "portable"`, `"auto"`, "How packets are moved.", `"epoll"`},
		{"control", "file", `"belfry.sock"`, "The control socket, in the data folder unless it is an absolute path.", `"belfry.sock"`},
		{"metrics", "an address and port; false: none", "false", "Where Prometheus reads metrics.", `"127.0.0.1:9090"`},
		{"prompts", "folder, or a list of folders", "", "Sounds that are heard instead of the shipped ones. The site's own folder prompts comes before them.", `{ debian = false }`},
		{"prompts.debian", "true or false", "true", "Use Debian's packages of Asterisk sounds, where they are installed.", "false"},
		{"codecs", "list of codecs", `{ "G722", "PCMA", "PCMU", "opus" }`, "Which codecs are spoken, best first.", `{ "PCMA", "PCMU" }`},
		{"maxCalls", "whole number", "4000", "Beyond this, calls that are not emergencies are refused.", "800"},
		{"drain", "duration", `"10m"`, "How long calls may finish when the exchange stops.", `"1m30s"`},
		{"trace", "table; false: none", "", "What is kept of each call's story, for belfry trace.", `{ keep = "24h", size = "256MB" }`},
		{"trace.keep", "duration", `"24h"`, "How long.", `"168h"`},
		{"trace.size", "amount", `"256MB"`, "In how much disk at most.", `"1GB"`},
		{"mail.smtp", "host and port", "", "The server by which voicemail goes to the lines' e-mail. Without it, none goes.", `"smtp.example.net:587"`},
		{"mail.from", "address", "", "The sender of mail. Required.", `"Voicemail <voicemail@example.net>"`},
		{"mail.user", "text", "", "For the server.", `"chorus"`},
		{"mail.secret", "secret", "", "For the server.", `secret "SMTP"`},
		{"mail.tls", `"starttls", "implicit" or "none"`, "", "How the connection is kept private. Default: implicit for port 465, none for a server on this machine, else STARTTLS, without which nothing is sent.", `"starttls"`},
		{"mail.ca", "file", "", "The certificates, PEM, by which the server's is checked. Default: the system's.", `"ca.pem"`},
		{"mail.sound", `"wav" or "opus"`, `"wav"`, "What messages are attached as: WAV, 1 MB a minute, or Ogg Opus, a tenth of it, where the system has libopus.", `"opus"`},
		{"mail.templates", "folder", "", "Holds subject.txt, message.txt and message.html, or some of them, to be used instead of the shipped ones. Default: the site's folder mail, if there is one.", `"letters"`},
		{"trunks.NAME.host", "host, or host and port", "", "Where a trunk is. Required.", `"sip.example.net"`},
		{"trunks.NAME.user", "text", "", "The account there.", `"chorus"`},
		{"trunks.NAME.secret", "secret", "", "Its secret.", `secret "PSTN"`},
		{"trunks.NAME.register", "true or false", "false", "Register there; it needs user and secret.", "true"},
		{"trunks.NAME.transport", `"udp", "tcp" or "tls"`, "", "Default: as DNS says, or UDP.", `"tcp"`},
		{"trunks.NAME.from", "list of addresses and ranges", "", "Who may call in by this trunk, besides its host.", `{ "192.0.2.0/28" }`},
		{"trunks.NAME.codecs", "list of codecs", "", "Instead of the site's.", `{ "PCMA" }`},
	}
}
