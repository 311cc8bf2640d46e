package engine

import "sync"

// lineCounts is how many calls each line is on. Its lock is the innermost of all.
type lineCounts struct {
	mu    sync.Mutex
	calls map[string]int
}

func (n *lineCounts) add(line string, by int) {
	if line == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calls == nil {
		n.calls = map[string]int{}
	}
	if n.calls[line] += by; n.calls[line] <= 0 {
		delete(n.calls, line)
	}
}

func (n *lineCounts) busy(line string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[line] > 0
}
