package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/trace"
)

// A message that is left goes by mail where the line has an address, and while the server is down it waits.
func TestAMessageIsToGoByMail(t *testing.T) {
	t.Parallel()
	story := trace.New(trace.Options{})
	t.Cleanup(story.Close)
	x := start(t, leavingAMessage(briefly, nil), func(o *engine.Options) {
		o.Mail = &post.Settings{Server: "127.0.0.1:1", TLS: post.NoTLS, From: "voicemail@chorus.example"} // nobody is there
		o.Trace = story
	})
	ada := x.phone("77513", nil)
	for _, number := range []string{"77514", "77515"} {
		x.mailbox(number)
		l := directory.Line{Number: number, Kind: directory.Person, Voicemail: true}
		if number == "77514" {
			l.Email = "ben@chorus.example"
		}
		if err := x.Directory().Add(within(t), l, ""); err != nil {
			t.Fatal(err)
		}
		c := x.dial(ada, number)
		speakFor(t, c, 3)
		c.Hangup()
	}
	x.settled()
	x.until("the server is known to be down", func() bool { return x.Post().Server().Down }, func() string { return "" })
	q, err := post.Queue{Store: x.Store()}.Waiting(context.Background(), "77514")
	if err != nil || len(q) != 1 {
		t.Errorf("waiting: %v, %v", q, err)
	}
	told := 0
	calls, err := story.List(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		_, steps, err := story.Get(call.ID)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(steps, func(s trace.Step) bool { return strings.HasPrefix(s.Text, "a mail with the message goes") }) {
			told++
		}
	}
	if len(calls) != 2 || told != 1 {
		t.Errorf("%d of %d calls tell of a mail", told, len(calls))
	}
}
