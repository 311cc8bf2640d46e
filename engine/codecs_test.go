package engine_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/phone"
	"github.com/belfry-pbx/belfry/engine/sip"
)

const (
	pcmu = codec.PCMU
	pcma = codec.PCMA
	g722 = codec.G722
	opus = codec.Opus
)

// speaking registers a phone that has some codecs, best first.
func (x *exchange) speaking(number string, behaviour phone.Handler, codecs ...codec.Codec) *phone.Phone {
	x.t.Helper()
	return x.phoneWith(phone.Options{Number: number, User: number, Incoming: behaviour, Codecs: codecs})
}

// answering answers before it bridges, as a menu does.
func answering(ctx context.Context, c *engine.Call) {
	if c.Answer(ctx) == nil {
		bridging(ctx, c)
	}
}

// What two phones come to speak: the same, wherever they can.
func TestCodecsOfTwoPhones(t *testing.T) {
	t.Parallel()
	list := func(all ...codec.Codec) []codec.Codec { return all }
	for _, c := range []struct {
		name                      string
		handler                   engine.HandlerFunc
		site                      []codec.Codec // nil: the default
		caller, called            []codec.Codec
		callerSpeaks, calledSpeak codec.Codec
	}{
		{"the caller's first", bridging, nil, list(opus, g722, pcma), list(pcma, g722, opus), opus, opus},
		{"what the called one has", bridging, nil, list(opus, g722, pcmu), list(pcmu), pcmu, pcmu},
		{"nothing in common", bridging, nil, list(pcmu), list(g722), pcmu, g722},
		{"Opus and nothing else", bridging, nil, list(opus), list(pcma), opus, pcma},
		{"only what the site speaks", bridging, list(pcma, pcmu), list(opus, g722, pcmu, pcma), list(opus, g722, pcma, pcmu), pcmu, pcmu},
		{"answered by the dialplan: the site's first, then offered to the called one", answering, nil, list(opus, pcma, g722), list(pcma, g722), g722, g722},
		{"answered by the dialplan of a site that likes Opus", answering, list(opus, pcma), list(pcma, opus), list(pcma, opus), opus, opus},
		{"answered by the dialplan, and nothing in common", answering, nil, list(g722, pcma), list(pcma), g722, pcma},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := start(t, c.handler, func(o *engine.Options) { o.Codecs = c.site })
			calls := make(chan *phone.Call, 1)
			x.speaking("15902", taking(calls), c.called...)
			a := x.dial(x.speaking("77513", nil, c.caller...), "15902")
			b := receive(t, calls, "the call")
			if a.Codec() != c.callerSpeaks || b.Codec() != c.calledSpeak {
				t.Errorf("the caller speaks %v, the called one %v; want %v and %v", a.Codec(), b.Codec(), c.callerSpeaks, c.calledSpeak)
			}
			talk(t, a, b)
		})
	}
}

// Each codec with each other: both are heard, and keys arrive, whatever their clock.
func TestEveryPairOfCodecs(t *testing.T) {
	t.Parallel()
	all := []codec.Codec{pcmu, pcma, g722, opus}
	for i, one := range all {
		for _, other := range all[i:] { // both directions are heard
			t.Run(one.Name()+" and "+other.Name(), func(t *testing.T) {
				t.Parallel()
				x := start(t, bridging)
				calls := make(chan *phone.Call, 1)
				x.speaking("15902", taking(calls), other)
				a := x.dial(x.speaking("77513", nil, one), "15902")
				b := receive(t, calls, "the call")
				talk(t, a, b)
				press(t, a, "7*")
				if keys, err := b.WaitDigits(within(t), 2); keys != "7*" {
					t.Errorf("the called phone sees the keys %q: %v", keys, err)
				}
			})
		}
	}
}

func TestCodecsOfTrunks(t *testing.T) {
	t.Parallel()
	far := start(t, func(ctx context.Context, c *engine.Call) { _ = c.Answer(ctx); <-ctx.Done() })
	far.SetTrunks([]engine.Trunk{{Name: "us", Host: "127.0.0.1:5060", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	x := start(t, func(ctx context.Context, c *engine.Call) {
		_, _ = c.Bridge(ctx, []string{"trunk:pstn/" + c.Dialled()}, engine.BridgeOptions{})
	})
	trunk := func(codecs ...codec.Codec) {
		x.SetTrunks([]engine.Trunk{{Name: "pstn", Host: far.Addrs("udp")[0], From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Codecs: codecs}})
	}
	p := x.speaking("77513", nil, pcmu, g722, pcma)
	trunk() // the other exchange takes what we list first, which needs no transcoding
	if a := x.dial(p, "0123"); a.Codec() != pcmu {
		t.Errorf("by a trunk without codecs of its own the caller speaks %v", a.Codec())
	} else {
		a.Hangup()
		ended(t, a)
	}
	trunk(pcma)
	if a := x.dial(p, "0123"); a.Codec() != pcma {
		t.Errorf("by a trunk that has PCMA the caller speaks %v", a.Codec())
	} else {
		a.Hangup()
		ended(t, a)
	}
}

// A phone changes its codec in the call, twice: to one that the other has too, and to one that it has not.
func TestCodecChangedInACall(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 1)
	x.speaking("15902", taking(calls), pcma)
	a := x.dial(x.speaking("77513", nil, g722), "15902")
	b := receive(t, calls, "the call")
	talk(t, a, b)
	for _, now := range []codec.Codec{pcma, opus} {
		if err := a.Change(within(t), now); err != nil {
			t.Fatal(err)
		}
		if a.Codec() != now || b.Codec() != pcma {
			t.Fatalf("after an offer of %v the phones speak %v and %v", now, a.Codec(), b.Codec())
		}
		talk(t, a, b)
	}
	// The full list again, as phones send it at hold and retrieve, keeps to what both have.
	if err := a.Change(within(t), opus, g722, pcmu, pcma); err != nil {
		t.Fatal(err)
	}
	if a.Codec() != pcma {
		t.Errorf("after an offer of everything the caller speaks %v", a.Codec())
	}
	if err := a.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	hears(t, b, phone.Voice, b.Heard().Length()) // music
	if err := a.Retrieve(within(t)); err != nil {
		t.Fatal(err)
	}
	talk(t, a, b)
}

func TestOfferWithoutACommonCodecIsRefused(t *testing.T) {
	t.Parallel()
	x := start(t, bridging, func(o *engine.Options) { o.Codecs = []codec.Codec{pcma} })
	calls := make(chan *phone.Call, 1)
	x.speaking("15902", taking(calls), pcma)
	stranger := x.speaking("77513", nil, g722, pcma)
	deaf := x.speaking("77514", nil, g722)
	var status *sip.StatusError
	if _, err := deaf.Dial(within(t), "15902"); !errors.As(err, &status) || status.Code != 488 {
		t.Errorf("an INVITE without a common codec: %v", err)
	}
	a := x.dial(stranger, "15902")
	b := receive(t, calls, "the call")
	if err := a.Change(within(t), g722); !errors.As(err, &status) || status.Code != 488 {
		t.Errorf("a re-INVITE without a common codec: %v", err)
	}
	talk(t, a, b) // as before
}

// An attended transfer joins two who never agreed on anything.
func TestTransferJoinsDifferentCodecs(t *testing.T) {
	t.Parallel()
	x := start(t, bridging)
	calls := make(chan *phone.Call, 2)
	x.speaking("15902", taking(calls), opus)
	x.speaking("15903", taking(calls), pcmu)
	boss := x.speaking("77513", nil, opus, g722, pcmu)
	first := x.dial(boss, "15902")
	y := receive(t, calls, "the first call")
	if err := first.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	second := x.dial(boss, "15903")
	z := receive(t, calls, "the second call")
	if err := first.TransferTo(within(t), second); err != nil {
		t.Fatal(err)
	}
	ended(t, first)
	ended(t, second)
	talk(t, y, z)
	if y.Codec() != opus || z.Codec() != pcmu {
		t.Errorf("they speak %v and %v", y.Codec(), z.Codec())
	}
}

func TestMediaMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	x := start(t, bridging, func(o *engine.Options) { o.Metrics, o.Driver = registry, "portable" })
	calls := make(chan *phone.Call, 1)
	x.speaking("15902", taking(calls), pcma)
	a := x.dial(x.speaking("77513", nil, pcma), "15902")
	talk(t, a, receive(t, calls, "the call"))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if m.GetGauge().GetValue() > 0 || m.GetCounter().GetValue() > 0 {
				seen = append(seen, f.GetName()+"{"+strings.Join(labels, ",")+"}")
			}
		}
	}
	for _, name := range []string{"belfry_media_driver_info{driver=portable}", "belfry_media_sessions{}", "belfry_media_packets_total{direction=in}",
		"belfry_media_packets_total{direction=out}", "belfry_media_bytes_total{direction=in}"} {
		if !slices.Contains(seen, name) {
			t.Errorf("no %s among %q", name, seen)
		}
	}
}

// The dialplan gets the keys of a telephone that speaks Opus, whose events have a clock of 48 kHz, and of one that has no
// events at all and is heard pressing them.
func TestKeysWhateverTheCodec(t *testing.T) {
	t.Parallel()
	keys := make(chan string, 1)
	x := start(t, func(ctx context.Context, c *engine.Call) {
		r, err := c.ReadDigits(ctx, engine.ReadDigitsOptions{Min: 3, Max: 3, Timeout: patience})
		if err != nil {
			t.Logf("read digits: %v", err)
		}
		keys <- r.Digits
		<-ctx.Done()
	})
	for _, c := range []codec.Codec{pcmu, g722, opus} {
		a := x.dial(x.speaking("77513", nil, c), "600")
		press(t, a, "5*8")
		if got := receive(t, keys, "the keys"); got != "5*8" || a.Codec() != c {
			t.Errorf("%v: the dialplan reads %q of a phone that speaks %v", c, got, a.Codec())
		}
		a.Hangup()
		ended(t, a)
	}
}
