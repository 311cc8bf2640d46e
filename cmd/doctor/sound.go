package doctor

import (
	"fmt"
	"slices"

	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/codec"
)

// What moves packets and what makes sound of them.

// driver tells which driver runs or would, and why a better one does not.
func (x Exchange) driver() Check {
	const name = "media driver"
	if x.Running != nil && x.Running.Driver != "" {
		return chosen(name, x.Running.Driver+" runs", x.Running.Driver, x.Config.RTP.Driver, media.Probe())
	}
	drivers := media.Probe()
	would := x.Config.RTP.Driver
	if would == "" || would == "auto" {
		would = "none works"
		if at := slices.IndexFunc(drivers, func(d media.DriverStatus) bool { return d.Available }); at >= 0 {
			would = drivers[at].Name
		}
	}
	return chosen(name, would, would, x.Config.RTP.Driver, drivers)
}

// chosen judges a driver: there must be such a one, and better ones are missed where the settings leave the choice open.
func chosen(name, finding, driver, asked string, all []media.DriverStatus) Check {
	at := slices.IndexFunc(all, func(d media.DriverStatus) bool { return d.Name == driver })
	if at < 0 || !all[at].Available {
		why := "this system has none of that name"
		if at >= 0 {
			why = all[at].Reason
		}
		return problem(name, fmt.Sprintf("%s does not work here: %s", driver, why), `rtp = { driver = "auto" } takes one that does`)
	}
	if at == 0 {
		return ok(name, finding)
	}
	if asked != "" && asked != "auto" {
		return ok(name, finding+", as the settings say")
	}
	best := all[0]
	if best.Available {
		return warning(name, finding+", though "+best.Name+" works", "restart the exchange")
	}
	return warning(name, fmt.Sprintf("%s, which costs more processor time than %s, which does not work: %s", finding, best.Name, best.Reason), remedy(best.Name))
}

// remedy is what lets a driver work.
func remedy(driver string) string {
	if driver != "io_uring" {
		return ""
	}
	return "it needs Linux 6.1, sysctl kernel.io_uring_disabled=0, and in a container a seccomp profile that allows io_uring_setup, _enter and _register"
}

// opus tells what Opus can do here, if it is to be spoken.
func opus(codecs []string) Check {
	const name = "Opus"
	switch {
	case !slices.Contains(codecs, codec.Opus.Name()):
		return ok(name, "not among the settings' codecs")
	case !codec.Opus.CanEncode():
		return warning(name, "libopus.so.0 is not found: Opus is passed on between two phones that both have it, and not spoken otherwise",
			"apt-get install libopus0, and restart the exchange")
	}
	return ok(name, codec.LibopusVersion())
}
