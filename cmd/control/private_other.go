//go:build !unix

package control

import "os"

// private relies on the user's folder being the user's own.
func private(dir string) error { return os.MkdirAll(dir, 0o700) }
