package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/trace"
)

// told is a trace.Recorder that writes down all it is told.
type told struct {
	strings.Builder
	begun    time.Time
	messages bool // and nothing else
}

func (w *told) Begin(call, from, to string)     { w.note("begin %s %s %s\n", call, from, to) }
func (w *told) Join(call, dialog, party string) { w.note("join %s %s %s\n", call, dialog, party) }
func (w *told) Hide(call, secret string)        { w.note("hide %s %s\n", call, secret) }
func (w *told) End(call, outcome string)        { w.note("end %s %s\n", call, outcome) }

func (w *told) note(format string, values ...any) {
	if !w.messages {
		fmt.Fprintf(w, format, values...)
	}
}

func (w *told) Add(s trace.Step) {
	if w.begun.IsZero() {
		w.begun = s.Time
	}
	if s.Kind == trace.SIP {
		fmt.Fprintf(w, "%v %s %s → %s: %s\n", s.Time.Sub(w.begun), s.Dialog, s.From, s.To, s.Text)
		return
	}
	w.note("%v %s %s: %s\n", s.Time.Sub(w.begun), s.Call, s.Kind, s.Text)
}

// tale is the story of a transfer that succeeds.
func tale(t *testing.T, w *told) string {
	t.Helper()
	x, a, b := conversation(t, func(o *Options) { o.Engine.Trace = w })
	c := x.Phone("15903")
	c.AnswersAfter(2 * time.Second)
	b.Holds()
	b.Waits(time.Second)
	b.Unholds()
	b.TransfersTo("15903")
	talking(t, x, a, c)
	a.Hangup()
	quiet(t, x)
	return w.String()
}

func TestSameStoryEachTime(t *testing.T) {
	want := tale(t, &told{})
	for i := range 1000 {
		if got := tale(t, &told{}); got != want {
			t.Fatalf("time %d:\n%s\nbut at first:\n%s", i+2, got, want)
		}
	}
}

func TestMessages(t *testing.T) {
	want := `0s dialog-1 77513 → belfry: INVITE 15902
0s call-1-1 belfry → 15902: INVITE 15902
0s call-1-1 15902 → belfry: 180 Ringing
0s dialog-1 belfry → 77513: 180 Ringing
3s call-1-1 15902 → belfry: 200 OK
3s call-1-1 belfry → 15902: ACK
3s dialog-1 belfry → 77513: 200 OK
3s dialog-1 77513 → belfry: ACK
3s call-1-1 15902 → belfry: INVITE (sendonly)
3s call-1-1 belfry → 15902: 200 OK
3s call-1-1 15902 → belfry: ACK
4s call-1-1 15902 → belfry: INVITE (sendrecv)
4s call-1-1 belfry → 15902: 200 OK
4s call-1-1 15902 → belfry: ACK
4s call-1-1 15902 → belfry: REFER 15903
4s call-1-1 belfry → 15902: 202 Accepted
4s call-1-1 belfry → 15902: NOTIFY 100 Trying
4s call-2-1 belfry → 15903: INVITE 15903
4s call-2-1 15903 → belfry: 180 Ringing
4s call-1-1 belfry → 15902: NOTIFY 180 Ringing
6s call-2-1 15903 → belfry: 200 OK
6s call-2-1 belfry → 15903: ACK
6s call-1-1 belfry → 15902: NOTIFY 200 OK
6s dialog-1 77513 → belfry: BYE
6s dialog-1 belfry → 77513: 200 OK
6s call-1-1 15902 → belfry: BYE
6s call-1-1 belfry → 15902: 200 OK
6s call-2-1 belfry → 15903: BYE
6s call-2-1 15903 → belfry: 200 OK
`
	if got := tale(t, &told{messages: true}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
