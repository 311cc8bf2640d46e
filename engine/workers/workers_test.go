package workers

import (
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// All that is asked for is done, by few goroutines that wait, and Close leaves none.
func TestAllIsDone(t *testing.T) {
	var p Pool
	var done atomic.Int32
	begin := make(chan struct{})
	const many = 10 * maxIdle
	for range many {
		p.Go(func() { <-begin; done.Add(1) })
	}
	close(begin)
	p.Wait()
	for range many {
		p.Do(func() { done.Add(1) })
	}
	if n := done.Load(); n != 2*many {
		t.Errorf("%d of %d were done", n, 2*many)
	}
	p.mu.Lock()
	if n := len(p.idle); n == 0 || n > maxIdle {
		t.Errorf("%d workers wait", n)
	}
	p.mu.Unlock()
	p.Close()
}

// Who comes after Close is served too, and leaves nobody waiting.
func TestAfterClose(t *testing.T) {
	var p Pool
	p.Close()
	served := false
	p.Do(func() { served = true })
	if !served {
		t.Error("it was not")
	}
	p.Close()
}

// A panic reaches whoever waits for it, with the place where it was, and the next one is served.
func TestPanicReachesWhoWaits(t *testing.T) {
	var p Pool
	defer p.Close()
	func() {
		defer func() {
			if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "broken\n") || !strings.Contains(text, "workers_test.go") {
				t.Errorf("panicked with %v", text)
			}
		}()
		p.Do(func() { panic("broken") })
	}()
	p.Do(func() {})
}

func BenchmarkDo(b *testing.B) {
	var p Pool
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		p.Do(func() {})
	}
}
