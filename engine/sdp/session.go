// Package sdp reads and writes session descriptions (RFC 8866) and keeps one
// call's side of the offer/answer exchange (RFC 3264, RFC 6337) for one audio
// stream.
//
// Reading is tolerant: what phones and trunks really send is understood as long
// as its meaning is plain. Writing is strict.
package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits on what a stranger may make us read.
const (
	MaxBytes = 64 << 10 // octets in a description
	MaxLines = 512      // lines in a description
	MaxMedia = 16       // m= lines in a description
)

var (
	// ErrMalformed says that a body is not a session description.
	ErrMalformed = errors.New("malformed SDP")
	// ErrTooLarge says that a description exceeds MaxBytes, MaxLines or MaxMedia.
	ErrTooLarge = errors.New("SDP too large")
	// ErrAddress says that a stream's c= line is missing, or is not a numeric
	// address. Host names are refused: there is no DNS in the media path.
	ErrAddress = errors.New("no numeric connection address in SDP")
)

// Session is a session description.
type Session struct {
	Origin     Origin
	Name       string // s=; "" is written as "-"
	Connection string // c= as it stands, "IN IP4 192.0.2.1"; "": none
	Attributes []Attribute
	Media      []Media
}

// Origin is the o= line. ID and Version are kept as text: peers write more than 64 bits.
type Origin struct {
	User, ID, Version, Net, AddrType, Addr string
}

// Attribute is an a= line: "name" or "name:value".
type Attribute struct{ Name, Value string }

// Media is an m= line and the lines that belong to it.
type Media struct {
	Type       string // audio, video, image, …
	Port       uint16 // 0: refused, or taken away
	Proto      string // RTP/AVP, RTP/SAVP, udptl, …
	Formats    []string
	Connection string   // c= of this stream; "": the session's
	Bandwidth  []string // b= values as they stand
	Attributes []Attribute
}

// Parse reads a description. Tolerated are: any line end and a missing last one,
// missing v=, o=, s= and t= lines, lines out of order, unknown line types
// (ignored), blanks in the user of o=, and any media type, transport, format and
// attribute. It returns ErrTooLarge or ErrMalformed.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: %d octets", ErrTooLarge, len(b))
	}
	s := &Session{}
	var media *Media
	recognised, number := false, 0
	for rest := string(b); rest != ""; {
		var text string
		if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
			text, rest = rest[:i], rest[i+1:]
		} else {
			text, rest = rest, ""
		}
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if number++; number > MaxLines {
			return nil, fmt.Errorf("%w: more than %d lines", ErrTooLarge, MaxLines)
		}
		if len(text) < 2 || text[1] != '=' {
			if number == 1 {
				return nil, fmt.Errorf("%w: the first line is not of the form x=", ErrMalformed)
			}
			continue
		}
		value := strings.TrimSpace(text[2:])
		switch text[0] {
		case 'v':
			if value != "0" {
				return nil, fmt.Errorf("%w: version %.20q", ErrMalformed, value)
			}
			recognised = true
		case 'm':
			if len(s.Media) == MaxMedia {
				return nil, fmt.Errorf("%w: more than %d media lines", ErrTooLarge, MaxMedia)
			}
			m, err := parseMedia(value)
			if err != nil {
				return nil, fmt.Errorf("%w: line %d: %w", ErrMalformed, number, err)
			}
			s.Media = append(s.Media, m)
			media = &s.Media[len(s.Media)-1]
			recognised = true
		case 'o':
			s.Origin = parseOrigin(value)
		case 's':
			s.Name = value
		case 'c':
			switch {
			case media == nil && s.Connection == "":
				s.Connection = value
			case media != nil && media.Connection == "":
				media.Connection = value
			}
		case 'b':
			if media != nil && value != "" {
				media.Bandwidth = append(media.Bandwidth, value)
			}
		case 'a':
			name, v, _ := strings.Cut(value, ":")
			a := Attribute{Name: strings.TrimSpace(name), Value: strings.TrimSpace(v)}
			switch {
			case a.Name == "":
			case media == nil:
				s.Attributes = append(s.Attributes, a)
			default:
				media.Attributes = append(media.Attributes, a)
			}
		}
	}
	if !recognised {
		return nil, fmt.Errorf("%w: neither v= nor m= line", ErrMalformed)
	}
	return s, nil
}

// parseMedia reads "audio 49170/2 RTP/AVP 0 8".
func parseMedia(value string) (Media, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Media{}, fmt.Errorf("m=%.40q lacks type, port or transport", value)
	}
	text, _, _ := strings.Cut(f[1], "/") // the number of ports is for layered codings
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return Media{}, fmt.Errorf("media port %.20q", f[1])
	}
	m := Media{Type: f[0], Port: uint16(port), Proto: f[2]}
	if len(f) > 3 {
		m.Formats = f[3:]
	}
	return m, nil
}

// parseOrigin reads from the right, because some peers write blanks in the user.
func parseOrigin(value string) Origin {
	f := strings.Fields(value)
	if len(f) < 6 {
		return Origin{}
	}
	n := len(f) - 5
	return Origin{User: strings.Join(f[:n], " "), ID: f[n], Version: f[n+1], Net: f[n+2], AddrType: f[n+3], Addr: f[n+4]}
}

// Marshal writes the description in the order of RFC 8866 §5.
func (s *Session) Marshal() []byte {
	b := make([]byte, 0, 512)
	line := func(kind byte, value string) {
		b = append(b, kind, '=')
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	attributes := func(list []Attribute) {
		for _, a := range list {
			if a.Value == "" {
				line('a', a.Name)
			} else {
				line('a', a.Name+":"+a.Value)
			}
		}
	}
	line('v', "0")
	o := s.Origin
	if o == (Origin{}) {
		o = Origin{User: "-", ID: "0", Version: "0", Net: "IN", AddrType: "IP4", Addr: "0.0.0.0"}
	}
	line('o', strings.Join([]string{o.User, o.ID, o.Version, o.Net, o.AddrType, o.Addr}, " "))
	if s.Name == "" {
		line('s', "-")
	} else {
		line('s', s.Name)
	}
	if s.Connection != "" {
		line('c', s.Connection)
	}
	line('t', "0 0")
	attributes(s.Attributes)
	for i := range s.Media {
		m := &s.Media[i]
		value := m.Type + " " + strconv.Itoa(int(m.Port)) + " " + m.Proto
		if len(m.Formats) > 0 {
			value += " " + strings.Join(m.Formats, " ")
		}
		line('m', value)
		if m.Connection != "" {
			line('c', m.Connection)
		}
		for _, bw := range m.Bandwidth {
			line('b', bw)
		}
		attributes(m.Attributes)
	}
	return b
}

// Attribute returns the value of the stream's first attribute of that name.
func (m *Media) Attribute(name string) (value string, ok bool) {
	return attribute(m.Attributes, name)
}

func attribute(list []Attribute, name string) (string, bool) {
	for _, a := range list {
		if strings.EqualFold(a.Name, name) {
			return a.Value, true
		}
	}
	return "", false
}

// Addr is where the stream m of s wants its packets: its own c= line, or else
// the session's. An unspecified address is how RFC 2543 held a call.
func (s *Session) Addr(m *Media) (netip.Addr, error) {
	c := m.Connection
	if c == "" {
		c = s.Connection
	}
	return parseConnection(c)
}

// parseConnection reads "IN IP4 224.2.1.1/127".
func parseConnection(c string) (netip.Addr, error) {
	f := strings.Fields(c)
	if len(f) < 3 || !strings.EqualFold(f[0], "IN") {
		return netip.Addr{}, fmt.Errorf("%w: c=%.60q", ErrAddress, c)
	}
	text, _, _ := strings.Cut(f[2], "/") // time to live of multicast
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: c=%.60q", ErrAddress, c)
	}
	return addr.Unmap(), nil
}

// connection writes what parseConnection reads.
func connection(addr netip.Addr) string {
	return "IN " + addrType(addr) + " " + addr.String()
}

func addrType(addr netip.Addr) string {
	if addr.Is4() {
		return "IP4"
	}
	return "IP6"
}
