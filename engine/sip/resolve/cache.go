package resolve

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
	"github.com/miekg/dns"
)

type question struct {
	name  string // lower case
	qtype uint16
}

// answer is records, that there are none, or why there is no answer.
type answer struct {
	records []dns.RR
	err     error
	until   time.Time // when to ask again
}

// cache keeps the answers used last, at most max. An old one stays until it is
// pushed out: it may have to do.
type cache struct {
	mu      sync.Mutex
	max     int
	entries map[question]*list.Element // of *cached
	recent  *list.List                 // most recently used first
}

type cached struct {
	question
	answer
}

func newCache(max int) *cache {
	return &cache{max: max, entries: make(map[question]*list.Element), recent: list.New()}
}

func (c *cache) get(q question) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	if !ok {
		return answer{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).answer, true
}

func (c *cache) put(q question, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[q]; ok {
		e.Value.(*cached).answer = a
		c.recent.MoveToFront(e)
		return
	}
	if len(c.entries) >= c.max {
		old := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.entries, old.question)
	}
	c.entries[q] = c.recent.PushFront(&cached{q, a})
}

// maxDown is how many failed targets are remembered.
const maxDown = 1024

// downList is the targets that failed, and until when they come last.
type downList struct {
	clock clock.Clock
	time  time.Duration

	mu    sync.Mutex
	until map[Target]time.Time
}

func newDownList(c clock.Clock, d time.Duration) *downList {
	return &downList{clock: c, time: d, until: make(map[Target]time.Time)}
}

func (d *downList) add(t Target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	if len(d.until) >= maxDown {
		for old, until := range d.until {
			if !now.Before(until) {
				delete(d.until, old)
			}
		}
	}
	if len(d.until) < maxDown {
		d.until[t] = now.Add(d.time)
	}
}

// last puts the failed ones behind the others, the order otherwise kept.
func (d *downList) last(list []Target) []Target {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	rank := func(t Target) int {
		if now.Before(d.until[t]) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b Target) int { return rank(a) - rank(b) })
	return list
}
