package engine

import (
	"context"
	"log/slog"
)

// A call's story: a line of the log for each thing that a person would say happened. What happens to every call stands
// there at Debug, but for its beginning and its end: a busy exchange would spend more on its log than on its calls.

// At says where in a dialplan the call is, "sales.lua:12"; the story carries it.
func (c *Call) At(place string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place = place
}

// tell adds a line to the story that not every call has. c.mu is not held.
func (c *Call) tell(what string, attrs ...any) {
	if place := c.at(); place != "" {
		attrs = append(attrs, slog.String("at", place))
	}
	c.logger().Info(what, attrs...)
}

// detail adds a line that every call has; it costs nothing where the log does not want it. c.mu is not held.
func (c *Call) detail(what string, attrs ...slog.Attr) {
	if !c.engine.log.Enabled(c.ctx, slog.LevelDebug) {
		return
	}
	if place := c.at(); place != "" {
		attrs = append(attrs, slog.String("at", place))
	}
	c.note(slog.LevelDebug, what, attrs...)
}

// note writes a line about the call. Unlike logger it makes no logger first.
func (c *Call) note(level slog.Level, what string, attrs ...slog.Attr) {
	c.engine.log.LogAttrs(context.Background(), level, what, append([]slog.Attr{slog.String("call", c.id)}, attrs...)...)
}

func (c *Call) at() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place
}

// logger is for lines that few calls have.
func (c *Call) logger() *slog.Logger { return c.engine.log.With("call", c.id) }
