package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine"
)

// Options say what an Exchange is made of.
type Options struct {
	// Engine is what call control is made of. Store is required, unless there is a Site. Network, Runner and Clock are the
	// World's; calls are numbered from 1 where NewID is nil.
	Engine engine.Options
	Site   *Site                   // what it begins with; nil: with what there is in Engine.Store
	Start  time.Time               // what the clock shows at first; zero: a Monday at noon
	Change func(o *engine.Options) // puts something else in place of a part, at last: one that fails; nil: nothing
	World  *World                  // where it all happens; nil: one of its own, that begins at Start. The exchange closes it
}

// Exchange is a whole exchange with all its telephones and with whoever is outside, in a World of its own.
type Exchange struct {
	options    Options
	world      *World
	engine     *engine.Engine
	signalling *signalling
	media      *mediaEngine
	lines      map[string][]*Phone
	outside    map[string]*Phone
	broken     map[string]manner // trunks that do not work, by name
	ids        int
}

// New makes an exchange. Close lets it go.
func New(o Options) (*Exchange, error) {
	if o.Start.IsZero() {
		o.Start = usualStart()
	}
	if o.World == nil {
		o.World = NewWorld(o.Start)
	}
	x := &Exchange{world: o.World, lines: map[string][]*Phone{}, outside: map[string]*Phone{}, broken: map[string]manner{}}
	o.Engine.Network, o.Engine.Runner, o.Engine.Clock = network{x}, x.world, x.world
	if o.Engine.NewID == nil {
		o.Engine.NewID = x.newID
	}
	if o.Engine.Realm == "" {
		o.Engine.Realm = anyRealm
	}
	if o.Site != nil {
		o.Site.give(&o.Engine, x.world)
	}
	if o.Change != nil {
		o.Change(&o.Engine)
	}
	x.options = o
	eng, err := engine.New(context.Background(), o.Engine)
	if err != nil {
		x.world.Close()
		return nil, err
	}
	x.engine = eng
	return x, nil
}

// usualStart is what the clock shows at first, where nobody says.
func usualStart() time.Time { return time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) }

func (x *Exchange) newID() string {
	x.ids++
	return "call-" + strconv.Itoa(x.ids)
}

// Engine is call control.
func (x *Exchange) Engine() *engine.Engine { return x.engine }

// World is where it all happens.
func (x *Exchange) World() *World { return x.world }

// Close ends all calls and lets everything go. Its error is that of the World, if there was one, or what could not be
// let go.
func (x *Exchange) Close() error {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	err := x.engine.Run(over)
	return errors.Join(x.world.Err(), err, x.engine.Close())
}

// Left is what of calls there is still: dialogs, their sound, and lines that are taken to be busy.
func (x *Exchange) Left() (all []string) {
	for range x.signalling.dialogs {
		all = append(all, "a dialog")
	}
	for range x.media.open {
		all = append(all, "the sound of a call")
	}
	for _, number := range slices.Sorted(maps.Keys(x.lines)) {
		if x.engine.Busy(number) {
			all = append(all, "line "+number+", which is taken to be busy")
		}
	}
	return all
}

// Phone is the telephone of a line; of one that has several, the first. Naming one that the directory does not have
// makes a telephone that is registered for that number all the same.
func (x *Exchange) Phone(number string) *Phone {
	if all := x.lines[number]; len(all) > 0 {
		return all[0]
	}
	return x.AddPhone(number)
}

// AddPhone gives a line one more telephone.
func (x *Exchange) AddPhone(number string) *Phone {
	contact := fmt.Sprintf("sip:%s-%d@%s", number, len(x.lines[number])+1, theirs)
	p := &Phone{x: x, number: number, line: true, contact: contact}
	x.lines[number] = append(x.lines[number], p)
	x.signalling.subscribe(number)
	return p
}

// phones are the telephones of a line: every line of the directory has one.
func (x *Exchange) phones(line string) []*Phone {
	if x.lines[line] == nil && x.isLine(line) {
		x.AddPhone(line)
	}
	return x.lines[line]
}

func (x *Exchange) isLine(number string) bool {
	if x.engine == nil {
		return false
	}
	_, err := x.engine.Directory().Line(context.Background(), number)
	return err == nil
}

// Outside is a telephone in the world outside: a number that trunks reach, or a SIP URI.
func (x *Exchange) Outside(number string) *Phone {
	p := x.outside[number]
	if p == nil {
		p = &Phone{x: x, number: number}
		x.outside[number] = p
	}
	return p
}

// IsDead as the status of a trunk has it say nothing at all.
const IsDead = -1

// SetTrunk has a trunk refuse all calls with a SIP status, say nothing at all (IsDead), or work again (0). It is false
// when there is no such trunk.
func (x *Exchange) SetTrunk(name string, status int) bool {
	switch {
	case x.signalling.trunk(name) == nil:
		return false
	case status == 0:
		delete(x.broken, name)
	case status == IsDead:
		x.broken[name] = manner{kind: dead}
	default:
		x.broken[name] = manner{kind: refuses, code: status}
	}
	return true
}

// CallOptions refine Call.
type CallOptions struct {
	Name       string            // shown as the caller's
	Trunk      string            // by which an outside caller comes; "": the first
	Guest      bool              // an outside caller comes by no trunk
	Private    bool              // the number is withheld
	Unverified bool              // the trunk does not vouch for the number
	Diversion  *engine.Diversion // who sent the call here
	NoOffer    bool              // the INVITE has no description of sound
	Replaces   *Caller           // whose place the caller takes, if the exchange agrees
}

// Call has somebody call. From is a line, "77513"; or somebody outside, "Joe <+447700900123>", "+447700900123" or
// "anonymous", who comes by a trunk, and where there is none as a guest.
func (x *Exchange) Call(from, to string, o CallOptions) (*Caller, error) {
	name, number, named := strings.Cut(strings.TrimSuffix(from, ">"), "<")
	if !named {
		number = name
	}
	if number = strings.TrimSpace(number); number == "" {
		return nil, fmt.Errorf("a call from %q: it names no number", from)
	}
	if named {
		o.Name = strings.Trim(name, `" `)
	} else if all := x.phones(number); len(all) > 0 && o.Trunk == "" && !o.Guest {
		return all[0].call(to, o), nil
	}
	if o.Trunk != "" && x.signalling.trunk(o.Trunk) == nil {
		return nil, fmt.Errorf("a call from %q: there is no trunk %q", from, o.Trunk)
	}
	return x.Outside(number).call(to, o), nil
}

// realm is the name of the exchange in addresses.
func (x *Exchange) realm() string { return x.options.Engine.Realm }
