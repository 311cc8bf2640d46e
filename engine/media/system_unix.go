//go:build unix

package media

import (
	"errors"

	"golang.org/x/sys/unix"
)

// addrInUse tells that the port is taken, by whatever program.
func addrInUse(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

// poller asks the system which of many sockets can be read, without waiting.
type poller struct{ fds []unix.PollFd }

func (p *poller) add(fd int) {
	p.fds = append(p.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
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
	n, err := unix.Poll(p.fds, 0)
	if err != nil {
		return 0
	}
	return n
}

func (p *poller) ready(i int) bool { return p.fds[i].Revents != 0 }
