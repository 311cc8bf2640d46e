package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// readMachine asks the kernel. pid is the exchange's process; 0: this one, which has the limits that an exchange
// started from here would have.
func readMachine(pid int) machine {
	m := machine{cores: runtime.NumCPU()}
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err == nil {
		m.files = limit.Cur
		if pid == 0 {
			m.files = limit.Max // Go raises its own to that
		}
	}
	m.receive, _ = strconv.Atoi(line("/proc/sys/net/core/rmem_max"))
	m.clockSource = line("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	m.quota = quota(line("/sys/fs/cgroup/cpu.max"))
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err == nil {
		m.unsynced = t.Status&unix.STA_UNSYNC != 0
	}
	return m
}

func line(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// quota reads cpu.max, "150000 100000": microseconds of each so many.
func quota(text string) float64 {
	most, period, _ := strings.Cut(text, " ")
	m, err1 := strconv.ParseFloat(most, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || p <= 0 {
		return 0 // "max", or no such control group
	}
	return m / p
}

func freeSpace(dir string) (bytes uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

// localZone is the name of the machine's time zone.
func localZone() string {
	if to, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(to, "/zoneinfo/"); ok {
			return name
		}
	}
	return "of the machine"
}
