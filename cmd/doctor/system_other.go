//go:build !linux

package doctor

import (
	"os"
	"runtime"
)

func readMachine(int) machine { return machine{cores: runtime.NumCPU()} }

func freeSpace(string) (bytes uint64, known bool) { return 0, false }

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".belfry")
	if err != nil {
		return false
	}
	name := f.Name()
	return f.Close() == nil && os.Remove(name) == nil
}

func localZone() string { return "of the machine" }
