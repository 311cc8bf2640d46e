package dialtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/scripts"
)

// Bindings are what the API's classes for tests do: for scripts.Options.
func Bindings() map[string]scripts.Binding {
	all := testBindings()
	for _, more := range []map[string]scripts.Binding{
		partyBindings("Phone"), partyBindings("Caller"), phoneBindings(), callerBindings(), mailboxBindings(), lineBindings(), otherBindings(),
	} {
		maps.Copy(all, more)
	}
	return all
}

// on is a binding of the method of an object.
func on[T any](fn func(a scripts.Args, self T) (any, error)) scripts.Binding {
	return func(a scripts.Args, self any) (any, error) { return fn(a, self.(T)) }
}

// set is a binding that prepares something at once.
func set[T any](fn func(a scripts.Args, self T) error) scripts.Binding {
	return func(a scripts.Args, self any) (any, error) { return a.Self(), mistaken(a, fn(a, self.(T))) }
}

// mistaken makes what the directory and the mailboxes refuse the author's mistake.
func mistaken(a scripts.Args, err error) error {
	var f *Failure
	var m *scripts.Mistake
	if err == nil || errors.As(err, &f) || errors.As(err, &m) {
		return err
	}
	return &scripts.Mistake{Word: a.Name()[strings.Index(a.Name(), ":")+1:], Message: a.Name() + ": " + err.Error()}
}

func testBindings() map[string]scripts.Binding {
	return map[string]scripts.Binding{
		"Test:phone": on(func(a scripts.Args, t *test) (any, error) {
			number := a.Text("number")
			if err := t.mustBeLine(a, number); err != nil {
				return nil, err
			}
			return t.phone("phone "+number, t.x.Phone(number)), nil
		}),
		"Test:outside": own(on(func(a scripts.Args, t *test) (any, error) {
			number := a.Text("number")
			return t.phone("the phone of "+number, t.x.Outside(number)), nil
		})),
		"Test:call":    on(call),
		"Test:at":      own(on(at)),
		"Test:elapsed": on(elapsed),
		"Test:wait":    on(func(a scripts.Args, t *test) (any, error) { return a.Self(), t.pass(a, a.Duration("time")) }),
		"Test:line":    own(on(line)),
		"Test:mailbox": own(on(mailboxOf)),
		"Test:lamp": own(on(func(a scripts.Args, t *test) (any, error) {
			number := a.Text("number")
			if err := t.mustBeLine(a, number); err != nil {
				return nil, err
			}
			return scripts.Object{Class: "Lamp", Value: &numbered{t, number}}, nil
		})),
		"Test:list":  own(object("TestList", "name")),
		"Test:group": own(object("TestGroup", "number")),
		"Test:room":  own(object("TestRoom", "name")),
		"Test:log":   own(object("TestLog", "number")),
		"Test:trunk": own(on(func(a scripts.Args, t *test) (any, error) {
			name := a.Text("name")
			var known []string
			for _, s := range t.x.Engine().Trunks() {
				known = append(known, s.Name)
			}
			if !slices.Contains(known, name) {
				return nil, &scripts.Mistake{Word: name, Message: fmt.Sprintf("there is no trunk %q", name), Hint: "trunks: " + strings.Join(known, ", ")}
			}
			return scripts.Object{Class: "TestTrunk", Value: &numbered{t, name}}, nil
		})),
		"Test:scriptFails": own(on(func(a scripts.Args, t *test) (any, error) {
			t.failing = append(t.failing, a.Text("text"))
			return a.Self(), nil
		})),
	}
}

// numbered is something of the exchange by its number or name.
type numbered struct {
	t    *test
	name string
}

func object(class, param string) scripts.Binding {
	return on(func(a scripts.Args, t *test) (any, error) {
		return scripts.Object{Class: class, Value: &numbered{t, a.Text(param)}}, nil
	})
}

func (t *test) directory() *directory.Directory { return t.x.Engine().Directory() }

// mustBeLine says what is wrong with a number that is no line's.
func (t *test) mustBeLine(a scripts.Args, number string) error {
	t.used = true
	if r, ok := t.x.(Running); ok {
		return mustRunWith(r, number)
	}
	if _, err := t.directory().Line(t.ctx, number); err == nil {
		return nil
	}
	hint := "t:line(\"" + number + "\", { name = \"…\" }) makes one for the test"
	if near := t.nearLine(number); near != "" {
		hint = "did you mean \"" + near + "\"? " + hint
	}
	return &scripts.Mistake{Word: number, Message: fmt.Sprintf("there is no line %s in lines.csv", number), Hint: hint}
}

func (t *test) phone(who string, p Phone) scripts.Object {
	t.used = true
	if i := slices.IndexFunc(t.phones, func(one *party) bool { return one.phone == p }); i >= 0 {
		return scripts.Object{Class: "Phone", Value: t.phones[i]}
	}
	one := &party{t: t, who: who, phone: p}
	t.phones = append(t.phones, one)
	return scripts.Object{Class: "Phone", Value: one}
}

func call(a scripts.Args, t *test) (any, error) {
	if err := t.mayCall(a); err != nil {
		return nil, err
	}
	t.used = true
	o := CallOptions{Trunk: a.Text("trunk")}
	if number, reason := a.Diversion("diversion"); number != "" {
		o.Diversion = &engine.Diversion{Number: number, Reason: reason}
	}
	c, err := t.x.Call(a.Text("from"), a.Text("to"), o)
	if isLeftOut(err) {
		return nil, err
	} else if err != nil {
		return nil, &scripts.Mistake{Word: a.Text("from"), Message: "t:call: " + err.Error()}
	}
	return t.caller(c), nil
}

// mayCall bounds the calls of a test: one more would be placed without waiting for anything.
func (t *test) mayCall(a scripts.Args) error {
	if len(t.calls) < maxCalls {
		return t.stopped(a)
	}
	at := a.Where()
	at.Message = fmt.Sprintf("the test was stopped here: it has placed %d calls", maxCalls)
	at.Hint = "does it place them in a loop?"
	return &Failure{At: at}
}

func (t *test) caller(c Call) scripts.Object {
	p := &party{t: t, who: "the caller", one: c}
	t.calls = append(t.calls, p)
	return scripts.Object{Class: "Caller", Value: p}
}

// at sets the clock.
func at(a scripts.Args, t *test) (any, error) {
	zone := time.Local
	if name := a.Text("zone"); name != "" {
		var err error
		if zone, err = time.LoadLocation(name); err != nil {
			return nil, &scripts.Mistake{Word: "zone", Message: fmt.Sprintf("there is no time zone %q", name), Hint: `write "Europe/London"`}
		}
	}
	now := t.x.Now().In(zone)
	when, err := moment(a.Text("time"), now, t.used)
	if err != nil {
		return nil, &scripts.Mistake{Word: a.Text("time"), Message: "t:at: " + err.Error(), Hint: `write "sat 14:00", "14:00" or "2026-12-25 09:00"`}
	}
	if !t.used {
		return a.Self(), t.reopen(when)
	}
	if t.run.Live > 0 {
		if j, ok := t.x.(jumper); !ok || !j.Jump(when.Sub(now)) {
			return nil, &LeftOut{Why: "needs the simulator: t:at while there are calls"}
		}
		t.began = t.x.Now()
		return a.Self(), nil
	}
	if err := t.jump(a, when.Sub(now)); err != nil {
		return nil, err
	}
	t.began = t.x.Now()
	return a.Self(), nil
}

// jumper is an exchange in real time whose clock can be moved on while nobody calls. False: somebody does.
type jumper interface {
	Jump(d time.Duration) bool
}

// jump lets as much time pass as must, without its counting as waiting.
func (t *test) jump(a scripts.Args, d time.Duration) error {
	before := t.waited
	for d > 0 {
		step := min(d, t.run.bounds().longest)
		if err := t.pass(a, step); err != nil {
			return err
		}
		d -= step
		t.waited = before
	}
	return nil
}

// moment reads a time: the next such, or with a date that very one.
func moment(text string, now time.Time, onlyOn bool) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if when, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			if onlyOn && when.Before(now) {
				return when, fmt.Errorf("the clock goes only forward once something has happened, and it is %s", now.Format("2006-01-02 15:04"))
			}
			return when, nil
		}
	}
	day, hour, found := strings.Cut(text, " ")
	if !found {
		day, hour = "", text
	}
	clock, err := time.Parse("15:04", hour)
	if err != nil {
		if clock, err = time.Parse("15:04:05", hour); err != nil {
			return now, fmt.Errorf("%q is no time", text)
		}
	}
	weekday := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, strings.ToLower(day))
	if day != "" && weekday < 0 {
		return now, fmt.Errorf("%q is no time", text)
	}
	for i := range 8 {
		when := time.Date(now.Year(), now.Month(), now.Day()+i, clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		if !when.Before(now) && (weekday < 0 || int(when.Weekday()) == weekday) {
			return when, nil
		}
	}
	return now, fmt.Errorf("there is no %q", text)
}

func elapsed(a scripts.Args, t *test) (any, error) {
	want, off := a.Duration("time"), a.Duration("within")
	taken := t.x.Now().Sub(t.began)
	if d := taken - want; d > off+t.slack(want) || d < -off-t.slack(want) {
		exactly := short(want)
		if off > 0 {
			exactly += " give or take " + short(off)
		}
		return nil, t.fail(a, "the test should have taken "+exactly, "but has taken "+short(taken))
	}
	return a.Self(), nil
}

func partyBindings(class string) map[string]scripts.Binding {
	m := map[string]scripts.Binding{
		"hears": on(func(a scripts.Args, p *party) (any, error) {
			names := a.Prompts("prompt")
			return p.hears(a, names, p.who+" should hear "+quoted(names))
		}),
		"doesNotHear": on(func(a scripts.Args, p *party) (any, error) {
			return p.doesNotHear(a, a.Prompts("prompt"), a.Duration("during"))
		}),
		"hearsMusic": on(func(a scripts.Args, p *party) (any, error) {
			name := a.Text("name")
			return p.hearsNow(a, "hear music"+named(name), func(h string) bool {
				return isMusic(h) && (name == "" || strings.TrimLeft(strings.TrimPrefix(h, "music"), "/:") == name)
			})
		}),
		"hearsRecording": on(func(a scripts.Args, p *party) (any, error) {
			return p.hears(a, []string{"recording"}, p.who+" should hear a recording")
		}),
		"hearsNothing": on(func(a scripts.Args, p *party) (any, error) {
			is := p.is(func(c Call) bool {
				return c.State() == Answered && len(hearing(c)) == 0
			})
			return p.t.expect(a, is, p.over, p.who+" should hear silence", p.stands)
		}),
		"presses": on(func(a scripts.Args, p *party) (any, error) {
			keys := a.Text("keys")
			if i := strings.IndexFunc(keys, func(r rune) bool { return !strings.ContainsRune("0123456789*#ABCD", r) }); i >= 0 {
				return nil, &scripts.Mistake{Word: keys, Message: fmt.Sprintf("a telephone has no key %q", keys[i:i+1])}
			}
			return p.does(a, "press "+keys, func(c Call) { c.Press(keys) })
		}),
		"speaksFor": on(func(a scripts.Args, p *party) (any, error) { return p.speaks(a, a.Duration("time")) }),
		"hangsUp": on(func(a scripts.Args, p *party) (any, error) {
			c := p.call()
			if c == nil || c.State() == Ended {
				return nil, p.t.fail(a, p.who+" should hang up", p.stands())
			}
			p.t.used = true
			c.Hangup()
			p.t.settle()
			return a.Self(), p.t.stopped(a)
		}),
		"holds":       on(func(a scripts.Args, p *party) (any, error) { return p.does(a, "put the call on hold", Call.Hold) }),
		"unholds":     on(func(a scripts.Args, p *party) (any, error) { return p.does(a, "take the call back", Call.Unhold) }),
		"transfersTo": on(transfer),
		"isTalkingTo": on(func(a scripts.Args, p *party) (any, error) {
			number := a.Text("number")
			is := p.is(func(c Call) bool { return slices.Contains(c.TalksTo(), number) })
			return p.t.expect(a, is, p.over, p.who+" should be talking to "+number, p.stands)
		}),
		"isOnHold": on(func(a scripts.Args, p *party) (any, error) {
			return p.t.expect(a, p.is(Call.OnHold), p.over, p.who+" should be on hold", p.stands)
		}),
		"hasEnded": on(func(a scripts.Args, p *party) (any, error) {
			want := a.Int("status")
			with := ""
			if want != 0 {
				with = fmt.Sprintf(" with %d", want)
			}
			is := p.is(func(c Call) bool { return c.State() == Ended && (want == 0 || c.Status() == want) })
			return p.t.expect(a, is, p.over, p.who+"'s call should have ended"+with, p.stands)
		}),
	}
	all := map[string]scripts.Binding{}
	for name, b := range m {
		all[class+":"+name] = b
	}
	return all
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return ` "` + name + `"`
}

// hearsNow waits for something that is being heard.
func (p *party) hearsNow(a scripts.Args, what string, is func(name string) bool) (any, error) {
	now := p.is(func(c Call) bool { return slices.ContainsFunc(hearing(c), is) })
	return p.t.expect(a, now, p.over, p.who+" should "+what, p.didHear)
}

func (p *party) doesNotHear(a scripts.Args, names []string, during time.Duration) (any, error) {
	heard := p.is(func(c Call) bool {
		all := c.Heard()
		for i := p.from(c); i < len(all); i++ {
			if begins(all[i:], names) > 0 {
				return true
			}
		}
		return false
	})
	p.t.settle()
	end := p.t.x.Now().Add(during)
	did, err := p.t.await(a, during, heard, p.over)
	if err != nil {
		return nil, err
	}
	if did {
		return nil, p.t.fail(a, p.who+" should not hear "+quoted(names), "but did")
	}
	if left := end.Sub(p.t.x.Now()); left > 0 && !p.over() {
		return a.Self(), p.t.pass(a, left)
	}
	return a.Self(), nil
}

func transfer(a scripts.Args, p *party) (any, error) {
	number := a.Text("number")
	what := "transfer the call to " + number
	if !a.Bool("consult") {
		return p.does(a, what, func(c Call) { c.Transfer(number) })
	}
	phone := p.phone
	if phone == nil {
		return nil, &scripts.Mistake{Word: "consult", Message: "only a phone can call somebody before it transfers", Hint: `t:phone("201"):transfersTo("202", { consult = true })`}
	}
	if _, err := p.does(a, "put the call on hold", Call.Hold); err != nil {
		return nil, err
	}
	held := p.call()
	second := phone.Call(number)
	answered := func() bool { return second.State() == Answered }
	over := func() bool { return second.State() == Ended }
	if _, err := p.t.expect(a, answered, over, number+" should answer "+p.who, func() string { return (&party{t: p.t, one: second}).stands() }); err != nil {
		return nil, err
	}
	held.TransferTo(second)
	if _, err := p.t.await(a, p.t.run.bounds().patience, held.Idle, nil); err != nil {
		return nil, err
	}
	return a.Self(), nil
}

func phoneBindings() map[string]scripts.Binding {
	does := func(fn func(a scripts.Args, p Phone)) scripts.Binding {
		return on(func(a scripts.Args, p *party) (any, error) {
			p.t.used = true
			fn(a, p.phone)
			return a.Self(), nil
		})
	}
	return map[string]scripts.Binding{
		"Phone:answersAfter": does(func(a scripts.Args, p Phone) { p.AnswersAfter(a.Duration("time")) }),
		"Phone:isBusy":       does(func(_ scripts.Args, p Phone) { p.Refuses(486) }),
		"Phone:rejects":      does(func(a scripts.Args, p Phone) { p.Refuses(a.Int("status")) }),
		"Phone:isOffline":    own(does(func(_ scripts.Args, p Phone) { p.IsOffline() })),
		"Phone:isOnline":     own(does(func(_ scripts.Args, p Phone) { p.IsOnline() })),
		"Phone:rings":        does(func(_ scripts.Args, p Phone) { p.RingsUnanswered() }),
		"Phone:redirects":    does(func(a scripts.Args, p Phone) { p.Redirects(a.Text("number")) }),
		"Phone:calls": on(func(a scripts.Args, p *party) (any, error) {
			if err := p.t.mayCall(a); err != nil {
				return nil, err
			}
			p.t.used = true
			return p.t.caller(p.phone.Call(a.Text("number"))), nil
		}),
		"Phone:answers": on(func(a scripts.Args, p *party) (any, error) {
			if _, err := p.t.expect(a, p.is(ringing), nil, p.who+" should ring, to be answered", p.stands); err != nil {
				return nil, err
			}
			p.call().Answer()
			p.t.settle()
			return a.Self(), p.t.stopped(a)
		}),
		"Phone:isRinging": on(func(a scripts.Args, p *party) (any, error) {
			return p.t.expect(a, p.is(ringing), nil, p.who+" should ring", p.stands)
		}),
		"Phone:isNotRinging": on(func(a scripts.Args, p *party) (any, error) {
			p.t.settle()
			if p.is(ringing)() {
				return nil, p.t.fail(a, p.who+" should not ring", "but it does")
			}
			return a.Self(), nil
		}),
		"Phone:shows": on(func(a scripts.Args, p *party) (any, error) {
			want := Shown{a.Text("number"), a.Text("name"), a.Text("diversion")}
			matches := func(c Call) bool {
				s := c.Shown()
				return c.Incoming() && (!a.Given("number") || s.Number == want.Number) && (!a.Given("name") || s.Name == want.Name) &&
					(!a.Given("diversion") || s.Diversion == want.Diversion)
			}
			incoming := p.is(func(c Call) bool { return c.Incoming() && c.State() != Ended }) // who has hung up may call again
			_, err := p.t.expect(a, p.is(matches), incoming, p.who+" should show "+describe(a, "number", "name", "diversion"), func() string {
				if !incoming() {
					return "but nobody calls it"
				}
				s := p.call().Shown()
				return fmt.Sprintf("but shows number = %q, name = %q, diversion = %q", s.Number, s.Name, s.Diversion)
			})
			return a.Self(), err
		}),
	}
}

func ringing(c Call) bool { return c.Incoming() && c.State() == Ringing }

// describe lists the options that were given, as they were written.
func describe(a scripts.Args, names ...string) string {
	var parts []string
	for _, n := range names {
		if a.Given(n) {
			parts = append(parts, n+" = "+a.Written(n))
		}
	}
	return strings.Join(parts, ", ")
}

func callerBindings() map[string]scripts.Binding {
	return map[string]scripts.Binding{
		"Caller:hearsRinging": on(func(a scripts.Args, p *party) (any, error) {
			is := p.is(func(c Call) bool {
				return c.State() == Ringing || slices.Contains(hearing(c), "tone:ringing")
			})
			return p.t.expect(a, is, p.over, p.who+" should hear ringing", p.stands)
		}),
		"Caller:isAnswered": on(func(a scripts.Args, p *party) (any, error) {
			is := p.is(func(c Call) bool { return c.State() == Answered || c.State() == Ended && c.Status() == 200 })
			return p.t.expect(a, is, p.over, p.who+" should be answered", p.stands)
		}),
		"Caller:isRejected": on(func(a scripts.Args, p *party) (any, error) {
			reason := a.Text("reason")
			want := reasons()[reason]
			is := p.is(func(c Call) bool {
				return c.State() == Ended && c.Status() >= 400 && (reason == "" || c.Status() == want)
			})
			expected := p.who + " should be rejected"
			if reason != "" {
				expected += fmt.Sprintf(" as %q (%d)", reason, want)
			}
			return p.t.expect(a, is, p.over, expected, p.stands)
		}),
	}
}

// reasons are the SIP statuses of call:reject.
func reasons() map[string]int {
	return map[string]int{"busy": 486, "unavailable": 480, "declined": 603, "notFound": 404, "forbidden": 403, "congested": 503}
}

// line is t:line.
func line(a scripts.Args, t *test) (any, error) {
	t.used = true
	number := a.Text("number")
	o := scripts.Object{Class: "TestLine", Value: &numbered{t, number}}
	if !slices.ContainsFunc([]string{"name", "permissions", "voicemail", "pickupGroup", "department"}, a.Given) {
		return o, t.mustBeLine(a, number)
	}
	change := func(l *directory.Line) error {
		if a.Given("name") {
			l.Name = a.Text("name")
		}
		if a.Given("permissions") || l.Permissions == nil {
			l.Permissions = a.Texts("permissions")
		}
		l.Voicemail = a.Bool("voicemail")
		if a.Given("pickupGroup") {
			l.PickupGroup = a.Text("pickupGroup")
		}
		if a.Given("department") {
			l.Department = a.Text("department")
		}
		return nil
	}
	ctx := t.ctx
	err := t.directory().Update(ctx, number, change)
	if errors.Is(err, directory.ErrNoLine) {
		l := directory.Line{Number: number, Name: number, Kind: directory.NonPerson}
		_ = change(&l)
		err = t.directory().Add(ctx, l, directory.GenerateSecret())
	}
	if err == nil && a.Bool("voicemail") {
		if _, missing := t.x.Engine().Mailboxes().Get(number); missing != nil {
			err = t.x.Engine().Mailboxes().Create(ctx, number)
		}
	}
	return o, mistaken(a, err)
}

func (t *test) nearLine(number string) string {
	lines, err := t.directory().Lines(context.WithoutCancel(t.ctx))
	if err != nil {
		return ""
	}
	var all []string
	for _, l := range lines {
		all = append(all, l.Number)
	}
	return nearest(number, all)
}
