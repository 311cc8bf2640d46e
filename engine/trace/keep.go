package trace

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Calls that have ended go to disk on a goroutine of the log's own: what happens in calls never waits for a disk.

// maxWaiting bounds the calls that wait for the disk.
const maxWaiting = 20_000

// Open makes a Log that keeps calls which have ended on disk too. Close it when nothing is added any more.
func Open(o Options, d DiskOptions) (*Log, error) {
	kept, err := openDisk(d)
	if err != nil {
		return nil, err
	}
	l := New(o)
	l.disk, l.wake, l.done = kept, make(chan struct{}, 1), make(chan struct{})
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	go l.keep(ctx)
	return l, nil
}

// Read makes a Log of what another has kept in a folder.
func Read(dir string) *Log {
	l := New(Options{})
	l.disk = &disk{o: DiskOptions{Dir: dir}}
	return l
}

// Close writes what is left to disk.
func (l *Log) Close() {
	if l == nil || l.stop == nil {
		return
	}
	l.stop()
	<-l.done
}

// keep writes calls that have ended, until ctx ends.
func (l *Log) keep(ctx context.Context) {
	defer close(l.done)
	defer func() {
		if p := recover(); p != nil {
			l.disk.o.Log.Error("keeping traces panicked; they stay in memory from now on", "panic", p)
		}
	}()
	defer l.disk.drop()
	l.disk.prune(l.clock.Now())
	for {
		wait := min(l.disk.o.Keep/parts, time.Hour)
		l.mu.Lock()
		if len(l.leaving) > 0 {
			wait = time.Second
		}
		l.mu.Unlock()
		t := l.clock.NewTimer(wait)
		select {
		case <-t.C():
		case <-l.wake:
		case <-ctx.Done():
			t.Stop()
			l.writeOut(true)
			return
		}
		t.Stop()
		l.writeOut(false)
		if now := l.clock.Now(); now.Sub(l.disk.pruned) >= min(l.disk.o.Keep/parts, time.Hour) {
			l.disk.prune(now)
		}
	}
}

// writeOut writes the calls that have ended and left; all: every call, whether it has or not.
func (l *Log) writeOut(all bool) {
	l.mu.Lock()
	now := l.clock.Now()
	l.sweep()
	batch := l.waiting
	l.waiting = nil
	if all {
		for _, s := range l.live {
			batch = append(batch, s)
		}
		slices.SortFunc(batch, func(a, b *story) int {
			return cmp.Or(a.info.Start.Compare(b.info.Start), strings.Compare(a.info.ID, b.info.ID))
		})
		for _, s := range batch {
			l.leave(s)
		}
		l.leaving = nil
	}
	l.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	l.disk.write(batch, now)
	l.mu.Lock()
	for _, s := range batch {
		s.written = true
	}
	l.mu.Unlock()
}
