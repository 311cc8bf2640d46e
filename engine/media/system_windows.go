package media

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// addrInUse tells that the port is taken, by whatever program.
func addrInUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }

// poller asks the system which of many sockets can be read, without waiting.
type poller struct {
	fds  []pollFD
	proc *windows.LazyProc
}

// pollFD is WSAPOLLFD.
type pollFD struct {
	socket  uintptr
	events  int16
	revents int16
}

const pollIn = 0x0100 | 0x0200 // POLLRDNORM | POLLRDBAND

func (p *poller) add(fd int) {
	if p.proc == nil {
		p.proc = windows.NewLazySystemDLL("ws2_32.dll").NewProc("WSAPoll")
	}
	p.fds = append(p.fds, pollFD{socket: uintptr(fd), events: pollIn})
}

// remove puts the last entry into the place of entry i.
func (p *poller) remove(i int) {
	last := len(p.fds) - 1
	p.fds[i] = p.fds[last]
	p.fds = p.fds[:last]
}

// poll returns how many are ready.
func (p *poller) poll() int {
	if len(p.fds) == 0 {
		return 0
	}
	n, _, _ := p.proc.Call(uintptr(unsafe.Pointer(&p.fds[0])), uintptr(len(p.fds)), 0)
	return max(0, int(int32(n)))
}

func (p *poller) ready(i int) bool { return p.fds[i].revents != 0 }
