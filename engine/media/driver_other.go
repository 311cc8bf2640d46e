//go:build !linux

package media

func systemDrivers() []string { return nil }

func systemNetwork(string) network { return nil }
