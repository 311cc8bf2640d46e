package engine

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/belfry-pbx/belfry/engine/sip"
)

// The lamps by which a colleague's telephone shows that a line rings or talks (RFC 4235), and whether it can be reached
// (RFC 3856).

// lamps know the calls at each line. The lock is an innermost one.
type lamps struct {
	mu    sync.Mutex
	count uint64
	lines map[string][]lamp // the oldest first
}

// lamp is one call at a line.
type lamp struct {
	leg *leg
	sip.DialogInfo
}

// show makes a leg's call visible at its line, or who is at its other end another.
func (e *Engine) show(l *leg, recipient bool, remote sip.Address) {
	line := l.party.Line
	if line == "" {
		return
	}
	a := &e.lamps
	a.mu.Lock()
	i := slices.IndexFunc(a.lines[line], func(o lamp) bool { return o.leg == l })
	if i < 0 {
		if a.lines == nil {
			a.lines = map[string][]lamp{}
		}
		a.count++
		i = len(a.lines[line])
		a.lines[line] = append(a.lines[line], lamp{leg: l, DialogInfo: sip.DialogInfo{ID: strconv.FormatUint(a.count, 16), Recipient: recipient}})
	}
	a.lines[line][i].Remote = remote
	a.mu.Unlock()
	e.sip.NotifyLine(line)
	l.mu.Lock()
	s := l.sip
	l.mu.Unlock()
	if s != nil && s.Context().Err() != nil { // it had ended before there was anything to hide
		e.hide(l)
	}
}

// showAnswered says that they talk.
func (e *Engine) showAnswered(l *leg) {
	e.changeLamp(l, func(all []lamp, i int) []lamp {
		all[i].Confirmed = true
		return all
	})
}

// hide takes a leg's call off its line.
func (e *Engine) hide(l *leg) {
	e.changeLamp(l, func(all []lamp, i int) []lamp { return slices.Delete(all, i, i+1) })
}

func (e *Engine) changeLamp(l *leg, change func(all []lamp, i int) []lamp) {
	line, a := l.party.Line, &e.lamps
	if line == "" {
		return
	}
	a.mu.Lock()
	all := a.lines[line]
	i := slices.IndexFunc(all, func(o lamp) bool { return o.leg == l })
	if i < 0 {
		a.mu.Unlock()
		return
	}
	if all = change(all, i); len(all) == 0 {
		delete(a.lines, line)
	} else {
		a.lines[line] = all
	}
	a.mu.Unlock()
	e.sip.NotifyLine(line)
}

// watchers is a handler that knows who may watch a line's lamp beyond its pickup group.
type watchers interface {
	MayWatch(watcher, line string) bool
}

// watch tells a line the calls of another: its own, one of its pickup group, or one that the dialplan lets it watch.
func (e *Engine) watch(watcher, line string) ([]sip.DialogInfo, bool) {
	if !e.mayWatch(watcher, line) {
		return nil, false
	}
	a := &e.lamps
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []sip.DialogInfo
	for _, l := range a.lines[line] {
		all = append(all, l.DialogInfo)
	}
	return all, true
}

func (e *Engine) mayWatch(watcher, line string) bool {
	ctx := context.Background()
	other, err := e.directory.Line(ctx, line)
	if err != nil {
		return false
	}
	if watcher == line || other.PickupGroup != "" && e.inPickupGroup(ctx, watcher, other.PickupGroup) {
		return true
	}
	h, ok := e.currentHandler().(watchers)
	return ok && h.MayWatch(watcher, line)
}

// present tells a line whether another can be reached.
func (e *Engine) present(watcher, line string) (sip.Presence, bool) {
	if !e.mayWatch(watcher, line) {
		return sip.Presence{}, false
	}
	l, err := e.directory.Line(context.Background(), line)
	switch {
	case err != nil || !e.Registered(line):
		return sip.Presence{Note: "Offline"}, true
	case l.DND:
		return sip.Presence{Note: "Do not disturb"}, true
	case e.Busy(line):
		return sip.Presence{Open: true, Note: "On the phone"}, true
	}
	return sip.Presence{Open: true}, true
}
