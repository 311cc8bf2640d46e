package mailbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belfry-pbx/belfry/engine/store"
)

// PINResult is what a log-in attempt comes to.
type PINResult string

// Results of CheckPIN.
const (
	PINOK       PINResult = "ok"
	PINWrong    PINResult = "wrong"
	PINLocked   PINResult = "locked"   // too many wrong tries, however right this one is
	PINNotReady PINResult = "notReady" // there is none, or the first is not active yet
)

const (
	pinDigits = 6
	pinDelay  = 10 * time.Minute // until a PIN that its owner sets is active
	pinTries  = 3                // wrong ones that lock the mailbox
	pinLock   = 30 * time.Minute
)

// Errors of PINs that are refused.
var (
	ErrBadPIN     = errors.New("a PIN has six digits")
	ErrTrivialPIN = errors.New("the PIN is too easily guessed")
)

// pinRecord is what the store has of a mailbox's PIN. A try is counted before its PIN is
// looked at, so that tries at the same time cannot get more than their number.
type pinRecord struct {
	Hash       string    `json:"hash,omitempty"`
	Next       string    `json:"next,omitempty"` // replaces Hash
	NextFrom   time.Time `json:"nextFrom,omitzero"`
	MustChange bool      `json:"mustChange,omitempty"`
	Tries      int       `json:"tries,omitempty"` // since the last right one
	Locked     time.Time `json:"locked,omitzero"` // until
}

// active is the hash that counts now; "" if there is none.
func (p pinRecord) active(now time.Time) string {
	if p.Next != "" && !p.NextFrom.After(now) {
		return p.Next
	}
	return p.Hash
}

// lockedUntil is zero when the mailbox is not locked.
func (p pinRecord) lockedUntil(now time.Time) time.Time {
	if p.Locked.After(now) {
		return p.Locked
	}
	return time.Time{}
}

// settle makes true what time has brought about.
func (p *pinRecord) settle(now time.Time) {
	if p.Next != "" && !p.NextFrom.After(now) {
		p.Hash, p.Next, p.NextFrom = p.Next, "", time.Time{}
	}
	if !p.Locked.IsZero() && !p.Locked.After(now) {
		p.Tries, p.Locked = 0, time.Time{}
	}
}

// CheckPIN is a log-in attempt. The third wrong one in a row, over all calls and
// processes, locks the mailbox for 30 minutes; then it opens by itself. Messages can be
// left meanwhile.
func (m *Mailbox) CheckPIN(ctx context.Context, pin string) (PINResult, error) {
	release, err := m.boxes.mayHash(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	result, hash := PINResult(""), ""
	err = m.changePIN(ctx, func(p *pinRecord, now time.Time) error {
		result, hash = "", p.active(now)
		switch {
		case !p.Locked.IsZero():
			result = PINLocked
		case !m.boxes.usable(hash):
			result = PINNotReady
		default:
			p.Tries++
			if p.Tries >= pinTries {
				p.Locked = now.Add(pinLock)
			}
		}
		return nil
	})
	if err != nil || result != "" {
		return result, err
	}
	if !m.boxes.verifyPIN(pin, hash) {
		m.boxes.log.Warn("mailbox: wrong PIN", "mailbox", m.number)
		return PINWrong, nil
	}
	err = m.changePIN(ctx, func(p *pinRecord, now time.Time) error {
		p.Tries, p.Locked = 0, time.Time{}
		return nil
	})
	return PINOK, err
}

// SetPIN sets a PIN that becomes active 10 minutes later; until then the old one holds, and
// the first is not ready. ErrBadPIN or ErrTrivialPIN if it is no good.
func (m *Mailbox) SetPIN(ctx context.Context, pin string) error {
	return m.setPIN(ctx, pin, func(p *pinRecord, hash string, now time.Time) {
		p.Next, p.NextFrom, p.MustChange = hash, now.Add(pinDelay), false
	})
}

// SetPINNow sets a PIN that is active at once: for imports and administrators.
func (m *Mailbox) SetPINNow(ctx context.Context, pin string) error {
	return m.setPIN(ctx, pin, func(p *pinRecord, hash string, _ time.Time) {
		*p = pinRecord{Hash: hash}
	})
}

// SetDefaultPIN sets a PIN that is active at once and must be changed at the first log-in:
// see MustChangePIN.
func (m *Mailbox) SetDefaultPIN(ctx context.Context, pin string) error {
	return m.setPIN(ctx, pin, func(p *pinRecord, hash string, _ time.Time) {
		*p = pinRecord{Hash: hash, MustChange: true}
	})
}

func (m *Mailbox) setPIN(ctx context.Context, pin string, set func(p *pinRecord, hash string, now time.Time)) error {
	if err := CheckNewPIN(m.number, pin); err != nil {
		return fmt.Errorf("mailbox %s: %w", m.number, err)
	}
	release, err := m.boxes.mayHash(ctx)
	if err != nil {
		return err
	}
	hash := m.boxes.hashPIN(pin)
	release()
	return m.changePIN(ctx, func(p *pinRecord, now time.Time) error {
		set(p, hash, now)
		return nil
	})
}

// MustChangePIN reports whether the PIN is the default one, to be changed now.
func (m *Mailbox) MustChangePIN(ctx context.Context) (bool, error) {
	p, _, err := m.loadPIN(ctx)
	return p.MustChange, err
}

// LockedUntil is when the mailbox opens again; zero: it is not locked.
func (m *Mailbox) LockedUntil(ctx context.Context) (time.Time, error) {
	p, _, err := m.loadPIN(ctx)
	return p.lockedUntil(m.boxes.clock.Now()), err
}

// Unlock opens a locked mailbox and forgets its wrong tries.
func (m *Mailbox) Unlock(ctx context.Context) error {
	return m.changePIN(ctx, func(p *pinRecord, _ time.Time) error {
		p.Tries, p.Locked = 0, time.Time{}
		return nil
	})
}

func (m *Mailbox) loadPIN(ctx context.Context) (p pinRecord, rev uint64, err error) {
	e, err := m.boxes.store.Bucket(pinBucket).Get(ctx, m.number)
	if errors.Is(err, store.ErrNotFound) {
		return p, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(e.Value, &p)
	}
	if err != nil {
		return p, 0, fmt.Errorf("mailbox %s: reading the PIN: %w", m.number, err)
	}
	p.settle(m.boxes.clock.Now())
	return p, e.Revision, nil
}

// changePIN rewrites the record in one step, if fn changes it.
func (m *Mailbox) changePIN(ctx context.Context, fn func(p *pinRecord, now time.Time) error) error {
	now := m.boxes.clock.Now()
	err := m.boxes.store.Batch(ctx, func(tx store.Batch) error {
		if _, err := tx.Get(boxBucket, m.number); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				return ErrNoMailbox
			}
			return err
		}
		var p pinRecord
		switch e, err := tx.Get(pinBucket, m.number); {
		case err == nil:
			if err := json.Unmarshal(e.Value, &p); err != nil {
				return err
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		before := p
		p.settle(now)
		if err := fn(&p, now); err != nil {
			return err
		}
		if p == before {
			return nil
		}
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return tx.Put(pinBucket, m.number, value)
	})
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", m.number, err)
	}
	return nil
}

// CheckNewPIN says what is wrong with a PIN for a mailbox: ErrBadPIN or ErrTrivialPIN.
// Refused are PINs of one digit, runs up or down, those that hold the mailbox's number or
// its reverse or are a part of them, and repetitions of the number's last digits.
func CheckNewPIN(number, pin string) error {
	if len(pin) != pinDigits || strings.Trim(pin, "0123456789") != "" {
		return ErrBadPIN
	}
	if isRun(pin, 0) || isRun(pin, 1) || isRun(pin, 9) {
		return fmt.Errorf("%w: its digits are all the same or follow each other", ErrTrivialPIN)
	}
	for _, n := range []string{number, reverse(number)} {
		if strings.Contains(n, pin) || len(n) >= 3 && strings.Contains(pin, n) {
			return fmt.Errorf("%w: it is in the mailbox's number, or the number in it", ErrTrivialPIN)
		}
	}
	for _, n := range []int{1, 2, 3} {
		if len(number) >= n && pin == strings.Repeat(number[len(number)-n:], pinDigits/n) {
			return fmt.Errorf("%w: it repeats the mailbox's last digits", ErrTrivialPIN)
		}
	}
	return nil
}

// isRun reports whether each digit is the one before plus step, where 0 follows 9.
func isRun(pin string, step byte) bool {
	for i := 1; i < len(pin); i++ {
		if pin[i]-'0' != (pin[i-1]-'0'+step)%10 {
			return false
		}
	}
	return true
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
