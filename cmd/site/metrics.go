package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsServer tells how the exchange is: /metrics for Prometheus, /healthz while the process
// lives, /readyz while it takes calls.
type metricsServer struct {
	http *http.Server
	l    net.Listener
}

func listenMetrics(address string, registry *prometheus.Registry, ready func() bool, log *slog.Logger) (*metricsServer, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return &metricsServer{l: l, http: &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}, nil
}

func (m *metricsServer) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = m.http.Close() })
	defer stop()
	if err := m.http.Serve(m.l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close also closes a listener that was never served.
func (m *metricsServer) close() error {
	err := m.http.Close()
	if closing := m.l.Close(); closing != nil && !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return err
}

// Metrics is where metrics are served, "" if they are not.
func (s *Site) Metrics() string {
	if s.metrics == nil {
		return ""
	}
	return s.metrics.l.Addr().String()
}
