package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/soundfile"
)

// A recording belongs to a conversation, not to the call it began in: when one of the two is
// transferred, it goes with whoever is left (see transfer.go). What a party says is one channel
// of its file, what that party hears is the other.

const (
	recordingRate = 16000 // Hz: what G.722 and nearly all of what Opus carries of speech
	unfinished    = ".part"
)

// RecordingOptions say how a conversation is recorded.
type RecordingOptions struct {
	Format string // "opus" or "wav"; "": the first of them that there is
	Name   string // of the file, before its number and ending; "": the call's id
}

// RecordingFile is the recording of a conversation.
type RecordingFile struct {
	Path    string // of the file when it is complete; until then it has another ending
	Started time.Time
}

// conversation is a recording under way.
type conversation struct {
	engine *Engine
	kept   RecordingFile
	file   *os.File // nil: in a simulation nothing is kept
	sound  soundfile.Writer
	tape   Tape

	mu      sync.Mutex
	at      *leg // whose voice is on the left channel, or on the right one when swapped
	swapped bool
	ended   sync.Once
	err     error
}

// StartRecording records this conversation, from now to its end or StopRecording: the caller on the
// left channel, what the caller hears on the right. The recording goes on through transfers. Where
// one is under way already, it is that which is returned. A disk that fails ends the recording and
// not the call.
func (c *Call) StartRecording(ctx context.Context, o RecordingOptions) (RecordingFile, error) {
	l, err := c.here(ctx)
	if err != nil {
		return RecordingFile{}, err
	}
	c.mu.Lock()
	under := c.recording
	c.mu.Unlock()
	if under != nil {
		return under.kept, nil
	}
	r, err := c.engine.newConversation(cmp.Or(o.Format, soundfile.Formats()[0]), cmp.Or(o.Name, c.id))
	if err != nil {
		return RecordingFile{}, fmt.Errorf("record the conversation: %w", err)
	}
	c.mu.Lock()
	came := c.recording // with a transfer, meanwhile
	if came == nil {
		if c.caller != nil {
			l = c.caller // another may have taken his place
		}
		c.recording = r
		c.record.recordings = append(c.record.recordings, r.name())
		r.follow(l, false)
	}
	c.mu.Unlock()
	if came != nil {
		_ = r.end() // it has been logged
		return came.kept, r.remove()
	}
	c.adopted(l)
	c.stored("recording the conversation", "file", r.kept.Path)
	return r.kept, nil
}

// StopRecording ends the recording of this conversation; where there is none, it does nothing. It
// returns when the file is complete.
func (c *Call) StopRecording(ctx context.Context) error {
	if err := c.over(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	r := c.recording
	c.recording = nil
	c.mu.Unlock()
	if r == nil {
		return nil
	}
	c.stored("the recording is over", "file", r.kept.Path)
	return r.end()
}

// newConversation begins a file in the folder of recordings, a folder for each day.
func (e *Engine) newConversation(format, name string) (*conversation, error) {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("%q cannot be a file's name", name)
	}
	now := e.clock.Now()
	r := &conversation{engine: e, kept: RecordingFile{Started: now}}
	create := r.create
	if e.simulated() {
		create = r.pretend
	}
	if err := create(filepath.Join(e.opts.Data, "recordings", now.Format("2006-01-02")), name, format); err != nil {
		return nil, err
	}
	r.tape = e.media.NewTape(media.TapeOptions{Rate: recordingRate, Write: r.sound.Write, OnDone: func() {
		e.work.Go(func() { _ = r.end() }) // it has been logged
	}})
	return r, nil
}

// create makes the file: the first of its name that is not there yet.
func (r *conversation) create(dir, name, format string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var err error
	for n := 1; ; n++ {
		r.kept.Path = filepath.Join(dir, fmt.Sprintf("%s-%d.%s", name, n, format))
		if _, err := os.Lstat(r.kept.Path); err == nil {
			continue
		}
		r.file, err = os.OpenFile(r.kept.Path+unfinished, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return err
	}
	if r.sound, err = soundfile.New(r.file, format, recordingRate); err != nil {
		return errors.Join(err, r.file.Close(), os.Remove(r.file.Name()))
	}
	return nil
}

// pretend names the file as create does, and makes none.
func (r *conversation) pretend(dir, name, format string) error {
	if !slices.Contains(soundfile.Formats(), format) {
		return fmt.Errorf("there is no sound format %q", format)
	}
	e := r.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	path := filepath.Join(dir, name)
	e.pretended[path]++
	r.kept.Path = fmt.Sprintf("%s-%d.%s", path, e.pretended[path], format)
	r.sound = unheard{}
	return nil
}

// unheard is the sound of a file that is not there.
type unheard struct{}

func (unheard) Write(_, _ []int16) error { return nil }
func (unheard) Close() error             { return nil }

// finish completes the file and gives it its name.
func (r *conversation) finish() error {
	err := r.sound.Close()
	if r.file == nil {
		return err
	}
	return errors.Join(err, r.file.Sync(), r.file.Close(), os.Rename(r.file.Name(), r.kept.Path))
}

// remove throws a complete file away.
func (r *conversation) remove() error {
	if r.file == nil {
		return nil
	}
	return os.Remove(r.kept.Path)
}

// name is what a call record says of it.
func (r *conversation) name() string { return filepath.Base(r.kept.Path) }

// follow has the recording go with a leg. swap says that the leg is the one that the party recorded so
// far talked to.
func (r *conversation) follow(l *leg, swap bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == l {
		return
	}
	r.at = l
	r.swapped = r.swapped != swap
	r.tape.Move(l.media, r.swapped)
}

// isAt tells whether it is this leg's voice that is recorded.
func (r *conversation) isAt(l *leg) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at == l
}

// end completes the file. A second time it only returns what the first one did.
func (r *conversation) end() error {
	r.ended.Do(func() {
		if err := errors.Join(r.tape.Stop(), r.finish()); err != nil {
			r.err = fmt.Errorf("record the conversation: %w", err)
			r.engine.metrics.recordingsFailed.Inc()
			r.engine.log.Error("a conversation's recording is not whole", "file", r.kept.Path, "error", err)
		}
	})
	return r.err
}

// takeRecording is the call's recording, which leaves it. c.mu is held.
func (c *Call) takeRecording() *conversation {
	r := c.recording
	c.recording = nil
	return r
}

// giveRecording has a recording go on in this call, with the leg l that it came with; it came from a
// conversation with x. A call that is recorded already keeps its own: the other is returned, to be ended.
// c.mu is held.
func (c *Call) giveRecording(r *conversation, x, l *leg) (superfluous *conversation) {
	switch {
	case r == nil:
		return nil
	case c.recording != nil:
		return r
	}
	if r.isAt(x) {
		r.follow(l, true)
	}
	c.recording = r
	c.record.recordings = append(c.record.recordings, r.name())
	return nil
}

// finishRecordings gives files that a killed process left behind the names they would have: they play up
// to a few seconds before their ends.
func (e *Engine) finishRecordings() {
	if e.simulated() {
		return
	}
	parts, err := filepath.Glob(filepath.Join(e.opts.Data, "recordings", "*", "*"+unfinished))
	for _, part := range parts {
		err = errors.Join(err, os.Rename(part, strings.TrimSuffix(part, unfinished)))
	}
	if err != nil {
		e.log.Warn("recordings that were cut off keep their ending "+unfinished, "error", err)
	}
}
