package media

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What this file needs of <linux/io_uring.h>; the manual pages are io_uring(7),
// io_uring_setup(2), io_uring_enter(2) and io_uring_register(2).
const (
	setupCQSize       = 1 << 3
	setupSubmitAll    = 1 << 7  // go on after an entry that is refused
	setupTaskRunFlag  = 1 << 9  // show in the submission queue's flags that there is work to run
	setupSingleIssuer = 1 << 12 // only the thread that made the ring uses it
	setupDeferTaskRun = 1 << 13 // run that work in io_uring_enter only, not whenever a packet comes

	offSQRing = 0
	offSQEs   = 0x10000000

	sqCQOverflow = 1 << 1 // flags of the submission queue
	sqTaskRun    = 1 << 2

	enterGetEvents = 1 << 0

	registerFilesUpdate = 6
	registerFiles2      = 13
	registerBufferRing  = 22

	filesSparse = 1 << 0

	opRecvMsg     = 10
	opAsyncCancel = 14
	opSend        = 26

	sqeFixedFile      = 1 << 0
	sqeBufferSelect   = 1 << 5
	sqeSkipSuccess    = 1 << 6 // no completion but of a failure
	recvMultishot     = 1 << 1 // in ioprio
	cqeBuffer         = 1 << 0
	cqeMore           = 1 << 1 // the request goes on
	cqeBufferShift    = 16
	featSingleMapping = 1 << 0
	featSkipSuccess   = 1 << 11
)

// sqRingOffsets and the types below are the kernel's.
type sqRingOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, resv1 uint32
	userAddr                                                        uint64
}

type cqRingOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, resv1 uint32
	userAddr                                                        uint64
}

type uringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	resv                                                                   [3]uint32
	sq                                                                     sqRingOffsets
	cq                                                                     cqRingOffsets
}

// sqe is a submission queue entry.
type sqe struct {
	opcode      uint8
	flags       uint8
	ioprio      uint16
	fd          int32
	off         uint64 // also: the address of a send's destination
	addr        uint64
	len         uint32
	opFlags     uint32
	userData    uint64
	bufferGroup uint16
	personality uint16
	addrLen     uint16
	_           uint16
	_           [2]uint64
}

// cqe is a completion queue entry.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// bufferEntry is one of the buffers given to the kernel. Of the first one the
// last field is the ring's tail.
type bufferEntry struct {
	addr   uint64
	len    uint32
	id     uint16
	unused uint16
}

type bufferRingRequest struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	resv    [3]uint64
}

type filesRequest struct {
	count, flags uint32
	resv         uint64
	data, tags   uint64
}

type filesUpdate struct {
	offset, resv uint32
	fds          uint64
}

// uring is a ring of the kernel's: a queue of requests and a queue of results that
// both sides see. All of it is mapped memory, which Go neither moves nor counts.
type uring struct {
	fd      int
	rings   []byte // both queues
	entries []byte // the requests themselves
	sqHead  *uint32
	sqTail  *uint32
	sqFlags *uint32
	cqHead  *uint32
	cqTail  *uint32
	cqMask  uint32
	sqMask  uint32
	sqes    []sqe
	cqes    []cqe
	tail    uint32 // of the requests, those included that the kernel was not told of
	head    uint32 // of the requests the kernel has taken, as far as we have looked
	seen    uint32 // results that have been looked at
	file    int32  // what update points to
	update  filesUpdate
}

// newUring makes a ring that only the calling thread may use.
func newUring(requests, results uint32) (*uring, error) {
	p := &uringParams{cqEntries: results, flags: setupCQSize | setupSubmitAll | setupTaskRunFlag | setupSingleIssuer | setupDeferTaskRun}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(requests), uintptr(unsafe.Pointer(p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	u := &uring{fd: int(fd)}
	if p.features&featSingleMapping == 0 || p.features&featSkipSuccess == 0 {
		return nil, u.abandon(os.NewSyscallError("io_uring_setup", unix.ENOSYS))
	}
	size := max(int(p.sq.array+p.sqEntries*4), int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(cqe{})))
	var err error
	if u.rings, err = unix.Mmap(u.fd, offSQRing, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return nil, u.abandon(os.NewSyscallError("mmap of the queues", err))
	}
	if u.entries, err = unix.Mmap(u.fd, offSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return nil, u.abandon(os.NewSyscallError("mmap of the requests", err))
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&u.rings[offset])) }
	u.sqHead, u.sqTail, u.sqFlags, u.sqMask = at(p.sq.head), at(p.sq.tail), at(p.sq.flags), *at(p.sq.ringMask)
	u.cqHead, u.cqTail, u.cqMask = at(p.cq.head), at(p.cq.tail), *at(p.cq.ringMask)
	u.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&u.entries[0])), p.sqEntries)
	u.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&u.rings[p.cq.cqes])), p.cqEntries)
	for i, order := 0, unsafe.Slice(at(p.sq.array), p.sqEntries); i < len(order); i++ {
		order[i] = uint32(i) // requests are made in the order of their places
	}
	return u, nil
}

// abandon closes what there is, for an error.
func (u *uring) abandon(err error) error {
	_ = u.close()
	return err
}

func (u *uring) close() error {
	for _, m := range [][]byte{u.rings, u.entries} {
		if m != nil {
			_ = unix.Munmap(m)
		}
	}
	return os.NewSyscallError("close", unix.Close(u.fd))
}

// full tells that there is no room for another request until enter was called.
func (u *uring) full() bool { return u.tail-u.head == uint32(len(u.sqes)) }

// next is the place of the next request. There must be room.
func (u *uring) next() (e *sqe, place uint32) {
	place = u.tail & u.sqMask
	u.tail++
	e = &u.sqes[place]
	*e = sqe{}
	return e, place
}

// unseen is how many results wait to be looked at.
func (u *uring) unseen() uint32 { return atomic.LoadUint32(u.cqTail) - u.seen }

// pending tells that the kernel has work that only io_uring_enter will run.
func (u *uring) pending() bool { return atomic.LoadUint32(u.sqFlags)&(sqTaskRun|sqCQOverflow) != 0 }

// enter hands the kernel all requests and, with work, has it run what is pending,
// without waiting for more. A call runs at least as many pieces of work as it is
// told results are wanted, or 20: since so many as wait unseen are there already,
// it never waits, and a long backlog takes few calls.
func (u *uring) enter(work bool) {
	var wanted, flags uintptr
	if work {
		wanted, flags = uintptr(u.unseen()), enterGetEvents
	}
	atomic.StoreUint32(u.sqTail, u.tail)
	unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), uintptr(u.tail-u.head), wanted, flags, 0, 0)
	u.head = atomic.LoadUint32(u.sqHead)
}

// see takes the next result, if there is one.
func (u *uring) see() (cqe, bool) {
	if u.unseen() == 0 {
		return cqe{}, false
	}
	c := u.cqes[u.seen&u.cqMask]
	u.seen++
	return c, true
}

// release lets the kernel use again what has been seen of the results.
func (u *uring) release() { atomic.StoreUint32(u.cqHead, u.seen) }

// registerFiles makes an empty table of n files, and reports whether there is one.
// A request that names a file by its place there costs less than one by its
// descriptor.
func (u *uring) registerFiles(n uint32) bool {
	request := &filesRequest{count: n, flags: filesSparse}
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(u.fd), registerFiles2, uintptr(unsafe.Pointer(request)), unsafe.Sizeof(*request), 0, 0)
	return errno == 0
}

// setFile puts a descriptor into the table, or -1.
func (u *uring) setFile(place uint32, fd int32) bool {
	u.file = fd
	u.update = filesUpdate{offset: place, fds: uint64(uintptr(unsafe.Pointer(&u.file)))}
	n, _, errno := unix.RawSyscall6(unix.SYS_IO_URING_REGISTER, uintptr(u.fd), registerFilesUpdate, uintptr(unsafe.Pointer(&u.update)), 1, 0, 0)
	return errno == 0 && n == 1
}

// bufferRing is memory for the kernel to receive into: it takes a buffer for each
// datagram, and give brings it back.
type bufferRing struct {
	memory []byte // the buffers
	ring   []byte
	table  []bufferEntry
	size   int // of a buffer
	tail   uint16
}

// newBufferRing registers n buffers (a power of two) of size bytes as group 0.
func newBufferRing(u *uring, n, size int) (*bufferRing, error) {
	b := &bufferRing{size: size}
	var err error
	if b.memory, err = mapped(n * size); err != nil {
		return nil, err
	}
	if b.ring, err = mapped(n * int(unsafe.Sizeof(bufferEntry{}))); err != nil {
		_ = b.close()
		return nil, err
	}
	b.table = unsafe.Slice((*bufferEntry)(unsafe.Pointer(&b.ring[0])), n)
	request := &bufferRingRequest{addr: uint64(uintptr(unsafe.Pointer(&b.ring[0]))), entries: uint32(n)}
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(u.fd), registerBufferRing, uintptr(unsafe.Pointer(request)), 1, 0, 0)
	if errno != 0 {
		_ = b.close()
		return nil, os.NewSyscallError("io_uring_register of a buffer ring", errno)
	}
	for id := range n {
		b.give(uint16(id))
	}
	b.publish()
	return b, nil
}

// mapped is memory of zeroes that Go does not manage; pages are taken when they
// are first used.
func mapped(size int) ([]byte, error) {
	m, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	return m, os.NewSyscallError("mmap", err)
}

// close is for when the ring they belong to is closed.
func (b *bufferRing) close() error {
	for _, m := range [][]byte{b.memory, b.ring} {
		if m != nil {
			_ = unix.Munmap(m)
		}
	}
	return nil
}

func (b *bufferRing) buffer(id uint16) []byte {
	return b.memory[int(id)*b.size : int(id+1)*b.size : int(id+1)*b.size]
}

// holds tells whether p lies in one of the buffers, and which.
func (b *bufferRing) holds(p []byte) (id uint16, yes bool) {
	offset := uintptr(unsafe.Pointer(unsafe.SliceData(p))) - uintptr(unsafe.Pointer(unsafe.SliceData(b.memory)))
	if offset >= uintptr(len(b.memory)) {
		return 0, false
	}
	return uint16(offset / uintptr(b.size)), true
}

// give brings a buffer back; the kernel sees it after publish.
func (b *bufferRing) give(id uint16) {
	e := &b.table[int(b.tail)&(len(b.table)-1)]
	e.addr, e.len, e.id = uint64(uintptr(unsafe.Pointer(&b.memory[int(id)*b.size]))), uint32(b.size), id
	b.tail++
}

// publish writes the ring's tail, which is the first entry's last field, and with
// it that entry's id, since there are no atomic writes of 16 bits.
func (b *bufferRing) publish() {
	first := &b.table[0]
	word := uint32(first.id) | uint32(b.tail)<<16
	if bigEndian {
		word = uint32(first.id)<<16 | uint32(b.tail)
	}
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&first.id)), word)
}
