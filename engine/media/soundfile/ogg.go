package soundfile

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	pageHeader  = 27  // bytes of an Ogg page header before its segment table (RFC 3533 section 6)
	maxSegments = 255 // of a page, each of up to 255 bytes

	firstPage = 0x02 // header type flags
	lastPage  = 0x04
)

// oggWriter writes one logical stream of packets as pages (RFC 3533). A packet never
// spans two pages: ours are far shorter than a page may be.
type oggWriter struct {
	w        io.Writer
	serial   uint32
	sequence uint32
	granule  int64 // position at the end of the last packet
	segments []byte
	body     []byte
	begun    bool
}

// packet adds a packet that ends at a granule position.
func (o *oggWriter) packet(b []byte, granule int64) error {
	if len(o.segments)+len(b)/255+1 > maxSegments {
		if err := o.flush(0); err != nil {
			return err
		}
	}
	for n := len(b); ; n -= 255 {
		o.segments = append(o.segments, byte(min(n, 255)))
		if n < 255 {
			break
		}
	}
	o.body = append(o.body, b...)
	o.granule = granule
	return nil
}

// flush writes what there is as a page.
func (o *oggWriter) flush(flags byte) error {
	if !o.begun {
		flags |= firstPage
		o.begun = true
	}
	le := binary.LittleEndian
	page := make([]byte, 0, pageHeader+len(o.segments)+len(o.body))
	page = append(page, "OggS\x00"...)
	page = append(page, flags)
	page = le.AppendUint64(page, uint64(o.granule))
	page = le.AppendUint32(page, o.serial)
	page = le.AppendUint32(page, o.sequence)
	page = le.AppendUint32(page, 0) // the checksum, below
	page = append(page, byte(len(o.segments)))
	page = append(page, o.segments...)
	page = append(page, o.body...)
	le.PutUint32(page[22:], oggChecksum(page))
	o.sequence++
	o.segments, o.body = o.segments[:0], o.body[:0]
	if _, err := o.w.Write(page); err != nil {
		return fmt.Errorf("sound file: write an Ogg page: %w", err)
	}
	return nil
}

// oggChecksum is a CRC-32 with the generator 0x04c11db7, no reflection, starting at
// zero (RFC 3533 section 6): not the one of hash/crc32.
func oggChecksum(b []byte) (sum uint32) {
	for _, v := range b {
		sum ^= uint32(v) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
