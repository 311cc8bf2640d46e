package dialtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/scripts"
)

// party is a caller, or a phone and who sits by it: what a test calls Caller and Phone.
type party struct {
	t     *test
	who   string // "the caller", "phone 201"
	phone Phone  // nil for a caller
	one   Call   // a caller's

	heard map[Call]int // how much of what was heard has been matched
}

// call is a caller's, or the phone's present or else last one; nil: there was none.
func (p *party) call() Call {
	if p.phone == nil {
		return p.one
	}
	all := p.phone.Calls()
	for _, c := range slices.Backward(all) {
		if c.State() != Ended {
			return c
		}
	}
	if len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// is tells whether the party has a call of which something is so.
func (p *party) is(what func(c Call) bool) func() bool {
	return func() bool {
		c := p.call()
		return c != nil && what(c)
	}
}

// over tells whether nothing more can come of the party's call. A phone may be called again.
func (p *party) over() bool {
	return p.phone == nil && p.one.State() == Ended
}

// stands says how things are with the party, for messages: "but nothing rings", "but the call has ended (486)".
func (p *party) stands() string {
	c := p.call()
	if c == nil {
		return "but it has no call"
	}
	switch c.State() {
	case Calling:
		return "but nobody has answered, and nothing rings"
	case Ringing:
		return "but it still rings"
	case Answered:
		if who := c.TalksTo(); len(who) > 0 {
			return "but talks to " + strings.Join(who, ", ")
		}
		if h := hearing(c); len(h) > 0 {
			return "but hears " + quoted(h)
		}
		return "but hears silence"
	}
	return "but the call has ended" + status(c)
}

func status(c Call) string {
	if s := c.Status(); s != 0 && s != 200 {
		return fmt.Sprintf(" (%d)", s)
	}
	return ""
}

// hears waits for prompts, one right after the other.
func (p *party) hears(a scripts.Args, names []string, expected string) (any, error) {
	matched := 0
	if p.t.run.Live > 0 { // a silence is what is heard between two sounds: nobody can tell its length by its name
		names = slices.DeleteFunc(slices.Clone(names), isSilence)
	}
	is := p.is(func(c Call) bool {
		all := c.Heard()
		for i := p.from(c); i < len(all); i++ {
			if end := begins(all[i:], names); end > 0 {
				matched = i + end
				return true
			}
		}
		return false
	})
	_, err := p.t.expect(a, is, p.over, expected, func() string { return p.didHear() })
	if err != nil {
		return nil, err
	}
	p.mark(p.call(), matched)
	return a.Self(), nil
}

// from is where to look for the next match. What has sounded for no time at all may have gone from the list.
func (p *party) from(c Call) int { return min(p.heard[c], len(c.Heard())) }

// hearing lists what is heard now.
func hearing(c Call) (names []string) {
	for _, h := range c.Heard() {
		if h.Now {
			names = append(names, h.Name)
		}
	}
	return names
}

func (p *party) mark(c Call, matched int) {
	if p.heard == nil {
		p.heard = map[Call]int{}
	}
	p.heard[c] = matched
}

// begins tells how many of what was heard are these names, in a row; silence between them does not count. 0: they are not.
func begins(all []Heard, names []string) int {
	i := 0
	for _, name := range names {
		for i > 0 && i < len(all) && isSilence(all[i].Name) && !isSilence(name) {
			i++
		}
		if i >= len(all) || !all[i].Is(name) {
			return 0
		}
		i++
	}
	return i
}

func isSilence(name string) bool {
	return name == "" || name == "silence" || strings.HasPrefix(name, "silence:")
}

// mostHeard is how many names a message lists.
const mostHeard = 8

// didHear says what was heard since the last match.
func (p *party) didHear() string {
	c := p.call()
	if c == nil {
		return "but it has no call"
	}
	var names []string
	for _, h := range c.Heard()[p.from(c):] {
		names = append(names, h.Name)
	}
	end := ""
	if c.State() == Ended {
		end = " before the call ended" + status(c)
	}
	if len(names) == 0 {
		what := "nothing"
		if p.heard[c] > 0 {
			what = "nothing more"
		}
		return "but heard " + what + end
	}
	if n := len(names) - mostHeard; n > 0 {
		return fmt.Sprintf("but heard %d other prompts, and then %s%s", n, quoted(names[n:]), end)
	}
	return "but heard " + quoted(names) + end
}

// quiet tells whether nothing is played to the party that has an end.
func quiet(c Call) bool {
	return c.State() == Answered && !slices.ContainsFunc(hearing(c), func(name string) bool {
		return !isMusic(name) && name != "call" && name != "conference" && name != "echo"
	})
}

func isMusic(name string) bool {
	return name == "music" || strings.HasPrefix(name, "music/") || strings.HasPrefix(name, "music:")
}

// does has the party do something, and waits until it is done.
func (p *party) does(a scripts.Args, what string, act func(c Call)) (any, error) {
	c, err := p.onCall(a, what)
	if err != nil {
		return nil, err
	}
	act(c)
	ok, err := p.t.await(a, p.t.run.bounds().patience, c.Idle, func() bool { return c.State() == Ended })
	if err != nil {
		return nil, err
	}
	if done := ok || c.State() == Ended && c.Status() == 200; !done || c.Undone() > 0 {
		return nil, p.t.fail(a, p.who+" should "+what, p.stands())
	}
	return a.Self(), nil
}

// onCall is the party's call; a phone that has none yet is waited for.
func (p *party) onCall(a scripts.Args, what string) (Call, error) {
	is := p.is(func(c Call) bool {
		return c.State() == Answered || !c.Incoming() && c.State() != Ended
	})
	if _, err := p.t.expect(a, is, p.over, p.who+" should "+what, p.stands); err != nil {
		return nil, err
	}
	return p.call(), nil
}

// speaks waits for silence, as people do, and speaks.
func (p *party) speaks(a scripts.Args, d time.Duration) (any, error) {
	what := "speak for " + short(d)
	for {
		_, err := p.t.expect(a, p.is(quiet), p.over, p.who+" should "+what, func() string {
			return strings.Replace(p.stands(), "but hears", "but still hears", 1)
		})
		if err != nil {
			return nil, err
		}
		if p.t.settle(); p.is(quiet)() { // it was not the moment between two prompts
			break
		}
	}
	return p.does(a, what, func(c Call) { c.Speak(d) })
}
