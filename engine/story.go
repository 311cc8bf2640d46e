package engine

import "log/slog"

// A call's story: a line of the log for each thing that a person would say happened.

// At says where in a dialplan the call is, "sales.lua:12"; the story carries it.
func (c *Call) At(place string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place = place
}

// tell adds a line to the story. c.mu is not held.
func (c *Call) tell(what string, attrs ...any) {
	c.mu.Lock()
	place := c.place
	c.mu.Unlock()
	if place != "" {
		attrs = append(attrs, slog.String("at", place))
	}
	c.logger().Info(what, attrs...)
}
