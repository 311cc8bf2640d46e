package trace

import (
	"encoding/binary"
	"errors"
	"time"
)

// Steps are kept as bytes in a row: a call that stands costs what its messages are long, and nothing for the garbage
// collector to follow; and what is written to disk is what is in memory.

var errCorrupt = errors.New("a step that cannot be read")

// kinds are the codes of kinds on disk: they keep their places.
var kinds = [...]Kind{SIP, Media, Script, Call, Store, Error}

// appendStep appends a step of a call that began at start. raw stands for Raw where that is empty; dialog is the index of
// its dialog, -1: none.
func appendStep(b []byte, s *Step, raw []byte, start time.Time, dialog int) []byte {
	var code byte
	for i, k := range kinds {
		if k == s.Kind {
			code = byte(i)
		}
	}
	b = append(b, code)
	b = binary.AppendVarint(b, int64(s.Time.Sub(start)))
	b = binary.AppendUvarint(b, uint64(dialog+1))
	for _, v := range [...]string{s.Text, s.At, s.From, s.To} {
		b = appendText(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Raw)+len(raw)))
	b = append(append(b, s.Raw...), raw...)
	b = binary.AppendUvarint(b, uint64(len(s.Fields)))
	for _, f := range s.Fields {
		b = appendText(appendText(b, f.Name), f.Value)
	}
	return b
}

// sizeOf is the most that appendStep appends.
func sizeOf(s *Step, raw []byte) int {
	const lengths = 1 + 2*binary.MaxVarintLen64 + 6*binary.MaxVarintLen32
	n := lengths + len(s.Text) + len(s.At) + len(s.From) + len(s.To) + len(s.Raw) + len(raw)
	for _, f := range s.Fields {
		n += len(f.Name) + len(f.Value) + 2*binary.MaxVarintLen32
	}
	return n
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads what appendStep has written. After the first thing that cannot be, it reads nothing but zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// step reads one step; its dialog is given as an index, -1: none.
func (d *decoder) step(start time.Time) (s Step, dialog int, err error) {
	if len(d.b) == 0 || int(d.b[0]) >= len(kinds) {
		return s, -1, errCorrupt
	}
	s.Kind = kinds[d.b[0]]
	d.b = d.b[1:]
	s.Time = start.Add(time.Duration(d.varint()))
	dialog = int(d.uvarint()) - 1
	for _, v := range [...]*string{&s.Text, &s.At, &s.From, &s.To, &s.Raw} {
		*v = d.text()
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		s.Fields = append(s.Fields, Field{d.text(), d.text()})
	}
	if d.bad {
		return s, -1, errCorrupt
	}
	return s, dialog, nil
}
