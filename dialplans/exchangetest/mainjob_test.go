package exchangetest

import (
	"testing"
)

func TestTwoBaresipsTalk(t *testing.T) {
	x := startExchange(t)
	a := startBaresip(t, baresipOptions{number: "77513", secret: secretOf("77513"), server: x.Address(), tone: 440})
	b := startBaresip(t, baresipOptions{number: "15902", secret: secretOf("15902"), server: x.Address(), tone: 620})
	a.do("dial", "sip:15902@"+x.Address())
	a.awaits("CALL_ESTABLISHED")
	b.awaits("CALL_ESTABLISHED")
	eventually(t, "each phone to hear the other's tone", func() bool {
		return dominant(a.heard()) == 620 && dominant(b.heard()) == 440
	})
}
