package engine

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
)

// record is what is kept of a call: it becomes the call record and everybody's log entries. Call.mu guards it.
type record struct {
	start, answered time.Time
	line            string // who dialled, if a line did
	dialled, route  string
	emergency       bool
	status          int      // the SIP status of a refusal; 0: not refused
	rung            []string // lines whose phones rang, or would have if they were there
	talks           []talk
	legs            []*leg   // the caller and those he talked to
	recordings      []string // the names of their files
}

// talk is one conversation of the call.
type talk struct {
	with   Party
	since  time.Time
	length time.Duration // when it is over
}

func (c *Call) setRoute(r Route, matched string) {
	c.route, c.matched = r, matched
	c.mu.Lock()
	c.record.dialled = cmp.Or(c.record.dialled, c.dialled)
	c.record.route = cmp.Or(r.Name, r.Pattern)
	c.record.emergency = c.record.emergency || r.Emergency
	c.place = r.Where
	from, id := c.from, c.asserted
	c.mu.Unlock()
	c.detail("routed", slog.String("dialled", c.dialled), slog.String("extension", r.Pattern), slog.String("name", r.Name))
	if r.Emergency {
		c.logger().Warn("EMERGENCY CALL", "from", cmp.Or(from.Number, id.User), "name", cmp.Or(from.Name, id.Display), "dialled", c.dialled)
	}
}

// Route is the route that took the call.
func (c *Call) Route() Route { return c.route }

func (c *Call) noteRung(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if line != "" && !slices.Contains(c.record.rung, line) {
		c.record.rung = append(c.record.rung, line)
	}
}

// noteTalk begins a conversation, endTalk ends it. c.mu is held.
func (c *Call) noteTalk(with *leg) {
	c.noteLeg(with)
	c.record.talks = append(c.record.talks, talk{with: with.party, since: c.engine.clock.Now()})
}

func (c *Call) endTalk() {
	if n := len(c.record.talks); n > 0 && c.record.talks[n-1].length == 0 {
		t := &c.record.talks[n-1]
		t.length = c.engine.clock.Now().Sub(t.since)
	}
}

// writeRecord keeps the call record and gives everybody who had a part in the call his entry.
func (c *Call) writeRecord() {
	e := c.engine
	c.mu.Lock()
	r, from, id, private := c.record, c.from, c.asserted, c.private
	c.mu.Unlock()
	end := e.clock.Now()
	outcome := r.outcome()
	dialled := cmp.Or(r.dialled, c.dialled)
	by := r.by()
	e.metrics.ended.WithLabelValues(string(outcome)).Inc()
	c.note(slog.LevelInfo, "ended", slog.String("outcome", string(outcome)), slog.String("answeredBy", by.Number), slog.Int("seconds", int(end.Sub(r.start).Seconds())))
	legs := r.legInfo()
	if t := e.opts.Trace; t != nil {
		c.traceEnd(legs, string(outcome), by.Number, end.Sub(r.start))
		defer t.End(c.id, string(outcome))
	}
	kept := callog.Record{
		ID: c.id, Start: r.start, Answered: r.answered, End: end,
		From: cmp.Or(from.Number, id.User), FromName: cmp.Or(from.Name, id.Display), FromLine: from.Line,
		To: dialled, ToName: by.Name, Outcome: string(outcome), By: by.Number, Trunk: cmp.Or(from.Trunk, by.Trunk), Emergency: r.emergency, Legs: legs,
		Recordings: r.recordings,
	}
	if c.diversion != nil {
		kept.Diversion = c.diversion.Number
	}
	entry := callog.Entry{ID: c.id, Time: r.start}
	if !private {
		entry.Number, entry.Name = from.Number, from.Name
	}
	var shares []callog.Share
	for _, line := range r.rung {
		shares = append(shares, callog.Share{Line: line, Entry: r.entryOf(line, entry)})
	}
	if r.line != "" {
		mine := callog.Entry{ID: c.id, Kind: callog.Dialled, Number: dialled, Name: by.Name, Time: r.start}
		if !r.answered.IsZero() {
			mine.Length = end.Sub(r.answered)
		}
		shares = append(shares, callog.Share{Line: r.line, Entry: mine})
	}
	if err := e.callLog.Add(context.Background(), kept, shares...); err != nil {
		c.failed("the call record is lost", "error", err)
	}
}

func (r *record) outcome() Outcome {
	switch {
	case !r.answered.IsZero():
		return OutcomeAnswered
	case r.status == 486:
		return OutcomeBusy
	case r.status != 0:
		return OutcomeRejected
	}
	return OutcomeNoAnswer
}

// by is who talked to the caller last.
func (r *record) by() Party {
	if n := len(r.talks); n > 0 {
		return r.talks[n-1].with
	}
	return Party{}
}

// entryOf is the call as a line sees it that was rung.
func (r *record) entryOf(line string, e callog.Entry) callog.Entry {
	e.Kind = callog.Missed
	for _, t := range r.talks {
		if t.with.Line == line {
			e.Kind, e.ByOther = callog.Received, ""
			e.Length += t.length
		} else if e.Kind == callog.Missed {
			e.ByOther = t.with.Number
		}
	}
	if e.Kind == callog.Missed && e.ByOther != "" {
		e.Kind = callog.Received
	}
	return e
}
