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
	drops   uint32 // the system's count, as last asked for
	slot    int    // the driver's: where in its table
}

// receiver takes what a sweep finds.
type receiver interface {
	// packet takes a datagram. b is the driver's: it is valid, and free to be written
	// on, until packet returns, or until it, or part of it, was sent.
	packet(s *socket, b []byte, from netip.AddrPort)
	// unsent tells that a packet of n bytes that send had taken was refused later.
	unsent(s *socket, n int)
}

// driver moves packets for one shard. It is made on the shard's thread and all its
// methods are called from there only; none of them waits.
type driver interface {
	add(*socket) error
	remove(*socket)
	// sweep hands r everything that has arrived since the last one, within bounds.
	sweep(r receiver)
	// send may keep b only by copying it, unless it lies in what packet was given. It
	// reports whether the packet was taken.
	send(s *socket, b []byte, to netip.AddrPort) bool
	// submit ends a tick: a driver that gathers sends hands them to the kernel now.
	submit()
	close() error
}

// network opens sockets, from any goroutine, and makes the drivers that serve them.
type network interface {
	name() string
	open(addr netip.AddrPort, buffer int) (*socket, error) // port 0: any
	closeSocket(*socket) error
	newDriver() (driver, error)
}

func networks() []network { return append(systemNetworks(), portableNetwork{}) }

// Drivers lists the names Options.Driver may have on this system, the one that
// "auto" prefers first.
func Drivers() []string {
	var names []string
	for _, n := range networks() {
		names = append(names, n.name())
	}
	return names
}

// pickNetwork finds a network by name. "auto" takes the first that works here and
// says why those before it do not.
func pickNetwork(name string) (n network, refused []DriverStatus, err error) {
	return pick(networks(), name)
}

func pick(all []network, name string) (n network, refused []DriverStatus, err error) {
	if name == "" || name == "auto" {
		for _, n := range all[:len(all)-1] {
			status := probe(n)
			if status.Available {
				return n, refused, nil
			}
			refused = append(refused, status)
		}
		return all[len(all)-1], refused, nil
	}
	for _, n := range all {
		if n.name() == name {
			return n, nil, nil
		}
	}
	return nil, nil, fmt.Errorf("media: driver %q: %w (there are %v)", name, ErrNoDriver, Drivers())
}
