package fakenet

import (
	"math"
	"reflect"
	"testing"
	"time"
)

const interval = 20 * time.Millisecond

func TestZeroNetCarriesEverythingAtOnce(t *testing.T) {
	for i, a := range (Net{}).Carry(100, interval) {
		if a.Index != i || a.At != time.Duration(i)*interval {
			t.Fatalf("packet %d came as %+v", i, a)
		}
	}
}

func TestSameSeedSameNet(t *testing.T) {
	n := Net{Seed: 4, Loss: 0.1, Jitter: 50 * time.Millisecond, Duplicate: 0.1, Reorder: 0.1}
	if !reflect.DeepEqual(n.Carry(500, interval), n.Carry(500, interval)) {
		t.Error("two nets of one seed differ")
	}
	other := n
	other.Seed++
	if reflect.DeepEqual(n.Carry(500, interval), other.Carry(500, interval)) {
		t.Error("two nets of different seeds are the same")
	}
}

func TestLossComesAsAskedFor(t *testing.T) {
	const packets = 200000
	for _, burst := range []float64{0, 1, 4} {
		n := Net{Loss: 0.05, Burst: burst}
		arrivals := n.Carry(packets, interval)
		if lost := 1 - float64(len(arrivals))/packets; math.Abs(lost-0.05) > 0.005 {
			t.Errorf("burst %v: %.3f of the packets are lost, want 0.05", burst, lost)
		}
		gaps, last := 0, -1
		for _, a := range arrivals {
			if a.Index > last+1 {
				gaps++
			}
			last = a.Index
		}
		mean := float64(packets-len(arrivals)) / float64(gaps)
		if want := max(burst, 1/(1-n.Loss)); math.Abs(mean-want) > 0.2 {
			t.Errorf("burst %v: %.2f packets are lost in a row, want %.2f", burst, mean, want)
		}
	}
}

func TestJitterKeepsOrderUnlessToldOtherwise(t *testing.T) {
	n := Net{Jitter: 100 * time.Millisecond}
	if misordered(n.Carry(1000, interval)) > 0 {
		t.Error("packets in a queue overtook each other")
	}
	n.AnyOrder = true
	if misordered(n.Carry(1000, interval)) < 100 {
		t.Error("packets hardly overtake each other in 100 ms of jitter")
	}
}

func TestReorderedAndDoubled(t *testing.T) {
	n := Net{Reorder: 0.1}
	if got := misordered(n.Carry(1000, interval)); got < 60 || got > 140 {
		t.Errorf("%d of 1000 packets came out of order, want about 100", got)
	}
	n = Net{Duplicate: 0.1}
	if got := len(n.Carry(1000, interval)) - 1000; got < 60 || got > 140 {
		t.Errorf("%d of 1000 packets came twice, want about 100", got)
	}
}

func TestDriftSpikesAndStalls(t *testing.T) {
	last := func(n Net) time.Duration {
		a := n.Carry(50*3600+1, interval)
		return a[len(a)-1].At
	}
	if got := last(Net{Drift: 500}); (got - time.Hour + 1800*time.Millisecond).Abs() > 2*time.Millisecond {
		t.Errorf("with a clock 500 ppm fast, the packet of an hour comes after %v", got)
	}
	for _, n := range []Net{{Spike: 200 * time.Millisecond, SpikeEvery: time.Second}, {Stall: 200 * time.Millisecond, StallEvery: time.Second}} {
		bunch := 0
		for _, a := range n.Carry(100, interval) {
			if a.At == 1200*time.Millisecond {
				bunch++
			}
		}
		if bunch != 11 { // of 1000, 1020 … 1200 ms
			t.Errorf("%d packets came together after 200 ms without", bunch)
		}
	}
}

func misordered(arrivals []Arrival) int {
	n, newest := 0, -1
	for _, a := range arrivals {
		if a.Index < newest {
			n++
		}
		newest = max(newest, a.Index)
	}
	return n
}
