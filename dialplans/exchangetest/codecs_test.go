package exchangetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
	"github.com/belfry-pbx/belfry/engine/phone"
)

// Telephones that nobody here wrote make and understand the wideband codecs too: relayed where both have one,
// transcoded where not.
func TestWidebandTelephones(t *testing.T) {
	if !codec.Opus.CanEncode() {
		t.Fatal("libopus is not there (make test installs it)")
	}
	for _, c := range []struct {
		name, caller, called string
		spoken               []string // by caller and called one
		sound                engine.Sound
	}{
		{"G.722 relayed", "G722/16000,PCMA", "PCMA,G722/16000", []string{"G722", "G722"}, engine.Relayed},
		{"Opus relayed", "opus/48000/2,PCMA", "opus/48000/2,G722/16000", []string{"opus", "opus"}, engine.Relayed},
		{"Opus with G.722", "opus/48000/2", "G722/16000", []string{"opus", "G722"}, engine.Transcoded},
		{"Opus with G.711", "PCMU", "opus/48000/2", []string{"PCMU", "opus"}, engine.Transcoded},
		{"G.722 with G.711", "G722/16000", "PCMA", []string{"G722", "PCMA"}, engine.Transcoded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			server := x.Address()
			a := startBaresip(t, baresipOptions{number: "77513", secret: secretOf("77513"), server: server, tone: 440, codecs: c.caller})
			b := startBaresip(t, baresipOptions{number: "15902", secret: secretOf("15902"), server: server, tone: 620, codecs: c.called})
			a.do("dial", "sip:15902@"+server)
			a.awaits("CALL_ESTABLISHED")
			b.awaits("CALL_ESTABLISHED")
			a.hears(620, 0)
			b.hears(440, 0)
			calls, err := x.Manager().Calls(context.Background())
			if err != nil || len(calls) != 1 || len(calls[0].Legs) != 2 {
				t.Fatalf("the calls: %+v, %v", calls, err)
			}
			if got := []string{calls[0].Legs[0].Codec, calls[0].Legs[1].Codec}; !slices.Equal(got, c.spoken) || calls[0].Sound != c.sound {
				t.Errorf("they speak %v, %s; want %v, %s", got, calls[0].Sound, c.spoken, c.sound)
			}
			a.do("hold", "")
			a.do("resume", "")
			b.hears(440, b.listened())
			a.do("hangup", "")
			b.awaits("CALL_CLOSED")
			records, err := x.Manager().History(context.Background(), 1)
			eventually(t, "the call record", func() bool {
				records, err = x.Manager().History(context.Background(), 1)
				return err != nil || len(records) == 1
			})
			if err != nil || len(records[0].Legs) != 2 || records[0].Legs[0].Codec != c.spoken[0] || records[0].Legs[1].In == 0 {
				t.Errorf("the call record: %+v, %v", records, err)
			}
		})
	}
}

// A caller without an offer (RFC 3261 section 13.2.1) is offered the codec of whom he reaches first; his ACK may choose another.
func TestLateOfferListsWhatTheCalledOneSpeaks(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	x.phone("15902", phone.AnswersAfter(0, nil)) // PCMA, then PCMU
	r := x.raw(carrier)
	invite := r.request("INVITE", "01865615902", "+441632960123@carrier.example")
	head, body, _ := strings.Cut(invite, "\r\n\r\n")
	head = strings.Replace(head, "Content-Type: application/sdp\r\n", "", 1)
	late := strings.Replace(head, fmt.Sprintf("Content-Length: %d", len(body)), "Content-Length: 0", 1) + "\r\n\r\n"
	r.say(late)
	ok := r.final()
	if !strings.HasPrefix(ok, "SIP/2.0 200 ") || !strings.Contains(ok, " RTP/AVP 8 9 0 96 101 102\r\n") {
		t.Fatalf("the offer in the answer: %s", ok)
	}
	answer := strings.Replace(body, "RTP/AVP 8", "RTP/AVP 0", 1)
	ack := strings.Replace(acknowledging(late, ok), "branch=z9hG4bK", "branch=z9hG4bKack", 1)
	r.say(strings.Replace(ack, "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer), 1))
	eventually(t, "a call of PCMU with PCMA", func() bool {
		calls := x.Engine().Calls()
		return len(calls) == 1 && len(calls[0].Legs) == 2 && calls[0].Legs[0].Codec == "PCMU" && calls[0].Legs[1].Codec == "PCMA" &&
			calls[0].Sound == engine.Relayed // the laws of G.711 are translated byte by byte
	})
	bye := strings.Replace(strings.ReplaceAll(ack, "ACK", "BYE"), "CSeq: 1 ", "CSeq: 2 ", 1)
	r.say(strings.Replace(bye, "branch=z9hG4bKack", "branch=z9hG4bKbye", 1))
	eventually(t, "the answer to BYE among the sound that comes to the same port", func() bool {
		return strings.HasPrefix(r.next(patience), "SIP/2.0 200 ")
	})
}
