// Package soundfile writes two-channel recordings while they are made: WAV (RFC 2361)
// and Ogg Opus (RFC 7845). A file whose writer was killed plays up to a few seconds
// before its end.
package soundfile

import (
	"errors"
	"fmt"
	"io"
)

// Writer takes the sound of both channels. It is not safe for concurrent use.
type Writer interface {
	// Write takes as many samples of the one channel as of the other.
	Write(left, right []int16) error
	// Close completes the file. What it was written to is its opener's to close.
	Close() error
}

// Formats names the kinds of file that New makes, best first; "opus" is there only
// where the system has libopus.
func Formats() []string {
	if canEncodeOpus() {
		return []string{"opus", "wav"}
	}
	return []string{"wav"}
}

// ErrFormat says that there is no such kind of file here.
var ErrFormat = errors.New("no such format of sound file")

// New begins a file of a format, "wav" or "opus", for sound at a rate of 8000, 16000
// or 48000 Hz. Errors: ErrFormat and f's.
func New(f io.WriteSeeker, format string, rate int) (Writer, error) {
	switch format {
	case "wav":
		return newWAV(f, rate)
	case "opus":
		return newOpus(f, rate)
	}
	return nil, fmt.Errorf("sound file: %q: %w (there are %v)", format, ErrFormat, Formats())
}
