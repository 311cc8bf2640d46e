package scripts

import (
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/belfry-pbx/belfry/scripts/api"
	"github.com/belfry-pbx/belfry/scripts/diag"
)

var errNoGroup = errors.New("there is no such group")

// Group is a group that a dialplan declares.
type Group struct {
	Number, Name, Kind, Strategy string
	Members                      []Member
	RingFor, Timeout             time.Duration // 0: the verb's default
	Mailbox, Manager, Fallback   string
	Overflow                     string            // where a call goes that nobody takes
	OverflowBy                   map[string]string // "nobody", "loggedOut", "busy", "noAnswer": instead of Overflow
}

// overflows are the cases of OverflowBy by the option that sets each.
func overflows() map[string]string {
	return map[string]string{"overflowNobody": "nobody", "overflowLoggedOut": "loggedOut", "overflowBusy": "busy", "overflowNoAnswer": "noAnswer"}
}

// Member is one of a group.
type Member struct {
	Number  string
	RingFor time.Duration // 0: the group's
	Weight  float64       // 0: 1
}

// groupDecl is a group as declared, with what only scripts read of it.
type groupDecl struct {
	Group
	where           string
	music, announce []string // names: a state's recordings are not another's
}

// members reads a group's members: numbers, or tables { number, ringFor =, weight = }.
func (a *args) members(p api.Value, v lua.LValue) []Member {
	t, ok := a.sc.s.Table(v)
	if !ok || t.Len() > maxItems {
		a.bad(p, v, fmt.Sprintf("a list of at most %d members", maxItems))
	}
	digits := api.Value{Name: p.Name, Type: api.Digits}
	var list []Member
	for i := 1; i <= t.Len(); i++ {
		item, ok := a.sc.s.Table(t.RawGetInt(i))
		if !ok {
			list = append(list, Member{Number: a.convert(digits, t.RawGetInt(i)).(string)})
			continue
		}
		m := Member{Number: a.convert(digits, item.RawGetInt(1)).(string)}
		for key, v := item.Next(lua.LNumber(1)); key != lua.LNil; key, v = item.Next(key) {
			switch key.String() {
			case "ringFor":
				m.RingFor = a.convert(api.Value{Name: "ringFor", Type: api.Duration}, v).(time.Duration)
			case "weight":
				m.Weight = a.convert(api.Value{Name: "weight", Type: api.Number}, v).(float64)
			default:
				a.sc.wrong(diag.CodeOption, key.String(), fmt.Sprintf("a group's member has no option '%s'", key), "options: ringFor, weight")
			}
		}
		list = append(list, m)
	}
	return list
}
