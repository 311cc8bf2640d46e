package engine

import (
	"context"
	"slices"
	"time"

	"github.com/belfry-pbx/belfry/engine/callog"
)

// record is what is kept of a call: it becomes the call record and everybody's log entries.
type record struct {
	start, answered time.Time
	dialled, route  string
	emergency       bool
	status          int    // the SIP status of a refusal; 0: not refused
	by              string // who answered
	byName, byTrunk string
	rung            []string // lines whose phones rang
}

func (c *Call) setRoute(r Route, matched string) {
	c.route, c.matched = r, matched
	c.mu.Lock()
	if c.record.dialled == "" {
		c.record.dialled = c.dialled
	}
	c.record.route = r.Name
	if r.Name == "" {
		c.record.route = r.Pattern
	}
	c.record.emergency = c.record.emergency || r.Emergency
	c.place = r.Where
	c.mu.Unlock()
	c.tell("routed", "dialled", c.dialled, "extension", r.Pattern, "name", r.Name)
	if r.Emergency {
		c.logger().Warn("EMERGENCY CALL", "from", c.from.Number, "name", c.from.Name, "dialled", c.dialled)
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

func (c *Call) noteAnswer(l *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record.by, c.record.byName, c.record.byTrunk = l.party.Number, l.party.Name, l.party.Trunk
}

// writeRecord keeps the call record and gives everybody who had a part in the call his entry.
func (c *Call) writeRecord() {
	e := c.engine
	ctx := context.Background()
	c.mu.Lock()
	r := c.record
	c.mu.Unlock()
	end := e.clock.Now()
	outcome := OutcomeAnswered
	if r.answered.IsZero() {
		outcome = OutcomeNoAnswer
		if r.status == 486 {
			outcome = OutcomeBusy
		} else if r.status != 0 {
			outcome = OutcomeRejected
		}
	}
	if r.dialled == "" {
		r.dialled = c.dialled
	}
	e.metrics.ended.WithLabelValues(string(outcome)).Inc()
	c.logger().Info("ended", "outcome", outcome, "answeredBy", r.by, "seconds", int(end.Sub(r.start).Seconds()))
	kept := callog.Record{
		ID: c.id, Start: r.start, Answered: r.answered, End: end,
		From: c.from.Number, FromName: c.from.Name, FromLine: c.from.Line,
		To: r.dialled, ToName: r.byName, Outcome: string(outcome), By: r.by, Trunk: c.from.Trunk + r.byTrunk, Emergency: r.emergency,
	}
	if c.diversion != nil {
		kept.Diversion = c.diversion.Number
	}
	if err := e.callLog.Add(ctx, kept); err != nil {
		c.logger().Error("the call record is lost", "error", err)
	}
	length := time.Duration(0)
	if !r.answered.IsZero() {
		length = end.Sub(r.answered)
	}
	entry := callog.Entry{ID: c.id, Number: c.from.Number, Name: c.from.Name, Time: r.start, Length: length}
	for _, line := range r.rung {
		mine := entry
		switch {
		case r.by == line:
			mine.Kind = "received"
		case r.by != "":
			mine.Kind, mine.ByOther = "received", r.by
		default:
			mine.Kind, mine.Length = "missed", 0
		}
		c.addEntry(ctx, line, mine)
	}
	if c.from.Line != "" {
		c.addEntry(ctx, c.from.Line, callog.Entry{ID: c.id, Kind: "dialled", Number: r.dialled, Name: r.byName, Time: r.start, Length: length})
	}
}

func (c *Call) addEntry(ctx context.Context, line string, entry callog.Entry) {
	if err := c.engine.callLog.AddEntry(ctx, line, entry); err != nil {
		c.logger().Error("a log entry is lost", "line", line, "error", err)
	}
}
