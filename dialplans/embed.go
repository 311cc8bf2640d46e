// Package dialplans holds the dialplans that ship with Belfry: chorus, a university's, which
// the demo runs, and starter, the smallest useful one.
package dialplans

import "embed"

// Files is both of them, as they were when the program was built.
//
//go:embed chorus starter
var Files embed.FS
