package digest

import (
	"container/list"
	"sync"
	"time"
)

// counts remembers which nonce counts were used with the nonces that
// authenticated somebody (RFC 7616 §3.4.5), at most max nonces.
type counts struct {
	mu     sync.Mutex
	max    int
	nonces map[string]*list.Element // of *count
	recent *list.List               // most recently used first
	// floor: a nonce issued at or before it that is not remembered may have been
	// used and forgotten.
	floor time.Time
}

// count is one nonce's: the highest count used, and which of the 64 up to it
// were, because UDP reorders.
type count struct {
	nonce   string
	issued  time.Time
	highest uint32
	seen    uint64 // bit i: highest-i was used
}

type usage uint8

const (
	first     usage = iota // this count was not used before
	used                   // it was, or is too far back to tell
	forgotten              // the nonce may have been used and evicted
)

func newCounts(max int) *counts {
	return &counts{max: max, nonces: make(map[string]*list.Element), recent: list.New()}
}

// use marks count nc of the nonce as used, which was issued at the given time.
func (c *counts) use(nonce string, issued time.Time, nc uint32) usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.nonces[nonce]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*count).use(nc)
	}
	if !issued.After(c.floor) {
		return forgotten
	}
	if len(c.nonces) >= c.max {
		oldest := c.recent.Back()
		old := c.recent.Remove(oldest).(*count)
		delete(c.nonces, old.nonce)
		if old.issued.After(c.floor) {
			c.floor = old.issued
		}
		if !issued.After(c.floor) {
			return forgotten
		}
	}
	c.nonces[nonce] = c.recent.PushFront(&count{nonce: nonce, issued: issued, highest: nc, seen: 1})
	return first
}

func (n *count) use(nc uint32) usage {
	if nc > n.highest {
		n.seen = n.seen<<(nc-n.highest) | 1 // a shift of 64 and more leaves 0
		n.highest = nc
		return first
	}
	bit := uint64(1) << (n.highest - nc)
	if bit == 0 || n.seen&bit != 0 {
		return used
	}
	n.seen |= bit
	return first
}
