//go:build unix

package control

import (
	"net"
	"os"
	"path/filepath"
)

// listenPrivate makes the socket in a folder that only we may enter, and moves it to its
// place once its mode is set: nobody can connect in between.
func listenPrivate(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".c")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(tmp, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	if err := os.Rename(tmp, path); err != nil {
		l.Close()
		return nil, err
	}
	return removing{l, path}, nil
}

// removing is a listener that takes its socket away when it closes.
type removing struct {
	net.Listener
	path string
}

func (r removing) Close() error {
	_ = os.Remove(r.path)
	return r.Listener.Close()
}
