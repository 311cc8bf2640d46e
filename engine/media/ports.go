package media

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
)

// Kernel buffers, in bytes as the system is asked for them. Linux doubles that and
// counts 768 for a small packet: two seconds of a call's RTP, so that a machine that
// stalls loses nothing, and one that cannot keep up throws away instead of playing
// what was said long ago; and a few reports of RTCP.
const (
	rtpBuffer  = 40 << 10
	rtcpBuffer = 8 << 10
)

// ports hands out even ports (RFC 3550 section 11: RTP even, RTCP the next), the
// one that has been free longest first: what still comes for a call that has
// ended meets nobody for as long as the range allows. It starts shuffled, so
// that a stranger cannot tell which one is next.
type ports struct {
	mu   sync.Mutex
	free []uint16 // a queue
}

func newPorts(low, high uint16) (*ports, error) {
	if low == 0 && high == 0 {
		low, high = 16384, 32767
	}
	p := &ports{}
	for n := int(low) + int(low)%2; n+1 <= int(high); n += 2 {
		p.free = append(p.free, uint16(n))
	}
	if low == 0 || len(p.free) == 0 {
		return nil, fmt.Errorf("media: ports %d to %d hold no even port and its neighbour", low, high)
	}
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	return p, nil
}

func (p *ports) take() (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return 0, false
	}
	port := p.free[0]
	p.free = p.free[1:]
	return port, true
}

func (p *ports) give(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, port)
}

func (p *ports) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

// openPair binds an RTP port and its RTCP neighbour. Pairs that another program
// holds are passed over.
func (p *ports) openPair(n network, addr netip.Addr) (rtp, rtcp *socket, err error) {
	for range p.left() {
		port, ok := p.take()
		if !ok {
			break
		}
		rtp, err = n.open(netip.AddrPortFrom(addr, port), rtpBuffer)
		if err == nil {
			rtcp, err = n.open(netip.AddrPortFrom(addr, port+1), rtcpBuffer)
			if err == nil {
				return rtp, rtcp, nil
			}
			err = errors.Join(err, n.closeSocket(rtp))
		}
		p.give(port)
		if !addrInUse(err) {
			return nil, nil, fmt.Errorf("media: bind %v: %w", netip.AddrPortFrom(addr, port), err)
		}
	}
	return nil, nil, ErrNoPorts
}
