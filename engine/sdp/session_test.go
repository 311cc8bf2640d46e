package sdp

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each of these is sent by some phone, gateway or trunk and has a plain meaning.
func TestWhatIsTolerated(t *testing.T) {
	for name, text := range map[string]string{
		"T.38":                     "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=image 4000 udptl t38\r\nm=audio 5000 RTP/AVP 0\r\n",
		"no final line end":        "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0",
		"no s=, t=, o=":            "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"t= before c=":             "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"unknown line":             "v=0\r\nc=IN IP4 192.0.2.9\r\nx=1\r\nm=audio 5000 RTP/AVP 0\r\ny=2\r\n",
		"fractional bandwidth":     "v=0\r\nc=IN IP4 192.0.2.9\r\nb=AS:64.5\r\nm=audio 5000 RTP/AVP 0\r\nb=AS:64.5\r\n",
		"unknown transport":        "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 FOO/BAR 0\r\nm=audio 5000 RTP/AVP 0\r\n",
		"blanks in the o= user":    "v=0\r\no=John Smith 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"LF only":                  "v=0\no=- 1 1 IN IP4 192.0.2.9\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\n",
		"CR only":                  "v=0\ro=- 1 1 IN IP4 192.0.2.9\rc=IN IP4 192.0.2.9\rm=audio 5000 RTP/AVP 0\r",
		"blank lines and indents":  "\r\n v=0\r\n\r\n c=IN IP4 192.0.2.9\r\n  m=audio 5000 RTP/AVP 0 \r\n",
		"no v=":                    "c=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"upper and lower case":     "v=0\r\nc=in ip4 192.0.2.9\r\nm=AUDIO 5000 rtp/avp 96\r\na=RTPMAP:96 pcmu/8000\r\n",
		"number of ports":          "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000/2 RTP/AVP 0\r\n",
		"address of the stream":    "v=0\r\nc=IN IP4 198.51.100.1\r\nm=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n",
		"several c= of a stream":   "v=0\r\nm=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.10\r\n",
		"formats that are none":    "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 128 x -1 0 0\r\n",
		"mapping without a rate":   "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 96 0\r\na=rtpmap:96 opus\r\na=rtpmap:\r\na=:\r\n",
		"blank before the mapping": "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap: 0 PCMU/8000\r\n",
		"one channel spelled out":  "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000/1\r\n",
		"IPv4 written as IPv6":     "v=0\r\nc=IN IP6 ::ffff:192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
		"o= number beyond 64 bits": "v=0\r\no=- 99999999999999999999999 1 IN IP4 192.0.2.9\r\nc=IN IP4 192.0.2.9\r\nm=audio 5000 RTP/AVP 0\r\n",
	} {
		_, agreed, err := ours().Answer([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if agreed.Remote != netip.MustParseAddrPort("192.0.2.9:5000") || agreed.Codec.Name != "PCMU" {
			t.Errorf("%s: %+v", name, agreed)
		}
	}
}

func TestParseReadsEverything(t *testing.T) {
	s, err := Parse([]byte("v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n" +
		"a=tool:x\r\nm=audio 49170 RTP/AVP 0 96\r\nc=IN IP4 192.0.2.9\r\nb=AS:64\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;stereo=0\r\na=recvonly\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Session{
		Origin: Origin{"jdoe", "3724394400", "3724394405", "IN", "IP4", "198.51.100.1"}, Name: "Call",
		Connection: "IN IP4 198.51.100.1", Attributes: []Attribute{{"tool", "x"}},
		Media: []Media{{
			Type: "audio", Port: 49170, Proto: "RTP/AVP", Formats: []string{"0", "96"}, Connection: "IN IP4 192.0.2.9", Bandwidth: []string{"AS:64"},
			Attributes: []Attribute{{"rtpmap", "96 opus/48000/2"}, {"fmtp", "96 useinbandfec=1;stereo=0"}, {"recvonly", ""}},
		}},
	}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("session (-want +got):\n%s", d)
	}
	codecs := []Codec{PCMU, {PayloadType: 96, Name: "opus", ClockRate: 48000, Channels: 2, Fmtp: "useinbandfec=1;stereo=0"}}
	if d := cmp.Diff(codecs, s.Media[0].Codecs()); d != "" {
		t.Errorf("codecs (-want +got):\n%s", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(body("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly", "m=image 1 udptl t38"))
	f.Add([]byte("v=0\no=a b c 1 2 IN IP4 x\ns=\nm=audio 1/2 RTP/AVP 0\nc=IN IP4 0.0.0.0\nb=AS:64.5\na=rtcp:1 IN IP6 ::1\na=ptime:NaN"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		// What was read and written means the same when read again.
		text := s.Marshal()
		again, err := Parse(text)
		if err != nil {
			if len(text) > MaxBytes || bytes.Count(text, []byte("\n")) > MaxLines {
				return // the lines we add went over the limit
			}
			t.Fatalf("what we wrote does not parse: %v\n%q", err, text)
		}
		if d := cmp.Diff(s.Media, again.Media); d != "" {
			t.Fatalf("media changed:\n%s", d)
		}
		if back := again.Marshal(); !bytes.Equal(text, back) {
			t.Fatalf("round trip:\n%q\n%q", text, back)
		}
		l := ours()
		answer, agreed, err := l.Answer(b)
		if err != nil {
			return
		}
		a, err := Parse(answer)
		if err != nil {
			if len(answer) > MaxBytes || bytes.Count(answer, []byte("\n")) > MaxLines {
				return
			}
			t.Fatalf("our answer does not parse: %v\n%q", err, answer)
		}
		if len(a.Media) != len(s.Media) {
			t.Fatalf("%d lines answered with %d", len(s.Media), len(a.Media))
		}
		open := 0
		for i := range a.Media {
			if a.Media[i].Port != 0 {
				open++
			}
		}
		if open != 1 || agreed.Codec.Name == "" || agreed.OnHold && agreed.Direction.Send() {
			t.Fatalf("%d streams open, agreed %+v", open, agreed)
		}
		if _, err := Parse(l.Offer()); err != nil && len(answer) < MaxBytes/2 {
			t.Fatalf("our later offer does not parse: %v", err)
		}
	})
}
