package media

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelDrops is how many datagrams the kernel has thrown away for want of room in
// a socket's buffer, since it was opened (SO_MEMINFO, Linux 4.12).
func kernelDrops(fd int) (uint32, bool) {
	const drops = 8 // SK_MEMINFO_DROPS of <linux/sock_diag.h>
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info[drops], errno == 0 && size == uint32(unsafe.Sizeof(info))
}
