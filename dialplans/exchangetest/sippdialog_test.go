package exchangetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/phone"
)

// Whoever is put on hold hears music.
func TestHoldIsHeard(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"hold", "update"} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			taken := make(chan *phone.Call, 1)
			x.phone("15902", phone.AnswersAfter(0, func(ctx context.Context, c *phone.Call) {
				taken <- c
				<-ctx.Done()
			}))
			caller := x.sipp(sipp{does: scenario, as: "77513", dials: "15902"})
			held := <-taken
			if _, err := held.WaitHeard(within(t), phone.Voice, 0); err != nil {
				t.Errorf("no music: %v", err)
			}
			caller.wait()
		})
	}
}

// 77513 talks to 15902 and sends it on to 77500.
func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	sent := x.answers(x.registered(sipp{does: "outlasts", as: "15902"}))
	new := x.answers(x.registered(sipp{does: "answerbye", as: "77500"}))
	x.does(sipp{does: "refer", as: "77513", dials: "15902", fills: map[string]string{"transfer": "77500"}})
	new.wait()
	sent.wait()
}

// 77513 talks to 15902 and to 77500 and joins the two (REFER with Replaces).
func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	one := x.answers(x.registered(sipp{does: "outlasts", as: "15902"}))
	other := x.answers(x.registered(sipp{does: "outlasts", as: "77500"}))
	p := x.phone("77513", nil)
	first, second := x.dial(p, "15902"), x.dial(p, "77500")
	if err := first.TransferTo(within(t), second); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*phone.Call{first, second} {
		if err := c.WaitEnded(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if one.ended() || other.ended() {
		t.Fatal("the two who were joined are not both still there")
	}
	joined := x.Engine().Calls()
	if len(joined) != 1 {
		t.Fatalf("%d calls, want the one of 15902 and 77500: %+v", len(joined), joined)
	}
	x.stop() // hangs up
	one.wait()
	other.wait()
}

// An ACK that never comes: the answer is repeated, and in the end the call is given up, on both sides.
func TestLostACK(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	p := x.answers(x.registered(sipp{does: "answer", as: "15902"}))
	caller := x.sipp(sipp{does: "noack", as: "77513", dials: "15902"})
	eventually(t, "the answer to be repeated", func() bool {
		return strings.Count(caller.messages(), "SIP/2.0 200 OK") >= 2
	})
	x.clock.Jump(40 * time.Second) // 64*T1 is 32 s
	caller.wait()
	p.wait()
}

// A session timer that the exchange is to keep: it does, before half of the interval is over.
func TestSessionIsRefreshed(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	p := x.answers(x.registered(sipp{does: "answer", as: "15902"}))
	caller := x.sipp(sipp{does: "isrefreshed", as: "77513", dials: "15902"})
	eventually(t, "the call", func() bool {
		calls := x.Engine().Calls()
		return len(calls) == 1 && calls[0].With == "15902"
	})
	eventually(t, "the refresh", func() bool {
		x.clock.Jump(time.Second)
		return strings.Contains(caller.messages(), "\nUPDATE sip:")
	})
	caller.wait()
	p.wait()
}

// An INVITE that comes three times is one call.
func TestRepeatedInvite(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	p := x.answers(x.registered(sipp{does: "cancelled", as: "15902"}))
	caller := x.raw(carrier)
	invite := caller.request("INVITE", "01865615902", "+441632960123@carrier.example")
	for range 3 {
		caller.say(invite)
	}
	for m := ""; !strings.HasPrefix(m, "SIP/2.0 180 "); {
		if m = caller.next(patience); m == "" {
			t.Fatal("it does not ring")
		}
	}
	caller.say(invite)
	if n := len(x.Engine().Calls()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	cancel := strings.Replace(invite, "INVITE", "CANCEL", 1)
	cancel = strings.Replace(cancel, "CSeq: 1 INVITE", "CSeq: 1 CANCEL", 1)
	head, _, _ := strings.Cut(cancel, "Content-Type")
	caller.say(head + "Content-Length: 0\r\n\r\n")
	p.wait()
	if n := strings.Count(p.messages(), "\nINVITE sip:"); n != 1 {
		t.Errorf("the phone was rung %d times", n)
	}
}

// Whatever comes in, the exchange lives, and says 400 or nothing.
func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	for _, host := range []string{"127.0.0.5", carrier} {
		r := x.raw(host)
		good := r.request("INVITE", "15902", "+441632960123@carrier.example")
		for name, m := range map[string]string{
			"nothing":            "\r\n\r\n",
			"noise":              "\x00\xff\xfe\x01 not SIP at all \x00",
			"half a message":     good[:len(good)/2],
			"no Via":             strings.Replace(good, "Via:", "X-Via:", 1),
			"no Call-ID":         strings.Replace(good, "Call-ID:", "X-Call-ID:", 1),
			"two Froms":          strings.Replace(good, "From:", "From: <sip:a@b>;tag=1\r\nFrom:", 1),
			"CSeq of another":    strings.Replace(good, "CSeq: 1 INVITE", "CSeq: 1 BYE", 1),
			"CSeq beyond bounds": strings.Replace(good, "CSeq: 1 INVITE", "CSeq: 99999999999 INVITE", 1),
			"length beyond end":  strings.Replace(good, "Content-Length: ", "Content-Length: 9", 1),
			"length below zero":  strings.Replace(good, "Content-Length: ", "Content-Length: -", 1),
			"no version":         strings.Replace(good, " SIP/2.0\r\n", "\r\n", 1),
			"a version to come":  strings.Replace(good, " SIP/2.0\r\n", " SIP/7.0\r\n", 1),
		} {
			r.say(m)
			for got := r.next(100 * time.Millisecond); got != ""; got = r.next(100 * time.Millisecond) {
				switch code, _, _ := strings.Cut(strings.TrimPrefix(got, "SIP/2.0 "), " "); code {
				case "400", "505", "413":
				default:
					t.Errorf("%s: %s", name, got)
				}
			}
		}
	}
	x.dial(x.phone("77513", nil), "*43").Hangup()
}

// A caller whose description of sound we cannot use is told so: 488.
func TestUselessDescription(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	r := x.raw(carrier)
	x.phone("15902", phone.AnswersAfter(0, nil))
	invite := r.request("INVITE", "01865615902", "+441632960123@carrier.example")
	for name, m := range map[string]string{
		"a codec we lack":         strings.Replace(invite, "RTP/AVP 8", "RTP/AVP 18", 1),
		"an address that is none": strings.Replace(invite, "c=IN IP4 127.0.0.9", "c=IN IP4 127.0.0.x", 1),
		"no sound at all":         strings.Replace(invite, "m=audio", "m=video", 1),
	} {
		m = strings.ReplaceAll(m, "Call-ID: ", "Call-ID: "+strings.ReplaceAll(name, " ", "-"))
		m = strings.ReplaceAll(m, "branch=z9hG4bK", "branch=z9hG4bK"+strings.ReplaceAll(name, " ", "-"))
		r.say(m)
		if got := r.final(); !strings.HasPrefix(got, "SIP/2.0 488 ") {
			t.Errorf("%s: %s", name, got)
		} else {
			r.say(acknowledging(m, got))
		}
	}
}

// OPTIONS asks whether we live. The carrier may ask, and so may a phone from where it registered; a stranger learns nothing.
func TestOptions(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	for host, want := range map[string]string{carrier: "SIP/2.0 200 ", "127.0.0.5": "SIP/2.0 401 "} {
		r := x.raw(host)
		r.say(r.request("OPTIONS", "ping", "ping@carrier.example"))
		got := r.final()
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s asks and gets\n%s", host, got)
		}
		if host == carrier && !strings.Contains(got, "Allow: INVITE") {
			t.Errorf("the answer does not say what is allowed:\n%s", got)
		}
	}
}

// A phone that has IPv6 only talks to one that has IPv4 only.
func TestIPv6(t *testing.T) {
	t.Parallel()
	x := startExchange(t, func(dir string) {
		rewrite(t, dir, "settings.lua", `udp = "127.0.0.1:0"`, `udp = { "127.0.0.1:0", "[::1]:0" }`)
		rewrite(t, dir, "settings.lua", `"`+carrier+`/32" }`, `"`+carrier+`/32", "::1/128" }`)
	})
	var six string
	for _, a := range x.Engine().Addrs("udp") {
		if strings.HasPrefix(a, "[") {
			six = a
		}
	}
	p := x.answers(x.registered(sipp{does: "answer", as: "15902"}))
	x.does(sipp{does: "trunk", host: "::1", server: six, from: "+441632960123", dials: "01865615902"})
	p.wait()
}
