package sip

import (
	"fmt"

	"github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics count with labels from closed sets only: nothing a stranger sends becomes a label.
type metrics struct {
	requests  *prometheus.CounterVec
	responses *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	auth      *prometheus.CounterVec
	wire      *prometheus.CounterVec
	panics    prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *Server) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "belfry", Subsystem: "sip", Name: name, Help: help}, labels)
	}
	m := &metrics{
		requests:  counter("requests_total", "SIP requests, by direction and method.", "direction", "method"),
		responses: counter("responses_total", "Final SIP responses, by direction, method and class.", "direction", "method", "class"),
		dropped:   counter("dropped_total", "Requests refused or dropped before they did anything, by reason.", "reason"),
		auth:      counter("authentications_total", "Requests with credentials, by result.", "result"),
		wire:      counter("wire_total", "What happened to raw messages and connections before they were parsed, by reason.", "reason"),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: "belfry", Subsystem: "sip", Name: "panics_total", Help: "Panics recovered."}),
	}
	if r == nil {
		return m, nil
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "belfry", Subsystem: "sip", Name: name, Help: help}, f)
	}
	for _, c := range []prometheus.Collector{m.requests, m.responses, m.dropped, m.auth, m.wire, m.panics,
		gauge("legs", "Calls in progress, both directions.", func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return float64(s.legs)
		}),
		gauge("bindings", "Registered contacts.", func() float64 { return float64(s.reg.len()) }),
		gauge("subscriptions", "Subscriptions.", func() float64 { return float64(s.subs.len()) }),
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("sip: registering metrics: %w", err)
		}
	}
	return m, nil
}

func methodLabel(m sip.RequestMethod) string {
	switch m {
	case sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.REGISTER, sip.OPTIONS, sip.SUBSCRIBE, sip.NOTIFY, sip.REFER, sip.INFO,
		sip.MESSAGE, sip.PRACK, sip.UPDATE, sip.PUBLISH:
		return string(m)
	}
	return "other"
}

func classLabel(code int) string {
	if code < 100 || code > 699 {
		return "other"
	}
	return string(rune('0'+code/100)) + "xx"
}
