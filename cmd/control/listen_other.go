//go:build !unix

package control

import "net"

// listenPrivate relies on the folder's own protection.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }
