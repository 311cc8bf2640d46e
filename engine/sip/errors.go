package sip

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/emiago/sipgo/sip"
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

// statusOf is the status to refuse with for an error of a LegHandler, which chooses it by a *StatusError.
func statusOf(err error, otherwise int) int {
	var se *StatusError
	if errors.As(err, &se) {
		return se.Code
	}
	return otherwise
}

// unanswered is the error of a request without response: what happened, and the status that RFC 3261 section 8.1.3.1
// has it count as.
func unanswered(code int, doing string, err, cause error) error {
	err = fmt.Errorf("sip: %s: %w (as %w)", doing, err, &StatusError{Code: code, Reason: ReasonPhrase(code)})
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// statusError makes an error of a final response.
func statusError(res *sip.Response) *StatusError {
	e := &StatusError{Code: res.StatusCode, Reason: res.Reason, header: func(name string) string { return headerValue(res, name) }}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		type target struct {
			uri string
			q   float64
		}
		var targets []target
		for _, v := range headerList(res, "Contact") {
			n, ok := parseNameAddr(v)
			if !ok || n.URI.Wildcard || len(targets) >= 16 {
				continue
			}
			q := 1.0
			if p, ok := n.Params.Get("q"); ok {
				if f, err := strconv.ParseFloat(p, 64); err == nil {
					q = f
				}
			}
			targets = append(targets, target{n.URI.String(), q})
		}
		slices.SortStableFunc(targets, func(a, b target) int { return cmp.Compare(b.q, a.q) })
		for _, t := range targets {
			e.Contacts = append(e.Contacts, t.uri)
		}
	}
	return e
}
