package exchangetest

import (
	"context"
	"slices"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/media/codec"
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
