package trace

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// Bounds of one call's story, octets of kept steps. Beyond maxMessages no messages are added, beyond maxStory nothing
// but what call control says; that too ends at maxStory + maxTail.
const (
	maxMessages = 128 << 10
	maxStory    = 192 << 10
	maxTail     = 16 << 10
	maxDialogs  = 256 // parties of one call
	maxFields   = 32  // of a step
	maxText     = 512 // of a text, octets
)

// story is one call's trace. Log.mu guards it.
type story struct {
	info    Info
	chunks  [][]byte  // steps, none of which begins in one chunk and ends in another
	ended   time.Time // when End was called; zero: not yet
	written bool      // to disk
	changed []chan struct{}
}

// dialog is what is known of a SIP Call-ID.
type dialog struct {
	id    string
	story *story // nil: nobody has said whose it is
	index int    // in story.info.Dialogs
	early *story // what happened before
}

// chunkSize is how much memory a story takes at a time: a call of two parties needs two or three.
const chunkSize = 4 << 10

// add appends a step. raw stands for its Raw where that is empty; dialog is its index, -1: none. more gives an empty chunk
// for so many octets.
func (s *story) add(step *Step, raw []byte, dialog int, more func(int) []byte) {
	limit := maxStory
	switch step.Kind {
	case SIP:
		limit = maxMessages
	case Call, Error:
		limit = maxStory + maxTail
	}
	if s.size() >= limit {
		s.info.Lost++
		return
	}
	step.Text, step.At = cut(step.Text, maxText), cut(step.At, maxText)
	step.From, step.To = cut(step.From, maxText), cut(step.To, maxText)
	step.Raw = cut(step.Raw, 2*maxRaw)
	if len(step.Fields) > maxFields {
		step.Fields = step.Fields[:maxFields]
	}
	for i, f := range step.Fields {
		if len(f.Name) > maxText || len(f.Value) > maxText {
			step.Fields = slices.Clone(step.Fields)
			step.Fields[i] = Field{cut(f.Name, maxText), cut(f.Value, maxText)}
		}
	}
	last := len(s.chunks) - 1
	if need := sizeOf(step, raw); last < 0 || cap(s.chunks[last])-len(s.chunks[last]) < need {
		s.chunks = append(s.chunks, more(need))
		last++
	}
	s.chunks[last] = appendStep(s.chunks[last], step, raw, s.info.Start, dialog)
	s.info.Steps++
	s.tell()
}

// size is how much memory the steps take, octets.
func (s *story) size() (n int) {
	for _, c := range s.chunks {
		n += cap(c)
	}
	return n
}

// bytes are the steps in a row, in memory of their own.
func (s *story) bytes() []byte { return bytes.Join(s.chunks, nil) }

// tell wakes who follows the call.
func (s *story) tell() {
	for _, c := range s.changed {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// party gives the index of a dialog in the story, -1 if there are too many.
func (s *story) party(id, party string) int {
	party = cut(party, maxText)
	for i := range s.info.Dialogs {
		if s.info.Dialogs[i].ID == id {
			s.info.Dialogs[i].Party = party
			return i
		}
	}
	if len(s.info.Dialogs) >= maxDialogs {
		return -1
	}
	s.info.Dialogs = append(s.info.Dialogs, Dialog{ID: cut(id, maxText), Party: party})
	return len(s.info.Dialogs) - 1
}

// merge takes in what happened in a dialog before it belonged to the call. The call has begun with its INVITE.
func (s *story) merge(early *story, index int, more func(int) []byte) {
	late := s.bytes()
	began := s.info.Start
	if early.info.Start.Before(began) {
		s.info.Start = early.info.Start
	}
	if index == 0 && len(late) == 0 && s.info.Start.Equal(early.info.Start) {
		s.chunks, s.info.Steps = early.chunks, early.info.Steps // written as those of the first dialog
		s.tell()
		return
	}
	s.chunks, s.info.Steps = nil, 0
	steps, _ := decode(early.info.Start, early.bytes())
	for i := range steps {
		s.add(&steps[i], nil, index, more)
	}
	steps, dialogs := decode(began, late)
	for i := range steps {
		s.add(&steps[i], nil, dialogs[i], more)
	}
}

// decode gives the steps as they were added, in the order of their times, and the index of each one's dialog.
func decode(start time.Time, buf []byte) (steps []Step, dialogs []int) {
	d := &decoder{b: buf}
	for len(d.b) > 0 {
		s, dialog, err := d.step(start)
		if err != nil {
			break // a torn file: what was before it stands
		}
		steps, dialogs = append(steps, s), append(dialogs, dialog)
	}
	if !slices.IsSortedFunc(steps, byTime) {
		order := make([]int, len(steps))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return byTime(steps[a], steps[b]) })
		s, d := make([]Step, len(steps)), make([]int, len(steps))
		for to, from := range order {
			s[to], d[to] = steps[from], dialogs[from]
		}
		steps, dialogs = s, d
	}
	return steps, dialogs
}

func byTime(a, b Step) int { return a.Time.Compare(b.Time) }

// finish makes steps complete: numbered, with the parties' names and the messages in words.
func finish(info Info, steps []Step, dialogs []int) []Step {
	for i := range steps {
		s := &steps[i]
		s.Call, s.Seq, s.Offset = info.ID, i+1, s.Time.Sub(info.Start)
		if s.Raw != "" && s.Text == "" {
			s.Text = headline(s.Raw)
		}
		if d := dialogs[i]; d >= 0 && d < len(info.Dialogs) {
			s.Dialog = info.Dialogs[d].ID
			if party := info.Dialogs[d].Party; party != "" {
				s.From, s.To = named(s.From, party), named(s.To, party)
			}
		}
	}
	return steps
}

// named is who is at an address.
func named(who, party string) string {
	if who == Exchange || who == "" {
		return who
	}
	return party
}
