package exchangetest

import "testing"

// Calls between two phones, each as its scenario has it; all from 77513 to 15902.
func TestCallsBetweenPhones(t *testing.T) {
	t.Parallel()
	x := startExchange(t)
	callee := x.registered(sipp{as: "15902"})
	for _, c := range []struct {
		caller, callee string
		args           []string // of the callee
	}{
		{caller: "talk", callee: "answer"},
		{caller: "listen", callee: "answerbye"},
		{caller: "cancel", callee: "cancelled"},
		{caller: "cancel", callee: "crossing"},
		{caller: "latecancel", callee: "answer"},
		{caller: "hold", callee: "answer"},
		{caller: "update", callee: "answer"},
		{caller: "prack", callee: "answer"},
		{caller: "lateoffer", callee: "answer"},
		{caller: "talk", callee: "manyrings"},
		{caller: "talk", callee: "answertwice", args: []string{"-nr"}},
		{caller: "refreshes", callee: "answer"},
		{caller: "wrongtag", callee: "answer"},
	} {
		t.Run(c.caller+"/"+c.callee, func(t *testing.T) {
			x := x.in(t)
			callee.does, callee.args = c.callee, c.args
			p := x.answers(callee)
			x.does(sipp{does: c.caller, as: "77513", dials: "15902"})
			p.wait()
			eventually(t, "the call to be over", func() bool { return len(x.Engine().Calls()) == 0 })
		})
	}
}
