package sip

import "fmt"

// register puts a leg in the dialog table.
func (s *Server) register(l *Leg, id dialogID) {
	s.mu.Lock()
	s.dialogs[id] = l
	s.mu.Unlock()
}

func (s *Server) leg(id dialogID) *Leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialogs[id]
}

// admitLeg counts a new leg, or says that there are too many.
func (s *Server) admitLeg(guest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.legs >= s.o.MaxLegs {
		return fmt.Errorf("%w: %d in progress", ErrBusy, s.legs)
	}
	if guest != "" {
		if s.guests[guest] >= s.o.MaxGuestLegs {
			return fmt.Errorf("%w: %d from %s", ErrBusy, s.guests[guest], guest)
		}
		s.guests[guest]++
	}
	s.legs++
	return nil
}

func (s *Server) releaseLeg(guest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs--
	if guest != "" {
		if s.guests[guest]--; s.guests[guest] <= 0 {
			delete(s.guests, guest)
		}
	}
}

func (s *Server) forget(l *Leg) {
	l.mu.Lock()
	id := l.d.id()
	l.mu.Unlock()
	s.mu.Lock()
	if s.dialogs[id] == l {
		delete(s.dialogs, id)
	}
	s.mu.Unlock()
}
