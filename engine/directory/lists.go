package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/belfry-pbx/belfry/engine/pattern"
	"github.com/belfry-pbx/belfry/engine/store"
)

// ErrListFull says that a list has as many entries as it can.
var ErrListFull = errors.New("the list is full")

// maxEntries bounds a list: dialplans add to it while calls wait for them.
const maxEntries = 10000

// List is a named set of numbers, such as a whitelist. A list that nobody has added to is empty.
type List struct {
	d    *Directory
	name string
}

// List names a list: letters, digits and other printable characters but "/".
func (d *Directory) List(name string) *List { return &List{d, name} }

// Includes reports whether an entry takes number.
func (l *List) Includes(ctx context.Context, number string) (bool, error) {
	if err := checkListName(l.name); err != nil {
		return false, err
	}
	if !isDestination(number) { // "775xx" and "internal" are entries, not numbers
		return false, nil
	}
	if _, ok := l.d.lists.get(l.key(number)); ok { // most entries are plain numbers
		return true, nil
	}
	found := false
	l.d.lists.group(l.name, func(_ string, e entry) bool {
		switch {
		case e.internal:
			_, found = l.d.lines.get(number)
		case e.low != "":
			found = len(number) == len(e.low) && e.low <= number && number <= e.high
		default:
			_, found = e.pattern.Match(number)
		}
		return !found
	})
	return found, nil
}

// Add adds a number, a range of numbers of equal length ("77500-77599"), a pattern as in a
// dialplan ("775xx"), or "internal": all lines of this exchange.
func (l *List) Add(ctx context.Context, text string) error {
	if err := checkListName(l.name); err != nil {
		return err
	}
	text = strings.TrimSpace(text)
	if _, err := parseEntry(text); err != nil {
		return fmt.Errorf("directory: list %s: %w", quote(l.name), err)
	}
	if _, ok := l.d.lists.get(l.key(text)); ok {
		return nil
	}
	if entries, _ := l.Entries(ctx); len(entries) >= maxEntries {
		return fmt.Errorf("directory: %w: %s has %d entries", ErrListFull, quote(l.name), len(entries))
	}
	if _, err := l.d.store.Bucket(listBucket).Put(ctx, l.key(text), nil); err != nil {
		return fmt.Errorf("directory: adding to list %s: %w", quote(l.name), err)
	}
	return nil
}

// Remove removes an entry as it was added; that it is not there is no error.
func (l *List) Remove(ctx context.Context, text string) error {
	if err := checkListName(l.name); err != nil {
		return err
	}
	return l.d.remove(ctx, listBucket, l.key(strings.TrimSpace(text)))
}

// Entries returns the list's entries, sorted.
func (l *List) Entries(ctx context.Context) ([]string, error) {
	if err := checkListName(l.name); err != nil {
		return nil, err
	}
	return members(&l.d.lists, l.name), nil
}

func (l *List) key(text string) string { return l.name + "/" + text }

// members are the sorted second halves of a group's keys.
func members[T any](m *mirror[T], group string) []string {
	var list []string
	m.group(group, func(member string, _ T) bool {
		list = append(list, member)
		return true
	})
	slices.SortFunc(list, compareNumbers)
	return list
}

// remove deletes a key, which may not be there.
func (d *Directory) remove(ctx context.Context, bucket, key string) error {
	if err := d.store.Bucket(bucket).Delete(ctx, key); err != nil {
		return fmt.Errorf("directory: removing %s from %s: %w", quote(key), bucket, err)
	}
	return nil
}

// entry is what an entry of a list takes.
type entry struct {
	internal  bool
	low, high string // a range, both ends included
	pattern   pattern.Pattern
}

func decodeEntry(e store.Entry) (entry, error) {
	_, text, _ := strings.Cut(e.Key, "/")
	return parseEntry(text)
}

func parseEntry(text string) (entry, error) {
	if text == "internal" {
		return entry{internal: true}, nil
	}
	low, high, isRange := strings.Cut(text, "-")
	if isRange && isNumber(low) && isNumber(high) {
		if len(low) != len(high) || low > high {
			return entry{}, fmt.Errorf("%s: a range goes from a lower to a higher number of as many digits", quote(text))
		}
		return entry{low: low, high: high}, nil
	}
	p, err := pattern.Parse(text)
	if err != nil {
		return entry{}, fmt.Errorf("write a number, a range such as 77500-77599, a pattern such as 775xx, or internal: %w", err)
	}
	return entry{pattern: p}, nil
}

// checkListName also serves for groups: both are the first half of a key.
func checkListName(name string) error {
	if name == "" || len(name) > maxText || strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) }) {
		return fmt.Errorf("directory: %s is not a name: 1 to %d printable characters without /", quote(name), maxText)
	}
	return nil
}
