package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/belfry-pbx/belfry/engine/store/bolt"
)

const header = "number,name,kind,person,department,secret,permissions,voicemail,pin,pickup_group,email,mail\n"

// pins stands for the mailboxes.
type pins struct {
	mu     sync.Mutex
	set    map[string]string
	broken error
}

func (p *pins) options() ImportOptions {
	p.set = map[string]string{}
	return ImportOptions{
		CheckPIN: func(number, pin string) error {
			if len(pin) != 6 {
				return errors.New("must have six digits")
			}
			return nil
		},
		SetPIN: func(_ context.Context, number, pin string) error {
			if p.broken != nil {
				return p.broken
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.set[number] = pin
			return nil
		},
		Permissions: []string{"night-bell"},
	}
}

func TestImport(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	file := "\ufeff" + header +
		"77513,Porters' Lodge,nonPerson,,Estates,,national night-bell,no,,lodge,,\n" +
		"77514,\"Smith, Anna\",person,anna,Maths,quite a long secret,international,,246813,,anna@example.org,Delete\n" +
		"77515,Ben,,,,,,no,,,,\n"
	for _, lineEnd := range []string{"\n", "\r\n"} {
		var p pins
		report, err := s.ImportCSV(ctx, strings.NewReader(strings.ReplaceAll(file, "\n", lineEnd)), p.options())
		no(t, err)
		if want := (ImportReport{Added: 3, PINs: 1}); lineEnd == "\n" && report != want {
			t.Errorf("report %+v", report)
		}
		// The second time only the secret is news: its hash can't be compared.
		if want := (ImportReport{Changed: 1, Unchanged: 2, PINs: 1}); lineEnd == "\r\n" && report != want {
			t.Errorf("report %+v", report)
		}
		if len(p.set) != 1 || p.set["77514"] != "246813" {
			t.Errorf("PINs set: %v", p.set)
		}
	}
	all, err := s.Lines(ctx)
	no(t, err)
	want := []Line{
		{Number: "77513", Name: "Porters' Lodge", Kind: NonPerson, Department: "Estates", Permissions: []string{"national", "night-bell"}, PickupGroup: "lodge"},
		{Number: "77514", Name: "Smith, Anna", Kind: Person, Person: "anna", Department: "Maths", Permissions: []string{"international"}, Voicemail: true, Email: "anna@example.org", Mail: MailDelete},
		{Number: "77515", Name: "Ben", Kind: Person},
	}
	if !reflect.DeepEqual(all, want) {
		t.Errorf("lines %+v", all)
	}
	if _, err := s.Credentials(ctx, "77514"); err != nil {
		t.Error(err)
	}
	if _, err := s.Credentials(ctx, "77513"); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret was given: %v", err)
	}
}

func TestImportChangesOnlyWhatItHasColumnsFor(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	l := porter()
	l.DND, l.Voicemail = true, true
	no(t, s.Add(ctx, l, "correct horse"))
	no(t, s.SetForward(ctx, "77513", ForwardAlways, "77514"))
	before, err := s.Credentials(ctx, "77513")
	no(t, err)
	_, err = s.ImportCSV(ctx, strings.NewReader("name,number,secret,voicemail,pickup_group\nLodge,77513,,,\n"), ImportOptions{})
	no(t, err)
	want := porter()
	want.Name, want.DND, want.Voicemail, want.PickupGroup = "Lodge", true, true, ""
	want.Forwards = map[ForwardKind]Forward{ForwardAlways: {"77514", true}}
	if got, err := s.Line(ctx, "77513"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("line %+v, %v", got, err)
	}
	if after, err := s.Credentials(ctx, "77513"); err != nil || after != before {
		t.Errorf("the secret has changed, %v", err)
	}
}

func TestImportMakesSecretsForNewLines(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	made := map[string]string{}
	o := ImportOptions{NewSecret: func(number, secret string) { made[number] = secret }}
	for range 2 {
		_, err := s.ImportCSV(ctx, strings.NewReader("number,secret\n1,\n2,given by hand\n"), o)
		no(t, err)
	}
	if len(made) != 1 || len(made["1"]) < 26 {
		t.Errorf("made %v", made)
	}
	sealed, err := s.sealSecret("1", made["1"])
	no(t, err)
	want, err := s.seal.open("1", sealed)
	no(t, err)
	if c, err := s.Credentials(ctx, "1"); err != nil || c.HA1MD5 != want.MD5 {
		t.Errorf("the credentials are not those of the secret that was told, %v", err)
	}
}

func TestImportTellsWhatIsWrongWhere(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "line 1: the file is empty"},
		{"semicolons", "number;name\n1;2\n", "line 1: the fields are not separated by commas"},
		{"unknown column", "number,name,depratment\n", `line 1, "depratment": there is no such column; did you mean department?`},
		{"column twice", "number,name,name\n", "line 1, name: the column is there twice"},
		{"no number", "name\nx\n", "line 1, number: there is no such column"},
		{"not UTF-8", "number,name\n1,Ren\xe9\n", `line 2, name: "Ren\xe9" is not UTF-8 text; save the file as UTF-8`},
		{"bad number", "number\n77 513\n", `line 2, number: "77 513" is not an extension`},
		{"no number given", "number,name\n,x\n", `line 2, number: "" is not an extension`},
		{"twice", "number\n1\n2\n\n1\n", `line 5, number: "1" is in line 2 already; remove one of the two`},
		{"bad e-mail", "number,email\n1,anna at example\n", `line 2, email: "anna at example" is not an e-mail address; write one address such as name@example.org`},
		{"unknown permission", "number,permissions\n1,local internatonal\n", `line 2, permissions: "internatonal" is not a permission; did you mean international?`},
		{"unknown permission, no idea", "number,permissions\n1,everything\n", `line 2, permissions: "everything" is not a permission; use internal, local,`},
		{"kind", "number,kind\n1,robot\n", `line 2, kind: "robot" is not a kind of line; write person or nonPerson`},
		{"voicemail", "number,voicemail\n1,perhaps\n", `line 2, voicemail: "perhaps" is neither yes nor no`},
		{"fields", "number,name\n1,2,3\n", "line 2: has 3 fields, the header has 2"},
		{"quotes", "number,name\n1,a\"b\n", `line 2: bare " in non-quoted`},
		{"long name", "number,name\n1," + long + "\n", "line 2, name: has 70 characters; use at most 64"},
		{"person twice", "number,person\n1,anna\n2,anna\n", `line 3, person: "anna" owns the number in line 2 already`},
		{"person of another line", "number,person\n1,zoe\n", "line 2, person: the account has a line already: \"zoe\" has 900"},
		{"nonPerson with account", "number,kind,person\n1,nonPerson,anna\n", "line 2, person: a nonPerson line has no account"},
		{"short secret", "number,secret\n1,12345\n", "line 2, secret: is too short"},
		{"bad PIN", "number,pin\n1,123\n", "line 2, pin: must have six digits"},
		{"header injection", "number,name\n1,\"a\nb\"\n", `line 2, name: "a\nb" has a control character`},
		{"after a field of two lines", "number,department,email\n1,\"a\n b\",\n2,,x\n", "line 4, email:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			no(t, s.Add(t.Context(), Line{Number: "900", Kind: Person, Person: "zoe"}, ""))
			var p pins
			_, err := s.ImportCSV(t.Context(), strings.NewReader(c.file), p.options())
			var list ImportErrors
			if !errors.As(err, &list) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("told %v\nwant %s", err, c.want)
			}
			for _, e := range list {
				if e.Fix == "" || e.Line == 0 {
					t.Errorf("no help: %+v", e)
				}
			}
			if all, _ := s.Lines(t.Context()); len(all) != 1 || len(p.set) != 0 {
				t.Errorf("something was written: %v, %v", all, p.set)
			}
		})
	}
}

func TestImportIsAllOrNothing(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	var file strings.Builder
	file.WriteString("number,email\n")
	for i := range 300 {
		fmt.Fprintf(&file, "%d,%s\n", 1000+i, map[bool]string{true: "wrong"}[i > 5])
	}
	_, err := s.ImportCSV(ctx, strings.NewReader(file.String()), ImportOptions{})
	var list ImportErrors
	if !errors.As(err, &list) || len(list) != maxErrors || list[0].Line != 8 {
		t.Errorf("told of %d mistakes", len(list))
	}
	if all, _ := s.Lines(ctx); len(all) != 0 {
		t.Errorf("%d lines were written", len(all))
	}
}

func TestImportSwapsAccounts(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	for _, file := range []string{"number,person\n1,anna\n2,ben\n3,\n", "number,person\n1,ben\n2,\n3,anna\n"} {
		_, err := s.ImportCSV(ctx, strings.NewReader(file), ImportOptions{})
		no(t, err)
	}
	var owners []string
	all, err := s.Lines(ctx)
	no(t, err)
	for _, l := range all {
		owners = append(owners, l.Person)
	}
	if !slices.Equal(owners, []string{"ben", "", "anna"}) {
		t.Errorf("owners %q", owners)
	}
	if err := s.Set(ctx, Line{Number: "2", Kind: Person, Person: "ben"}); !errors.Is(err, ErrPersonTaken) {
		t.Errorf("told %v", err)
	}
}

func TestImportSaysWhenAPINFails(t *testing.T) {
	s := newSite(t)
	p := pins{broken: errors.New("the disk is full")}
	_, err := s.ImportCSV(t.Context(), strings.NewReader("number,pin\n1,246813\n"), p.options())
	if err == nil || !strings.Contains(err.Error(), "import the file again") {
		t.Errorf("told %v", err)
	}
}

func TestExportReadsBack(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	secret := GenerateSecret()
	no(t, s.Add(ctx, porter(), secret))
	no(t, s.Add(ctx, Line{Number: "9", Name: `O"Hara, =1+1`, Kind: Person, Person: "oh", Voicemail: true, Email: "o@example.org"}, ""))
	var file bytes.Buffer
	no(t, s.ExportCSV(ctx, &file))
	if strings.Contains(file.String(), "secret") || strings.Contains(file.String(), "pin,") {
		t.Errorf("exported %s", file.String())
	}
	o := ImportOptions{Permissions: []string{"night-bell"}}
	report, err := s.ImportCSV(ctx, bytes.NewReader(file.Bytes()), o)
	if want := (ImportReport{Unchanged: 2}); err != nil || report != want {
		t.Errorf("read back: %+v, %v", report, err)
	}
	elsewhere := newSite(t)
	_, err = elsewhere.ImportCSV(ctx, bytes.NewReader(file.Bytes()), o)
	no(t, err)
	a, _ := s.Lines(ctx)
	b, _ := elsewhere.Lines(ctx)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\nbecame\n%+v", a, b)
	}
}

// Whatever is in a file, it is imported whole or refused with the reason, and what was
// imported is exported and unchanged when it comes back.
func FuzzImport(f *testing.F) {
	f.Add(header + "77513,Lodge,nonPerson,,Estates,,national,no,,lodge,\n")
	f.Add("\ufeffnumber,name\r\n1,\"a, b\"\r\n")
	f.Add("number;name\n1;2\n")
	store, err := bolt.Open(filepath.Join(f.TempDir(), "belfry.db"), bolt.Options{})
	no(f, err)
	d, err := Open(f.Context(), store, Options{Realm: "r", KeyFile: filepath.Join(f.TempDir(), "node.key")})
	no(f, err)
	f.Cleanup(func() {
		d.Close()
		no(f, store.Close())
	})
	f.Fuzz(func(t *testing.T, file string) {
		ctx := t.Context()
		report, err := d.ImportCSV(ctx, strings.NewReader(file), ImportOptions{})
		all, _ := d.Lines(ctx)
		if err != nil {
			var list ImportErrors
			if !errors.As(err, &list) || len(all) != 0 {
				t.Fatalf("%d lines and %v", len(all), err)
			}
			return
		}
		if report.Added != len(all) {
			t.Fatalf("%+v, but there are %d lines", report, len(all))
		}
		var out bytes.Buffer
		no(t, d.ExportCSV(ctx, &out))
		report, err = d.ImportCSV(ctx, &out, ImportOptions{})
		if err != nil || report.Unchanged != len(all) {
			t.Fatalf("read back: %+v, %v", report, err)
		}
		for _, l := range all {
			no(t, d.Remove(ctx, l.Number))
		}
	})
}

func university() string {
	var file strings.Builder
	file.WriteString(header)
	for i := range 15000 {
		fmt.Fprintf(&file, "%d,Line %d,person,user%d,Department %d,,national,yes,,group%d,user%d@example.org\n", 70000+i, i, i, i%50, i%400, i)
	}
	return file.String()
}

func BenchmarkImport15000(b *testing.B) {
	for b.Loop() {
		s := newSite(b)
		_, err := s.ImportCSV(b.Context(), strings.NewReader(university()), ImportOptions{NewSecret: func(string, string) {}})
		no(b, err)
		s.close()
	}
}

func BenchmarkOpen15000(b *testing.B) {
	s := newSite(b)
	_, err := s.ImportCSV(b.Context(), strings.NewReader(university()), ImportOptions{NewSecret: func(string, string) {}})
	no(b, err)
	for b.Loop() {
		d, err := Open(b.Context(), s.store, Options{Realm: "chorus", KeyFile: filepath.Join(s.dir, "node.key")})
		no(b, err)
		b.StopTimer()
		d.Close()
		b.StartTimer()
	}
}

func BenchmarkLine(b *testing.B) {
	s := newSite(b)
	_, err := s.ImportCSV(b.Context(), strings.NewReader(university()), ImportOptions{})
	no(b, err)
	no(b, s.SetForward(b.Context(), "77513", ForwardBusy, "77514"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Line(b.Context(), "77513"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCredentials(b *testing.B) {
	s := newSite(b)
	no(b, s.Add(b.Context(), porter(), GenerateSecret()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Credentials(b.Context(), "77513"); err != nil {
			b.Fatal(err)
		}
	}
}
