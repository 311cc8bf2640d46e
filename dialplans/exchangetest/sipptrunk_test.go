package exchangetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

// The carrier may write our number in any way.
func TestTrunkReachesExtensions(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	numbers := []string{"01865277500", "+441865277500", "00441865277500", "441865277500", "277500", "77500"}
	p := x.answers(x.registered(sipp{does: "answer", as: "77500", calls: len(numbers)}))
	for _, number := range numbers {
		x.does(sipp{does: "trunk", host: carrier, from: "+441632960123", dials: number})
	}
	p.wait()
	if n := strings.Count(p.messages(), `From: "SIPp" <sip:+441632960123@chorus>`); n < len(numbers) {
		t.Errorf("the phone was shown the caller's number %d times in %d calls", n, len(numbers))
	}
}

func TestTrunkByTCP(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	p := x.answers(x.registered(sipp{does: "answer", as: "77500"}))
	x.does(sipp{does: "trunk", host: carrier, from: "+441632960123", dials: "01865277500", tcp: true})
	p.wait()
}

// Whoever is neither a line nor the carrier reaches no phone and no trunk, whatever he claims to be.
func TestStrangersReachNobody(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.trunkSocket()
	p := x.answers(x.registered(sipp{does: "answer", as: "77500"}))
	stranger := x.raw("127.0.0.5")
	for _, number := range []string{"77500", "01865277500", "+441865277500", "999", "+447700900123", "07700900123", "*97", "*43"} {
		for _, from := range []string{"77513@chorus", "+441632960123@carrier.example", "77513@" + x.Address(), "anonymous@anonymous.invalid"} {
			m := stranger.request("INVITE", number, from, "P-Asserted-Identity: <sip:77513@chorus>")
			stranger.say(m)
			got := stranger.final()
			if !strings.HasPrefix(got, "SIP/2.0 40") {
				t.Errorf("%s calls %s and gets\n%s", from, number, got)
			}
			first, second := strings.Index(got, "algorithm=SHA-256"), strings.Index(got, "algorithm=MD5")
			if strings.HasPrefix(got, "SIP/2.0 401 ") && (first < 0 || second < first) {
				t.Errorf("the challenge is not SHA-256 first, then MD5:\n%s", got)
			}
		}
	}
	outside.heardNothing()
	x.does(sipp{does: "trunk", host: carrier, from: "+441632960123", dials: "01865277500"})
	p.wait()
	if n := strings.Count(p.messages(), "\nINVITE sip:"); n != 1 {
		t.Errorf("the phone rang %d times; only the carrier's call may reach it", n)
	}
}

// A number of ours that nobody has, and one that is none of ours: the carrier is told 404.
func TestTrunkCallsUnknownNumbers(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.trunkSocket()
	for _, number := range []string{"01865619999", "+15555550123", "07700900123", "999"} {
		caller := x.sipp(sipp{does: "refused", host: carrier, from: "+441632960123", dials: number})
		caller.wait()
		if ours := strings.HasPrefix(number, "01865"); ours != strings.Contains(caller.messages(), "SIP/2.0 183 ") {
			t.Errorf("%s: sound before the 404 is for our own numbers only:\n%s", number, caller.messages())
		}
	}
	outside.heardNothing()
}

// A line that dials a number which nobody has hears the tone for that, and pays nothing.
func TestUnobtainable(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	p := x.phone("77513", nil)
	for _, number := range []string{"19999", "01865619999", "4"} {
		c, err := p.Start(within(t), number)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitHeard(within(t), phone.UnobtainableTone, 0); err != nil {
			t.Errorf("%s: %v", number, err)
		}
		if err := c.WaitEnded(within(t)); err != nil {
			t.Fatal(err)
		}
		var status *sip.StatusError
		if err := c.Err(); !errors.As(err, &status) || status.Code != 404 {
			t.Errorf("%s: %v, want 404", number, err)
		}
	}
}

// Our own number dialled in full stays inside.
func TestOwnNumberInFullStaysInside(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.trunkSocket()
	p := x.answers(x.registered(sipp{does: "answer", as: "15902", calls: 3}))
	for _, number := range []string{"01865615902", "+441865615902", "615902"} {
		x.does(sipp{does: "talk", as: "77513", dials: number})
	}
	p.wait()
	if n := strings.Count(p.messages(), `From: "Ada Byron" <sip:77513@chorus>`); n < 3 {
		t.Errorf("the phone was shown Ada's extension %d times in 3 calls", n)
	}
	outside.heardNothing()
}

func TestCallsOutside(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.answers(sipp{does: "answer", host: carrier, port: x.trunk})
	x.does(sipp{does: "talk", as: "15902", dials: "+447700900123"})
	outside.wait()
	sent := outside.messages()
	for _, want := range []string{
		"INVITE sip:+447700900123@" + carrier,
		`From: "Clara Haskil" <sip:+441865615902@`,
		`P-Asserted-Identity: "Clara Haskil" <sip:+441865615902@`,
	} {
		if !strings.Contains(sent, want) {
			t.Errorf("the carrier did not see %q in\n%s", want, sent)
		}
	}
}

func TestForkedAnswers(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.answers(sipp{does: "forked", host: carrier, port: x.trunk})
	x.does(sipp{does: "talk", as: "15902", dials: "07700900123"})
	outside.wait()
}

// 15000 may call nobody outside: it is told so, and the carrier hears nothing of it. But 999 it may call.
func TestPermissions(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	outside := x.trunkSocket()
	p := x.phone("15000", nil)
	for _, number := range []string{"07700900123", "01865240000", "+15555550123", "09098790000"} {
		c, err := p.Start(within(t), number)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitHeard(within(t), phone.Voice, 0); err != nil {
			t.Errorf("15000 calls %s: %v", number, err)
		}
		if err := c.WaitEnded(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	outside.heardNothing()
	outside.conn.Close()

	services := x.answers(sipp{does: "answer", host: carrier, port: x.trunk})
	c := x.dial(p, "999")
	c.Hangup()
	services.wait()
	if !strings.Contains(services.messages(), "INVITE sip:999@") || !strings.Contains(services.messages(), "<sip:+441865615000@") {
		t.Errorf("the emergency services were not called by 15000's number:\n%s", services.messages())
	}
}

// While the exchange waits for the last calls to end, it takes no new ones but emergencies.
func TestEmergencyDuringDrain(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.phone("15902", phone.AnswersAfter(0, nil))
	lasting := x.dial(x.phone("77513", nil), "15902")
	x.Stop()
	p := x.phone("15000", nil)
	eventually(t, "new calls to be refused", func() bool {
		c, err := p.Dial(context.Background(), "*43")
		if err == nil {
			c.Hangup()
		}
		var status *sip.StatusError
		return errors.As(err, &status) && status.Code == 503
	})
	services := x.answers(sipp{does: "answer", host: carrier, port: x.trunk})
	x.dial(p, "999").Hangup()
	services.wait()
	select {
	case <-lasting.Done():
		t.Errorf("the call under way did not last: %v", lasting.Err())
	default:
	}
	lasting.Hangup()
}
