// Package fakenet carries packets as a bad net does: it loses, delays, bunches, reorders
// and doubles them, and lets the sender's clock run wrong. It is for tests; the same Net
// does the same every time, and nothing waits: times are only computed.
package fakenet

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Net is a way through a net. All of it can be had at once; the zero value carries every
// packet at once.
type Net struct {
	Seed uint64

	// Loss is the share of packets lost. With Burst, the mean number of packets lost
	// in a row, it is that of a chain of two states, good and bad, of Gilbert (1960); 0 and
	// 1: packets are lost independently of each other.
	Loss  float64
	Burst float64

	// Jitter is the most that a packet is delayed, evenly spread. Packets stay in
	// order, as in a queue, unless AnyOrder, as by Linux's netem.
	Jitter   time.Duration
	AnyOrder bool

	// Every SpikeEvery the net stands still for Spike, and then gives what it
	// held at once.
	Spike, SpikeEvery time.Duration

	Reorder   float64 // share of packets that two later ones overtake
	Duplicate float64 // share of packets that come again, 10 ms later

	Drift float64 // parts per million that the sender's clock is too fast

	// Every StallEvery the receiver stands still for Stall. What came meanwhile is seen after it.
	Stall, StallEvery time.Duration
}

// Arrival is a packet that came through.
type Arrival struct {
	Index int           // which packet
	At    time.Duration // by the receiver's clock
}

// Carry sends packets, one every interval of the sender's clock, and returns what comes and when.
func (n Net) Carry(packets int, interval time.Duration) []Arrival {
	random := rand.New(rand.NewPCG(n.Seed, 0x6e6574))
	arrivals := make([]Arrival, 0, packets)
	var last time.Duration
	bad := false
	for i := range packets {
		// Every packet draws as often whatever becomes of it, so that a change of one condition leaves the others be.
		lossy, wait, overtaken, twice := random.Float64(), random.Float64(), random.Float64(), random.Float64()
		sent := time.Duration(float64(i) * float64(interval) / (1 + n.Drift/1e6))
		bad = n.loses(lossy, bad)
		if bad {
			continue
		}
		at := sent + time.Duration(wait*float64(n.Jitter))
		if !n.AnyOrder {
			at = max(at, last)
			last = at
		}
		at = held(at, n.Spike, n.SpikeEvery)
		if overtaken < n.Reorder {
			at += 2*interval + interval/4
		}
		arrivals = append(arrivals, Arrival{i, held(at, n.Stall, n.StallEvery)})
		if twice < n.Duplicate {
			arrivals = append(arrivals, Arrival{i, held(at+10*time.Millisecond, n.Stall, n.StallEvery)})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b Arrival) int { return int(a.At - b.At) })
	return arrivals
}

// loses tells whether the next packet is lost, and by that the state of the chain.
func (n Net) loses(draw float64, bad bool) bool {
	if n.Burst <= 1 {
		return draw < n.Loss
	}
	if bad {
		return draw >= 1/n.Burst
	}
	return draw < n.Loss/(1-n.Loss)/n.Burst
}

// held is when what comes at a time goes on, if every now and then it is held for a while.
func held(at, while, every time.Duration) time.Duration {
	if every <= 0 {
		return at
	}
	if since := at % every; at >= every && since < while {
		return at - since + while
	}
	return at
}
