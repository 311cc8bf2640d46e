package trace

import "strings"

// KeyField is the name of the field that holds the key, or the keys, that a step is about: what Hide hides.
const KeyField = "keys"

// Hidden stands for a key that is not shown.
const Hidden = "*"

// Keys are the fields of a step about keys that were pressed.
func Keys(keys string) []Field { return []Field{{KeyField, keys}} }

// hide takes a secret out of the steps so far: the text wherever it stands, and every key if those pressed spell it.
func (s *story) hide(secret string, more func(int) []byte) {
	steps, dialogs := decode(s.info.Start, s.bytes())
	spelt := strings.Contains(pressed(steps), secret)
	stands := false
	for i := range steps {
		stands = steps[i].hide(secret, spelt) || stands
	}
	if !spelt && !stands {
		return
	}
	s.chunks, s.info.Steps = nil, 0
	for i := range steps {
		s.add(&steps[i], nil, dialogs[i], more)
	}
}

// pressed are the keys that stand in steps of one key each, in order.
func pressed(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		for _, f := range s.Fields {
			if f.Name == KeyField && len(f.Value) == 1 {
				b.WriteString(f.Value)
			}
		}
	}
	return b.String()
}

// hide takes a secret out of one step, and its keys if they are part of it. The messages hold none: see Clean.
func (s *Step) hide(secret string, keys bool) (changed bool) {
	if s.Kind == SIP {
		return false
	}
	mask := func(text *string, word string) {
		if word != "" && strings.Contains(*text, word) {
			*text = strings.ReplaceAll(*text, word, Hidden)
			changed = true
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Name == KeyField && (keys || strings.Contains(f.Value, secret)) {
			mask(&s.Text, " "+f.Value)
			mask(&f.Value, f.Value)
		}
		mask(&f.Value, secret)
	}
	mask(&s.Text, secret)
	return changed
}
