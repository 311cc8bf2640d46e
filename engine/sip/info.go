package sip

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/belfry-pbx/belfry/engine/sip/transaction"
)

// gotInfo takes keys sent by INFO, in the two forms phones use.
func (l *Leg) gotInfo(req *sip.Request, tx *transaction.Server) {
	media, _, _ := strings.Cut(headerValue(req, "Content-Type"), ";")
	var key byte
	var length time.Duration
	ok := true
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/dtmf-relay":
		key, length, ok = dtmfRelay(string(req.Body()))
	case "application/dtmf":
		key, ok = dtmfKey(strings.TrimSpace(string(req.Body())))
		length = 100 * time.Millisecond
	case "":
		l.s.answer(req, tx, 200, nil) // a keep-alive
		return
	default:
		l.s.answer(req, tx, 415, nil, Header{"Accept", "application/dtmf-relay, application/dtmf"})
		return
	}
	if !ok {
		l.s.answer(req, tx, 400, nil)
		return
	}
	l.s.answer(req, tx, 200, nil)
	if digit := l.handlers().Digit; digit != nil {
		digit(key, length)
	}
}

// dtmfRelay reads "Signal=5" and "Duration=160" (milliseconds).
func dtmfRelay(body string) (key byte, length time.Duration, ok bool) {
	length = 100 * time.Millisecond
	for _, line := range strings.Split(body, "\n") {
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			key, ok = dtmfKey(value)
		case "duration":
			if ms, err := strconv.Atoi(value); err == nil && ms > 0 {
				length = time.Duration(min(ms, 10000)) * time.Millisecond
			}
		}
	}
	return key, length, ok
}

// dtmfKey reads one key; 10 and 11 are * and # in the form without signal names.
func dtmfKey(s string) (byte, bool) {
	switch s = strings.ToUpper(s); {
	case s == "10":
		return '*', true
	case s == "11":
		return '#', true
	case len(s) == 1 && strings.Contains("0123456789*#ABCD", s):
		return s[0], true
	}
	return 0, false
}
