package prompt

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
)

// maxFile bounds a sound file, in bytes: ten minutes of 48 kHz PCM.
const maxFile = 64 << 20

// cache keeps decoded files, those used longest ago going first.
type cache struct {
	max int64 // bytes

	mu      sync.Mutex
	entries map[key]*entry
	recent  *list.List // of *entry, the latest used in front
	used    int64      // bytes
}

type key struct {
	source *source
	path   string
}

// entry is one file, decoded or being decoded.
type entry struct {
	key      key
	modified time.Time
	size     int64
	place    *list.Element
	ready    chan struct{} // closed when clip and err are set
	clip     *media.Clip
	err      error
	cost     int64 // bytes
}

func newCache(bytes int64) *cache {
	return &cache{max: bytes, entries: map[key]*entry{}, recent: list.New()}
}

// clip returns the sound of a file, which will have that name, decoding it if it is new here or has
// changed. However many ask at once, one decodes and the others wait.
func (c *cache) clip(ctx context.Context, s *source, path, name string, info fs.FileInfo) (*media.Clip, error) {
	k := key{s, path}
	c.mu.Lock()
	e := c.entries[k]
	if e != nil && e.size == info.Size() && e.modified.Equal(info.ModTime()) {
		c.recent.MoveToFront(e.place)
		c.mu.Unlock()
		select {
		case <-e.ready:
			return e.clip, e.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if e != nil {
		c.remove(e)
	}
	e = &entry{key: k, modified: info.ModTime(), size: info.Size(), ready: make(chan struct{})}
	e.place = c.recent.PushFront(e)
	c.entries[k] = e
	c.mu.Unlock()

	if e.clip, e.err = load(s.fsys, path); e.err == nil {
		e.clip.Named(name)
	}
	c.settle(e)
	close(e.ready)
	return e.clip, e.err
}

// settle counts a decoded entry and makes room for it. One that failed, or is too
// big for the cache, is not kept.
func (c *cache) settle(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[e.key] != e {
		return // a newer file has taken its place, or it had to make room
	}
	if e.err != nil {
		c.remove(e)
		return
	}
	// The clip itself makes a copy at 8 kHz and one for each codec: as much again.
	e.cost = 2 * 2 * int64(len(e.clip.PCM()))
	c.used += e.cost
	for c.used > c.max {
		c.remove(c.recent.Back().Value.(*entry))
	}
}

// remove forgets an entry. Who plays its clip keeps it. The caller holds mu.
func (c *cache) remove(e *entry) {
	delete(c.entries, e.key)
	c.recent.Remove(e.place)
	c.used -= e.cost
	e.cost = 0
}

// load reads and decodes a file.
func load(fsys fs.FS, path string) (*media.Clip, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return decode(b)
}
