package media

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// uringRequests is how many sends go to the kernel at once; with more in a tick
	// they go in parts.
	uringRequests = 1024
	// uringResults is how many results wait at most; beyond, the kernel keeps them in
	// memory of its own.
	uringResults = 16384
	// uringBuffers is how many datagrams are held at once. Where they do not suffice,
	// the rest waits in the sockets' own buffers until the sweep comes to it.
	uringBuffers = 4096

	// uringFiles is how many sockets have a place in the kernel's table of the ring's
	// files. More work too, for a little more.
	uringFiles = 16384

	// A received datagram lies behind the kernel's header and the sender's address.
	nameAt    = 16
	nameRoom  = 32
	payloadAt = nameAt + nameRoom
	// An odd number of cache lines, so that the first ones of all buffers do not
	// compete for the same places of the cache; longer than maxDatagram, so that what
	// is too long is seen to be.
	uringBufferSize = 25 * 64
	sendRoom        = 24 * 64

	// sweepEnters bounds the system calls of a sweep, also where packets run in a
	// circle through our own sockets.
	sweepEnters = 32

	// A socket that gets more than floodRate packets a millisecond, 32 times what a
	// call needs, is being flooded once it has used up floodBurst: that is more than
	// its buffer in the kernel holds, so that what a stall left there is no flood. It
	// is then read packet by packet, and no faster, until half of that is saved up.
	floodRate  = 1.6
	floodBurst = 400

	maxSlots = 1 << 20 // what a request's number has room for
)

// uringNetwork opens the same sockets as epoll's.
type uringNetwork struct{ epollNetwork }

func (uringNetwork) name() string { return "io_uring" }

func (uringNetwork) newDriver() (driver, error) {
	ring, err := newUring(uringRequests, uringResults)
	if err != nil {
		return nil, err
	}
	d := &uringDriver{ring: ring, began: time.Now()}
	places := len(ring.sqes)
	d.held, d.refs = make([]uint32, places), make([]uint8, uringBuffers)
	if d.buffers, err = newBufferRing(ring, uringBuffers, uringBufferSize); err == nil {
		d.memory, err = mapped(pageSize + places*(nameRoom+sendRoom))
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		if n := uint32(min(uringFiles, limit.Cur)); ring.registerFiles(n) {
			d.files = n
		}
	}
	d.header = (*unix.Msghdr)(unsafe.Pointer(&d.memory[0]))
	d.header.Namelen = nameRoom
	return d, nil
}

// uringDriver has every socket receive without being asked for each datagram
// (a "multishot" request) into buffers that the kernel chooses, and sends all that a
// tick has made with one system call. What is relayed is sent from the buffer it was
// received in.
//
// A send is complete when the kernel has taken its request: MSG_DONTWAIT keeps the
// kernel from putting it off. Only failures have a result.
type uringDriver struct {
	ring    *uring
	buffers *bufferRing
	memory  []byte       // what requests point to: the header, then for each place of a request an address and a packet
	header  *unix.Msghdr // what to receive: the sender's address and the datagram
	held    []uint32     // by place: the buffer its send lies in, plus one
	refs    []uint8      // by buffer: who needs it still
	inHand  uint32       // the buffer whose datagram is being looked at, plus one

	files   uint32 // how many slots may have their socket in the ring's table
	slots   []uringSlot
	free    []uint32
	unarmed []uint64 // the receive requests to be made
	polled  []uint64 // the receive requests of sockets that are read packet by packet
	began   time.Time
	now     float64 // when this sweep began, in milliseconds since then

	scratch [uringBufferSize]byte // for those
	from    unix.RawSockaddrInet6
}

// uringSlot is what the driver knows of a socket.
type uringSlot struct {
	socket     *socket // nil: free
	generation uint32  // of the socket in this slot: what comes late for the one before is not taken for its
	credit     float32 // how many packets more it may get before it counts as flooded
	credited   float64 // when credit was last reckoned
	fixed      bool    // it is in the ring's table, at the slot's place
	armed      bool    // there is a receive request
	polled     bool    // there is to be none: the socket is flooded
}

// What a request is known by: its kind, the length of what it sends, the slot and
// its generation.
const (
	kindIgnored = iota
	kindReceive
	kindSend

	kindShift       = 62
	lengthShift     = 50
	lengthMask      = 1<<12 - 1
	generationShift = 20
	generationMask  = 1<<30 - 1
	slotMask        = maxSlots - 1
)

func (d *uringDriver) number(kind uint64, slot uint32, length int) uint64 {
	return kind<<kindShift | uint64(length)<<lengthShift | uint64(d.slots[slot].generation)<<generationShift | uint64(slot)
}

// slotOf finds the slot a number means; nil where its socket has been removed.
func (d *uringDriver) slotOf(number uint64) (*uringSlot, uint32) {
	slot := uint32(number & slotMask)
	e := &d.slots[slot]
	if e.socket == nil || uint64(e.generation) != number>>generationShift&generationMask {
		return nil, 0
	}
	return e, slot
}

func (d *uringDriver) add(s *socket) error {
	var slot uint32
	switch n := len(d.free); {
	case n > 0:
		slot, d.free = d.free[n-1], d.free[:n-1]
	case len(d.slots) == maxSlots:
		return fmt.Errorf("media: watch socket %v: there are %d already", s.addr, maxSlots)
	default:
		slot = uint32(len(d.slots))
		d.slots = append(d.slots, uringSlot{})
	}
	d.slots[slot] = uringSlot{socket: s, generation: d.slots[slot].generation, credit: floodBurst, credited: d.now}
	d.slots[slot].fixed = slot < d.files && d.ring.setFile(slot, int32(s.fd))
	s.slot = int(slot)
	d.unarmed = append(d.unarmed, d.number(kindReceive, slot, 0))
	return nil
}

// remove ends the socket's receive request before it returns: the request, like the
// ring's table, holds the port, even when the socket is closed.
func (d *uringDriver) remove(s *socket) {
	if s.slot >= len(d.slots) || d.slots[s.slot].socket != s {
		return // it was never added
	}
	slot := uint32(s.slot)
	e := &d.slots[slot]
	if e.armed {
		d.cancel(slot)
	}
	fixed := e.fixed
	e.socket = nil
	e.generation = (e.generation + 1) & generationMask
	d.free = append(d.free, slot)
	d.enter(true)
	for i := 0; i < sweepEnters && d.ring.pending(); i++ {
		d.enter(true) // what this makes known is looked at in the next sweep
	}
	if fixed {
		d.ring.setFile(slot, -1)
	}
}

// request makes room for a request, if need be by handing over those there are.
func (d *uringDriver) request() (e *sqe, place uint32, ok bool) {
	if d.ring.full() {
		d.enter(false)
		if d.ring.full() {
			return nil, 0, false
		}
	}
	e, place = d.ring.next()
	return e, place, true
}

// setFile says which socket a request is about.
func (d *uringDriver) setFile(e *sqe, slot uint32) {
	if s := &d.slots[slot]; s.fixed {
		e.flags |= sqeFixedFile
		e.fd = int32(slot)
	} else {
		e.fd = int32(s.socket.fd)
	}
}

func (d *uringDriver) cancel(slot uint32) {
	if e, _, ok := d.request(); ok {
		e.opcode, e.flags, e.fd = opAsyncCancel, sqeSkipSuccess, -1
		e.addr = d.number(kindReceive, slot, 0)
	}
}

// enter hands all requests to the kernel, whereby their sends are done.
func (d *uringDriver) enter(work bool) {
	d.buffers.publish()
	first := d.ring.head
	d.ring.enter(work)
	for ; first != d.ring.head; first++ {
		if held := &d.held[first&d.ring.sqMask]; *held != 0 {
			d.letGo(*held - 1)
			*held = 0
		}
	}
}

// letGo gives a buffer back once nobody needs it.
func (d *uringDriver) letGo(buffer uint32) {
	d.refs[buffer]--
	if d.refs[buffer] == 0 {
		d.buffers.give(uint16(buffer))
	}
}

// sweep has the kernel receive until nothing is left that came before it, and looks
// at what there is.
func (d *uringDriver) sweep(r receiver) {
	d.now = time.Since(d.began).Seconds() * 1e3
	if d.inHand != 0 { // a panic has kept it
		d.letGo(d.inHand - 1)
		d.inHand = 0
	}
	d.look(r)
	for range sweepEnters {
		if armed := d.arm(); !armed && !d.ring.pending() {
			break
		}
		d.enter(true)
		if d.ring.pending() && d.ring.unseen() < uringBuffers/2 {
			continue // the more results wait, the more the next call will take
		}
		d.look(r)
	}
	d.look(r)
	d.readPolled(r)
}

// arm makes the receive requests that are missing.
func (d *uringDriver) arm() (any bool) {
	for len(d.unarmed) > 0 {
		number := d.unarmed[len(d.unarmed)-1]
		if slot, _ := d.slotOf(number); slot != nil && !slot.armed && !slot.polled {
			e, _, ok := d.request()
			if !ok {
				return any
			}
			e.opcode, e.flags, e.ioprio = opRecvMsg, sqeBufferSelect, recvMultishot
			e.addr, e.len = uint64(uintptr(unsafe.Pointer(d.header))), 1
			d.setFile(e, uint32(slot.socket.slot))
			e.userData = number
			slot.armed = true
			any = true
		}
		d.unarmed = d.unarmed[:len(d.unarmed)-1]
	}
	return any
}

// look takes all results there are.
func (d *uringDriver) look(r receiver) {
	for {
		c, ok := d.ring.see()
		if !ok {
			break
		}
		d.take(c, r)
	}
	d.ring.release()
}

func (d *uringDriver) take(c cqe, r receiver) {
	switch c.userData >> kindShift {
	case kindSend: // it failed
		if e, _ := d.slotOf(c.userData); e != nil {
			r.unsent(e.socket, int(c.userData>>lengthShift&lengthMask))
		}
	case kindReceive:
		e, slot := d.slotOf(c.userData)
		if e != nil && c.flags&cqeMore == 0 { // no buffers were left, the datagram was empty, or it was cancelled
			e.armed = false
			if !e.polled {
				d.unarmed = append(d.unarmed, c.userData)
			}
		}
		if c.flags&cqeBuffer == 0 {
			return
		}
		buffer := c.flags >> cqeBufferShift
		d.refs[buffer], d.inHand = 1, buffer+1
		if e != nil && c.res >= payloadAt {
			d.countFlood(e, slot)
			b := d.buffers.buffer(uint16(buffer))
			length := *(*uint32)(unsafe.Pointer(&b[8])) // struct io_uring_recvmsg_out: namelen, controllen, payloadlen, flags
			length = min(length, uint32(len(b)-payloadAt))
			r.packet(e.socket, b[payloadAt:payloadAt+length], addrPort((*unix.RawSockaddrInet6)(unsafe.Pointer(&b[nameAt]))))
		}
		d.inHand = 0
		d.letGo(buffer)
	}
}

// reckon brings a socket's credit up to now.
func (d *uringDriver) reckon(e *uringSlot) {
	e.credit = min(floodBurst, e.credit+floodRate*float32(d.now-e.credited))
	e.credited = d.now
}

// countFlood ends the receive request of a socket that gets more than any call may.
func (d *uringDriver) countFlood(e *uringSlot, slot uint32) {
	if e.credited != d.now {
		d.reckon(e)
	}
	e.credit--
	if e.credit >= 0 || e.polled {
		return
	}
	e.polled = true
	d.polled = append(d.polled, d.number(kindReceive, slot, 0))
	if e.armed {
		d.cancel(slot)
	}
}

// readPolled takes of each flooded socket what its credit allows. The rest waits in
// the kernel and is dropped there.
func (d *uringDriver) readPolled(r receiver) {
	for i := 0; i < len(d.polled); {
		e, _ := d.slotOf(d.polled[i])
		if e != nil && (e.armed || !d.calmed(e, r)) {
			i++
			continue
		}
		if e != nil {
			e.polled = false
			d.unarmed = append(d.unarmed, d.polled[i])
		}
		last := len(d.polled) - 1
		d.polled[i] = d.polled[last]
		d.polled = d.polled[:last]
	}
}

func (d *uringDriver) calmed(e *uringSlot, r receiver) bool {
	d.reckon(e)
	for e.credit >= 1 {
		size := uint32(unix.SizeofSockaddrInet6)
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(e.socket.fd), uintptr(unsafe.Pointer(&d.scratch)), uintptr(len(d.scratch)),
			unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&d.from)), uintptr(unsafe.Pointer(&size)))
		if errno != 0 {
			break
		}
		e.credit--
		r.packet(e.socket, d.scratch[:got], addrPort(&d.from))
	}
	return e.credit >= floodBurst/2
}

func (d *uringDriver) send(s *socket, b []byte, to netip.AddrPort) bool {
	if len(b) == 0 || len(b) > sendRoom {
		return false
	}
	e, place, ok := d.request()
	if !ok {
		return false
	}
	if buffer, received := d.buffers.holds(b); received {
		d.refs[buffer]++
		d.held[place] = uint32(buffer) + 1
	} else {
		room := d.packetRoom(place)
		b = room[:copy(room, b)]
	}
	name := d.nameRoom(place)
	e.opcode, e.flags = opSend, sqeSkipSuccess
	d.setFile(e, uint32(s.slot))
	e.addr, e.len = uint64(uintptr(unsafe.Pointer(&b[0]))), uint32(len(b))
	e.off, e.addrLen = uint64(uintptr(unsafe.Pointer(name))), uint16(setName(name, to, s.addr.Addr().Is4()))
	e.opFlags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	e.userData = d.number(kindSend, uint32(s.slot), len(b))
	return true
}

func (d *uringDriver) nameRoom(place uint32) *unix.RawSockaddrInet6 {
	return (*unix.RawSockaddrInet6)(unsafe.Pointer(&d.memory[pageSize+int(place)*nameRoom]))
}

func (d *uringDriver) packetRoom(place uint32) []byte {
	at := pageSize + len(d.held)*nameRoom + int(place)*sendRoom
	return d.memory[at : at+sendRoom]
}

// pageSize keeps what is written now and then apart from what is written always.
const pageSize = 4096

func (d *uringDriver) submit() {
	if d.ring.tail != d.ring.head {
		d.enter(false)
	}
}

// close ends the ring first: it writes to the memory as long as it is there.
func (d *uringDriver) close() error {
	err := d.ring.close()
	if d.buffers != nil {
		err = errors.Join(err, d.buffers.close())
	}
	if d.memory != nil {
		err = errors.Join(err, unix.Munmap(d.memory))
	}
	return err
}
