package engine

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are the exchange's own; labels come from closed sets, never from callers.
type metrics struct {
	calls    prometheus.Counter
	ended    *prometheus.CounterVec
	messages prometheus.Counter
	timeouts prometheus.Counter
	panics   prometheus.Counter

	recordingsFailed prometheus.Counter
}

func newMetrics(e *Engine, r prometheus.Registerer) metrics {
	f := promauto.With(r)
	if r != nil {
		r.MustRegister(newMediaMetrics(e.media))
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "belfry_calls_live", Help: "Calls under way."}, func() float64 {
		e.mu.Lock()
		defer e.mu.Unlock()
		return float64(len(e.calls))
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "belfry_rooms", Help: "Conferences under way."}, func() float64 {
		e.mu.Lock()
		defer e.mu.Unlock()
		return float64(len(e.rooms))
	})
	return metrics{
		calls:    f.NewCounter(prometheus.CounterOpts{Name: "belfry_calls_total", Help: "Calls that came in."}),
		ended:    f.NewCounterVec(prometheus.CounterOpts{Name: "belfry_calls_ended_total", Help: "Calls that ended, by outcome."}, []string{"outcome"}),
		messages: f.NewCounter(prometheus.CounterOpts{Name: "belfry_messages_total", Help: "Voicemail messages taken."}),
		timeouts: f.NewCounter(prometheus.CounterOpts{Name: "belfry_rtp_timeouts_total", Help: "Legs ended because no sound arrived."}),
		panics:   f.NewCounter(prometheus.CounterOpts{Name: "belfry_handler_panics_total", Help: "Handlers that panicked; each ended its own call only."}),

		recordingsFailed: f.NewCounter(prometheus.CounterOpts{Name: "belfry_recordings_failed_total", Help: "Recordings of conversations that are not whole."}),
	}
}
