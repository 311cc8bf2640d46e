package media

import (
	"fmt"
	"net/netip"
)

// maxDatagram is the longest datagram that is looked at, in bytes: an Ethernet
// frame's worth. Longer ones are dropped and counted.
const maxDatagram = 1500

// sweepRounds bounds how many packets of one socket a sweep takes: 8 each 5 ms is
// 1,600 a second, 32 times what a call needs. A flood waits in the kernel and is
// dropped there.
const sweepRounds = 8

// socket is one bound UDP port and what its driver keeps with it.
type socket struct {
	session *Session
	rtcp    bool           // the second port of the pair
	addr    netip.AddrPort // as bound
	handle  any            // the network's: what it opened
	fd      int
	slot    int // the driver's: where in its table
}

// receiver takes the packets of a sweep. b is the driver's and valid, and free to
// be written on, until packet returns.
type receiver interface {
	packet(s *socket, b []byte, from netip.AddrPort)
}

// driver moves packets for one shard. All its methods but close are called from
// the shard's thread only, and none of them waits.
type driver interface {
	add(*socket) error
	remove(*socket)
	// sweep hands r everything that has arrived since the last one, within bounds.
	sweep(r receiver)
	// send may keep b only by copying it. It reports whether the packet was taken.
	send(s *socket, b []byte, to netip.AddrPort) bool
	// submit ends a tick: a driver that gathers sends hands them to the kernel now.
	submit()
	close() error
}

// network opens sockets, from any goroutine, and makes the drivers that serve them.
type network interface {
	name() string
	open(addr netip.AddrPort, buffer int) (*socket, error)
	closeSocket(*socket) error
	newDriver() (driver, error)
}

// Drivers lists the names Options.Driver may have on this system, the one that
// "auto" picks first.
func Drivers() []string { return append(systemDrivers(), "portable") }

func pickNetwork(name string) (network, error) {
	if name == "" || name == "auto" {
		name = Drivers()[0]
	}
	if name == "portable" {
		return portableNetwork{}, nil
	}
	if n := systemNetwork(name); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("media: driver %q: %w (there are %v)", name, ErrNoDriver, Drivers())
}
