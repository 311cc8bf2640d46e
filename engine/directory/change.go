package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/store"
)

// Add makes a line. With an empty secret no telephone can register for it until SetSecret.
func (d *Directory) Add(ctx context.Context, l Line, secret string) error {
	problems := l.problems()
	if err := checkSecret(l.Number, secret); err != nil {
		problems = append(problems, err)
	}
	if err := joinProblems(l.Number, problems); err != nil {
		return err
	}
	var sealed []byte
	var err error
	if secret != "" {
		if sealed, err = d.sealSecret(l.Number, secret); err != nil {
			return err
		}
	}
	err = d.store.Batch(ctx, func(tx store.Batch) error {
		switch _, err := tx.Get(lineBucket, l.Number); {
		case err == nil:
			return ErrExists
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return putLine(tx, Line{}, l, sealed)
	})
	if err != nil {
		return fmt.Errorf("directory: adding line %s: %w", quote(l.Number), err)
	}
	return nil
}

// Set replaces all settings of a line that exists.
func (d *Directory) Set(ctx context.Context, l Line) error {
	return d.Update(ctx, l.Number, func(old *Line) error {
		*old = l.clone()
		return nil
	})
}

// Update changes a line's settings in one step: change gets them as they are and what it
// leaves is written, unless it returns an error. It may be run more than once, must be
// quick and must not use the directory. The number stays.
func (d *Directory) Update(ctx context.Context, number string, change func(*Line) error) error {
	err := d.store.Batch(ctx, func(tx store.Batch) error {
		e, err := tx.Get(lineBucket, number)
		if err != nil {
			return lineError(err, number)
		}
		old, err := decodeLine(e)
		if err != nil {
			return err
		}
		l := old.clone()
		if err := change(&l); err != nil {
			return err
		}
		l.Number = number
		if err := joinProblems(number, l.problems()); err != nil {
			return err
		}
		return putLine(tx, old, l, nil)
	})
	if err != nil {
		return fmt.Errorf("directory: changing line %s: %w", quote(number), err)
	}
	return nil
}

// Remove deletes a line, its secret and its group log-outs.
func (d *Directory) Remove(ctx context.Context, number string) error {
	var logouts []string
	d.logouts.each(func(key string, _ struct{}) {
		if _, member, _ := strings.Cut(key, "/"); member == number {
			logouts = append(logouts, key)
		}
	})
	err := d.store.Batch(ctx, func(tx store.Batch) error {
		e, err := tx.Get(lineBucket, number)
		if err != nil {
			return lineError(err, number)
		}
		l, err := decodeLine(e)
		if err == nil && l.Person != "" { // a damaged line can be removed too
			if err := tx.Delete(personBucket, l.Person); err != nil {
				return err
			}
		}
		for _, key := range logouts {
			if err := tx.Delete(logoutBucket, key); err != nil {
				return err
			}
		}
		return errors.Join(tx.Delete(lineBucket, number), tx.Delete(secretBucket, number))
	})
	if err != nil {
		return fmt.Errorf("directory: removing line %s: %w", quote(number), err)
	}
	return nil
}

// SetDND switches do-not-disturb.
func (d *Directory) SetDND(ctx context.Context, number string, on bool) error {
	return d.Update(ctx, number, func(l *Line) error {
		l.DND = on
		return nil
	})
}

// SetForward forwards a line's calls to a number; "" switches the forward off and keeps
// the number for LastForward. Whether the line may dial that number is for the dialplan to say.
func (d *Directory) SetForward(ctx context.Context, number string, kind ForwardKind, to string) error {
	return d.Update(ctx, number, func(l *Line) error {
		f := Forward{Number: to, On: true}
		if to == "" {
			f = Forward{Number: l.Forwards[kind].Number}
		}
		if err := checkForward(number, kind, f); err != nil {
			return err
		}
		if l.Forwards == nil {
			l.Forwards = map[ForwardKind]Forward{}
		}
		l.Forwards[kind] = f
		return nil
	})
}

// LastForward is where the forward goes or last went; "" if it was never set.
func (d *Directory) LastForward(ctx context.Context, number string, kind ForwardKind) (string, error) {
	l, ok := d.lines.get(number)
	if !ok {
		return "", noLine(number)
	}
	return l.Forwards[kind].Number, nil
}

// putLine writes l in place of old, whose account it takes care of, and its secret if there is one.
func putLine(tx store.Batch, old, l Line, sealed []byte) error {
	if old.Person != l.Person {
		if old.Person != "" {
			if err := tx.Delete(personBucket, old.Person); err != nil {
				return err
			}
		}
		if l.Person != "" {
			if err := claim(tx, l); err != nil {
				return err
			}
		}
	}
	value, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := tx.Put(lineBucket, l.Number, value); err != nil {
		return err
	}
	if sealed == nil {
		return nil
	}
	return tx.Put(secretBucket, l.Number, sealed)
}

// claim makes l the account's only line.
func claim(tx store.Batch, l Line) error {
	switch e, err := tx.Get(personBucket, l.Person); {
	case err == nil && string(e.Value) != l.Number:
		return fmt.Errorf("%w: %s has %s", ErrPersonTaken, quote(l.Person), e.Value)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	return tx.Put(personBucket, l.Person, []byte(l.Number))
}

func joinProblems(number string, list []*FieldError) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b *FieldError) int { return strings.Compare(a.Field, b.Field) })
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return fmt.Errorf("directory: line %s: %w", quote(number), errors.Join(errs...))
}
