package sip

import (
	"context"
	"sync"
)

// goodbyes counts what should still be said before the sockets close: BYEs, CANCELs, the end of registrations.
type goodbyes struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil: nobody waits
}

func (g *goodbyes) add() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
}

func (g *goodbyes) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 && g.none != nil {
		close(g.none)
		g.none = nil
	}
}

// wait returns when nothing is left to be said, or ctx ends.
func (g *goodbyes) wait(ctx context.Context) {
	g.mu.Lock()
	if g.n == 0 {
		g.mu.Unlock()
		return
	}
	if g.none == nil {
		g.none = make(chan struct{})
	}
	none := g.none
	g.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}

// goodbye runs f in a goroutine of the server; the end of Run waits for it a moment.
func (s *Server) goodbye(what string, f func()) {
	s.leaving.add()
	if !s.spawn(what, func() { defer s.leaving.done(); f() }) {
		s.leaving.done()
	}
}

// sayGoodbye ends every leg and every registration of ours, and gives the peers a moment to answer.
func (s *Server) sayGoodbye() {
	ctx, cancel := context.WithTimeout(s.ctx, 4*s.timers.T1)
	defer cancel()
	s.mu.Lock()
	legs := make([]*Leg, 0, len(s.dialogs))
	for _, l := range s.dialogs {
		legs = append(legs, l)
	}
	s.mu.Unlock()
	for _, l := range legs {
		l.mu.Lock()
		confirmed := l.d.Confirmed
		l.mu.Unlock()
		if confirmed { // at once, also when the ACK to the answer is still to come
			l.bye(ErrClosed)
		} else {
			l.end(ErrClosed)
		}
	}
	s.mu.Lock()
	clients := make([]*inviteClient, 0, len(s.clients))
	for c := range s.clients {
		clients = append(clients, c)
	}
	s.mu.Unlock()
	for _, c := range clients {
		c.abandon(ErrClosed)
	}
	s.trunks.leave()
	s.leaving.wait(ctx)
}
