package sdp

import "strings"

// Direction is who sends on a stream (RFC 8866 §6.7), seen from the side whose
// description says it.
type Direction uint8

// The directions. SendRecv is the default where nothing is said.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String is the attribute's name.
func (d Direction) String() string { return directionNames[d&3] }

// Send tells whether this side sends.
func (d Direction) Send() bool { return d == SendRecv || d == SendOnly }

// Receive tells whether this side receives.
func (d Direction) Receive() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same stream seen from the other side.
func (d Direction) Reverse() Direction { return direction(d.Receive(), d.Send()) }

// And is what both allow.
func (d Direction) And(e Direction) Direction {
	return direction(d.Send() && e.Send(), d.Receive() && e.Receive())
}

func direction(send, receive bool) Direction {
	switch {
	case send && receive:
		return SendRecv
	case send:
		return SendOnly
	case receive:
		return RecvOnly
	}
	return Inactive
}

// Direction is what the description says of its stream m: the stream's own
// attribute, or else the session's, or else SendRecv.
func (s *Session) Direction(m *Media) Direction {
	for _, list := range [][]Attribute{m.Attributes, s.Attributes} {
		for _, a := range list {
			for d, name := range directionNames {
				if strings.EqualFold(a.Name, name) {
					return Direction(d)
				}
			}
		}
	}
	return SendRecv
}
