package exchangetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
)

// The main job, on two telephones that nobody here wrote.

func TestTwoPhonesCallHoldTalkAndHangUp(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			x := startExchange(t)
			server := x.Engine().Addrs(transport)[0]
			a := startBaresip(t, baresipOptions{number: "77513", secret: secretOf("77513"), server: server, tone: 440, transport: transport})
			b := startBaresip(t, baresipOptions{number: "15902", secret: secretOf("15902"), server: server, tone: 620, transport: transport})
			for _, dialled := range []string{"15902", "01865615902"} {
				from, to := a.listened(), b.listened()
				a.do("dial", "sip:"+dialled+"@"+server+";transport="+transport)
				a.awaits("CALL_ESTABLISHED")
				b.awaits("CALL_ESTABLISHED")
				a.hears(620, from)
				b.hears(440, to)

				a.do("hold", "")
				music := b.listened()
				eventually(t, "15902 to hear music instead of 77513", func() bool {
					pcm := b.heard().PCM()
					return len(pcm) > music+16000 && dominant(pcm[len(pcm)-4000:]) != 440 && loud(pcm[len(pcm)-4000:])
				})
				a.do("resume", "")
				b.hears(440, b.listened())

				a.do("hangup", "")
				b.awaits("CALL_CLOSED")
				eventually(t, "the call to end", func() bool { return len(x.Engine().Calls()) == 0 })
			}
		})
	}
}

// loud tells music from silence: above -50 dBFS or so.
func loud(pcm []int16) bool {
	energy := 0.0
	for _, v := range pcm {
		energy += float64(v) * float64(v)
	}
	return energy > float64(len(pcm))*1e4
}

func TestAMessageIsLeftAndHeardByDigitsAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	x := startExchange(t)
	caller := startBaresip(t, baresipOptions{number: "77513", secret: secretOf("77513"), server: x.Address(), tone: 440})
	owner := startBaresip(t, baresipOptions{number: "15902", secret: secretOf("15902"), server: x.Address(), tone: 620, manual: true, lamp: true})
	box, err := x.Engine().Mailboxes().Get("15902")
	if err != nil {
		t.Fatal(err)
	}
	// Who has logged in before has recorded a name.
	if err := box.SetGreeting(ctx, "name", media.NewClip(8000, make([]int16, 8000))); err != nil {
		t.Fatal(err)
	}

	caller.do("dial", "sip:15902@"+x.Address())
	caller.awaits("CALL_RINGING")
	owner.awaits("CALL_INCOMING")
	x.clock.Jump(26 * time.Second) // it rings for 25
	caller.awaits("CALL_ESTABLISHED")
	caller.press("#") // no need to hear the greeting
	eventually(t, "a message of some seconds", func() bool { return draftOf(x) > 60_000 })
	caller.press("#")
	eventually(t, "the menu, in which 1 accepts", func() bool {
		caller.press("1")
		return len(messages(t, box, "new")) == 1
	})
	caller.do("hangup", "")
	message := messages(t, box, "new")[0]
	if message.From != "77513" || message.Length < 3*time.Second {
		t.Errorf("the message is from %q and %v long", message.From, message.Length)
	}
	eventually(t, "the owner's lamp to go on", owner.lampOn)

	// The owner hears it and keeps it; the lamp goes out at once.
	heard := owner.listened()
	owner.do("dial", "sip:*97@"+x.Address())
	owner.awaits("CALL_ESTABLISHED")
	owner.press("619374#1")
	owner.hears(440, heard)
	eventually(t, "the owner's lamp to go out", func() bool { return !owner.lampOn() })
	owner.press("9")
	eventually(t, "the message to be saved", func() bool { return len(messages(t, box, "saved")) == 1 })
	owner.do("hangup", "")
	owner.awaits("CALL_CLOSED")

	// Three wrong PINs end the call and lock the mailbox, also for the right one.
	owner.do("dial", "sip:*97@"+x.Address())
	owner.awaits("CALL_ESTABLISHED")
	for range 3 {
		owner.press("000001#")
	}
	owner.awaits("CALL_CLOSED")
	owner.do("dial", "sip:*97@"+x.Address())
	owner.awaits("CALL_ESTABLISHED")
	owner.press("619374#")
	owner.awaits("CALL_CLOSED")

	// After half an hour it opens by itself.
	x.clock.Jump(30*time.Minute + time.Second)
	heard = owner.listened()
	owner.do("dial", "sip:*97@"+x.Address())
	owner.awaits("CALL_ESTABLISHED")
	owner.press("619374#1")
	owner.hears(440, heard)
	owner.press("7")
	eventually(t, "the message to be deleted", func() bool { return len(messages(t, box, "deleted")) == 1 })
	owner.do("hangup", "")
}

func messages(t *testing.T, box *mailbox.Mailbox, folder string) []mailbox.Message {
	t.Helper()
	list, err := box.Messages(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// draftOf is the size in bytes of the messages that are being recorded.
func draftOf(x *exchange) (size int64) {
	files, err := filepath.Glob(filepath.Join(x.data, "voicemail", "tmp", "*"))
	if err != nil {
		x.t.Fatal(err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	return size
}
