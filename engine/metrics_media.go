package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/belfry-pbx/belfry/engine/media"
)

// mediaMetrics tells how the media engine fares. Its numbers are read when they are asked for.
type mediaMetrics struct {
	media Media

	driver, sessions, packets, bytes, dropped, lostEvents, stalls, worstStall *prometheus.Desc
}

func newMediaMetrics(m Media) *mediaMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("belfry_media_"+name, help, labels, nil)
	}
	return &mediaMetrics{
		media:      m,
		driver:     desc("driver_info", "How packets are moved: 1 for the driver that runs.", "driver"),
		sessions:   desc("sessions", "RTP sessions that are open: one for each leg of a call."),
		packets:    desc("packets_total", "RTP and RTCP packets that came in or went out.", "direction"),
		bytes:      desc("bytes_total", "Bytes of UDP payload that came in or went out.", "direction"),
		dropped:    desc("dropped_packets_total", "Packets that went nowhere, by reason.", "reason"),
		lostEvents: desc("lost_events_total", "Keys and time-outs that were lost because the exchange was too busy."),
		stalls:     desc("stalls_total", "Times that a media thread woke more than 20 ms late."),
		worstStall: desc("worst_stall_seconds", "The longest such delay since the start."),
	}
}

// Describe is prometheus.Collector's.
func (m *mediaMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect is prometheus.Collector's.
func (m *mediaMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.media.Stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(m.driver, 1, m.media.Driver())
	gauge(m.sessions, float64(s.Sessions))
	counter(m.packets, s.PacketsIn, "in")
	counter(m.packets, s.PacketsOut, "out")
	counter(m.bytes, s.BytesIn, "in")
	counter(m.bytes, s.BytesOut, "out")
	for reason, n := range s.Dropped {
		counter(m.dropped, n, media.DropReason(reason).String())
	}
	counter(m.lostEvents, s.LostEvents)
	counter(m.stalls, s.Stalls)
	gauge(m.worstStall, s.WorstStall.Seconds())
}
