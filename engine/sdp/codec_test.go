package sdp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// speaking is a side that has codecs, by name and in their order, with their telephone-events and comfort noise.
func speaking(names ...string) *Local {
	l := ours()
	l.Codecs = append(WithEvents(named(names...)...), ComfortNoise)
	return l
}

func named(names ...string) (list []Codec) {
	for _, name := range names {
		list = append(list, map[string]Codec{"opus": Opus, "G722": G722, "PCMA": PCMA, "PCMU": PCMU}[name])
	}
	return list
}

// numbered writes codecs as "opus@111 PCMA@8".
func numbered(list ...Codec) string {
	var all []string
	for _, c := range list {
		if c.Name != "" {
			all = append(all, fmt.Sprintf("%s@%d", c.Name, c.PayloadType))
		}
	}
	return strings.Join(all, " ")
}

const (
	opus111 = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=24000"
	event8  = "a=rtpmap:101 telephone-event/8000"
	event48 = "a=rtpmap:110 telephone-event/48000"
)

// What an offer and what we would rather have come to.
func TestCodecOfAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name           string
		have, prefer   []string
		m              string // the offer's formats
		maps           []string
		codec, answers string // what we send; the formats of our answer
		event          string
		noise          bool
	}{
		{name: "the offerer's order", have: []string{"G722", "PCMA", "opus"}, m: "111 9 8", maps: []string{opus111},
			codec: "opus@111", answers: "111"},
		{name: "what we prefer wins over it", have: []string{"G722", "PCMA", "opus"}, prefer: []string{"PCMA"}, m: "111 9 8", maps: []string{opus111},
			codec: "PCMA@8", answers: "8"},
		{name: "the first that is there of what we prefer", have: []string{"G722", "PCMA"}, prefer: []string{"opus", "PCMU", "G722"}, m: "8 9",
			codec: "G722@9", answers: "9"},
		{name: "what we prefer and cannot do is no use", have: []string{"PCMA"}, prefer: []string{"opus"}, m: "111 8", maps: []string{opus111},
			codec: "PCMA@8", answers: "8"},
		{name: "events at the clock of Opus", have: []string{"opus", "PCMA"}, m: "111 8 101 110", maps: []string{opus111, event8, event48},
			codec: "opus@111", answers: "111 110", event: "telephone-event@110"},
		{name: "events at 8 kHz where Opus has no others", have: []string{"opus", "PCMA"}, m: "111 8 101", maps: []string{opus111, event8},
			codec: "opus@111", answers: "111 101", event: "telephone-event@101"},
		{name: "events at 8 kHz beside G.722", have: []string{"G722"}, m: "9 101 110", maps: []string{event8, event48},
			codec: "G722@9", answers: "9 101", event: "telephone-event@101"},
		{name: "no events", have: []string{"G722"}, m: "9", codec: "G722@9", answers: "9"},
		{name: "comfort noise", have: []string{"PCMU"}, m: "0 13 101", maps: []string{event8},
			codec: "PCMU@0", answers: "0 101 13", event: "telephone-event@101", noise: true},
		{name: "no comfort noise with Opus, which has its own", have: []string{"opus", "PCMA"}, m: "111 13", maps: []string{opus111},
			codec: "opus@111", answers: "111"},
		{name: "comfort noise of another rate is none", have: []string{"PCMU"}, m: "0 97", maps: []string{"a=rtpmap:97 CN/16000"},
			codec: "PCMU@0", answers: "0"},
		{name: "Opus whose channels are left out", have: []string{"opus"}, m: "97", maps: []string{"a=rtpmap:97 OPUS/48000"},
			codec: "opus@97", answers: "97"},
		{name: "bandwidth means nothing", have: []string{"G722", "PCMA"}, m: "9 8\r\nb=AS:24\r\nb=TIAS:16000",
			codec: "G722@9", answers: "9"},
		{name: "a number that looks like RTCP", have: []string{"opus", "PCMA"}, m: "72 8 73", maps: []string{"a=rtpmap:72 opus/48000/2", "a=rtpmap:73 telephone-event/8000"},
			codec: "PCMA@8", answers: "8"},
	} {
		l := speaking(c.have...)
		l.Prefer = named(c.prefer...)
		s, agreed := mustAnswer(t, l, body(append([]string{"m=audio 4000 RTP/AVP " + c.m}, c.maps...)...))
		if got := numbered(agreed.Codec); got != c.codec {
			t.Errorf("%s: we send %s, want %s", c.name, got, c.codec)
		}
		if got := strings.Join(s.Media[0].Formats, " "); got != c.answers {
			t.Errorf("%s: we answer %s, want %s", c.name, got, c.answers)
		}
		if len(agreed.Receives) != 1 || !agreed.Receives[0].Same(agreed.Codec) || agreed.Receives[0].PayloadType != agreed.Codec.PayloadType {
			t.Errorf("%s: we receive %s, and answered one codec", c.name, numbered(agreed.Receives...))
		}
		if got := numbered(agreed.Event); got != c.event || numbered(agreed.ReceivesEvent) != c.event || agreed.ComfortNoise != c.noise {
			t.Errorf("%s: events %q and %q, noise %v", c.name, got, numbered(agreed.ReceivesEvent), agreed.ComfortNoise)
		}
	}
}

// What the peer may answer to an offer of all there is.
func TestCodecOfAnOffer(t *testing.T) {
	const offered = "96 9 8 0 101 102 13"
	for _, c := range []struct {
		name, m  string
		maps     []string
		prefer   []string
		codec    string // by the peer's number
		receives string // by ours
		event    string // the peer's number, then ours
		noise    bool
	}{
		{name: "one codec", m: "8", codec: "PCMA@8", receives: "PCMA@8"},
		{name: "several: its first is sent, each may come", m: "9 0 8", codec: "G722@9", receives: "G722@9 PCMU@0 PCMA@8"},
		{name: "several: one that we prefer is sent", m: "9 0 8", prefer: []string{"PCMA"}, codec: "PCMA@8", receives: "G722@9 PCMU@0 PCMA@8"},
		{name: "its own numbers: sent by its, received by ours", m: "111 110", maps: []string{opus111, event48},
			codec: "opus@111", receives: "opus@96", event: "110 102"},
		{name: "Opus with events at 8 kHz only", m: "96 101", maps: []string{"a=rtpmap:96 opus/48000/2", event8},
			codec: "opus@96", receives: "opus@96", event: "101 101"},
		{name: "G.722 with every event", m: "9 102 101", maps: []string{event8, "a=rtpmap:102 telephone-event/48000"},
			codec: "G722@9", receives: "G722@9", event: "101 101"},
		{name: "comfort noise", m: "0 13", codec: "PCMU@0", receives: "PCMU@0", noise: true},
	} {
		l := speaking("opus", "G722", "PCMA", "PCMU")
		l.Prefer = named(c.prefer...)
		s, err := Parse(l.Offer())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Media[0].Formats, " "); got != offered {
			t.Fatalf("we offer %s, want %s", got, offered)
		}
		agreed := mustAccept(t, l, body(append([]string{"m=audio 4000 RTP/AVP " + c.m}, c.maps...)...))
		if got := numbered(agreed.Codec); got != c.codec {
			t.Errorf("%s: we send %s, want %s", c.name, got, c.codec)
		}
		if got := numbered(agreed.Receives...); got != c.receives {
			t.Errorf("%s: we receive %s, want %s", c.name, got, c.receives)
		}
		event := ""
		if agreed.Event.Name != "" {
			event = fmt.Sprint(agreed.Event.PayloadType, " ", agreed.ReceivesEvent.PayloadType)
		}
		if event != c.event || agreed.ComfortNoise != c.noise {
			t.Errorf("%s: events %q, want %q; noise %v", c.name, event, c.event, agreed.ComfortNoise)
		}
	}
}

func TestWhatWeSayOfOpus(t *testing.T) {
	offer := string(speaking("opus", "PCMA").Offer())
	for _, line := range []string{"a=rtpmap:96 opus/48000/2\r\n", "a=fmtp:96 useinbandfec=1\r\n", "a=rtpmap:101 telephone-event/8000\r\n",
		"a=rtpmap:102 telephone-event/48000\r\n", "a=fmtp:102 0-16\r\n", "a=rtpmap:13 CN/8000\r\n", "a=ptime:20\r\n"} {
		if !strings.Contains(offer, line) {
			t.Errorf("the offer lacks %q:\n%s", line, offer)
		}
	}
}

// RFC 3264 section 8.3.2: a number stays with its codec, whatever is offered next.
func TestCodecChangedInACall(t *testing.T) {
	l := speaking("G722", "PCMA", "opus")
	mustAnswer(t, l, body("m=audio 4000 RTP/AVP 9 8 101", event8))
	_, agreed := mustAnswer(t, l, body("m=audio 4000 RTP/AVP 111 101 110", opus111, event8, event48))
	if got := numbered(agreed.Codec, agreed.Event); got != "opus@111 telephone-event@110" {
		t.Errorf("after a re-INVITE with Opus: %s", got)
	}
	s, err := Parse(l.Offer())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Media[0].Formats, " "); got != "9 8 111 101 110 13" {
		t.Errorf("our next offer has %s", got)
	}
	agreed = mustAccept(t, l, body("m=audio 4000 RTP/AVP 8"))
	if got := numbered(agreed.Codec); got != "PCMA@8" || agreed.Event.Name != "" {
		t.Errorf("after an answer with PCMA: %s, %+v", got, agreed.Event)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	l := speaking("G722", "PCMA", "opus")
	l.Offer()
	for _, offer := range [][]byte{body("m=audio 4000 RTP/AVP 111 8", opus111), body("m=audio 4000 RTP/AVP 18"), body("m=audio 0 RTP/AVP 8"), []byte("<html>"), nil} {
		before := slices.Clone(l.State.Numbers)
		_, read := l.Read(offer)
		if d := cmp.Diff(before, l.State.Numbers); d != "" {
			t.Errorf("reading changed something: %s", d)
		}
		if _, _, err := speaking("G722", "PCMA", "opus").Answer(offer); (err == nil) != (read == nil) {
			t.Errorf("Read: %v, Answer: %v of\n%s", read, err, offer)
		}
	}
	a, err := l.Read(body("m=audio 4000 RTP/AVP 111 13 18 8 0", opus111, "a=ptime:40", "a=sendonly"))
	if err != nil || numbered(a.Receives...) != "opus@111 PCMA@8" || a.PTime != 40*time.Millisecond || a.Direction != RecvOnly {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestPacketTimeThatIsAskedFor(t *testing.T) {
	l := ours()
	l.PTime = 30 * time.Millisecond
	s, _ := mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8"))
	if v, _ := s.Media[0].Attribute("ptime"); v != "30" {
		t.Errorf("ptime %q", v)
	}
}
