package media

import (
	"net/netip"
	"time"
)

// DropReason says why a packet that came in, or was to go out, went nowhere.
type DropReason uint8

// The reasons.
const (
	DropTruncated   DropReason = iota // shorter than its own headers say
	DropOversized                     // longer than 1500 bytes
	DropVersion                       // not RTP version 2
	DropPayloadType                   // not a payload type that was agreed
	DropSource                        // from an address that is not the peer's
	DropSSRC                          // another stream amid the one that is known
	DropDirection                     // nothing is to be received now
	DropLate                          // overtaken by what was sent after it
	DropEvent                         // a key that the other side has not agreed to get
	DropRTCP                          // RTCP that does not keep to RFC 3550 appendix A.2
	DropSend                          // the system did not take it
	DropLoop                          // our own stream, sent back to us
	DropCodec                         // sound that this machine cannot decode or encode
	DropKernel                        // found no room in the socket's buffer; known where the system tells (Linux)
	dropReasons
)

// String is the reason as metrics and logs name it.
func (r DropReason) String() string {
	names := [...]string{"truncated", "oversized", "version", "payloadType", "source", "ssrc", "direction", "late", "event", "rtcp", "send", "loop", "codec", "kernel"}
	if r >= dropReasons {
		return "unknown"
	}
	return names[r]
}

// Drops counts by DropReason.
type Drops [dropReasons]uint64

// Total is the sum of all reasons.
func (d Drops) Total() uint64 {
	var n uint64
	for _, v := range d {
		n += v
	}
	return n
}

// Stats are an engine's totals since it started.
type Stats struct {
	Sessions              int // open now
	PacketsIn, PacketsOut uint64
	BytesIn, BytesOut     uint64 // of UDP payload
	Dropped               Drops
	LostEvents            uint64        // digits and time-outs that found the dispatcher's queue full
	Stalls                uint64        // times that a shard woke more than a frame late
	WorstStall            time.Duration // the longest of them
}

// SessionStats tell how one session fares. They are at most 100 ms old.
type SessionStats struct {
	PacketsIn, PacketsOut uint64
	BytesIn, BytesOut     uint64        // of UDP payload
	Lost                  int64         // RTP packets missing so far; negative with duplicates (RFC 3550 section 6.4.1)
	Jitter                time.Duration // RFC 3550 section 6.4.1; arrival is known to 5 ms
	LastReceived          time.Time     // of accepted RTP, by the engine's clock
	RTT                   time.Duration // from the peer's last receiver report; 0: not known
	RemoteLost            int64         // what the peer reports of what we send
	RemoteJitter          time.Duration
	Remote                netip.AddrPort // where RTP goes now: the address of the SDP or the learnt one
	Dropped               Drops

	// What follows is known where sound is decoded: by a transcoding bridge, a
	// conference, or whoever listens for keys in it.
	Transcoded bool          // what comes is said to the other side of the bridge in its codec
	Delay      time.Duration // how long sound waits in the playout buffer
	Late       uint64        // packets that came after their time
	Concealed  time.Duration // sound made up for what was lost
}

// counters are kept twice, by session and by shard, and only by the shard's thread.
type counters struct {
	packetsIn, packetsOut uint64
	bytesIn, bytesOut     uint64
	dropped               Drops
}

func (s *Stats) add(c *counters) {
	s.PacketsIn += c.packetsIn
	s.PacketsOut += c.packetsOut
	s.BytesIn += c.bytesIn
	s.BytesOut += c.bytesOut
	for i, n := range c.dropped {
		s.Dropped[i] += n
	}
}
