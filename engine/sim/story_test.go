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
	begun time.Time
}

func (w *told) Begin(call, from, to string)     { fmt.Fprintln(w, "begin", call, from, to) }
func (w *told) Join(call, dialog, party string) { fmt.Fprintln(w, "join", call, dialog, party) }
func (w *told) Hide(call, secret string)        { fmt.Fprintln(w, "hide", call, secret) }
func (w *told) End(call, outcome string)        { fmt.Fprintln(w, "end", call, outcome) }
func (w *told) Add(s trace.Step) {
	if w.begun.IsZero() {
		w.begun = s.Time
	}
	fmt.Fprintf(w, "%v %s%s %s → %s: %s\n", s.Time.Sub(w.begun), s.Call, s.Dialog, s.From, s.To, s.Text)
}

// A transfer that succeeds, told by its messages.
func tale(t *testing.T) string {
	w := &told{}
	x, a, b := conversation(t, func(o *Options) { o.Trace = w })
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

func TestMessages(t *testing.T) {
	want := `0s dialog-1 77513 → belfry: INVITE 15902
0s dialog-2 belfry → 15902: INVITE 15902
0s dialog-2 15902 → belfry: 180 Ringing
0s dialog-1 belfry → 77513: 180 Ringing
3s dialog-2 15902 → belfry: 200 OK
3s dialog-2 belfry → 15902: ACK
3s dialog-1 belfry → 77513: 200 OK
3s dialog-1 77513 → belfry: ACK
3s dialog-2 15902 → belfry: INVITE (sendonly)
3s dialog-2 belfry → 15902: 200 OK
3s dialog-2 15902 → belfry: ACK
4s dialog-2 15902 → belfry: INVITE (sendrecv)
4s dialog-2 belfry → 15902: 200 OK
4s dialog-2 15902 → belfry: ACK
4s dialog-2 15902 → belfry: REFER 15903
4s dialog-2 belfry → 15902: 202 Accepted
4s dialog-2 belfry → 15902: NOTIFY 100 Trying
4s dialog-3 belfry → 15903: INVITE 15903
4s dialog-3 15903 → belfry: 180 Ringing
4s dialog-2 belfry → 15902: NOTIFY 180 Ringing
6s dialog-3 15903 → belfry: 200 OK
6s dialog-3 belfry → 15903: ACK
6s dialog-2 belfry → 15902: NOTIFY 200 OK
6s dialog-1 77513 → belfry: BYE
6s dialog-1 belfry → 77513: 200 OK
6s dialog-2 15902 → belfry: BYE
6s dialog-2 belfry → 15902: 200 OK
6s dialog-3 belfry → 15903: BYE
6s dialog-3 15903 → belfry: 200 OK
`
	if got := tale(t); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
