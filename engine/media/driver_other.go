//go:build !linux

package media

// kernelDrops is not known here.
func kernelDrops(int) (uint32, bool) { return 0, false }

func systemNetworks() []network { return nil }
