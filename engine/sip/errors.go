package sip

import (
	"errors"
	"fmt"
)

// Why a leg ended or a request failed.
var (
	ErrCancelled         = errors.New("sip: the caller cancelled")
	ErrBye               = errors.New("sip: the other side hung up")
	ErrHungUp            = errors.New("sip: hung up by us")
	ErrTimeout           = errors.New("sip: no response in time")
	ErrNoAck             = errors.New("sip: the answer was never acknowledged")
	ErrSessionExpired    = errors.New("sip: session expired without refresh")
	ErrReplaced          = errors.New("sip: replaced by another call")
	ErrAnsweredElsewhere = errors.New("sip: call completed elsewhere")
	ErrTransport         = errors.New("sip: the connection to the peer is lost")
	ErrClosed            = errors.New("sip: the server is closed")
	ErrBusy              = errors.New("sip: too many calls")
	ErrState             = errors.New("sip: not possible in this state of the call")
	ErrNoTrunk           = errors.New("sip: no such trunk")
	ErrInvalid           = errors.New("sip: invalid value")
)

// StatusError is a final response other than 2xx.
type StatusError struct {
	Code     int
	Reason   string
	Contacts []string // of a 3xx, by preference
	header   func(name string) string
}

func (e *StatusError) Error() string { return fmt.Sprintf("sip: %d %s", e.Code, e.Reason) }

// Header gives a header of the response, "" if it has none.
func (e *StatusError) Header(name string) string {
	if e.header == nil {
		return ""
	}
	return e.header(name)
}

// rejection is an error that a LegHandler may return to choose the status; see Reject.
func statusOf(err error, otherwise int) int {
	var se *StatusError
	if errors.As(err, &se) {
		return se.Code
	}
	return otherwise
}
