package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

// RTCP packet types (RFC 3550 section 12.1).
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203

	srSize, rrSize = 28, 8 // bytes without report blocks
	blockSize      = 24
	itemCNAME      = 1

	maxReport = 256 // bytes of what we send

	// The average interval of section 6.2; each one is drawn from half to one and a
	// half times that (section 6.3.1). The first comes after half the time.
	reportInterval = 5 * time.Second
	initialReport  = reportInterval / 2
)

// rtcpState is a session's reports.
type rtcpState struct {
	remote       netip.AddrPort // where they go
	anyPort      bool           // behind NAT: the port is what the peer's reports show
	next         time.Time      // when the next one is due; zero: none yet
	reported     uint32         // packets sent, as of the last one
	lastSR       uint32         // middle of the peer's last SR's NTP time
	lastSRAt     time.Time
	lastReceived time.Time // of RTP
	rtt          time.Duration
	remoteLost   int64
	remoteJitter uint32 // in timestamp units
}

func (r *rtcpState) setRemote(f *Format) {
	r.anyPort = f.Learn && !f.RTCPMux
	switch {
	case f.RemoteRTCP.IsValid():
		r.remote = f.RemoteRTCP
	case f.RTCPMux || !f.Remote.IsValid():
		r.remote = f.Remote
	default:
		r.remote = netip.AddrPortFrom(f.Remote.Addr(), f.Remote.Port()+1)
	}
}

// schedule draws the next report's time around an interval.
func (r *rtcpState) schedule(now time.Time, interval time.Duration) {
	r.next = now.Add(interval/2 + rand.N(interval))
}

// rtcpDestination is where reports go.
func (s *Session) rtcpDestination() netip.AddrPort {
	if s.format.RTCPMux {
		return s.origin.destination()
	}
	return s.control.remote
}

func (s *Session) reportIfDue(sh *shard) {
	if s.control.next.IsZero() || sh.now.Before(s.control.next) {
		return
	}
	s.control.schedule(sh.now, reportInterval)
	s.sendReport(sh, false)
	s.countKernelDrops(sh)
}

// sendBye ends the peer's view of our stream, if there was one (section 6.6).
func (s *Session) sendBye(sh *shard) {
	if s.sender.started {
		s.sendReport(sh, true)
	}
}

// sendReport sends a compound packet: SR or RR, SDES with our CNAME and, at the
// end, BYE. There is none while neither side has sent anything.
func (s *Session) sendReport(sh *shard, bye bool) {
	to := s.rtcpDestination()
	if !s.format.Codec.Valid() || !to.IsValid() || to.Port() == 0 || to.Addr().IsUnspecified() ||
		!s.sender.started && !s.reception.known {
		return
	}
	b := s.putReport(sh.report[:0], sh)
	b = s.putCNAME(b)
	if bye {
		b = append(b, rtpVersion<<6|1, typeBYE, 0, 1)
		b = binary.BigEndian.AppendUint32(b, s.sender.ssrc)
	}
	sock := s.rtcp
	if s.format.RTCPMux {
		sock = s.rtp
	}
	if !sh.drv.send(sock, b, to) {
		s.drop(sh, DropSend)
	}
}

// putReport appends an SR if we have sent since the last one, an RR otherwise
// (section 6.4).
func (s *Session) putReport(b []byte, sh *shard) []byte {
	kind, size := byte(typeRR), rrSize
	if s.sender.packets != s.control.reported {
		kind, size = typeSR, srSize
	}
	s.control.reported = s.sender.packets
	blocks := 0
	if s.reception.known {
		blocks, size = 1, size+blockSize
	}
	b = append(b, rtpVersion<<6|byte(blocks), kind, 0, byte(size/4-1))
	b = binary.BigEndian.AppendUint32(b, s.sender.ssrc)
	if kind == typeSR {
		b = binary.BigEndian.AppendUint64(b, ntp(sh.now))
		elapsed := uint32(max(0, sh.tick-s.sender.tick)) * s.sender.perTick
		b = binary.BigEndian.AppendUint32(b, s.sender.ts+elapsed)
		b = binary.BigEndian.AppendUint32(b, s.sender.packets)
		b = binary.BigEndian.AppendUint32(b, s.sender.octets)
	}
	if blocks == 0 {
		return b
	}
	r := &s.reception
	lost := uint32(min(max(r.lost(), -1<<23), 1<<23-1)) & 0xffffff // 24 bits, signed
	b = binary.BigEndian.AppendUint32(b, r.ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(r.fraction())<<24|lost)
	b = binary.BigEndian.AppendUint32(b, r.highest)
	b = binary.BigEndian.AppendUint32(b, r.jitter>>4)
	b = binary.BigEndian.AppendUint32(b, s.control.lastSR)
	var delay uint32
	if s.control.lastSR != 0 {
		delay = uint32(max(0, sh.now.Sub(s.control.lastSRAt)) * 65536 / time.Second)
	}
	return binary.BigEndian.AppendUint32(b, delay)
}

// putCNAME appends an SDES packet (section 6.5).
func (s *Session) putCNAME(b []byte) []byte {
	size := 4 + 4 + 2 + len(s.cname) + 1 // header, SSRC, item, end
	size = (size + 3) / 4 * 4
	at := len(b)
	b = append(b, rtpVersion<<6|1, typeSDES, 0, byte(size/4-1))
	b = binary.BigEndian.AppendUint32(b, s.sender.ssrc)
	b = append(b, itemCNAME, byte(len(s.cname)))
	b = append(b, s.cname...)
	for len(b) < at+size {
		b = append(b, 0)
	}
	return b
}

// ntp is a time in the 64 bits of RFC 3550 section 4.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800 // seconds before 1970
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// receiveRTCP takes a datagram that claims to be RTCP.
func (s *Session) receiveRTCP(sh *shard, b []byte, from netip.AddrPort) {
	switch {
	case !validCompound(b):
		s.drop(sh, DropRTCP)
		return
	case !s.fromPeerRTCP(b, from):
		s.drop(sh, DropSource)
		return
	}
	for len(b) > 0 {
		size := packetSize(b)
		s.takeReport(sh, b[:size])
		b = b[size:]
	}
}

// fromPeerRTCP tells whether a report is the peer's. Behind NAT the port is learnt
// from one that comes from the host that RTP comes from and names its stream.
func (s *Session) fromPeerRTCP(b []byte, from netip.AddrPort) bool {
	if from == s.rtcpDestination() {
		return true
	}
	if !s.control.anyPort || !s.origin.locked.IsValid() || from.Addr() != s.origin.locked.Addr() ||
		!s.reception.known || binary.BigEndian.Uint32(b[4:]) != s.reception.ssrc {
		return false
	}
	s.control.remote, s.control.anyPort = from, false
	return true
}

// validCompound makes the checks of RFC 3550 appendix A.2.
func validCompound(b []byte) bool {
	if len(b) < 8 || b[1] != typeSR && b[1] != typeRR || b[0]&0x20 != 0 {
		return false
	}
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != rtpVersion || packetSize(b) > len(b) {
			return false
		}
		size := packetSize(b)
		if b[0]&0x20 != 0 && size != len(b) {
			return false // padding is for the last packet only
		}
		need := 4
		switch b[1] {
		case typeSR:
			need = srSize + blockSize*int(b[0]&0x1f)
		case typeRR:
			need = rrSize + blockSize*int(b[0]&0x1f)
		}
		if size < need {
			return false
		}
		b = b[size:]
	}
	return true
}

// packetSize is what the header says, in bytes.
func packetSize(b []byte) int { return 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1) }

// takeReport learns from one packet of a valid compound.
func (s *Session) takeReport(sh *shard, b []byte) {
	var blocks []byte
	switch b[1] {
	case typeSR:
		s.control.lastSR, s.control.lastSRAt = binary.BigEndian.Uint32(b[10:]), sh.now
		blocks = b[srSize:]
	case typeRR:
		blocks = b[rrSize:]
	default:
		return
	}
	for range b[0] & 0x1f {
		if binary.BigEndian.Uint32(blocks) == s.sender.ssrc {
			s.takeBlock(sh, blocks[:blockSize])
		}
		blocks = blocks[blockSize:]
	}
}

// takeBlock learns how the peer hears us, and from the two times in it how long a
// packet takes there and back (section 6.4.1).
func (s *Session) takeBlock(sh *shard, b []byte) {
	lost := int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8
	s.control.remoteLost = int64(lost)
	s.control.remoteJitter = binary.BigEndian.Uint32(b[12:])
	lastSR, delay := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if lastSR == 0 {
		return
	}
	rtt := int32(uint32(ntp(sh.now)>>16) - lastSR - delay)
	if rtt >= 0 {
		s.control.rtt = time.Duration(rtt) * time.Second >> 16
	}
}
