//go:build !linux

package media

func systemNetworks() []network { return nil }
