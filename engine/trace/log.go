package trace

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// ErrUnknown says that there is no trace of a call, or none any more.
var ErrUnknown = errors.New("there is no trace of that call")

const (
	// linger is how long after a call's end its last messages are waited for: a BYE is repeated for half a minute at
	// most, but its first answer comes at once.
	linger = 5 * time.Second
	// maxEarly bounds the dialogs that belong to no call: those of strangers who were refused.
	maxEarly = 512
	// maxEarlySize bounds what is kept of each, octets.
	maxEarlySize = 16 << 10
	// maxLive bounds what is kept of calls in memory, octets; beyond it steps of calls under way are lost.
	maxLive = 256 << 20
	// maxFree bounds the chunks that are kept to be used again.
	maxFree = 1024
	// defaultCalls is how many calls that have ended are kept in memory.
	defaultCalls = 200
)

// Options are what a Log is made of.
type Options struct {
	Clock clock.Clock // nil: real
	Calls int         // calls that have ended, kept in memory; 0: 200
}

// Log keeps the traces of calls under way and of the latest that have ended, in bounded space: in memory, and with Open
// on disk. It is a Recorder. A nil Log records nothing.
type Log struct {
	o     Options
	clock clock.Clock

	mu      sync.Mutex
	live    map[string]*story // by call, those that linger included
	dialogs map[string]*dialog
	early   []*dialog // that belong to no call, oldest first
	leaving []*story  // ended, oldest first, waiting for their last messages
	past    []*story  // ended, oldest first
	size    int64     // of live, octets
	free    [][]byte  // chunks to be used again

	disk    *disk         // nil: none
	waiting []*story      // to be written
	wake    chan struct{} // tells keep that a call has ended
	stop    context.CancelFunc
	done    chan struct{}
}

var _ Recorder = (*Log)(nil)

// New makes a Log.
func New(o Options) *Log {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Calls <= 0 {
		o.Calls = defaultCalls
	}
	return &Log{o: o, clock: o.Clock, live: map[string]*story{}, dialogs: map[string]*dialog{}}
}

// Begin implements Recorder, as do the methods below.
func (l *Log) Begin(call, from, to string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	s := l.story(call)
	s.info.From, s.info.To = cut(from, maxText), cut(to, maxText)
}

// story is a call's, a new one if there is none. l.mu is held.
func (l *Log) story(call string) *story {
	if s := l.live[call]; s != nil {
		return s
	}
	s := &story{info: Info{ID: call, Start: l.clock.Now()}}
	l.live[call] = s
	return s
}

// Join gives a dialog to a call.
func (l *Log) Join(call, id, party string) {
	if l == nil || id == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.story(call)
	i := s.party(id, party)
	if i < 0 {
		return
	}
	d := l.dialogs[id]
	if d == nil {
		d = &dialog{id: id}
		l.dialogs[id] = d
	}
	d.story, d.index = s, i
	if early := d.early; early != nil {
		d.early = nil
		was := s.size()
		s.merge(early, i, l.chunk)
		l.size += int64(s.size() - was)
		if i := slices.Index(l.early, d); i >= 0 {
			l.early = slices.Delete(l.early, i, i+1)
		}
	}
}

// Add adds a step.
func (l *Log) Add(step Step) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if step.Time.IsZero() {
		step.Time = l.clock.Now()
	}
	if step.Call != "" {
		s := l.live[step.Call]
		if s == nil {
			if l.forgotten(step.Call) {
				return
			}
			s = l.story(step.Call)
		}
		i := -1
		if d := l.dialogs[step.Dialog]; step.Dialog != "" && d != nil && d.story == s {
			i = d.index
		}
		l.append(s, &step, nil, i)
		return
	}
	switch d := l.dialogs[step.Dialog]; {
	case step.Dialog == "":
	case d == nil:
		if begins(&step) {
			l.addEarly(&step)
		}
	case d.story == nil:
		if d.early.size() < maxEarlySize {
			d.early.add(&step, nil, 0, l.chunk)
		}
	default:
		l.append(d.story, &step, nil, d.index)
	}
}

// AddMessage is Add for a SIP message as it comes or goes: step says all but Dialog and Raw. It keeps neither slice, and
// copies a message with nothing to hide, which most are, once only.
func (l *Log) AddMessage(dialog, raw []byte, step Step) {
	if l == nil || isClean(raw) && l.addKnown(dialog, raw, step) {
		return
	}
	step.Dialog, step.Raw = string(dialog), Clean(raw)
	l.Add(step)
}

// addKnown adds a message as it is, if its dialog is known to belong to a call.
func (l *Log) addKnown(dialog, raw []byte, step Step) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.dialogs[string(dialog)]
	if d == nil || d.story == nil || step.Time.IsZero() {
		return false
	}
	l.append(d.story, &step, raw, d.index)
	return true
}

// begins tells whether a message may be a call's first.
func begins(s *Step) bool {
	const invite = "INVITE "
	return s.Kind == SIP && (len(s.Raw) > len(invite) && s.Raw[:len(invite)] == invite || len(s.Text) >= len(invite) && s.Text[:len(invite)] == invite)
}

// append adds a step to a call. l.mu is held.
func (l *Log) append(s *story, step *Step, raw []byte, dialog int) {
	if l.size >= maxLive {
		s.info.Lost++
		return
	}
	was := len(s.chunks)
	s.add(step, raw, dialog, l.chunk)
	for _, c := range s.chunks[was:] {
		l.size += int64(cap(c))
	}
}

// chunk is memory for steps. l.mu is held.
func (l *Log) chunk(need int) []byte {
	if n := len(l.free); n > 0 && need <= chunkSize {
		c := l.free[n-1]
		l.free = l.free[:n-1]
		return c
	}
	return make([]byte, 0, max(need, chunkSize))
}

// release takes back the memory of a story that nobody reads any more. l.mu is held.
func (l *Log) release(s *story) {
	for _, c := range s.chunks {
		if cap(c) == chunkSize && len(l.free) < maxFree {
			l.free = append(l.free, c[:0])
		}
	}
	s.chunks = nil
}

// addEarly keeps an INVITE of which nobody knows the call yet. l.mu is held.
func (l *Log) addEarly(step *Step) {
	if len(l.early) >= maxEarly {
		delete(l.dialogs, l.early[0].id)
		l.early = slices.Delete(l.early, 0, 1)
	}
	d := &dialog{id: step.Dialog, early: &story{info: Info{Start: step.Time}}}
	d.early.add(step, nil, 0, l.chunk)
	l.dialogs[d.id] = d
	l.early = append(l.early, d)
}

// forgotten tells whether a call has ended a while ago, and takes no more steps. l.mu is held.
func (l *Log) forgotten(call string) bool {
	return slices.ContainsFunc(l.past, func(s *story) bool { return s.info.ID == call })
}

// End ends a call.
func (l *Log) End(call, outcome string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.live[call]
	if s == nil || !s.ended.IsZero() {
		return
	}
	s.ended = l.clock.Now()
	s.info.End, s.info.Outcome = s.ended, cut(outcome, maxText)
	l.leaving = append(l.leaving, s)
	s.tell()
	l.sweep()
	if l.disk == nil || len(l.leaving) != 1 {
		return // keep knows that it has something to wait for
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Hide hides a secret that has come to light.
func (l *Log) Hide(call, secret string) {
	if l == nil || secret == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.live[call]
	if s == nil {
		return
	}
	was := s.size()
	s.hide(secret, l.chunk)
	l.size += int64(s.size() - was)
}

// sweep lets go of calls whose last messages have come. l.mu is held.
func (l *Log) sweep() {
	now := l.clock.Now()
	for len(l.leaving) > 0 && now.Sub(l.leaving[0].ended) >= linger {
		s := takeFirst(&l.leaving)
		l.leave(s)
		if l.disk != nil && len(l.waiting) < maxWaiting {
			l.waiting = append(l.waiting, s)
		}
	}
}

// leave makes a call one that is past. l.mu is held.
func (l *Log) leave(s *story) {
	delete(l.live, s.info.ID)
	l.size -= int64(s.size())
	for _, d := range s.info.Dialogs {
		if own := l.dialogs[d.ID]; own != nil && own.story == s {
			delete(l.dialogs, d.ID)
		}
	}
	s.tell()
	l.past = append(l.past, s)
	if len(l.past) <= l.o.Calls {
		return
	}
	if oldest := l.past[0]; l.disk == nil || oldest.written {
		l.release(oldest)
	}
	takeFirst(&l.past)
}

// takeFirst takes the first out of a list. What stays is not moved: a busy exchange has many that linger.
func takeFirst(list *[]*story) *story {
	first := (*list)[0]
	(*list)[0], *list = nil, (*list)[1:]
	return first
}

// Get gives a call and its steps so far, complete. The beginning of an id stands for the latest call whose id begins so.
// ErrUnknown: there is none.
func (l *Log) Get(id string) (Info, []Step, error) {
	if l == nil || id == "" {
		return Info{}, nil, ErrUnknown
	}
	l.mu.Lock()
	var info Info
	var buf []byte
	s := l.find(id)
	if s != nil {
		info, buf = s.info, s.bytes()
		info.Dialogs = slices.Clone(info.Dialogs)
	}
	l.mu.Unlock()
	if s == nil {
		if l.disk == nil {
			return Info{}, nil, ErrUnknown
		}
		s, err := l.disk.find(id)
		if err != nil {
			return Info{}, nil, err
		}
		info, buf = s.info, s.bytes()
	}
	steps, dialogs := decode(info.Start, buf)
	return info, finish(info, steps, dialogs), nil
}

// find is the call of this id, or else the latest whose id begins so. l.mu is held.
func (l *Log) find(id string) *story {
	if s := l.live[id]; s != nil {
		return s
	}
	var latest *story
	look := func(s *story) bool {
		if strings.HasPrefix(s.info.ID, id) && (latest == nil || s.info.Start.After(latest.info.Start)) {
			latest = s
		}
		return s.info.ID == id
	}
	for _, s := range slices.Backward(l.past) {
		if look(s) {
			return s
		}
	}
	for _, s := range l.live {
		look(s)
	}
	return latest
}

// List gives the latest calls, the newest first.
func (l *Log) List(limit int) ([]Info, error) {
	if l == nil {
		return nil, nil
	}
	l.mu.Lock()
	var all []Info
	seen := map[string]bool{}
	for _, s := range l.live {
		all = append(all, s.info)
	}
	for _, s := range l.past {
		all = append(all, s.info)
	}
	l.mu.Unlock()
	if l.disk != nil && len(all) < limit {
		for _, i := range all {
			seen[i.ID] = true
		}
		older, err := l.disk.list(limit)
		if err != nil {
			return nil, err
		}
		for _, i := range older {
			if !seen[i.ID] {
				all = append(all, i)
			}
		}
	}
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(b.Start.Compare(a.Start), strings.Compare(a.ID, b.ID))
	})
	return all[:min(limit, len(all))], nil
}

// Follow gives a call's steps, those so far and then each as it comes, until the call's last messages have come or ctx
// ends. A step that comes late keeps its place in time in Get, and comes last here.
func (l *Log) Follow(ctx context.Context, id string, each func(Step) error) error {
	if l == nil {
		return ErrUnknown
	}
	changed := make(chan struct{}, 1)
	l.mu.Lock()
	s := l.find(id)
	if s == nil {
		l.mu.Unlock()
		return ErrUnknown
	}
	s.changed = append(s.changed, changed)
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		s.changed = slices.DeleteFunc(s.changed, func(c chan struct{}) bool { return c == changed })
	}()
	for told := 0; ; {
		l.mu.Lock()
		l.sweep()
		info, buf := s.info, s.bytes()
		info.Dialogs = slices.Clone(info.Dialogs)
		over := l.live[info.ID] != s
		l.mu.Unlock()
		steps, dialogs := decode(info.Start, buf)
		steps = finish(info, steps, dialogs)
		for ; told < len(steps); told++ {
			if err := each(steps[told]); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
		var late <-chan time.Time
		if !info.End.IsZero() {
			t := l.clock.NewTimer(linger - l.clock.Now().Sub(info.End))
			defer t.Stop()
			late = t.C()
		}
		select {
		case <-changed:
		case <-late:
		case <-ctx.Done():
			return nil
		}
	}
}
