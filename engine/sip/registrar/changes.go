package registrar

import (
	"reflect"
	"slices"
	"time"
)

// changeLog holds what a store does not have yet: per binding its last state.
type changeLog struct {
	track   bool
	paused  bool
	seq     uint64
	pending map[bindingID]change
}

type bindingID struct{ line, contact string }

type change struct {
	seq uint64
	Binding
}

func newChangeLog(track bool) changeLog {
	return changeLog{track: track, pending: make(map[bindingID]change)}
}

// note compares a line's bindings and records the differences; one that is gone
// is recorded with Expires no later than now.
func (c *changeLog) note(before, after []entry, now time.Time) {
	if !c.track || c.paused {
		return
	}
	has := func(list []entry, contact string) bool {
		return slices.ContainsFunc(list, func(e entry) bool { return e.Contact == contact })
	}
	for _, e := range before {
		if !has(after, e.Contact) {
			if e.Expires.After(now) {
				e.Expires = now
			}
			c.record(e.Binding)
		}
	}
	for _, e := range after {
		if !slices.ContainsFunc(before, func(o entry) bool { return reflect.DeepEqual(o, e) }) {
			c.record(e.Binding)
		}
	}
}

func (c *changeLog) record(b Binding) {
	c.seq++
	c.pending[bindingID{b.Line, b.Contact}] = change{c.seq, b}
}

// Changes is for writing behind: it returns the bindings that changed after
// since, removed ones with Expires in the past, and the mark to pass the next
// time. Passing a mark says that everything up to it is saved, and it is
// forgotten; to try again after a failure, pass the old mark. Start with 0.
// Without Options.Track nothing is recorded.
func (r *Registrar) Changes(since uint64) (changed []Binding, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.changes.pending {
		if c.seq <= since {
			delete(r.changes.pending, id)
			continue
		}
		b := c.Binding
		b.Path = slices.Clone(b.Path)
		changed = append(changed, b)
	}
	return changed, r.changes.seq
}
