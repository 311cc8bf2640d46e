package sim

import (
	"net/netip"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media"
)

// Ports of sessions, as an exchange has them if it is not told otherwise. They tell sessions apart.
const (
	firstPort = 16384
	lastPort  = 32766
)

// mediaEngine is the sound of a simulated exchange: who hears what, from when to when. There are no packets and hardly
// any samples. All of it is for one function of the World at a time.
type mediaEngine struct {
	world    *World
	sessions map[uint16]*session // by port; those that have ended too, until another has their port
	open     int
	port     uint16 // of the next session
}

func newMedia(w *World) *mediaEngine {
	return &mediaEngine{world: w, sessions: map[uint16]*session{}, port: firstPort}
}

// at is the session that has, or had last, a port; nil: none had.
func (m *mediaEngine) at(port uint16) *session { return m.sessions[port] }

func (m *mediaEngine) NewSession(bind netip.Addr, near engine.Session, events media.Events) (engine.Session, error) {
	if !bind.IsValid() || bind.IsUnspecified() {
		bind = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // RFC 5737: for documentation
	}
	for range (lastPort-firstPort)/2 + 1 {
		port := m.port
		if m.port += 2; m.port > lastPort {
			m.port = firstPort
		}
		if old := m.sessions[port]; old == nil || old.closed {
			s := &session{engine: m, addr: netip.AddrPortFrom(bind, port), events: events}
			m.sessions[port] = s
			m.open++
			return s, nil
		}
	}
	return nil, media.ErrNoPorts
}

func (m *mediaEngine) Bridge(a, b engine.Session) { bridge(a.(*session), b.(*session)) }

func (m *mediaEngine) NewMixer() engine.Mixer { return &mixer{engine: m} }

func (m *mediaEngine) NewPlayer(clips []*media.Clip, o media.PlayOptions) engine.Player {
	return newPlayer(m.world, clips, o)
}

func (m *mediaEngine) NewRecorder(o media.RecordOptions) engine.Recorder {
	return newRecorder(m.world, o)
}

func (m *mediaEngine) NewTape(o media.TapeOptions) engine.Tape { return newTape(m.world, o) }

// Driver implements engine.Media.
func (m *mediaEngine) Driver() string { return "simulated" }

// Stats implements engine.Media. Nothing moves but in the mind.
func (m *mediaEngine) Stats() media.Stats { return media.Stats{Sessions: m.open} }

// Close ends all sessions, and with them what sounds there.
func (m *mediaEngine) Close() error {
	for port := firstPort; port <= lastPort && m.open > 0; port += 2 {
		if s := m.sessions[uint16(port)]; s != nil {
			s.Close()
		}
	}
	return nil
}
