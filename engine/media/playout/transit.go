package playout

import "math"

const (
	buckets   = int(greatestMaxDelay/Tick) + 1
	blockTime = 100 // ticks, half a second
	blocks    = 8
	prior     = 4 // ticks, 20 ms: what is expected before anything is known
)

// transit is what is known of the packets' way here: how much longer it takes than it has to.
// The transit of a packet is the time of its arrival less the end of its sound, in samples: only differences say anything.
type transit struct {
	tick   int64 // samples
	max    int   // ticks
	target int   // ticks: what a packet of the least transit should wait
	ref    int64 // the least transit of the last seconds, but for outliers

	late   [buckets]float32 // packets by how many ticks they were later than ref, the last seconds' more than those before
	top    int              // the highest bucket used
	fresh  bool             // late has changed
	lower  int              // reviews in a row that asked for less than target
	lowest int              // and the most that one of them asked for

	least   [blocks]int64 // the least transit of the last blocks of time
	known   int           // of them
	block   int64         // when the present one began
	min     int64         // its least
	stray   int64         // samples of packets in a row that were far from ref
	strayed int64         // their least transit
}

func (t *transit) init(tick int64, maxDelay int) {
	t.tick, t.max = tick, maxDelay
	t.target = prior
	t.top = prior - 1
	t.late[t.top] = 0.5
}

// The delay asked for is the one by which a call is rated best (ITU-T G.107, the
// E-model), in its points of R, of delay and of packets that come too late.
const (
	delayCost = 0.024 * 5          // a tick
	knee      = 20                 // ticks: 100 ms here, with what the rest of the way takes, reach G.107's 177 ms
	kneeCost  = (0.024 + 0.11) * 5 // a tick beyond
	lateCost  = 95 / 25.1 * 100    // all late: the slope at none of G.711 with concealment (G.113: Bpl 25.1)

	memory   = 0.98 // what is left of late in a review: a third in 5 s
	patience = 20   // reviews, 2 s
	trace    = 1e-3 // packets: less than that is nothing
)

// review sets target. It is called about every 100 ms.
func (t *transit) review() {
	if !t.fresh {
		return
	}
	t.fresh = false
	var total float32
	for i := range t.late[:t.top+1] {
		t.late[i] *= memory
		total += t.late[i]
	}
	for t.top > 0 && t.late[t.top] < trace {
		t.late[t.top] = 0
		t.top--
	}
	var beyond float32
	least, target := float32(math.Inf(1)), 0
	for i := t.top; i >= 0; i-- {
		cost := delayCost*float32(i) + lateCost*beyond/total
		if i > knee {
			cost += (kneeCost - delayCost) * float32(i-knee)
		}
		if cost <= least {
			least, target = cost, i
		}
		beyond += t.late[i]
	}
	t.settle(min(target+1, t.max)) // arrivals are known to a tick
}

// settle has the delay grow at once, and shrink when it has been too long for a while.
func (t *transit) settle(target int) {
	if target >= t.target {
		t.target, t.lower, t.lowest = target, 0, 0
		return
	}
	t.lowest = max(t.lowest, target)
	if t.lower++; t.lower >= patience {
		t.target, t.lower, t.lowest = t.lowest, 0, 0
	}
}

// anchor makes least the ref, and forgets which one was.
func (t *transit) anchor(least int64) {
	t.ref, t.known, t.min, t.stray = least, 0, math.MaxInt64, 0
}

// note takes the transit of a packet of n samples.
func (t *transit) note(transit, n, now int64) {
	if t.follow(transit, n, now) {
		return
	}
	late := (transit - t.ref + t.tick - 1) / t.tick
	i := int(max(0, min(late, int64(t.max))))
	t.late[i]++
	t.top = max(t.top, i)
	t.fresh = true
}

// follow brings ref after the clocks, which run apart, and the net, whose ways change: it is the
// second least of the least transits of the last blocks, since one stall of this
// machine, whose ticks are labelled with the time they were due, makes packets seem early. Until the first block is
// full it is the least so far. It tells that the packet is to be ignored.
func (t *transit) follow(transit, n, now int64) bool {
	if t.known == 0 && transit < t.ref {
		t.move(transit)
	}
	t.min = min(t.min, transit)
	if now-t.block >= blockTime {
		copy(t.least[1:], t.least[:])
		t.least[0], t.known = t.min, min(t.known+1, blocks)
		t.block, t.min = now, math.MaxInt64
		t.move(t.secondLeast())
	}
	if d := transit - t.ref; d >= -2*earlyLimit*t.tick && d <= int64(t.max)*t.tick {
		t.stray = 0
		return false
	}
	if t.stray == 0 {
		t.strayed = transit
	}
	t.strayed = min(t.strayed, transit)
	if t.stray += n; t.stray > 40*t.tick { // 200 ms: no spike or stall, but another way
		t.move(t.strayed)
		t.known, t.stray = 0, 0
	}
	return true
}

// secondLeast is the second least of the blocks' least transits, of one or two the least.
func (t *transit) secondLeast() int64 {
	least, second := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, v := range t.least[:t.known] {
		least, second = min(least, v), min(second, max(least, v))
	}
	if t.known < 3 {
		return least
	}
	return second
}

// move sets ref to about least, in whole ticks, and late with it.
func (t *transit) move(least int64) {
	by := (least - t.ref) / t.tick
	t.ref += by * t.tick
	switch n := int(max(-int64(buckets), min(by, int64(buckets)))); {
	case n > 0:
		for i := range min(n, t.top) {
			t.late[min(n, t.top)] += t.late[i]
		}
		kept := copy(t.late[:], t.late[min(n, t.top):t.top+1])
		clear(t.late[kept : t.top+1])
		t.top = kept - 1
	case n < 0:
		old := t.late
		clear(t.late[:])
		t.top = min(t.top-n, t.max)
		for i, v := range old {
			t.late[min(i-n, t.max)] += v
		}
	}
	t.fresh = true
}
