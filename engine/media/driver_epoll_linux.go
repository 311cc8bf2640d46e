package media

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trafficClass marks packets as voice: DSCP "expedited forwarding" (RFC 3246).
const trafficClass = 0xb8

func systemNetworks() []network { return []network{uringNetwork{}, epollNetwork{}} }

// epollNetwork opens plain sockets: the runtime's poller knows nothing of them.
type epollNetwork struct{}

func (epollNetwork) name() string { return "epoll" }

func (epollNetwork) open(addr netip.AddrPort, buffer int) (*socket, error) {
	family := unix.AF_INET6
	if addr.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// Buffers and priority are wishes: a socket without them works too.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, buffer)
	var name unix.Sockaddr
	if family == unix.AF_INET {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, trafficClass)
		name = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	} else {
		// [::] takes IPv4 as well, as net.ListenUDP does.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, trafficClass)
		name = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	}
	if err := unix.Bind(fd, name); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	if addr.Port() == 0 {
		bound, err := unix.Getsockname(fd)
		if err != nil {
			_ = unix.Close(fd)
			return nil, os.NewSyscallError("getsockname", err)
		}
		switch bound := bound.(type) {
		case *unix.SockaddrInet4:
			addr = netip.AddrPortFrom(addr.Addr(), uint16(bound.Port))
		case *unix.SockaddrInet6:
			addr = netip.AddrPortFrom(addr.Addr(), uint16(bound.Port))
		}
	}
	return &socket{addr: addr, fd: fd}, nil
}

func (epollNetwork) closeSocket(s *socket) error { return unix.Close(s.fd) }

func (epollNetwork) newDriver() (driver, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &epollDriver{poll: poll}, nil
}

// epollDriver sweeps with raw, non-waiting system calls, which skip the scheduler's
// bookkeeping: one epoll_pwait a round, one recvfrom a packet. Everything the
// kernel writes to is part of the struct, so that nothing is allocated.
type epollDriver struct {
	poll    int
	sockets []*socket // by slot; nil where free
	free    []int
	events  [512]unix.EpollEvent
	buf     [2048]byte // longer than maxDatagram, so that what is too long is seen to be
	from    unix.RawSockaddrInet6
	to      unix.RawSockaddrInet6
}

func (d *epollDriver) add(s *socket) error {
	if n := len(d.free); n > 0 {
		s.slot, d.free = d.free[n-1], d.free[:n-1]
	} else {
		s.slot = len(d.sockets)
		d.sockets = append(d.sockets, nil)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.slot)}
	if err := unix.EpollCtl(d.poll, unix.EPOLL_CTL_ADD, s.fd, &event); err != nil {
		d.free = append(d.free, s.slot)
		return fmt.Errorf("media: watch socket %v: %w", s.addr, os.NewSyscallError("epoll_ctl", err))
	}
	d.sockets[s.slot] = s
	return nil
}

func (d *epollDriver) remove(s *socket) {
	if s.slot >= len(d.sockets) || d.sockets[s.slot] != s {
		return // it was never added
	}
	_ = unix.EpollCtl(d.poll, unix.EPOLL_CTL_DEL, s.fd, nil)
	d.sockets[s.slot] = nil
	d.free = append(d.free, s.slot)
}

// sweep takes one packet of each ready socket a round: a busy one cannot starve
// the others, and no recvfrom is wasted on finding a socket empty.
func (d *epollDriver) sweep(r receiver) {
	for range sweepRounds {
		full := d.round(r)
		if !full {
			return
		}
	}
}

func (d *epollDriver) round(r receiver) (any bool) {
	// A round covers all ready sockets even if there are more than d.events holds:
	// epoll rotates its ready list.
	for range len(d.sockets)/len(d.events) + 1 {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(d.poll), uintptr(unsafe.Pointer(&d.events)), uintptr(len(d.events)), 0, 0, 0)
		if errno != 0 || n == 0 {
			return any
		}
		any = true
		for i := range d.events[:n] {
			if s := d.sockets[d.events[i].Fd]; s != nil {
				d.receive(s, r)
			}
		}
		if int(n) < len(d.events) {
			return true
		}
	}
	return any
}

func (d *epollDriver) receive(s *socket, r receiver) {
	size := uint32(unix.SizeofSockaddrInet6)
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&d.buf)), uintptr(len(d.buf)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&d.from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return
	}
	r.packet(s, d.buf[:n], addrPort(&d.from))
}

func (d *epollDriver) send(s *socket, b []byte, to netip.AddrPort) bool {
	if len(b) == 0 {
		return false
	}
	size := setName(&d.to, to, s.addr.Addr().Is4())
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&d.to)), size)
	return errno == 0
}

func (d *epollDriver) submit() {}

func (d *epollDriver) close() error { return os.NewSyscallError("close", unix.Close(d.poll)) }

// setName writes the kernel's form of an address and returns its size.
func setName(name *unix.RawSockaddrInet6, to netip.AddrPort, ip4 bool) uintptr {
	port := to.Port()<<8 | to.Port()>>8
	if bigEndian {
		port = to.Port()
	}
	if ip4 {
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		raw.Family, raw.Port, raw.Addr = unix.AF_INET, port, to.Addr().As4()
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16()}
	return unix.SizeofSockaddrInet6
}

// addrPort reads the kernel's form. Zones of link-local addresses are left out:
// SDP has no way to write them.
func addrPort(raw *unix.RawSockaddrInet6) netip.AddrPort {
	port := raw.Port<<8 | raw.Port>>8
	if bigEndian {
		port = raw.Port
	}
	if raw.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(raw)).Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(raw.Addr).Unmap(), port)
}
