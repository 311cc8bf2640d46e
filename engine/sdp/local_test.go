package sdp

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddrs = cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})

func ours() *Local {
	return NewLocal(netip.MustParseAddr("192.0.2.1"), 16384, []Codec{PCMA, PCMU, TelephoneEvent})
}

func body(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n" +
		strings.Join(lines, "\r\n") + "\r\n")
}

func mustAnswer(t *testing.T, l *Local, offer []byte) (*Session, Agreed) {
	t.Helper()
	b, agreed, err := l.Answer(offer)
	if err != nil {
		t.Fatalf("Answer: %v", err)
	}
	s, err := Parse(b)
	if err != nil {
		t.Fatalf("our answer does not parse: %v\n%s", err, b)
	}
	return s, agreed
}

func mustAccept(t *testing.T, l *Local, answer []byte) Agreed {
	t.Helper()
	agreed, err := l.Accept(answer)
	if err != nil {
		t.Fatalf("Accept: %v", err)
	}
	return agreed
}

func TestAnswerTakesTheOfferersFirstCommonCodec(t *testing.T) {
	s, agreed := mustAnswer(t, ours(), body(
		"m=audio 4000 RTP/AVP 96 0 8 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-15", "a=ptime:30"))
	want := Agreed{
		Remote:        netip.MustParseAddrPort("198.51.100.7:4000"),
		RemoteRTCP:    netip.MustParseAddrPort("198.51.100.7:4001"),
		Codec:         PCMU,
		Event:         Codec{PayloadType: 97, Name: "telephone-event", ClockRate: 8000, Fmtp: "0-15"},
		Receives:      []Codec{PCMU},
		ReceivesEvent: Codec{PayloadType: 97, Name: "telephone-event", ClockRate: 8000, Fmtp: "0-16"},
		PTime:         30 * time.Millisecond,
	}
	if d := cmp.Diff(want, agreed, compareAddrs); d != "" {
		t.Errorf("agreed (-want +got):\n%s", d)
	}
	m := s.Media[0]
	if m.Port != 16384 || strings.Join(m.Formats, " ") != "0 97" {
		t.Errorf("we answered port %d formats %v", m.Port, m.Formats)
	}
	if v, _ := m.Attribute("fmtp"); v != "97 0-16" {
		t.Errorf("we answered fmtp %q", v)
	}
	if d := s.Direction(&m); d != SendRecv {
		t.Errorf("we answered %v", d)
	}
}

// The rows are what the offer says, the columns what we want: RFC 3264 §6.1.
func TestDirectionOfAnAnswer(t *testing.T) {
	want := [4][4]Direction{
		//          sendrecv  sendonly  recvonly  inactive
		SendRecv: {SendRecv, SendOnly, RecvOnly, Inactive},
		SendOnly: {RecvOnly, Inactive, RecvOnly, Inactive},
		RecvOnly: {SendOnly, SendOnly, Inactive, Inactive},
		Inactive: {Inactive, Inactive, Inactive, Inactive},
	}
	for theirs := range Direction(4) {
		for mine := range Direction(4) {
			l := ours()
			l.Direction = mine
			s, agreed := mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8", "a="+theirs.String()))
			if got := s.Direction(&s.Media[0]); got != want[theirs][mine] {
				t.Errorf("offer %v, we want %v: answered %v, want %v", theirs, mine, got, want[theirs][mine])
			}
			if agreed.Direction != want[theirs][mine] {
				t.Errorf("offer %v, we want %v: agreed %v", theirs, mine, agreed.Direction)
			}
			if hold := theirs == SendOnly || theirs == Inactive; agreed.OnHold != hold {
				t.Errorf("offer %v: on hold %v", theirs, agreed.OnHold)
			}
			if l.Direction != mine {
				t.Errorf("offer %v changed what we want from %v to %v", theirs, mine, l.Direction)
			}
		}
	}
}

// What the peer may answer to each offer, and what that leaves us. The last
// column of a row that a correct peer cannot send is still safe.
func TestDirectionOfAnOffer(t *testing.T) {
	want := [4][4]Direction{ // offered, answered
		//          sendrecv  sendonly  recvonly  inactive
		SendRecv: {SendRecv, RecvOnly, SendOnly, Inactive},
		SendOnly: {SendOnly, Inactive, SendOnly, Inactive},
		RecvOnly: {RecvOnly, RecvOnly, Inactive, Inactive},
		Inactive: {Inactive, Inactive, Inactive, Inactive},
	}
	for mine := range Direction(4) {
		for theirs := range Direction(4) {
			l := ours()
			l.Direction = mine
			s, err := Parse(l.Offer())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Direction(&s.Media[0]); got != mine {
				t.Errorf("we want %v and offer %v", mine, got)
			}
			agreed := mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "a="+theirs.String()))
			if agreed.Direction != want[mine][theirs] {
				t.Errorf("offered %v, answered %v: agreed %v, want %v", mine, theirs, agreed.Direction, want[mine][theirs])
			}
			if hold := mine.Send() && !theirs.Receive(); agreed.OnHold != hold {
				t.Errorf("offered %v, answered %v: on hold %v", mine, theirs, agreed.OnHold)
			}
		}
	}
}

func TestHoldByAddressZero(t *testing.T) {
	for _, c := range []string{"IN IP4 0.0.0.0", "IN IP6 ::"} {
		for theirs, want := range map[string]Direction{"sendrecv": RecvOnly, "sendonly": RecvOnly, "inactive": Inactive} {
			s, agreed := mustAnswer(t, ours(), body("m=audio 4000 RTP/AVP 8", "c="+c, "a="+theirs))
			if !agreed.OnHold || agreed.Direction != want || agreed.Remote.IsValid() || agreed.RemoteRTCP.IsValid() {
				t.Errorf("%s %s: %+v", c, theirs, agreed)
			}
			if s.Media[0].Port == 0 {
				t.Errorf("%s %s: we refused the stream", c, theirs)
			}
		}
	}
	l := ours()
	l.Offer()
	agreed := mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0"))
	if !agreed.OnHold || agreed.Direction != RecvOnly {
		t.Errorf("answer: %+v", agreed)
	}
}

func TestHoldAndResume(t *testing.T) {
	l := ours()
	mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8"))
	_, agreed := mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8", "a=sendonly"))
	if agreed.Direction != RecvOnly || !agreed.OnHold {
		t.Fatalf("held: %+v", agreed)
	}
	// While they hold us we hold them too, and let go again: RFC 6337 §5.3.
	l.Direction = SendOnly
	l.Offer()
	agreed = mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "a=inactive"))
	if agreed.Direction != Inactive || !agreed.OnHold {
		t.Fatalf("both hold: %+v", agreed)
	}
	l.Direction = SendRecv
	l.Offer()
	agreed = mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "a=sendonly"))
	if agreed.Direction != RecvOnly || !agreed.OnHold {
		t.Fatalf("we let go: %+v", agreed)
	}
	_, agreed = mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8"))
	if agreed.Direction != SendRecv || agreed.OnHold {
		t.Fatalf("they let go: %+v", agreed)
	}
}

func TestDirectionOfTheSessionCountsWhereTheStreamSaysNothing(t *testing.T) {
	_, agreed := mustAnswer(t, ours(), []byte("v=0\r\nc=IN IP4 198.51.100.7\r\na=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n"))
	if agreed.Direction != RecvOnly {
		t.Errorf("session-level sendonly: %v", agreed.Direction)
	}
	_, agreed = mustAnswer(t, ours(), []byte("v=0\r\nc=IN IP4 198.51.100.7\r\na=sendonly\r\nm=audio 4000 RTP/AVP 8\r\na=SendRecv\r\n"))
	if agreed.Direction != SendRecv {
		t.Errorf("stream's own sendrecv: %v", agreed.Direction)
	}
}

func TestEveryMediaLineIsMirrored(t *testing.T) {
	s, agreed := mustAnswer(t, ours(), body(
		"m=video 5000 RTP/AVP 99", "a=rtpmap:99 H264/90000",
		"m=audio 5002 RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
		"m=audio 0 RTP/AVP 8",
		"m=audio 5004 RTP/AVP 18",
		"m=audio 5006 RTP/AVP 8",
		"m=audio 5008 RTP/AVP 0",
		"m=image 5010 udptl t38",
		"m=application 5012 TCP/MSRP *",
		"m=text 5014 RTP/AVP"))
	if agreed.Remote.Port() != 5006 {
		t.Errorf("we send to %v", agreed.Remote)
	}
	var got []string
	for _, m := range s.Media {
		open := ""
		if m.Port != 0 {
			open = " open"
		}
		got = append(got, m.Type+" "+m.Proto+" "+strings.Join(m.Formats, " ")+open)
	}
	want := []string{"video RTP/AVP 99", "audio RTP/SAVP 8", "audio RTP/AVP 8", "audio RTP/AVP 18", "audio RTP/AVP 8 open",
		"audio RTP/AVP 0", "image udptl t38", "application TCP/MSRP *", "text RTP/AVP 0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestLaterOfferKeepsTheLinesAndNumbersOfTheCall(t *testing.T) {
	l := ours()
	mustAnswer(t, l, body("m=video 5000 RTP/AVP 99", "m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"))
	l.Direction = SendOnly
	s, err := Parse(l.Offer())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Media) != 2 || s.Media[0].Type != "video" || s.Media[0].Port != 0 || s.Media[1].Port != 16384 {
		t.Fatalf("offer %+v", s.Media)
	}
	if got := strings.Join(s.Media[1].Formats, " "); got != "8 0 96" {
		t.Errorf("formats %q", got)
	}
	agreed := mustAccept(t, l, body("m=video 0 RTP/AVP 99", "m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000", "a=recvonly"))
	if agreed.Direction != SendOnly || agreed.OnHold || agreed.Event.PayloadType != 96 {
		t.Errorf("agreed %+v", agreed)
	}
}

func TestWeSendWithThePeersNumbers(t *testing.T) {
	l := ours()
	l.Offer()
	agreed := mustAccept(t, l, body("m=audio 4000 RTP/AVP 0 110", "a=rtpmap:110 TELEPHONE-EVENT/8000"))
	if agreed.Codec.PayloadType != 0 || agreed.Event.PayloadType != 110 || agreed.ReceivesEvent.PayloadType != 101 {
		t.Errorf("agreed %+v", agreed)
	}
}

func TestDynamicNumberTakenByThePeerIsNotUsedTwice(t *testing.T) {
	l := ours()
	l.Codecs = append(l.Codecs, Codec{PayloadType: 96, Name: "opus", ClockRate: 48000, Channels: 2})
	mustAnswer(t, l, body("m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"))
	s, err := Parse(l.Offer())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Media[0].Formats, " "); got != "8 0 96 97" {
		t.Errorf("formats %q", got)
	}
}

func TestEventMustRunAtTheCodecsRate(t *testing.T) {
	_, agreed := mustAnswer(t, ours(), body("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/48000"))
	if agreed.Event.Name != "" {
		t.Errorf("PCMA with %+v", agreed.Event)
	}
	_, agreed = mustAnswer(t, ours(), body("m=audio 4000 RTP/AVP 101 102 8", "a=rtpmap:101 telephone-event/48000", "a=rtpmap:102 telephone-event/8000"))
	if agreed.Codec.Name != "PCMA" || agreed.Event.PayloadType != 102 {
		t.Errorf("agreed %+v", agreed)
	}
}

func TestRTCPAddress(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  string
		mux   bool
	}{
		"next port":       {nil, "198.51.100.7:4001", false},
		"a=rtcp":          {[]string{"a=rtcp:53020"}, "198.51.100.7:53020", false},
		"a=rtcp, address": {[]string{"a=rtcp:53020 IN IP4 203.0.113.9"}, "203.0.113.9:53020", false},
		"a=rtcp, name":    {[]string{"a=rtcp:53020 IN IP4 rtcp.example.net"}, "198.51.100.7:53020", false},
		"a=rtcp, rubbish": {[]string{"a=rtcp:99999"}, "198.51.100.7:4001", false},
		"rtcp-mux":        {[]string{"a=rtcp:53020", "a=rtcp-mux"}, "198.51.100.7:4000", true},
	} {
		s, agreed := mustAnswer(t, ours(), body(append([]string{"m=audio 4000 RTP/AVP 8"}, c.lines...)...))
		if agreed.RemoteRTCP.String() != c.want || agreed.RTCPMux != c.mux {
			t.Errorf("%s: %v mux %v", name, agreed.RemoteRTCP, agreed.RTCPMux)
		}
		if _, ok := s.Media[0].Attribute("rtcp-mux"); ok != c.mux {
			t.Errorf("%s: answer says rtcp-mux: %v", name, ok)
		}
	}
	l := ours()
	l.Offer()
	if agreed := mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "a=rtcp-mux")); agreed.RTCPMux {
		t.Error("rtcp-mux agreed though it was not offered")
	}
	l.RTCPMux = true
	if !bytes.Contains(l.Offer(), []byte("a=rtcp-mux\r\n")) {
		t.Error("rtcp-mux not offered")
	}
	if agreed := mustAccept(t, l, body("m=audio 4000 RTP/AVP 8", "a=rtcp-mux")); !agreed.RTCPMux {
		t.Error("rtcp-mux not agreed")
	}
}

func TestPTime(t *testing.T) {
	for lines, want := range map[string]time.Duration{
		"a=ptime:30":                  30 * time.Millisecond,
		"a=ptime:1":                   10 * time.Millisecond,
		"a=ptime:900":                 120 * time.Millisecond,
		"a=ptime:NaN":                 20 * time.Millisecond,
		"a=ptime:-5":                  20 * time.Millisecond,
		"a=ptime:60\r\na=maxptime:40": 40 * time.Millisecond,
		"a=maxptime:150":              20 * time.Millisecond,
	} {
		if _, agreed := mustAnswer(t, ours(), body("m=audio 4000 RTP/AVP 8", lines)); agreed.PTime != want {
			t.Errorf("%q: %v", lines, agreed.PTime)
		}
	}
}

func TestVersionGrowsOnlyWhenTheBodyChanges(t *testing.T) {
	l := ours()
	first := l.Offer()
	if again := l.Offer(); !bytes.Equal(first, again) {
		t.Errorf("an unchanged offer differs:\n%s\n%s", first, again)
	}
	version := func(b []byte) string {
		s, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return s.Origin.ID + "/" + s.Origin.Version
	}
	id := strings.Split(version(first), "/")[0]
	l.Direction = SendOnly
	if v := version(l.Offer()); v != id+"/2" {
		t.Errorf("after a change: %s", v)
	}
	l.Direction = SendRecv
	if v := version(l.Offer()); v != id+"/3" {
		t.Errorf("after changing back: %s", v)
	}
}

func TestBodiesThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"no stream":    {body(), ErrNoAudio},
		"video only":   {body("m=video 4000 RTP/AVP 99"), ErrNoAudio},
		"refused":      {body("m=audio 0 RTP/AVP 8"), ErrNoAudio},
		"encrypted":    {body("m=audio 4000 RTP/SAVP 8"), ErrNoAudio},
		"other codec":  {body("m=audio 4000 RTP/AVP 18"), ErrNoCommonCodec},
		"only events":  {body("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), ErrNoCommonCodec},
		"host name":    {body("m=audio 4000 RTP/AVP 8", "c=IN IP4 phone.example.net"), ErrAddress},
		"zone":         {body("m=audio 4000 RTP/AVP 8", "c=IN IP6 fe80::1%eth0"), ErrAddress},
		"no address":   {[]byte("v=0\r\nm=audio 4000 RTP/AVP 8\r\n"), ErrAddress},
		"port 70000":   {body("m=audio 70000 RTP/AVP 8"), ErrMalformed},
		"short m=":     {body("m=audio 4000"), ErrMalformed},
		"version 1":    {[]byte("v=1\r\n"), ErrMalformed},
		"HTML":         {[]byte("<html>\r\n"), ErrMalformed},
		"empty":        {nil, ErrMalformed},
		"17 streams":   {body(strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", 17)), ErrTooLarge},
		"513 lines":    {[]byte("v=0\r\n" + strings.Repeat("a=x\r\n", 512)), ErrTooLarge},
		"65537 octets": {bytes.Repeat([]byte{'v'}, MaxBytes+1), ErrTooLarge},
	} {
		l := ours()
		l.Offer()
		before := l.State
		if _, _, err := l.Answer(c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: Answer: %v", name, err)
		}
		if _, err := l.Accept(c.body); !errors.Is(err, c.want) {
			t.Errorf("%s: Accept: %v", name, err)
		}
		if d := cmp.Diff(before, l.State); d != "" {
			t.Errorf("%s: the failure left something behind:\n%s", name, d)
		}
	}
	if _, err := ours().Accept(body("m=audio 4000 RTP/AVP 8")); !errors.Is(err, ErrNoOffer) {
		t.Errorf("answer without offer: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	l := NewLocal(netip.MustParseAddr("2001:db8::1"), 16384, []Codec{PCMU})
	b, agreed, err := l.Answer([]byte("v=0\r\nc=IN IP6 2001:db8::7\r\nm=audio 4000 RTP/AVP 0\r\n"))
	if err != nil || agreed.Remote.String() != "[2001:db8::7]:4000" {
		t.Fatalf("%v %v", agreed.Remote, err)
	}
	if !bytes.Contains(b, []byte("c=IN IP6 2001:db8::1\r\n")) {
		t.Errorf("answer\n%s", b)
	}
}

func BenchmarkAnswer(b *testing.B) {
	offer := body("m=audio 4000 RTP/AVP 9 8 0 101", "a=rtpmap:9 G722/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv")
	l := ours()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := l.Answer(offer); err != nil {
			b.Fatal(err)
		}
	}
}
