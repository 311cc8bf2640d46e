package engine

import (
	"fmt"

	"github.com/belfry-pbx/belfry/engine/sip"
)

// Standing says what of past calls is left over, "" when nothing is: every test ends with it.
func (e *Engine) Standing() string {
	e.mu.Lock()
	calls, legs, rooms := len(e.calls), len(e.legs), len(e.rooms)
	e.mu.Unlock()
	e.lines.mu.Lock()
	busy := len(e.lines.calls)
	e.lines.mu.Unlock()
	sessions := e.media.Stats().Sessions
	if calls+legs+rooms+busy+sessions == 0 {
		return ""
	}
	return fmt.Sprintf("%d calls, %d legs, %d rooms, %d busy lines, %d media sessions", calls, legs, rooms, busy, sessions)
}

// Watch is what a line is shown of another's calls.
func (e *Engine) Watch(watcher, line string) ([]sip.DialogInfo, bool) { return e.watch(watcher, line) }

// Present is whether a line is shown to another as one that can be reached.
func (e *Engine) Present(watcher, line string) (sip.Presence, bool) { return e.present(watcher, line) }
