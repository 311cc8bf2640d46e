//go:build !linux || !(amd64 || arm64) || static

package codec

import "fmt"

func newOpusEncoder(int, int) (FileEncoder, error) {
	return nil, fmt.Errorf("encode opus without libopus.so.0: %w", ErrUnavailable)
}

func newLibopusDecoder() Decoder { return nil }

func canEncodeOpus() bool { return false }

// LibopusVersion is that of the system's libopus; "": there is none that can be used.
func LibopusVersion() string { return "" }
