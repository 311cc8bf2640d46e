package resolve

import (
	"slices"

	"github.com/miekg/dns"
)

// order puts SRV records into the order to try them (RFC 2782): by priority, and
// among equals at random, a record of twice the weight twice as likely to come
// first. random gives a number in [0, n).
func order(list []*dns.SRV, random func(n int) int) []*dns.SRV {
	rest := slices.Clone(list)
	// Those of weight 0 come first, so that they have their small chance.
	slices.SortStableFunc(rest, func(a, b *dns.SRV) int {
		if a.Priority != b.Priority {
			return int(a.Priority) - int(b.Priority)
		}
		return min(int(a.Weight), 1) - min(int(b.Weight), 1)
	})
	var ordered []*dns.SRV
	for len(rest) > 0 {
		sum, same := 0, 0
		for same < len(rest) && rest[same].Priority == rest[0].Priority {
			sum += int(rest[same].Weight)
			same++
		}
		pick, mark := 0, random(sum+1)
		for running := int(rest[0].Weight); running < mark; running += int(rest[pick].Weight) {
			pick++
		}
		ordered = append(ordered, rest[pick])
		rest = slices.Delete(rest, pick, pick+1)
	}
	return ordered
}
