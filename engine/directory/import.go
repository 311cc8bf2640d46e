package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/belfry-pbx/belfry/engine/store"
	"golang.org/x/sync/errgroup"
)

// ImportOptions say what to do with what is not the directory's own.
type ImportOptions struct {
	// CheckPIN says what is wrong with a PIN in the file, before anything is written. nil: a
	// file with PINs is refused.
	CheckPIN func(number, pin string) error
	// SetPIN sets a mailbox's PIN once all lines are written. Importing the same file again
	// sets it again, so that one that was interrupted can be completed. It is called from
	// several goroutines at once.
	SetPIN func(ctx context.Context, number, pin string) error
	// NewSecret is told the secret that was made for a new line whose secret is empty: it is
	// kept nowhere else. nil: such a line has none.
	NewSecret func(number, secret string)
	// Permissions are the words that may be given besides those of the ladder.
	Permissions []string
}

// ImportReport is what an import did.
type ImportReport struct {
	Added, Changed, Unchanged int
	PINs                      int // in the file
}

// ImportCSV adds and changes lines from a file with a header of Columns (number is
// required, the others are optional and in any order). All of it is written or, when
// anything is wrong, nothing, and the error is ImportErrors. UTF-8, with or without byte order mark, lines
// ending in LF or CRLF.
//
// A line that exists keeps what the file has no column for, and its secret, PIN, kind and
// voicemail also where the field is empty. A new line's kind is person and a person's line
// has voicemail unless the file says otherwise.
func (d *Directory) ImportCSV(ctx context.Context, in io.Reader, o ImportOptions) (ImportReport, error) {
	rd := &reader{}
	rows, err := rd.read(ctx, in)
	if err != nil {
		return ImportReport{}, err
	}
	plan := importPlan{d: d, options: o, reader: rd, first: map[string]int{}, owner: map[string]int{}}
	for _, r := range rows {
		plan.check(r)
	}
	if err := rd.result(); err != nil {
		return ImportReport{}, err
	}
	if err := plan.write(ctx); err != nil {
		return ImportReport{}, err
	}
	for _, p := range plan.items {
		if p.made != "" {
			o.NewSecret(p.number, p.made)
		}
	}
	err = plan.setPINs(ctx)
	return plan.report, err
}

// setPINs sets several at a time: hashing takes a while, on purpose.
func (p *importPlan) setPINs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, item := range p.items {
		if item.pin == "" {
			continue
		}
		p.report.PINs++
		g.Go(func() error {
			if err := p.options.SetPIN(ctx, item.number, item.pin); err != nil {
				return fmt.Errorf("directory: the lines are imported, but setting the PIN of %s failed: %w; import the file again", item.number, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// importPlan is what an import is going to do.
type importPlan struct {
	d       *Directory
	options ImportOptions
	reader  *reader
	items   []importItem
	first   map[string]int // number → the line of the file that has it
	owner   map[string]int // account → likewise
	report  ImportReport
}

type importItem struct {
	row
	number string
	pin    string
	made   string // secret made here
	sealed []byte // nil: leave the secret as it is
}

// check checks a row against the file and the directory as it is now.
func (p *importPlan) check(r row) {
	wrong := func(field, problem, fix string) { p.reader.wrong(r.line, field, problem, fix) }
	number := r.fields["number"]
	if before, ok := p.first[number]; ok {
		wrong("number", fmt.Sprintf("%s is in line %d already", quote(number), before), "remove one of the two")
		return
	}
	p.first[number] = r.line
	if person := r.fields["person"]; person != "" {
		if before, ok := p.owner[person]; ok {
			wrong("person", fmt.Sprintf("%s owns the number in line %d already", quote(person), before), "give each account one number")
		}
		p.owner[person] = r.line
	}
	old, exists := p.d.lines.get(number)
	if _, given := r.has("voicemail"); given {
		if _, ok := parseYesNo(r.fields["voicemail"]); !ok && r.fields["voicemail"] != "" {
			wrong("voicemail", quote(r.fields["voicemail"])+" is neither yes nor no", "write yes or no")
		}
	}
	l := r.apply(old, exists)
	for _, problem := range l.problems() {
		wrong(problem.Field, problem.Problem, problem.Fix)
	}
	known := append(Ladder(), p.options.Permissions...)
	for _, word := range strings.Fields(r.fields["permissions"]) {
		if isWord(word) && !slices.Contains(known, word) {
			fix := "use " + strings.Join(known, ", ")
			if near := nearest(word, known); near != "" {
				fix = "did you mean " + near + "?"
			}
			wrong("permissions", quote(word)+" is not a permission", fix)
		}
	}
	item := importItem{row: r, number: number, pin: r.fields["pin"]}
	p.checkPIN(item, wrong)
	if err := p.secret(&item, exists); err != nil {
		wrong(err.Field, err.Problem, err.Fix)
	}
	p.items = append(p.items, item)
}

func (p *importPlan) checkPIN(item importItem, wrong func(field, problem, fix string)) {
	switch {
	case item.pin == "":
	case p.options.CheckPIN == nil || p.options.SetPIN == nil:
		wrong("pin", "PINs cannot be set here", "leave the column empty")
	default:
		if err := p.options.CheckPIN(item.number, item.pin); err != nil {
			wrong("pin", err.Error(), "choose another six digits")
		}
	}
}

// secret hashes the secret in the file, or makes one for a new line.
func (p *importPlan) secret(item *importItem, exists bool) *FieldError {
	secret := item.fields["secret"]
	if err := checkSecret(item.number, secret); err != nil {
		return err
	}
	if secret == "" && !exists && p.options.NewSecret != nil {
		secret = GenerateSecret()
		item.made = secret
	}
	if secret == "" {
		return nil
	}
	var err error
	if item.sealed, err = p.d.sealSecret(item.number, secret); err != nil {
		return &FieldError{"secret", err.Error(), "import the file again"}
	}
	return nil
}

// write writes everything in one batch. What was checked against memory is checked again
// against what the batch sees.
func (p *importPlan) write(ctx context.Context) error {
	err := p.d.store.Batch(ctx, func(tx store.Batch) error {
		p.report = ImportReport{}
		var changed []change
		for _, item := range p.items {
			e, err := tx.Get(lineBucket, item.number)
			exists := err == nil
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			var old Line
			if exists {
				if old, err = decodeLine(e); err != nil {
					return err
				}
			}
			l := item.apply(old, exists)
			switch {
			case !exists:
				p.report.Added++
			case item.sealed == nil && reflect.DeepEqual(old, l):
				p.report.Unchanged++
				continue
			default:
				p.report.Changed++
			}
			changed = append(changed, change{old, l, item})
		}
		// Accounts that change hands within the file are first all given up.
		for _, c := range changed {
			if c.old.Person != "" && c.old.Person != c.line.Person {
				if err := tx.Delete(personBucket, c.old.Person); err != nil {
					return err
				}
			}
		}
		for _, c := range changed {
			old := c.old
			if old.Person != c.line.Person {
				old.Person = ""
			}
			if err := putLine(tx, old, c.line, c.item.sealed); err != nil {
				return p.locate(c.item, err)
			}
		}
		return nil
	})
	var list ImportErrors
	if err != nil && !errors.As(err, &list) {
		return fmt.Errorf("directory: importing lines: %w", err)
	}
	if err != nil {
		return list
	}
	return nil
}

type change struct {
	old, line Line
	item      importItem
}

// locate says where in the file a person stands who has a line that the file does not name.
func (p *importPlan) locate(item importItem, err error) error {
	if !errors.Is(err, ErrPersonTaken) {
		return err
	}
	return ImportErrors{{item.line, "person", err.Error(), "remove the account there first, or leave it out here"}}
}

// apply is the line as the row wants it.
func (r row) apply(l Line, exists bool) Line {
	l = l.clone()
	if !exists {
		l = Line{Number: r.fields["number"], Kind: Person}
	}
	for column, field := range map[string]*string{
		"name": &l.Name, "person": &l.Person, "department": &l.Department, "pickup_group": &l.PickupGroup, "email": &l.Email,
	} {
		if v, ok := r.has(column); ok {
			*field = v
		}
	}
	if v, ok := r.has("mail"); ok {
		l.Mail = MailChoice(strings.ToLower(v))
	}
	if v := r.fields["kind"]; v != "" {
		l.Kind = parseKind(v)
	}
	if v, ok := r.has("permissions"); ok {
		l.Permissions = strings.Fields(v)
		if len(l.Permissions) == 0 {
			l.Permissions = nil
		}
	}
	if v, ok := parseYesNo(r.fields["voicemail"]); ok {
		l.Voicemail = v
	} else if !exists {
		l.Voicemail = l.Kind == Person
	}
	return l
}

func parseKind(s string) Kind {
	switch strings.ToLower(strings.ReplaceAll(s, "-", "")) {
	case "person":
		return Person
	case "nonperson":
		return NonPerson
	}
	return Kind(s) // problems tells
}

func parseYesNo(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true", "1", "y":
		return true, true
	case "no", "false", "0", "n":
		return false, true
	}
	return false, false
}
