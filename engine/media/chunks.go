package media

import (
	"sync"

	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// chunk is a packet as it came, or the news that time has passed.
type chunk struct {
	tick      int64
	ssrc      uint32
	timestamp uint32
	seq       uint16
	codec     codec.Codec // of the payload; None: rate says
	silent    bool        // a packet without sound: an event, or comfort noise
	rate      int32       // the payload is 16-bit samples, the lower byte first, at this rate in Hz; 0, and no codec: nothing came
	payload   []byte      // valid until the next chunk is taken
}

// nothing tells that the chunk is but a mark of time.
func (c *chunk) nothing() bool { return c.codec == codec.None && c.rate == 0 && !c.silent }

// clockRate is that of the timestamp, in Hz.
func (c *chunk) clockRate() int {
	if c.rate != 0 {
		return int(c.rate)
	}
	return c.codec.ClockRate()
}

const (
	chunkLimit  = 256  // that wait: five seconds
	chunksFirst = 16   // room for so many at first
	bytesFirst  = 4096 // and so much of payload
)

// chunkQueue hands chunks from the packet path to a recorder's goroutine. It is small
// as long as the recorder follows, and grows while its disk is busy.
type chunkQueue struct {
	wake chan struct{} // there is something

	mu     sync.Mutex // held for no longer than a packet is copied
	chunks []chunk    // a ring, as bytes: payloads are there
	first  int
	n      int
	bytes  []byte
	start  int
	used   int
}

func newChunkQueue() *chunkQueue { return &chunkQueue{wake: make(chan struct{}, 1)} }

// put copies a chunk into the queue. It is false when the queue is full.
func (q *chunkQueue) put(c *chunk) bool {
	if !q.add(c) {
		return false
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

func (q *chunkQueue) add(c *chunk) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == chunkLimit {
		return false
	}
	if q.n == len(q.chunks) {
		q.growChunks()
	}
	if q.used+len(c.payload) > len(q.bytes) {
		q.growBytes(q.used + len(c.payload))
	}
	at := (q.start + q.used) % max(1, len(q.bytes))
	rest := copy(q.bytes[at:], c.payload)
	copy(q.bytes, c.payload[rest:])
	kept := &q.chunks[(q.first+q.n)%len(q.chunks)]
	*kept = *c
	kept.payload = q.bytes[:len(c.payload)] // for its length only
	q.n++
	q.used += len(c.payload)
	return true
}

// take moves the oldest chunk out; its payload goes to scratch, which is returned
// longer where it was too short.
func (q *chunkQueue) take(c *chunk, scratch []byte) ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return scratch, false
	}
	*c = q.chunks[q.first]
	size := len(c.payload)
	if size > len(scratch) {
		scratch = make([]byte, size)
	}
	c.payload = scratch[:size]
	rest := copy(c.payload, q.bytes[q.start:])
	copy(c.payload[rest:], q.bytes)
	q.start = (q.start + size) % max(1, len(q.bytes))
	q.used -= size
	q.chunks[q.first].payload = nil
	q.first = (q.first + 1) % len(q.chunks)
	q.n--
	return scratch, true
}

func (q *chunkQueue) growChunks() {
	more := make([]chunk, max(chunksFirst, 2*len(q.chunks)))
	for i := range q.n {
		more[i] = q.chunks[(q.first+i)%len(q.chunks)]
	}
	q.chunks, q.first = more, 0
}

func (q *chunkQueue) growBytes(need int) {
	more := make([]byte, max(bytesFirst, 2*len(q.bytes), need))
	rest := copy(more[:q.used], q.bytes[q.start:])
	copy(more[rest:q.used], q.bytes)
	q.bytes, q.start = more, 0
}
