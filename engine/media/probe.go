package media

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
)

// DriverStatus tells whether a driver works on this machine.
type DriverStatus struct {
	Name      string
	Available bool
	Reason    string // why it does not; empty where it does
}

// Probe tries the drivers of this system, in the order in which "auto" prefers
// them: each is to move one datagram over the loopback. It takes a few milliseconds,
// up to a second for a driver that does not work.
func Probe() []DriverStatus {
	var all []DriverStatus
	for _, n := range networks() {
		all = append(all, probe(n))
	}
	return all
}

func probe(n network) DriverStatus {
	result := make(chan error)
	go func() { // on a thread of its own, as on a shard: it ends with the goroutine
		runtime.LockOSThread()
		result <- tryDriver(n)
	}()
	status := DriverStatus{Name: n.name(), Available: true}
	if err := <-result; err != nil {
		status.Available, status.Reason = false, err.Error()
	}
	return status
}

// probeTime is how long the datagram may take; the loopback delivers at once.
const probeTime = time.Second

func tryDriver(n network) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	d, err := n.newDriver()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	s, err := n.open(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0), rtcpBuffer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.closeSocket(s)) }()
	if err := d.add(s); err != nil {
		return err
	}
	defer d.remove(s)
	if !d.send(s, []byte("belfry"), s.addr) {
		return errors.New("it does not send")
	}
	d.submit()
	r := &probeReceiver{}
	d.sweep(r)
	for began := time.Now(); !r.came && time.Since(began) < probeTime; d.sweep(r) {
		time.Sleep(time.Millisecond)
	}
	if !r.came {
		return errors.New("it does not receive")
	}
	return nil
}

type probeReceiver struct{ came bool }

func (r *probeReceiver) packet(_ *socket, b []byte, _ netip.AddrPort) {
	r.came = r.came || string(b) == "belfry"
}

func (r *probeReceiver) unsent(*socket, int) {}
