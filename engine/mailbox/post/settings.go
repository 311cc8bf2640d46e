package post

import "crypto/x509"

// TLS is how the connection to the mail server is kept private.
type TLS string

// The ways. Where there is TLS, the server's certificate is looked at.
const (
	STARTTLS    TLS = "starttls" // RFC 3207; a server without it gets no mail
	ImplicitTLS TLS = "implicit" // RFC 8314, port 465
	NoTLS       TLS = "none"
)

// Sound is what messages are attached as.
type Sound string

// The formats.
const (
	WAV  Sound = "wav"  // 1 MB a minute
	Opus Sound = "opus" // Ogg Opus, a tenth of it, where the system has libopus; else WAV
)

// Settings say by which server mail leaves, and how.
type Settings struct {
	Server       string         // "host:port"
	TLS          TLS            // "": STARTTLS
	Roots        *x509.CertPool // that the server's certificate is checked by; nil: the system's
	User, Secret string         // "": none
	From         string         // an address, perhaps with a name
	Site         string         // the exchange's name
	Sound        Sound          // "": WAV
	Templates    *Templates     // nil: ours
}
