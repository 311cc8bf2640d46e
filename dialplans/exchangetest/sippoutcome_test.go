package exchangetest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// What a phone answers other than 200: the caller comes to voicemail, and nowhere else.
func TestRefusedCallsComeToVoicemail(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.trunkSocket()
	phone := x.registered(sipp{does: "refuses", as: "15902"})
	for _, status := range []string{"302 Moved Temporarily", "480 Temporarily Unavailable", "500 Server Internal Error", "404 Not Found", "486 Busy Here"} {
		// A premium number: a call there would be expensive.
		phone.fills = map[string]string{"status": status, "moved": "09098790000"}
		p := x.answers(phone)
		x.does(sipp{does: "atonce", as: "77513", dials: "15902"})
		p.wait()
	}
	outside.heardNothing()
}

func TestBusyLineTakesMessage(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.phone("15902", phone.IsBusy())
	c := x.dial(x.phone("77513", nil), "15902")
	if _, err := c.WaitHeard(within(t), phone.Beep, 0); err != nil {
		t.Fatalf("no voicemail: %v", err)
	}
	if err := c.Play(within(t), speech(3*time.Second)); err != nil {
		t.Fatal(err)
	}
	c.Hangup()
	eventually(t, "the message", func() bool { return len(x.messages("15902")) == 1 })
	if m := x.messages("15902")[0]; m.From != "77513" || m.Name != "Ada Byron" || m.Length < 2*time.Second {
		t.Errorf("the message is %+v", m)
	}
}

// A line without a phone: voicemail answers, and nobody waits for ringing that nobody hears.
func TestUnregisteredLine(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.does(sipp{does: "atonce", as: "77513", dials: "15902"})
}

// Two trunks, of which the first does not work: calls go out by the second.
func TestTrunkFailover(t *testing.T) {
	t.Parallel()
	for fault, transport := range map[string]string{"says 503": "udp", "refuses connections": "tcp", "says nothing": "udp"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			at := fmt.Sprintf("127.0.0.8:%d", freeUDPPort(t, "127.0.0.8"))
			x := startExchange(t, func(dir string) {
				rewrite(t, dir, "settings.lua", `trunks = {`, fmt.Sprintf(`trunks = { first = { host = %q, transport = %q, from = { "127.0.0.8/32" } },`, at, transport))
				rewrite(t, dir, "site.lua", `{ "pstn" }`, `{ "first", "pstn" }`)
			})
			var first *raw
			if transport == "udp" {
				first = x.listens(at)
			}
			second := x.answers(sipp{does: "answer", host: carrier, port: x.trunk})
			caller := x.sipp(sipp{does: "talk", as: "77513", dials: "07700900123"})
			switch fault {
			case "says 503":
				invite, from := first.receive()
				if _, err := first.conn.WriteTo([]byte(refusing(invite, "503 Service Unavailable")), from); err != nil {
					t.Fatal(err)
				}
			case "says nothing":
				first.receive()
				x.clock.Jump(10 * time.Second)
				eventually(t, "the second trunk to be tried", func() bool { return strings.Contains(second.messages(), "INVITE sip:") })
			}
			caller.wait()
			second.wait()
		})
	}
}

// messages are the new messages of a mailbox.
func (x *exchange) messages(number string) []mailbox.Message {
	x.t.Helper()
	box, err := x.Engine().Mailboxes().Get(number)
	if err != nil {
		x.t.Fatal(err)
	}
	all, err := box.Messages(within(x.t), "new")
	if err != nil {
		x.t.Fatal(err)
	}
	return all
}

// speech is a sound that is no beep: two tones that come and go.
func speech(d time.Duration) *media.Clip {
	pcm := make([]int16, d*8000/time.Second)
	for i := range pcm {
		at := float64(i) / 8000
		pcm[i] = int16(6000 * (1 + math.Sin(2*math.Pi*3*at)) * (math.Sin(2*math.Pi*310*at) + math.Sin(2*math.Pi*470*at)) / 4)
	}
	return media.NewClip(8000, pcm)
}
