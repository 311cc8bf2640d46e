package sip

import (
	"encoding/xml"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/clock"
)

// info is a document of RFC 4235, read by its schema.
type info struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
	Version uint32   `xml:"version,attr"`
	State   string   `xml:"state,attr"`
	Entity  string   `xml:"entity,attr"`
	Dialogs []struct {
		ID        string `xml:"id,attr"`
		Direction string `xml:"direction,attr"`
		State     string `xml:"state"`
		Remote    struct {
			Identity struct {
				Display string `xml:"display,attr"`
				URI     string `xml:",chardata"`
			} `xml:"identity"`
		} `xml:"remote"`
	} `xml:"dialog"`
}

func readInfo(t *testing.T, n *msg) info {
	t.Helper()
	if n.get("Event") != "dialog" || n.get("Content-Type") != "application/dialog-info+xml" {
		t.Fatalf("NOTIFY %+v", n)
	}
	var i info
	if err := xml.Unmarshal([]byte(n.body), &i); err != nil {
		t.Fatalf("%v in %s", err, n.body)
	}
	if i.State != "full" || !strings.HasPrefix(i.Entity, "sip:1002@") {
		t.Errorf("state %q of %q", i.State, i.Entity)
	}
	return i
}

func TestDialogSubscription(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var calls []DialogInfo
	s := startServer(t, func(o *Options) {
		o.Clock = clock.NewFake(time.Unix(1790000000, 0))
		o.Dialogs = func(watcher, line string) ([]DialogInfo, bool) {
			mu.Lock()
			defer mu.Unlock()
			return calls, watcher == "1001" && line == "1002"
		}
	})
	p := newPhone(t, s, "1001")
	subscribe := func(to string) (*call, *msg) {
		sub := p.newCall(to)
		sub.do("SUBSCRIBE", "", "Event: dialog", "Expires: 600")
		auth := p.authorize(p.response("SUBSCRIBE", 401), "SUBSCRIBE", sub.target, "1001", "secret1001")
		sub.do("SUBSCRIBE", "", auth, "Event: dialog", "Expires: 600")
		return sub, p.final("SUBSCRIBE")
	}
	if _, res := subscribe("1003"); res.code() != 403 {
		t.Errorf("a line that it may not watch: %d", res.code())
	}
	sub, res := subscribe("1002")
	if res.code() != 200 {
		t.Fatalf("SUBSCRIBE %+v", res)
	}
	sub.established(res)
	shown := func() info {
		t.Helper()
		n := p.request("NOTIFY")
		p.respond(n, 200, "", "")
		return readInfo(t, n)
	}
	change := func(now ...DialogInfo) {
		mu.Lock()
		calls = now
		mu.Unlock()
		s.NotifyLine("1002")
	}
	if i := shown(); len(i.Dialogs) != 1 || i.Dialogs[0].State != "terminated" || i.Version != 0 {
		t.Errorf("a free line: %+v", i)
	}
	change(DialogInfo{ID: "1", Recipient: true, Remote: Address{Display: `Ada <"&'> Byron`, User: "77513"}})
	i := shown()
	if len(i.Dialogs) != 1 || i.Version != 1 || i.Dialogs[0].State != "early" || i.Dialogs[0].Direction != "recipient" {
		t.Fatalf("it rings: %+v", i)
	}
	if r := i.Dialogs[0].Remote.Identity; r.Display != `Ada <"&'> Byron` || !strings.HasPrefix(r.URI, "sip:77513@") {
		t.Errorf("who calls: %+v", r)
	}
	change(DialogInfo{ID: "1", Recipient: true, Confirmed: true})
	if i := shown(); len(i.Dialogs) != 1 || i.Dialogs[0].State != "confirmed" || i.Version != 2 {
		t.Errorf("they talk: %+v", i)
	}
	change()
	if i := shown(); len(i.Dialogs) != 1 || i.Dialogs[0].State != "terminated" || i.Version != 3 {
		t.Errorf("it is over: %+v", i)
	}
}

func TestPresenceSubscription(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := Presence{Open: true}
	s := startServer(t, func(o *Options) {
		o.Clock = clock.NewFake(time.Unix(1790000000, 0))
		o.Presence = func(watcher, line string) (Presence, bool) {
			mu.Lock()
			defer mu.Unlock()
			return now, watcher == "1001" && line == "1002"
		}
	})
	p := newPhone(t, s, "1001")
	sub := p.newCall("1002")
	sub.do("SUBSCRIBE", "", "Event: presence", "Expires: 600")
	auth := p.authorize(p.response("SUBSCRIBE", 401), "SUBSCRIBE", sub.target, "1001", "secret1001")
	sub.do("SUBSCRIBE", "", auth, "Event: presence", "Expires: 600")
	res := p.final("SUBSCRIBE")
	if res.code() != 200 {
		t.Fatalf("SUBSCRIBE %+v", res)
	}
	sub.established(res)
	shown := func() (basic, note string) {
		t.Helper()
		n := p.request("NOTIFY")
		p.respond(n, 200, "", "")
		var doc struct {
			XMLName xml.Name `xml:"urn:ietf:params:xml:ns:pidf presence"`
			Basic   string   `xml:"tuple>status>basic"`
			Note    string   `xml:"tuple>note"`
		}
		if err := xml.Unmarshal([]byte(n.body), &doc); err != nil || n.get("Content-Type") != "application/pidf+xml" {
			t.Fatalf("%v in %+v", err, n)
		}
		return doc.Basic, doc.Note
	}
	if basic, note := shown(); basic != "open" || note != "" {
		t.Errorf("who can be reached: %s %q", basic, note)
	}
	s.NotifyLine("1002") // what has not changed is not told again
	mu.Lock()
	now = Presence{Note: "Do not disturb"}
	mu.Unlock()
	s.NotifyLine("1002")
	if basic, note := shown(); basic != "closed" || note != "Do not disturb" {
		t.Errorf("do not disturb: %s %q", basic, note)
	}
}
