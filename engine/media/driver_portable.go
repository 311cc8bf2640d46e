package media

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// portableNetwork uses net.UDPConn, and the system's poll call to learn, without a
// goroutine a socket, which of them have something. It is slower than epoll by a
// copy of the table of sockets each sweep.
type portableNetwork struct{}

func (portableNetwork) name() string { return "portable" }

func (portableNetwork) open(addr netip.AddrPort, buffer int) (*socket, error) {
	network := "udp6"
	switch {
	case addr.Addr().Is4():
		network = "udp4"
	case addr.Addr().IsUnspecified():
		network = "udp" // [::] takes IPv4 as well
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(buffer) // a wish
	_ = conn.SetWriteBuffer(buffer)
	addr = netip.AddrPortFrom(addr.Addr(), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	s := &socket{addr: addr, handle: conn}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { s.fd = int(fd) })
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("media: socket of %v: %w", addr, err)
	}
	return s, nil
}

func (portableNetwork) closeSocket(s *socket) error { return s.handle.(*net.UDPConn).Close() }

func (portableNetwork) newDriver() (driver, error) { return &portableDriver{}, nil }

type portableDriver struct {
	sockets []*socket
	poll    poller // one entry a socket, in the same order
	buf     [2048]byte
}

func (d *portableDriver) add(s *socket) error {
	s.slot = len(d.sockets)
	d.sockets = append(d.sockets, s)
	d.poll.add(s.fd)
	return nil
}

func (d *portableDriver) remove(s *socket) {
	last := len(d.sockets) - 1
	if s.slot > last || d.sockets[s.slot] != s {
		return
	}
	d.sockets[s.slot] = d.sockets[last]
	d.sockets[s.slot].slot = s.slot
	d.sockets[last] = nil
	d.sockets = d.sockets[:last]
	d.poll.remove(s.slot)
}

func (d *portableDriver) sweep(r receiver) {
	for range sweepRounds {
		if d.poll.poll() == 0 {
			return
		}
		for i := 0; i < len(d.sockets); i++ {
			if d.poll.ready(i) {
				d.receive(d.sockets[i], r)
			}
		}
	}
}

func (d *portableDriver) receive(s *socket, r receiver) {
	conn := s.handle.(*net.UDPConn)
	// What poll saw may be gone (a bad checksum is found late): never wait for the next.
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	n, from, err := conn.ReadFromUDPAddrPort(d.buf[:])
	if err != nil {
		return
	}
	r.packet(s, d.buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
}

func (d *portableDriver) send(s *socket, b []byte, to netip.AddrPort) bool {
	_, err := s.handle.(*net.UDPConn).WriteToUDPAddrPort(b, to)
	return err == nil
}

func (d *portableDriver) submit() {}

func (d *portableDriver) close() error { return nil }
