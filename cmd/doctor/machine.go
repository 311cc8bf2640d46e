package doctor

import (
	"fmt"
	"slices"
	"time"
)

// machine is what can be known of the machine and of the exchange's process. What is zero is not known.
type machine struct {
	files       uint64  // descriptors that the exchange may open
	receive     int     // net.core.rmem_max, bytes
	cores       int     // that the process may use
	quota       float64 // cores that the container may use on average; 0: no limit
	clockSource string  // of the kernel
	unsynced    bool    // the kernel's clock is not kept by anybody
}

// Descriptors of a call, two legs of RTP and RTCP, and of all else: SIP connections, the store, the control socket.
const (
	filesACall = 4
	filesElse  = 500
)

func files(m machine, calls int) Check {
	const name = "open files"
	if m.files == 0 {
		return ok(name, "the limit is not known")
	}
	need := uint64(calls)*filesACall + filesElse
	room := (max(m.files, filesElse) - filesElse) / filesACall
	finding := fmt.Sprintf("%d may be open, enough for %s between two", m.files, count(int(min(room, 1e9)), "call"))
	do := fmt.Sprintf("raise it: LimitNOFILE=%d in systemd's unit, or ulimit -n %d", need, need)
	switch {
	case m.files >= need:
		return ok(name, finding)
	case room < 100:
		return problem(name, finding, do)
	}
	return warning(name, fmt.Sprintf("%s; maxCalls is %d", finding, calls), do)
}

// leastReceive is what the kernel must let a socket have: it is asked for two seconds of RTP.
const leastReceive = 128 << 10

func buffers(m machine) Check {
	const name = "UDP buffers"
	switch {
	case m.receive == 0:
		return ok(name, "the limit is not known")
	case m.receive < leastReceive:
		return warning(name, fmt.Sprintf("net.core.rmem_max is %d bytes: packets are lost when the machine stalls", m.receive),
			fmt.Sprintf("sysctl -w net.core.rmem_max=%d", 212992))
	}
	return ok(name, fmt.Sprintf("net.core.rmem_max is %d bytes", m.receive))
}

func cores(m machine) Check {
	const name = "processors"
	finding := count(m.cores, "core")
	if m.quota > 0 && m.quota < float64(m.cores) {
		return warning(name, fmt.Sprintf("%s, of which the container may use %.3g: sound stops for up to 100 ms whenever that is used up", finding, m.quota),
			"give the container whole cores (cpuset) instead of a quota")
	}
	return ok(name, finding)
}

// quick are the clock sources that the kernel reads without a system call, on this or that machine.
var quick = []string{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "xen"}

func clockSource(m machine) Check {
	const name = "clock source"
	switch {
	case m.clockSource == "":
		return ok(name, "not known")
	case !slices.Contains(quick, m.clockSource):
		return warning(name, m.clockSource+": reading the time is a system call here, and costs processor time",
			"see /sys/devices/system/clocksource/clocksource0/available_clocksource for tsc")
	}
	return ok(name, m.clockSource)
}

func wallClock(m machine, now time.Time) Check {
	const name = "time"
	finding := now.Format("2006-01-02 15:04:05 MST") + ", zone " + zone(now)
	if m.unsynced {
		return warning(name, finding+"; nothing keeps the clock right: opening hours and the times of calls will drift",
			"timedatectl set-ntp true, or install chrony")
	}
	return ok(name, finding)
}

func zone(now time.Time) string {
	if name := now.Location().String(); name != "Local" {
		return name
	}
	return localZone()
}
