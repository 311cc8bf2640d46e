package directory

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind tells a person's line from a telephone on a wall.
type Kind string

// Kinds of lines.
const (
	Person    Kind = "person"    // belongs to one account: voicemail as standard, portal
	NonPerson Kind = "nonPerson" // plain calls; voicemail only where asked for
)

// ForwardKind is when a line's calls go elsewhere.
type ForwardKind string

// Kinds of forwards.
const (
	ForwardAlways       ForwardKind = "always"
	ForwardBusy         ForwardKind = "busy"
	ForwardNoAnswer     ForwardKind = "noAnswer"
	ForwardUnregistered ForwardKind = "unregistered"
)

// ForwardKinds lists them in the order in which they are looked at.
func ForwardKinds() []ForwardKind {
	return []ForwardKind{ForwardAlways, ForwardUnregistered, ForwardBusy, ForwardNoAnswer}
}

// Forward is a destination; while it is off it is the last one, to be switched on again.
type Forward struct {
	Number string `json:"number"`
	On     bool   `json:"on"`
}

// MailChoice is what becomes of a message when it goes to the line's e-mail.
type MailChoice string

// What there is to choose.
const (
	MailKeep   MailChoice = "keep"   // it stays in the mailbox as well; "" means the same
	MailDelete MailChoice = "delete" // it is deleted from the mailbox once the mail server has it
	MailOff    MailChoice = "off"    // it does not go
)

// Line is one extension and its settings.
type Line struct {
	Number      string                  `json:"number"` // 1 to 20 digits
	Name        string                  `json:"name"`   // shown to those it calls; at most 64 characters
	Kind        Kind                    `json:"kind"`
	Person      string                  `json:"person,omitempty"` // the account that owns it; at most one line each
	Department  string                  `json:"department,omitempty"`
	Permissions []string                `json:"permissions,omitempty"`
	Voicemail   bool                    `json:"voicemail"`
	PickupGroup string                  `json:"pickupGroup,omitempty"`
	Email       string                  `json:"email,omitempty"`
	Mail        MailChoice              `json:"mail,omitempty"` // whether messages go to Email
	DND         bool                    `json:"dnd"`
	Forwards    map[ForwardKind]Forward `json:"forwards,omitempty"`
}

// Ladder is the dialling permissions in order; each includes those before it.
func Ladder() []string {
	return []string{"internal", "local", "national", "mobile", "international", "premium"}
}

// HasPermission reports whether the line may do p: a step of the ladder includes all
// below it, any other word must be there as it is.
func (l Line) HasPermission(p string) bool {
	ladder := Ladder()
	step := slices.Index(ladder, p)
	if step < 0 {
		return slices.Contains(l.Permissions, p)
	}
	return slices.ContainsFunc(l.Permissions, func(has string) bool { return slices.Index(ladder, has) >= step })
}

// ForwardOn is where calls of that kind go; "" if the forward is off.
func (l Line) ForwardOn(kind ForwardKind) string {
	if f := l.Forwards[kind]; f.On {
		return f.Number
	}
	return ""
}

// MailTo is where messages in the line's mailbox go by mail; "" if they do not.
func (l Line) MailTo() string {
	if l.Mail == MailOff {
		return ""
	}
	return l.Email
}

// clone shares nothing with l.
func (l Line) clone() Line {
	l.Permissions = slices.Clone(l.Permissions)
	l.Forwards = maps.Clone(l.Forwards)
	return l
}

// FieldError says what is wrong with one field and how to put it right.
type FieldError struct {
	Field   string // as in the header of lines.csv
	Problem string
	Fix     string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem + "; " + e.Fix }

// Limits of texts, in characters.
const (
	maxNumber      = 20
	maxDestination = 32
	maxName        = 64
	maxText        = 128
	maxPermissions = 32
)

// problems lists what is wrong with the line's fields. A person's line needs no account:
// a small site has none.
func (l Line) problems() (list []*FieldError) {
	wrong := func(field, fix, problem string, args ...any) {
		list = append(list, &FieldError{field, fmt.Sprintf(problem, args...), fix})
	}
	if !isNumber(l.Number) {
		wrong("number", fmt.Sprintf("write 1 to %d digits without blanks", maxNumber), "%s is not an extension", quote(l.Number))
	}
	for _, text := range []struct {
		field, value string
		max          int
	}{
		{"name", l.Name, maxName}, {"person", l.Person, maxText}, {"department", l.Department, maxText},
		{"pickup_group", l.PickupGroup, maxName}, {"email", l.Email, 2 * maxText},
	} {
		switch {
		case !utf8.ValidString(text.value):
			wrong(text.field, "save the file as UTF-8", "%s is not UTF-8 text", quote(text.value))
		case strings.ContainsFunc(text.value, unicode.IsControl):
			wrong(text.field, "remove it", "%s has a control character", quote(text.value))
		case utf8.RuneCountInString(text.value) > text.max:
			wrong(text.field, fmt.Sprintf("use at most %d", text.max), "has %d characters", utf8.RuneCountInString(text.value))
		}
	}
	if l.Kind != Person && l.Kind != NonPerson {
		wrong("kind", "write person or nonPerson", "%s is not a kind of line", quote(string(l.Kind)))
	}
	if l.Kind == NonPerson && l.Person != "" {
		wrong("person", "leave it empty or make the line's kind person", "a nonPerson line has no account, not %s", quote(l.Person))
	}
	if l.Email != "" {
		if a, err := mail.ParseAddress(l.Email); err != nil || a.Address != l.Email {
			wrong("email", "write one address such as name@example.org", "%s is not an e-mail address", quote(l.Email))
		}
	}
	if !slices.Contains([]MailChoice{"", MailKeep, MailDelete, MailOff}, l.Mail) {
		wrong("mail", "write keep, delete or off", "%s is nothing that can be done with messages", quote(string(l.Mail)))
	}
	if len(l.Permissions) > maxPermissions {
		wrong("permissions", fmt.Sprintf("use at most %d", maxPermissions), "has %d words", len(l.Permissions))
	}
	for _, p := range l.Permissions {
		if !isWord(p) {
			wrong("permissions", "use letters, digits, - and _, with blanks between words", "%s is not a word", quote(p))
		}
	}
	for kind, f := range l.Forwards {
		if err := checkForward(l.Number, kind, f); err != nil {
			list = append(list, err)
		}
	}
	return list
}

func checkForward(number string, kind ForwardKind, f Forward) *FieldError {
	field := "forward " + string(kind)
	switch {
	case !slices.Contains(ForwardKinds(), kind):
		return &FieldError{"forward", quote(string(kind)) + " is not a kind of forward", "use always, busy, noAnswer or unregistered"}
	case f.Number == "" && !f.On: // never set
		return nil
	case !isDestination(f.Number):
		return &FieldError{field, quote(f.Number) + " cannot be dialled", fmt.Sprintf("write at most %d digits, *, # or +", maxDestination)}
	case f.Number == number:
		return &FieldError{field, "a line cannot forward to itself", "choose another number"}
	}
	return nil
}

// minSecret is the fewest characters a secret may have that somebody brings along; see GenerateSecret.
const minSecret = 8

func checkSecret(number, secret string) *FieldError {
	fix := fmt.Sprintf("use at least %d characters, or leave it empty to have one made", minSecret)
	switch {
	case secret == "":
		return nil
	case utf8.RuneCountInString(secret) < minSecret:
		return &FieldError{"secret", "is too short", fix}
	case strings.Contains(secret, number) && len(secret) < len(number)+minSecret:
		return &FieldError{"secret", "is easily guessed from the number", fix}
	case len(secret) > maxText || strings.ContainsFunc(secret, unicode.IsControl):
		return &FieldError{"secret", fmt.Sprintf("is longer than %d bytes or has a control character", maxText), fix}
	}
	return nil
}

func isNumber(s string) bool {
	return len(s) <= maxNumber && s != "" && strings.Trim(s, "0123456789") == ""
}

func isDestination(s string) bool {
	return len(s) <= maxDestination && s != "" && strings.Trim(s, "0123456789*#+") == ""
}

func isWord(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)))
	})
}

// quote shows a value that may be anything, and long.
func quote(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		s = string([]rune(s)[:40]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
