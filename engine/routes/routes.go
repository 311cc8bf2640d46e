// Package routes tells which address of this machine faces a host.
package routes

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// life is how long an answer is believed: routes change when somebody plugs a cable or a VPN comes up, and a call set
// up within that time over the old one would have no sound.
const life = 5 * time.Second

// maxHosts bounds what is remembered; strangers choose the hosts.
const maxHosts = 4096

// Table asks the kernel which way a host is, and remembers the answer for a moment. It is safe for concurrent use.
type Table struct {
	clock clock.Clock
	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	local netip.Addr
	until time.Time
}

// New makes an empty Table.
func New(c clock.Clock) *Table { return &Table{clock: c, known: make(map[string]answer)} }

// To is the address that this machine sends from to a host, an IP address or a name. Nothing is sent.
func (t *Table) To(ctx context.Context, host string) (netip.Addr, error) {
	now := t.clock.Now()
	t.mu.Lock()
	a, ok := t.known[host]
	t.mu.Unlock()
	if ok && now.Before(a.until) {
		return a.local, nil
	}
	local, err := ask(ctx, host)
	if err != nil {
		return netip.Addr{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxHosts {
		clear(t.known)
	}
	t.known[host] = answer{local, now.Add(life)}
	return local, nil
}

// ask has the kernel choose the source address of a UDP socket.
func ask(ctx context.Context, host string) (netip.Addr, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(host, "9"))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find the way to %s: %w", host, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
