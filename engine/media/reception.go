package media

import "time"

// probation is how many packets in a row a new stream must show before it is
// believed: after the first ones, a stream with another SSRC, or one from an
// address that is to be learnt.
const probation = 3

// reception keeps the numbers of the stream that comes in (RFC 3550 appendix A).
type reception struct {
	known bool
	ssrc  uint32
	clock uint32 // rate of the timestamps, in Hz; 0: 8000

	base          uint32 // first sequence number
	highest       uint32 // extended by the count of cycles
	received      uint32
	expectedPrior uint32 // at the last report
	receivedPrior uint32
	transit       uint32 // of the last packet, in timestamp units
	hasTransit    bool
	jitter        uint32 // in timestamp units, times 16

	rival candidate
}

// candidate is a stream that is not believed yet.
type candidate struct {
	ssrc uint32
	seq  uint16
	n    int
}

// proves counts a packet and tells whether the candidate has now been consistent
// long enough.
func (c *candidate) proves(p *packet) bool {
	if c.n > 0 && c.ssrc == p.ssrc && p.seq == c.seq+1 {
		c.n++
	} else {
		c.n = 1
	}
	c.ssrc, c.seq = p.ssrc, p.seq
	return c.n >= probation
}

// accepts tells whether p belongs to the stream. While the known one flows, no
// other takes its place.
func (r *reception) accepts(p *packet) bool {
	switch {
	case !r.known:
		r.start(p)
	case r.ssrc == p.ssrc:
		r.rival.n = 0
	case r.rival.proves(p):
		r.start(p)
	default:
		return false
	}
	return true
}

func (r *reception) start(p *packet) {
	*r = reception{known: true, ssrc: p.ssrc, clock: r.clock, base: uint32(p.seq), highest: uint32(p.seq) - 1}
}

// clocked tells the rate of the timestamps that come, which is the codec's.
func (r *reception) clocked(hz uint32) {
	if r.clock != hz {
		r.jitter = uint32(uint64(r.jitter) * uint64(hz) / uint64(r.hz()))
		r.clock, r.hasTransit = hz, false
	}
}

func (r *reception) hz() uint32 { return max(r.clock, sampleRate) }

// count notes an accepted packet. arrival is in samples at 8 kHz. Events say
// nothing of jitter: all packets of one carry the same timestamp.
func (r *reception) count(p *packet, arrival uint32, audio bool) {
	switch ahead := p.seq - uint16(r.highest); {
	case ahead == 0: // a duplicate
	case ahead < maxDropout:
		r.highest += uint32(ahead)
	case ahead <= 1<<16-1-maxMisorder: // the sender began anew
		r.base, r.highest = uint32(p.seq), uint32(p.seq)
		r.received, r.expectedPrior, r.receivedPrior, r.hasTransit = 0, 0, 0, false
	}
	r.received++
	if !audio {
		return
	}
	transit := arrival*(r.hz()/sampleRate) - p.timestamp // all modulo 1<<32
	if r.hasTransit {
		d := int32(transit - r.transit)
		if d < 0 {
			d = -d
		}
		if d < 10*int32(r.hz()) { // a jump of the sender's clock is no jitter
			r.jitter += uint32(d) - (r.jitter+8)>>4
		}
	}
	r.transit, r.hasTransit = transit, true
}

// lost is the cumulative number of packets lost (appendix A.3).
func (r *reception) lost() int64 {
	if !r.known {
		return 0
	}
	return int64(r.expected()) - int64(r.received)
}

func (r *reception) expected() uint32 { return r.highest - r.base + 1 }

func (r *reception) jitterTime() time.Duration {
	return time.Duration(r.jitter>>4) * time.Second / time.Duration(r.hz())
}

// fraction is the share lost since it was last called, in 256ths (appendix A.3).
func (r *reception) fraction() uint8 {
	expected, received := r.expected()-r.expectedPrior, r.received-r.receivedPrior
	r.expectedPrior, r.receivedPrior = r.expected(), r.received
	lost := int64(expected) - int64(received)
	if expected == 0 || lost <= 0 {
		return 0
	}
	return uint8(min(255, lost<<8/int64(expected)))
}
