package mailbox

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"
)

// A recording is a file of frames, so that whatever a crash has left of it can be cut
// after the last frame that is whole:
//
//	"BVM1"
//	frame: kind (1 byte), length of payload (4, big endian), CRC-32C of all the rest of the frame (4), payload
//	kinds: 'h' header, JSON, once and first · 's' sound, 8 kHz signed 16-bit little endian · 't' trailer, JSON, once and last
//
// Only a recording that its owner has finished has a trailer, and one that the disk was full for has none.
const (
	magic        = "BVM1"
	rate         = 8000        // samples a second
	frameSamples = rate / 5    // 200 ms
	frameHead    = 1 + 4 + 4   // bytes
	maxPayload   = 64 << 10    // bytes
	maxSamples   = 3600 * rate // of one recording: an hour
	sampleSize   = 2           // bytes
	maxCaller    = 128         // bytes of a caller's number or name that are kept
)

// ErrDamaged says that a recording cannot be read.
var ErrDamaged = errors.New("mailbox: the recording is damaged")

// header is what a recording says about itself, enough to index it when nothing else is left.
type header struct {
	ID          string    `json:"id"`
	Mailbox     string    `json:"mailbox"`
	From        string    `json:"from,omitempty"`
	Name        string    `json:"name,omitempty"`
	Time        time.Time `json:"time"`
	ForwardedBy string    `json:"forwardedBy,omitempty"`
}

// trailer is what became known at the end.
type trailer struct {
	Urgent      bool `json:"urgent,omitempty"`
	Interrupted bool `json:"interrupted,omitempty"`
	Silence     int  `json:"silence,omitempty"` // samples at the end that nobody need hear
}

// recording is what a file holds.
type recording struct {
	header
	trailer *trailer // nil: it was never finished
	sound   []int16
}

func (r recording) length() time.Duration { return duration(len(r.sound)) }

func duration(samples int) time.Duration { return time.Duration(samples) * time.Second / rate }

func appendFrame(b []byte, kind byte, payload []byte) []byte {
	start := len(b)
	b = append(append(b, make([]byte, frameHead)...), payload...)
	putHead(b[start:], kind)
	return b
}

// putHead completes a frame that has its payload.
func putHead(frame []byte, kind byte) {
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(frame)-frameHead))
	binary.BigEndian.PutUint32(frame[5:], checksum(frame, frame[frameHead:]))
}

// checksum is that of a frame: of what its head begins with, and of its payload.
func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:5], castagnoli()), castagnoli(), payload)
}

// castagnoli returns a table that the standard library makes once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func appendJSON(b []byte, kind byte, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return appendFrame(b, kind, payload), nil
}

func appendSound(b []byte, pcm []int16) []byte {
	start, size := len(b), frameHead+sampleSize*len(pcm)
	b = slices.Grow(b, size)[:start+size]
	payload := b[start+frameHead:]
	for ; len(pcm) >= 4 && len(payload) >= 4*sampleSize; pcm, payload = pcm[4:], payload[4*sampleSize:] { // most of it, four at once
		binary.LittleEndian.PutUint64(payload, uint64(uint16(pcm[0]))|uint64(uint16(pcm[1]))<<16|uint64(uint16(pcm[2]))<<32|uint64(uint16(pcm[3]))<<48)
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(payload[sampleSize*i:], uint16(s))
	}
	putHead(b[start:], 's')
	return b
}

// readRecording reads up to the first frame that is not whole, the trailer or the end. It
// returns ErrDamaged if not even the header is there, and r's own errors.
func readRecording(r io.Reader) (rec recording, err error) {
	in := bufio.NewReaderSize(r, maxPayload)
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(in, start); err != nil || string(start) != magic {
		return rec, damaged(err, "it does not begin as one")
	}
	kind, payload, err := readFrame(in)
	if err != nil || kind != 'h' {
		return rec, damaged(err, "it has no header")
	}
	if err := json.Unmarshal(payload, &rec.header); err != nil {
		return rec, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for {
		kind, payload, err := readFrame(in)
		switch {
		case errors.Is(err, errCut) || err == io.EOF:
			return rec, nil
		case err != nil:
			return rec, err
		case kind == 's' && len(payload)%sampleSize == 0 && len(rec.sound)+len(payload)/sampleSize <= maxSamples:
			for i := 0; i < len(payload); i += sampleSize {
				rec.sound = append(rec.sound, int16(binary.LittleEndian.Uint16(payload[i:])))
			}
		case kind == 't':
			var t trailer
			if json.Unmarshal(payload, &t) == nil {
				rec.trailer = &t
				rec.sound = rec.sound[:len(rec.sound)-min(max(0, t.Silence), len(rec.sound))]
			}
			return rec, nil
		default:
			return rec, nil
		}
	}
}

// damaged keeps the disk's own errors apart from what is wrong with the content.
func damaged(err error, what string) error {
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF && !errors.Is(err, errCut) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrDamaged, what)
}

// errCut says that a frame is not whole.
var errCut = errors.New("not a whole frame")

func readFrame(in io.Reader) (kind byte, payload []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, cut(err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, nil, errCut
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(in, payload); err != nil {
		return 0, nil, cut(err)
	}
	if checksum(head[:], payload) != binary.BigEndian.Uint32(head[5:]) {
		return 0, nil, errCut
	}
	return head[0], payload, nil
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCut
	}
	return err
}

// trim bounds what a stranger says about himself.
func trim(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > maxCaller {
		s = strings.ToValidUTF8(s[:maxCaller], "")
	}
	return s
}
