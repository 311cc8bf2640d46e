package sim

// list is a row of coroutines; each is in one at most.
type list struct{ first, last *coroutine }

func (l *list) append(co *coroutine) {
	co.in, co.before, co.after = l, l.last, nil
	if l.last == nil {
		l.first = co
	} else {
		l.last.after = co
	}
	l.last = co
}

func (l *list) remove(co *coroutine) {
	if co.before == nil {
		l.first = co.after
	} else {
		co.before.after = co.after
	}
	if co.after == nil {
		l.last = co.before
	} else {
		co.after.before = co.before
	}
	co.in, co.before, co.after = nil, nil, nil
}
