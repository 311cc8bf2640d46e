package trace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DiskOptions say where and for how long traces are kept.
type DiskOptions struct {
	Dir  string        // the folder; it belongs to the traces alone
	Keep time.Duration // 0: a day; up to an eighth more
	Size int64         // octets; 0: 256 MB
	Log  *slog.Logger  // nil: none
}

const (
	defaultKeep = 24 * time.Hour
	defaultSize = 256 << 20
	parts       = 8 // in how many files the space and the time are divided: the oldest file goes as a whole
	suffix      = ".trace"
	magic       = "BLFT"
	headSize    = len(magic) + 3*4
	maxInfo     = 256 << 10 // octets, of a call in short
	maxSteps    = 4 << 20   // octets, of its steps: more than a story can have
)

// disk appends calls that have ended to files, and reads them again. A record is the magic, the lengths of what follows, a
// checksum of it, Info as JSON and the steps as they were in memory. One goroutine writes; anybody reads.
type disk struct {
	o       DiskOptions
	file    *os.File // nil: the next record begins one
	size    int64
	begun   time.Time
	pruned  time.Time
	buf     []byte    // what is written at once: a megabyte, and a call
	silence time.Time // until then a failing disk has been complained of
}

func openDisk(o DiskOptions) (*disk, error) {
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	if o.Size <= 0 {
		o.Size = defaultSize
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the folder of traces: %w", err)
	}
	return &disk{o: o}, nil
}

// kept is Info as it is on disk.
type kept struct {
	Info
	Parties []party `json:"parties,omitempty"`
}

type party struct {
	Dialog string `json:"dialog"`
	Party  string `json:"party"`
}

func appendRecord(b []byte, s *story) []byte {
	k := kept{Info: s.info}
	for _, d := range s.info.Dialogs {
		k.Parties = append(k.Parties, party{d.ID, d.Party})
	}
	info, err := json.Marshal(k)
	if err != nil || len(info) > maxInfo {
		return b
	}
	n := 0
	sum := crc32.ChecksumIEEE(info)
	for _, c := range s.chunks {
		n += len(c)
		sum = crc32.Update(sum, crc32.IEEETable, c)
	}
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(info)))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, sum)
	b = append(b, info...)
	for _, c := range s.chunks {
		b = append(b, c...)
	}
	return b
}

// write appends calls, and forgets the oldest where there is no room for all.
func (d *disk) write(all []*story, now time.Time) {
	if err := d.append(all, now); err != nil {
		d.drop()
		if now.After(d.silence) {
			d.silence = now.Add(10 * time.Minute)
			d.o.Log.Error("traces are lost", "calls", len(all), "error", err)
		}
	}
}

func (d *disk) append(all []*story, now time.Time) error {
	b := d.buf[:0]
	defer func() { d.buf = b[:0] }()
	for i, s := range all {
		if b = appendRecord(b, s); len(b) < 1<<20 && i < len(all)-1 {
			continue
		}
		if d.file != nil && (d.size >= d.o.Size/parts || now.Sub(d.begun) >= d.o.Keep/parts) {
			d.drop()
		}
		if d.file == nil {
			if err := d.begin(now); err != nil {
				return err
			}
		}
		n, err := d.file.Write(b)
		if d.size += int64(n); err != nil {
			return fmt.Errorf("write a trace: %w", err)
		}
		b = b[:0]
	}
	return nil
}

// begin makes a new file. A file of an earlier run may be torn at its end, and is not continued.
func (d *disk) begin(now time.Time) error {
	d.prune(now)
	name := filepath.Join(d.o.Dir, now.UTC().Format("20060102-150405.000000000")+suffix)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("begin a file of traces: %w", err)
	}
	d.file, d.size, d.begun = f, 0, now
	return nil
}

// drop ends the file.
func (d *disk) drop() {
	if d.file != nil {
		_ = d.file.Close() // what could be written has been
		d.file = nil
	}
}

// prune removes what is too old or too much. The next file has room then.
func (d *disk) prune(now time.Time) {
	d.pruned = now
	names := d.files()
	room := d.o.Size - d.o.Size/parts
	for _, name := range slices.Backward(names) {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		room -= info.Size()
		if room >= 0 && now.Sub(info.ModTime()) < d.o.Keep {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.o.Log.Error("old traces cannot be removed", "file", name, "error", err)
		}
	}
}

// files are the files of traces, the oldest first.
func (d *disk) files() []string {
	entries, err := os.ReadDir(d.o.Dir) // sorted
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			names = append(names, filepath.Join(d.o.Dir, e.Name()))
		}
	}
	return names
}

// find reads the trace of a call: that of this id, or else the latest whose id begins so.
func (d *disk) find(id string) (*story, error) {
	var begins *story
	for _, name := range slices.Backward(d.files()) {
		var found *story
		err := scan(name, func(info []byte, steps func() ([]byte, error)) error {
			if !bytes.Contains(info, []byte(id)) {
				return nil
			}
			i, err := readInfo(info)
			if err != nil || !strings.HasPrefix(i.ID, id) {
				return nil
			}
			b, err := steps()
			if err != nil {
				return err
			}
			found = &story{info: i, chunks: [][]byte{b}}
			if i.ID == id {
				return io.EOF
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if found != nil && found.info.ID == id {
			return found, nil
		}
		if begins == nil {
			begins = found
		}
	}
	if begins == nil {
		return nil, ErrUnknown
	}
	return begins, nil
}

// list gives the latest calls, the oldest first.
func (d *disk) list(limit int) ([]Info, error) {
	var all []Info
	for _, name := range slices.Backward(d.files()) {
		var here []Info
		err := scan(name, func(info []byte, _ func() ([]byte, error)) error {
			if i, err := readInfo(info); err == nil {
				here = append(here, i)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if all = append(here, all...); len(all) >= limit {
			break
		}
	}
	return all, nil
}

func readInfo(b []byte) (Info, error) {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return Info{}, err
	}
	for _, p := range k.Parties {
		k.Dialogs = append(k.Dialogs, Dialog{p.Dialog, p.Party})
	}
	return k.Info, nil
}

// scan reads the calls of a file one after another, and stops without an error where it is torn or each returns io.EOF.
func scan(name string, each func(info []byte, steps func() ([]byte, error)) error) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read traces: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	var head [headSize]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil
		}
		lengths := head[len(magic):]
		ni, ns, sum := binary.BigEndian.Uint32(lengths), binary.BigEndian.Uint32(lengths[4:]), binary.BigEndian.Uint32(lengths[8:])
		if string(head[:len(magic)]) != magic || ni > maxInfo || ns > maxSteps {
			return nil
		}
		info := make([]byte, ni)
		if _, err := io.ReadFull(r, info); err != nil {
			return nil
		}
		left := int(ns)
		err := each(info, func() ([]byte, error) {
			b := make([]byte, ns)
			left = 0
			if _, err := io.ReadFull(r, b); err != nil || crc32.Update(crc32.ChecksumIEEE(info), crc32.IEEETable, b) != sum {
				return nil, fmt.Errorf("read a trace: %w", errCorrupt)
			}
			return b, nil
		})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := r.Discard(left); err != nil {
			return nil
		}
	}
}
