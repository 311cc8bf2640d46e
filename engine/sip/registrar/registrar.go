// Package registrar is the table of who is where: the bindings of each line
// (RFC 3261 §10.3), in memory, with expiry and a record of changes for a store.
package registrar

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

var (
	// ErrTooManyBindings says that a line may not have another binding: 403.
	ErrTooManyBindings = errors.New("too many bindings")
	// ErrTooBrief says that a binding should end too soon: 423 with Min-Expires.
	ErrTooBrief = errors.New("interval too brief")
	// ErrOutOfOrder says that a later REGISTER of the same Call-ID was here first: 500.
	ErrOutOfOrder = errors.New("out of order")
	// ErrInvalid says that the request makes no sense or is too long to keep: 400.
	ErrInvalid = errors.New("invalid registration")
)

// The longest that is kept of what a device sends, in octets. Together they keep
// a usual binding below 1 KiB.
const (
	maxContact   = 512
	maxCallID    = 256
	maxInstance  = 128
	maxUserAgent = 96 // the rest is cut off
	maxPath      = 5
	maxPathEntry = 256
)

// Binding is one device of a line. A store identifies it by Line and Contact.
type Binding struct {
	Line      string
	Contact   string // URI, as the device wrote it
	Transport string // that it came by: "udp", "tcp", …
	Source    netip.AddrPort
	CallID    string
	CSeq      uint32
	Expires   time.Time // in the past: removed
	UserAgent string
	Instance  string // +sip.instance (RFC 5626), "" if the device has none
	RegID     int    // reg-id (RFC 5626), 0 if there is none
	Q         float64
	Path      []string // RFC 3327, topmost first
}

// Options are a Registrar's.
type Options struct {
	Clock       clock.Clock // nil: real
	MaxBindings int         // per line; 0: 10
	// Shortest, longest and default life of a binding; 0: 60 s, 1 h and 1 h.
	MinExpires, MaxExpires, DefaultExpires time.Duration
	// Changed is called after each change with all bindings of the line, one call
	// at a time, the last call with the latest. It must not block and must not
	// change the registrar.
	Changed func(line string, bindings []Binding)
	// Track records changes for Registrar.Changes.
	Track bool
}

// Request is what a REGISTER asks for.
type Request struct {
	Line      string // whose bindings: the To header's, already authorised
	CallID    string
	CSeq      uint32
	Contacts  []Contact // none: only asks
	Wildcard  bool      // Contact: *
	Expires   int       // seconds, of the Expires header; negative: no such header
	Source    netip.AddrPort
	Transport string
	UserAgent string
	Path      []string
}

// Contact is one value of a REGISTER's Contact header.
type Contact struct {
	URI      string
	Expires  int     // seconds, of its expires parameter; negative: none
	Q        float64 // 0 to 1; negative: none, which counts as 1
	Instance string
	RegID    int
}

// Registrar is the table. It is safe for concurrent use.
type Registrar struct {
	opts Options

	mu      sync.Mutex
	lines   map[string]*line
	expiry  expiryQueue
	timer   clock.Timer // fires at the earliest expiry; nil: none is set
	wakes   time.Time   // when it does
	closed  bool
	count   int
	changes changeLog

	notifying sync.Mutex // held while Options.Changed runs
}

// line is the bindings of one line in order of registration.
type line struct {
	name     string
	bindings []entry
	next     time.Time // earliest expiry
	index    int       // in the expiry queue
}

type entry struct {
	key string // what makes two contacts the same
	Binding
}

// New makes an empty table.
func New(o Options) *Registrar {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&o.MinExpires, time.Minute}, {&o.MaxExpires, time.Hour}, {&o.DefaultExpires, time.Hour}} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if o.MaxBindings <= 0 {
		o.MaxBindings = 10
	}
	return &Registrar{opts: o, lines: make(map[string]*line), changes: newChangeLog(o.Track)}
}

// Close stops expiry. The table can still be read.
func (r *Registrar) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

// MinExpires is the shortest life of a binding, for the Min-Expires header.
func (r *Registrar) MinExpires() time.Duration { return r.opts.MinExpires }

// Register does what a REGISTER asks for, all of it or, with an error, nothing,
// and returns the line's bindings as Bindings does. The errors are
// ErrTooManyBindings, ErrTooBrief, ErrOutOfOrder and ErrInvalid.
func (r *Registrar) Register(req Request) ([]Binding, error) {
	if err := req.check(); err != nil {
		return nil, fmt.Errorf("registering %.40q: %w", req.Line, err)
	}
	if len(req.Contacts) == 0 && !req.Wildcard {
		return r.Bindings(req.Line), nil
	}
	r.mu.Lock()
	now := r.opts.Clock.Now()
	before := r.live(req.Line, now)
	after, err := r.apply(before, req, now)
	if err != nil {
		r.mu.Unlock()
		return nil, fmt.Errorf("registering %.40q: %w", req.Line, err)
	}
	r.replace(req.Line, after, now)
	r.mu.Unlock()
	r.notify(req.Line)
	return r.Bindings(req.Line), nil
}

func (req *Request) check() error {
	switch {
	case req.Line == "" || req.CallID == "" || len(req.CallID) > maxCallID:
		return fmt.Errorf("%w: line or Call-ID missing or too long", ErrInvalid)
	case req.Wildcard && (req.Expires != 0 || len(req.Contacts) > 0):
		return fmt.Errorf("%w: Contact * wants Expires: 0 and no other contact", ErrInvalid)
	case len(req.Path) > maxPath:
		return fmt.Errorf("%w: %d Path entries", ErrInvalid, len(req.Path))
	}
	for _, p := range req.Path {
		if len(p) > maxPathEntry {
			return fmt.Errorf("%w: Path entry of %d octets", ErrInvalid, len(p))
		}
	}
	for _, c := range req.Contacts {
		if c.URI == "" || len(c.URI) > maxContact || len(c.Instance) > maxInstance {
			return fmt.Errorf("%w: contact URI or instance empty or too long", ErrInvalid)
		}
	}
	return nil
}

// apply makes the bindings that a line has after the request. It does not change
// before.
func (r *Registrar) apply(before []entry, req Request, now time.Time) ([]entry, error) {
	after := slices.Clone(before)
	if req.Wildcard {
		for _, e := range before {
			if e.CallID == req.CallID && req.CSeq < e.CSeq {
				return nil, ErrOutOfOrder
			}
		}
		return nil, nil
	}
	for _, c := range req.Contacts {
		life, err := r.life(c, req)
		if err != nil {
			return nil, err
		}
		key := contactKey(c)
		at := slices.IndexFunc(after, func(e entry) bool { return e.key == key })
		if old := slices.IndexFunc(before, func(e entry) bool { return e.key == key }); old >= 0 &&
			before[old].CallID == req.CallID && req.CSeq < before[old].CSeq {
			return nil, ErrOutOfOrder
		}
		switch {
		case life == 0 && at >= 0:
			after = slices.Delete(after, at, at+1)
		case life == 0:
		case at >= 0:
			after[at] = req.entry(key, c, now.Add(life))
		default:
			after = append(after, req.entry(key, c, now.Add(life)))
		}
	}
	if len(after) > r.opts.MaxBindings && len(after) > len(before) {
		return nil, fmt.Errorf("%w: at most %d", ErrTooManyBindings, r.opts.MaxBindings)
	}
	return after, nil
}

// life is how long a contact lasts (RFC 3261 §10.3 step 6); 0: it goes.
func (r *Registrar) life(c Contact, req Request) (time.Duration, error) {
	seconds := c.Expires
	if seconds < 0 {
		seconds = req.Expires
	}
	if seconds < 0 {
		return r.opts.DefaultExpires, nil
	}
	// Beyond a year any number means the longest, and does not overflow.
	life := min(time.Duration(min(seconds, 1<<25))*time.Second, r.opts.MaxExpires)
	if life > 0 && life < r.opts.MinExpires {
		return 0, fmt.Errorf("%w: %v, at least %v", ErrTooBrief, life, r.opts.MinExpires)
	}
	return life, nil
}

// entry copies what is kept, so that the message it came in can be freed.
func (req *Request) entry(key string, c Contact, expires time.Time) entry {
	q := c.Q
	if q < 0 || q > 1 || q != q {
		q = 1
	}
	b := Binding{
		Line: strings.Clone(req.Line), Contact: strings.Clone(c.URI), Transport: strings.Clone(req.Transport), Source: req.Source,
		CallID: strings.Clone(req.CallID), CSeq: req.CSeq, Expires: expires,
		UserAgent: strings.Clone(req.UserAgent[:min(len(req.UserAgent), maxUserAgent)]),
		Instance:  strings.Clone(c.Instance), RegID: c.RegID, Q: q,
	}
	for _, p := range req.Path {
		b.Path = append(b.Path, strings.Clone(p))
	}
	return entry{key, b}
}

// Bindings are a line's, best first: by q, then by age.
func (r *Registrar) Bindings(name string) []Binding {
	r.mu.Lock()
	live := r.live(name, r.opts.Clock.Now())
	list := make([]Binding, 0, len(live))
	for _, e := range live {
		e.Path = slices.Clone(e.Path)
		list = append(list, e.Binding)
	}
	r.mu.Unlock()
	slices.SortStableFunc(list, func(a, b Binding) int {
		switch {
		case a.Q > b.Q:
			return -1
		case a.Q < b.Q:
			return 1
		}
		return 0
	})
	return list
}

// live are the bindings that have not ended. The caller holds mu.
func (r *Registrar) live(name string, now time.Time) []entry {
	l := r.lines[name]
	if l == nil {
		return nil
	}
	if l.next.After(now) {
		return l.bindings
	}
	return slices.DeleteFunc(slices.Clone(l.bindings), func(e entry) bool { return !e.Expires.After(now) })
}

// Len counts lines that have a binding, and bindings.
func (r *Registrar) Len() (lines, bindings int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines), r.count
}

// Remove takes away a line's binding with that contact URI, as when its
// connection broke; "" takes them all, as when the line is no more.
func (r *Registrar) Remove(name, contact string) {
	r.mu.Lock()
	now := r.opts.Clock.Now()
	before := r.live(name, now)
	after := slices.DeleteFunc(slices.Clone(before), func(e entry) bool { return contact == "" || e.Contact == contact })
	changed := len(after) != len(before)
	if changed {
		r.replace(name, after, now)
	}
	r.mu.Unlock()
	if changed {
		r.notify(name)
	}
}

// Load puts in what a store kept. Bindings that have ended are left out, and so
// are those of contacts that have registered since. Nobody is notified.
func (r *Registrar) Load(list []Binding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.opts.Clock.Now()
	for _, b := range list {
		e := entry{contactKey(Contact{URI: b.Contact, Instance: b.Instance, RegID: b.RegID}), b}
		bindings := r.live(b.Line, now)
		if b.Line == "" || !b.Expires.After(now) || slices.ContainsFunc(bindings, func(o entry) bool { return o.key == e.key }) {
			continue
		}
		r.changes.paused = true
		r.replace(b.Line, append(slices.Clone(bindings), e), now)
		r.changes.paused = false
	}
}

// notify tells of the line's present state. Taking it under the lock means that
// the last call tells the latest.
func (r *Registrar) notify(name string) {
	if r.opts.Changed == nil {
		return
	}
	r.notifying.Lock()
	defer r.notifying.Unlock()
	r.opts.Changed(name, r.Bindings(name))
}
