package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
	"github.com/belfry-pbx/belfry/scripts/dialtest"
)

// The world outside: each trunk of the site leads to a network on a loopback address of its own, by which the exchange
// knows it.

func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// guestAddress is where those call from who come by no trunk.
func guestAddress() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 8}) }

const (
	firstTrunk = 9 // 127.0.0.9
	mostTrunks = 100
)

// trunk is one with its network.
type trunk struct {
	engine.Trunk
	at      netip.Addr
	network *phone.Phone // what the exchange calls
	silent  net.PacketConn

	mu     sync.Mutex
	status int // it refuses calls with; 0: it does not
}

// lay has trunks end at networks here.
func (x *Exchange) lay(trunks []engine.Trunk) ([]engine.Trunk, error) {
	if len(trunks) > mostTrunks {
		return nil, &dialtest.LeftOut{Why: fmt.Sprintf("needs the simulator: the site has %d trunks", len(trunks))}
	}
	for i, t := range trunks {
		one := &trunk{at: netip.AddrFrom4([4]byte{127, 0, 0, byte(firstTrunk + i)})}
		var err error
		one.network, err = phone.New(phone.Options{
			Server: "127.0.0.1:9", Address: one.at, Media: x.media, Codecs: []codec.Codec{spoken}, Sounds: x.sounds.known, // it calls nobody
			Incoming: func(ctx context.Context, c *phone.Call) { x.calledOutside(ctx, one, c) },
		})
		if err != nil {
			return nil, fmt.Errorf("make a network on %s for trunk %s: %w", one.at, t.Name, err)
		}
		one.Trunk = engine.Trunk{Name: t.Name, Host: one.network.Addr().String(), Transport: "udp",
			From: []netip.Prefix{netip.PrefixFrom(one.at, 32)}, Codecs: []codec.Codec{spoken}}
		x.trunks = append(x.trunks, one)
	}
	return x.laid(), nil
}

func (x *Exchange) laid() (all []engine.Trunk) {
	for _, t := range x.trunks {
		all = append(all, t.Trunk)
	}
	return all
}

// cut ends the networks.
func (x *Exchange) cut() error {
	var errs []error
	for _, t := range x.trunks {
		errs = append(errs, t.network.Close())
		if t.silent != nil {
			errs = append(errs, t.silent.Close())
		}
	}
	return errors.Join(errs...)
}

// calledOutside takes a call that the exchange makes by a trunk to whom it is for.
func (x *Exchange) calledOutside(ctx context.Context, t *trunk, c *phone.Call) {
	t.mu.Lock()
	status := t.status
	t.mu.Unlock()
	if status != 0 {
		_ = c.Reject(status) // it has ended by itself
		return
	}
	x.outside(c.Leg().Dialled()).rung(ctx, c)
}

// outside is the telephone of a number in the world.
func (x *Exchange) outside(number string) *Phone {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.world[number]
	if p == nil {
		p = &Phone{x: x, number: number, outside: true}
		x.world[number] = p
		x.giveVoice(p)
	}
	return p
}

// Outside is a telephone in the world.
func (x *Exchange) Outside(number string) dialtest.Phone { return x.outside(number) }

// trunkAddress is where who comes by a trunk calls from; "": by the first, and where there is none by none.
func (x *Exchange) trunkAddress(name string) netip.Addr {
	for _, t := range x.trunks {
		if name == "" || t.Name == name {
			return t.at
		}
	}
	return guestAddress()
}

// SetTrunk has a trunk refuse calls with a status, say nothing at all (-1), or work (0).
func (x *Exchange) SetTrunk(name string, status int) bool {
	for _, t := range x.trunks {
		if t.Name != name {
			continue
		}
		t.Host = t.network.Addr().String()
		if status < 0 {
			if t.silent == nil {
				var err error
				if t.silent, err = net.ListenPacket("udp", net.JoinHostPort(t.at.String(), "0")); err != nil {
					x.fail(err)
					return true
				}
			}
			t.Host = t.silent.LocalAddr().String()
		}
		t.mu.Lock()
		t.status = max(status, 0)
		t.mu.Unlock()
		x.engine.SetTrunks(x.laid())
		return true
	}
	return false
}

// Call has somebody call: a line, or somebody outside, "Joe <+447700900123>", "+447700900123" or "anonymous".
func (x *Exchange) Call(from, to string, o dialtest.CallOptions) (dialtest.Call, error) {
	name, number, named := strings.Cut(strings.TrimSuffix(from, ">"), "<")
	if !named {
		name, number = "", name
	}
	if number = strings.TrimSpace(number); number == "" {
		return nil, fmt.Errorf("a call from %q: it names no number", from)
	}
	if !named && o.Trunk == "" {
		if _, err := x.engine.Directory().Line(x.ctx, number); err == nil {
			return x.line(number).Call(to), nil
		}
	}
	at := x.trunkAddress(o.Trunk)
	if o.Trunk != "" && at == guestAddress() {
		return nil, fmt.Errorf("a call from %q: there is no trunk %q", from, o.Trunk)
	}
	who := phone.Identity{Name: strings.Trim(name, `" `), Asserted: number != anonymous}
	if o.Diversion != nil {
		who.Headers = []sip.Header{{Name: "Diversion", Value: "<sip:" + o.Diversion.Number + "@" + x.address() + ">;reason=" + o.Diversion.Reason}}
	}
	return x.outside(number).call(at, to, who), nil
}
