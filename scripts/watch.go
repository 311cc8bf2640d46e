package scripts

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long files must have been left alone before they are read: editors write
	// in several steps.
	settle = 100 * time.Millisecond
	// pollEvery finds what no notification told of: network file systems, exhausted watches.
	pollEvery = 2 * time.Second
)

// Watch reloads whenever the files change, until ctx ends. What is wrong with a dialplan is
// logged once and leaves the present one serving.
func (h *Host) Watch(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		h.log.Warn("files cannot be watched; looking every so often instead", "every", pollEvery, "error", err)
		return h.poll(ctx, nil)
	}
	defer func() { _ = w.Close() }()
	return h.poll(ctx, w)
}

func (h *Host) poll(ctx context.Context, w *fsnotify.Watcher) error {
	var events chan fsnotify.Event
	var errs chan error
	watched := map[string]bool{}
	if w != nil {
		events, errs = w.Events, w.Errors
		h.watchFolders(w, watched)
	}
	h.tryReload(ctx) // what changed before the watch began
	timer := h.clock.NewTimer(pollEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if relevant(e.Name) {
				timer.Reset(settle)
			}
		case err := <-errs:
			h.log.Warn("watching the dialplan's files", "error", err) // an overflow: the poll finds the rest
			timer.Reset(settle)
		case <-timer.C():
			if w != nil {
				h.watchFolders(w, watched)
			}
			h.tryReload(ctx)
			timer.Reset(pollEvery)
		}
	}
}

// relevant leaves out what editors write beside a file.
func relevant(name string) bool {
	base := filepath.Base(name)
	return isLua(base) || strings.HasPrefix(base, "..") || filepath.Ext(base) == ""
}

// watchFolders watches every folder there is now, and the one the dialplan's folder stands
// in, where it may be swapped as a whole.
func (h *Host) watchFolders(w *fsnotify.Watcher, watched map[string]bool) {
	root, err := filepath.EvalSymlinks(h.opts.Dir)
	if err != nil {
		return // swapped this moment; the poll comes again
	}
	now := map[string]bool{filepath.Dir(filepath.Clean(h.opts.Dir)): true}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone again
		}
		if d.IsDir() {
			if path != root && strings.HasPrefix(d.Name(), ".") && !strings.HasPrefix(d.Name(), "..") {
				return fs.SkipDir
			}
			now[path] = true
		}
		return nil
	})
	for path := range now {
		// Adding again is harmless, and right when a folder was replaced by another of its name.
		if err := w.Add(path); err == nil {
			watched[path] = true
		} else if !errors.Is(err, os.ErrNotExist) && !watched[path] {
			h.log.Debug("a folder is not watched", "folder", path, "error", err)
		}
	}
	for path := range watched {
		if !now[path] {
			_ = w.Remove(path) // gone already, mostly
			delete(watched, path)
		}
	}
}

// tryReload reloads and says what is wrong, once for each state of the files.
func (h *Host) tryReload(ctx context.Context) {
	files, err := readDir(h.opts.Dir)
	if err == nil {
		print := fingerprint(files)
		h.mu.Lock()
		known := print == h.failed || h.now != nil && print == h.now.print
		if h.now != nil && print == h.now.print {
			h.failed = [32]byte{}
		}
		h.mu.Unlock()
		if known {
			return
		}
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.now == nil || h.now.print != print {
				h.failed = print
			}
		}()
	}
	_, err = h.Reload(ctx)
	if err == nil {
		return
	}
	for _, p := range Problems(err) {
		h.log.Error(p.Error(), "code", p.Code, "effect", p.Effect)
	}
	if Problems(err) == nil {
		h.log.Error("reloading the dialplan", "error", err)
	}
}
