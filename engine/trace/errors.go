package trace

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Failure is one time that a dialplan failed while it handled a call.
type Failure struct {
	Time      time.Time
	Call      string   // its id
	Extension string   // which took the call: its name or pattern
	At        string   // the author's line, "main.lua:12"
	Code      string   // of the problem, "E020"
	Message   string   // what was wrong
	Hint      string   // what to do; "": nothing is known
	Excerpt   string   // the lines around it, with a caret
	Stack     []string // the author's own functions under way, innermost first: "main.lua:12 in pick"
	Heard     string   // what the caller heard of it
}

// Group is a failure and how often it came.
type Group struct {
	At        string    `json:"at"`
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	Hint      string    `json:"hint,omitempty"`
	Excerpt   string    `json:"excerpt,omitempty"`
	Count     int       `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Extension string    `json:"extension"` // the rest is of the last time
	Heard     string    `json:"heard"`
	Stack     []string  `json:"stack,omitempty"`
	Calls     []string  `json:"calls"` // the latest first
}

const (
	maxGroups   = 200
	maxExamples = 5
	maxStack    = 20
	maxExcerpt  = 2048 // octets
)

// Errors keeps the failures of dialplans, those of one place and message together. A nil Errors keeps none.
type Errors struct {
	mu     sync.Mutex
	groups []*Group
}

// Add adds a failure. When there are too many groups, the one that has not come for the longest time is forgotten.
func (e *Errors) Add(f Failure) {
	if e == nil {
		return
	}
	f.Message = cut(f.Message, maxText)
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.groups, func(g *Group) bool { return g.At == f.At && g.Code == f.Code && g.Message == f.Message })
	if i < 0 {
		if len(e.groups) >= maxGroups {
			e.groups = slices.Delete(e.groups, 0, 1)
		}
		i = len(e.groups)
		e.groups = append(e.groups, &Group{At: f.At, Code: f.Code, Message: f.Message, First: f.Time})
	}
	g := e.groups[i]
	e.groups = append(slices.Delete(e.groups, i, i+1), g) // the latest is the last
	g.Count++
	g.Last, g.Extension, g.Heard, g.Hint = f.Time, cut(f.Extension, maxText), f.Heard, cut(f.Hint, maxText)
	g.Excerpt = cut(f.Excerpt, maxExcerpt)
	g.Stack = slices.Clone(f.Stack[:min(len(f.Stack), maxStack)])
	g.Calls = slices.Insert(g.Calls, 0, f.Call)
	g.Calls = g.Calls[:min(len(g.Calls), maxExamples)]
}

// List gives the groups, the latest first.
func (e *Errors) List() []Group {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Group, len(e.groups))
	for i, g := range e.groups {
		all[i] = *g
		all[i].Calls, all[i].Stack = slices.Clone(g.Calls), slices.Clone(g.Stack)
	}
	slices.SortStableFunc(all, func(a, b Group) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.At, b.At))
	})
	return all
}
