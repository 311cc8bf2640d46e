//go:build unix

package control

import (
	"fmt"
	"os"
	"syscall"
)

// private makes a folder that only this user may enter, or says that it is not one: others
// could otherwise pretend to be the exchange.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a folder that only this user may write; remove it, or name another in BELFRY_RUNTIME", dir)
	}
	return nil
}
