//go:build linux && (amd64 || arm64) && !static

package codec

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libopus holds the addresses of the library's functions (opus_encoder.h, opus_decoder.h).
type libopus struct {
	encoderSize, encoderInit, encoderControl, encode uintptr
	decoderSize, decoderInit, decode                 uintptr
	parse                                            uintptr
}

// systemOpus is the system's library, looked for when it is first needed; nil: there is none.
var systemOpus = sync.OnceValue(openLibopus)

func openLibopus() *libopus {
	handle, err := purego.Dlopen("libopus.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil
	}
	var l libopus
	for name, address := range map[string]*uintptr{
		"opus_encoder_get_size": &l.encoderSize, "opus_encoder_init": &l.encoderInit, "opus_encoder_ctl": &l.encoderControl, "opus_encode": &l.encode,
		"opus_decoder_get_size": &l.decoderSize, "opus_decoder_init": &l.decoderInit, "opus_decode": &l.decode, "opus_packet_parse": &l.parse,
	} {
		if *address, err = purego.Dlsym(handle, name); err != nil {
			return nil
		}
	}
	return &l
}

// opusState is the memory of an encoder or decoder, and of the calls made with it. The state's pointers
// lead into the library's constants only, so the garbage collector need not know
// them, and there is nothing to close.
type opusState struct {
	memory []uint64
	args   [6]uintptr // of the call, the state's address first: made anew for each call it would be garbage
	// What args points to is kept here during a call, which also keeps it off the stack: that may move, the heap does not.
	pcm     []int16
	payload []byte
	sizes   [48]int16 // written by opus_packet_parse, as start is
	start   int32
}

// newOpusState makes the state of one or two channels at a rate in Hz, nil if the library refuses.
func newOpusState(size, init uintptr, rate, channels int, initArgs ...uintptr) *opusState {
	n, _, _ := purego.SyscallN(size, uintptr(channels))
	s := &opusState{memory: make([]uint64, (int32(n)+7)/8)}
	if s.call(init, append([]uintptr{uintptr(rate), uintptr(channels)}, initArgs...)...) != 0 {
		return nil
	}
	return s
}

// call calls fn with the state and args.
func (s *opusState) call(fn uintptr, args ...uintptr) int {
	s.args[0] = address(s.memory)
	n := 1 + copy(s.args[1:], args)
	r, _, _ := purego.SyscallN(fn, s.args[:n]...)
	s.pcm, s.payload = nil, nil
	runtime.KeepAlive(s)
	return int(int32(r))
}

// address is where a slice begins, 0 for nil.
func address[T any](s []T) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }

// Of opus_defines.h.
const (
	opusVoIP          = 2048 // OPUS_APPLICATION_VOIP
	opusSetBitrate    = 4002
	opusSetComplexity = 4010
	opusSetFEC        = 4012
	opusSetLoss       = 4014
	opusGetLookahead  = 4027
)

const (
	opusBitsASecond = 32000 // fullband speech, RFC 7587 section 3.1.1
	opusComplexity  = 5     // of 0 to 10; speech costs the library's default of 9 two and a half times as much
)

type opusEncoder struct {
	lib       *libopus
	state     *opusState
	frame     int // samples of 20 ms, of one channel
	channels  int
	lookahead int32
}

func newOpusEncoder(rate, channels int) (*opusEncoder, error) {
	lib := systemOpus()
	if lib == nil {
		return nil, fmt.Errorf("encode opus without libopus.so.0: %w", ErrUnavailable)
	}
	e := &opusEncoder{lib: lib, frame: rate / 50, channels: channels, state: newOpusState(lib.encoderSize, lib.encoderInit, rate, channels, opusVoIP)}
	if e.state == nil {
		return nil, fmt.Errorf("encode opus: libopus makes no encoder: %w", ErrUnavailable)
	}
	e.state.call(lib.encoderControl, opusSetBitrate, uintptr(opusBitsASecond*channels))
	e.state.call(lib.encoderControl, opusSetComplexity, opusComplexity)
	e.state.call(lib.encoderControl, opusGetLookahead, uintptr(unsafe.Pointer(&e.lookahead)))
	return e, nil
}

// Encode codes the first 20 ms of pcm, and nothing if there is less.
func (e *opusEncoder) Encode(dst []byte, pcm []int16) int {
	if len(pcm) < e.frame*e.channels || len(dst) == 0 {
		return 0
	}
	e.state.pcm, e.state.payload = pcm, dst
	return max(0, e.state.call(e.lib.encode, address(pcm), uintptr(e.frame), address(dst), uintptr(min(len(dst), Opus.FrameBytes()))))
}

// Lookahead is by how many samples what is decoded comes later than what was encoded.
func (e *opusEncoder) Lookahead() int { return int(e.lookahead) }

// Protect turns the in-band FEC of RFC 6716 section 2.1.7 on and off.
func (e *opusEncoder) Protect(lossPercent int) {
	lossPercent = min(max(lossPercent, 0), 100)
	e.state.call(e.lib.encoderControl, opusSetFEC, uintptr(min(lossPercent, 1)))
	e.state.call(e.lib.encoderControl, opusSetLoss, uintptr(lossPercent))
}

// adopt copies the state, which the library allows: it holds no address of its own.
func (e *opusEncoder) adopt(from Encoder) {
	if f, ok := from.(*opusEncoder); ok {
		copy(e.state.memory, f.state.memory)
	}
}

type opusDecoder struct {
	lib     *libopus
	state   *opusState
	started bool // something was decoded
}

// newLibopusDecoder returns nil where there is no libopus.
func newLibopusDecoder() Decoder {
	lib := systemOpus()
	if lib == nil {
		return nil
	}
	d := &opusDecoder{lib: lib, state: newOpusState(lib.decoderSize, lib.decoderInit, opusRate, 1)}
	if d.state == nil {
		return nil
	}
	return d
}

func (d *opusDecoder) Decode(pcm []int16, payload []byte) int {
	if len(payload) == 0 || len(payload) > opusOversize {
		return 0
	}
	n := d.decode(pcm, payload, false)
	d.started = d.started || n > 0
	return n
}

// Conceal lets the library guess what a packet said that did not come.
func (d *opusDecoder) Conceal(pcm []int16) {
	n := 0
	if d.started {
		n = d.decode(pcm, nil, false)
	}
	clear(pcm[n:])
}

// Recover decodes the copy in next of the packet before it, if there is one (LBRR, RFC 6716 section 4.2.4).
func (d *opusDecoder) Recover(pcm []int16, next []byte) int {
	if len(next) == 0 || len(next) > opusOversize || !d.carriesCopy(next) {
		return 0
	}
	return d.decode(pcm, next, true)
}

// decode calls opus_decode; no payload stands for one that was lost.
func (d *opusDecoder) decode(pcm []int16, payload []byte, copyOfLast bool) int {
	pcm = pcm[:min(len(pcm), opusLongest)]
	if len(pcm) == 0 {
		return 0
	}
	fec := uintptr(0)
	if copyOfLast {
		fec = 1
	}
	d.state.pcm, d.state.payload = pcm, payload
	n := d.state.call(d.lib.decode, address(payload), uintptr(len(payload)), address(pcm), uintptr(len(pcm)), fec)
	return min(max(0, n), len(pcm))
}

// carriesCopy reads the LBRR flags of the first frame (RFC 6716 sections 3.1, 4.2.3), which follow one flag of activity
// for each 20 ms, in each of one or two channels.
func (d *opusDecoder) carriesCopy(packet []byte) bool {
	configuration := packet[0] >> 3
	if configuration >= 16 {
		return false // CELT has no copies
	}
	s := d.state
	s.payload = packet
	// This one takes no state; its arguments are as many as call has room for.
	s.args = [6]uintptr{address(packet), uintptr(len(packet)), 0, 0, address(s.sizes[:]), uintptr(unsafe.Pointer(&s.start))}
	frames, _, _ := purego.SyscallN(d.lib.parse, s.args[:]...)
	s.payload = nil
	if int32(frames) <= 0 || s.sizes[0] <= 0 || s.start < 0 || int(s.start) >= len(packet) {
		return false
	}
	span := 1 // of a frame, in 20 ms
	if configuration < 12 {
		span = max(1, int(configuration&3)) // 10, 20, 40, 60 ms; hybrid has no more than 20
	}
	mask := byte(0x80) >> span
	if packet[0]&4 != 0 { // two channels
		mask |= 0x80 >> (2*span + 1)
	}
	return packet[s.start]&mask != 0
}

func canEncodeOpus() bool { return systemOpus() != nil }

// LibopusVersion is what the system's libopus says that it is, "libopus 1.3.1"; "": there is none that can be used.
func LibopusVersion() string {
	if systemOpus() == nil {
		return ""
	}
	handle, err := purego.Dlopen("libopus.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return ""
	}
	address, err := purego.Dlsym(handle, "opus_get_version_string")
	if err != nil {
		return ""
	}
	var version func() string
	purego.RegisterFunc(&version, address)
	return version()
}
