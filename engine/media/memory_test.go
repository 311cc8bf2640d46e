package media

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"unsafe"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// A call that is only relayed has neither buffers nor codecs: its two sessions are
// some kilobytes.
func TestARelayedCallIsSmall(t *testing.T) {
	const calls = 200
	w := newWorld(t, Options{})
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // the first has moved pools to their last use
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var all []*Session
	packet := make([]byte, headerSize+frameSamples)
	calling := func(n int) {
		for range 2 * n {
			s, err := w.e.NewSession(SessionOptions{Bind: loopback})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			f := Format{
				Remote: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Codec: codec.PCMU, EventPayloadType: 101,
				Receives: []Payload{{0, codec.PCMU}, {8, codec.PCMA}, {9, codec.G722}}, Send: true, Receive: true,
			}
			if err := s.SetFormat(f); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
			if len(all)%2 == 0 {
				Bridge(all[len(all)-2], s)
				w.commands()
			}
		}
		for i, s := range all {
			for n := range 5 {
				putHeader(packet, 0, n == 0, uint16(n), uint32(n*frameSamples), uint32(i+1))
				if _, err := conn.WriteToUDPAddrPort(packet, s.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
			w.ticks(1)
		}
		w.frames(10)
	}
	calling(10) // what the engine has but once
	before := heap()
	calling(calls)
	size := int(heap()-before) / calls
	t.Logf("a session is %d bytes, a relayed call %d in all", unsafe.Sizeof(Session{}), size)
	if size > 8<<10 {
		t.Errorf("a relayed call takes %d bytes of heap", size)
	}
}
