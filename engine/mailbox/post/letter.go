package post

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	netmail "net/mail"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/media"
	"github.com/belfry-pbx/belfry/engine/media/soundfile"
)

// The files of templates, in a site's folder: each that is there is used instead of ours.
const (
	subjectFile = "subject.txt"
	textFile    = "message.txt"
	htmlFile    = "message.html"
)

//go:embed templates
var shipped embed.FS

// Facts are what a template can tell. Texts come without line breaks and control characters.
type Facts struct {
	Site        string // the exchange's name
	Mailbox     string // its number
	Owner       string // of the mailbox; "": not known
	From, Name  string // the caller's number and name; "": withheld
	Caller      string // both, or "a withheld number"
	Time        time.Time
	Length      Length
	Urgent      bool
	Interrupted bool   // the exchange stopped while the message was being left
	ForwardedBy string // the mailbox it was sent on by; ""
	Attached    bool   // the sound
	Deleted     bool   // the message leaves the mailbox once the mail has gone
}

// Length is how long a message is; as text, "1 minute 12 seconds".
type Length time.Duration

func (l Length) String() string {
	seconds := int(time.Duration(l).Round(time.Second) / time.Second)
	minutes := seconds / 60
	switch seconds %= 60; {
	case minutes == 0:
		return count(seconds, "second")
	case seconds == 0:
		return count(minutes, "minute")
	}
	return count(minutes, "minute") + " " + count(seconds, "second")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Templates are the words of a mail.
type Templates struct {
	subject, text *template.Template
	html          *htmltemplate.Template
}

// LoadTemplates reads subject.txt and message.txt (text/template) and message.html (html/template), each from site if it is there, and
// tries them. nil has none.
func LoadTemplates(site fs.FS) (*Templates, error) {
	read := func(name string) (string, error) {
		if site != nil {
			b, err := fs.ReadFile(site, name)
			if !errors.Is(err, fs.ErrNotExist) {
				return string(b), err
			}
		}
		b, err := shipped.ReadFile("templates/" + name)
		return string(b), err
	}
	t := &Templates{}
	for name, parse := range map[string]func(string) error{
		subjectFile: func(s string) (err error) { t.subject, err = template.New(subjectFile).Parse(s); return err },
		textFile:    func(s string) (err error) { t.text, err = template.New(textFile).Parse(s); return err },
		htmlFile:    func(s string) (err error) { t.html, err = htmltemplate.New(htmlFile).Parse(s); return err },
	} {
		words, err := read(name)
		if err == nil {
			err = parse(words)
		}
		if err != nil {
			return nil, fmt.Errorf("mail: the template %s: %w", name, err)
		}
	}
	plain := Facts{Mailbox: "77513", Caller: "01865277000", Attached: true}
	special := Facts{Mailbox: "77513", Owner: "Ada", Urgent: true, Interrupted: true, Deleted: true, ForwardedBy: "77514"}
	for _, f := range []Facts{plain, special} {
		if _, _, _, err := t.words(f); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// words says it all.
func (t *Templates) words(f Facts) (subject, text, html string, err error) {
	var s, x, h bytes.Buffer
	err = errors.Join(t.subject.Execute(&s, f), t.text.Execute(&x, f), t.html.Execute(&h, f))
	if err != nil {
		return "", "", "", fmt.Errorf("mail: the templates: %w", err)
	}
	return clean(s.String(), maxSubject), x.String(), h.String(), nil
}

// Limits of texts, in characters.
const (
	maxName    = 80
	maxSubject = 200
)

// clean makes one line of what strangers may have written: what would break it, or turn it round, is a blank.
func clean(s string, most int) string {
	r := []rune(strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), isBreak), " "))
	if len(r) > most {
		r = append(r[:most-1], '…')
	}
	return string(r)
}

// isBreak tells white space, control and format characters.
func isBreak(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// compose makes the mail about a message in a line's mailbox. sound may be nil.
func (p *Post) compose(m mailbox.Message, to directory.Line, sound *media.Clip, deletes bool) (*mail.Msg, error) {
	f := Facts{
		Site: clean(p.o.Site, maxName), Mailbox: m.Mailbox, Owner: clean(to.Name, maxName),
		From: clean(m.From, maxName), Name: clean(m.Name, maxName), Time: m.Time.Local(), Length: Length(m.Length),
		Urgent: m.Urgent, Interrupted: m.Interrupted, ForwardedBy: m.ForwardedBy, Attached: sound != nil, Deleted: deletes,
	}
	f.Caller = cmp.Or(strings.TrimSpace(f.Name+" "+f.From), "a withheld number")
	subject, text, html, err := p.o.Templates.words(f)
	if err != nil {
		return nil, err
	}
	letter := mail.NewMsg()
	letter.FromMailAddress(p.from)
	letter.ToMailAddress(&netmail.Address{Name: f.Owner, Address: to.MailTo()})
	letter.Subject(subject)
	letter.SetDateWithValue(p.o.Clock.Now())
	// The same whenever it is sent: should it go twice, because the machine died when the server had just taken it, the second
	// can be told to be the first.
	_, domain, _ := strings.Cut(p.from.Address, "@")
	letter.SetMessageIDWithValue(m.ID + "." + m.Mailbox + "@" + domain)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday reply is wanted
	if m.Urgent {
		letter.SetImportance(mail.ImportanceHigh)
	}
	letter.SetBodyString(mail.TypeTextPlain, text)
	letter.AddAlternativeString(mail.TypeTextHTML, html)
	if sound == nil {
		return letter, nil
	}
	return letter, p.attach(letter, m, sound)
}

// attach adds the sound as a file.
func (p *Post) attach(letter *mail.Msg, m mailbox.Message, sound *media.Clip) error {
	name := fmt.Sprintf("message-%s-%s", m.Mailbox, m.Time.Local().Format("20060102-150405"))
	file := &memoryFile{}
	if p.o.Sound != Opus {
		if err := media.WriteWAV(file, sound); err != nil {
			return err
		}
		return letter.AttachReader(name+".wav", file, mail.WithFileContentType("audio/wav"))
	}
	w, err := soundfile.New(file, "opus", sound.Rate())
	if err != nil {
		return err
	}
	if err := errors.Join(w.Write(sound.PCM(), sound.PCM()), w.Close()); err != nil {
		return err
	}
	return letter.AttachReader(name+".opus", file, mail.WithFileContentType("audio/ogg; codecs=opus"))
}

// memoryFile is a file that is written from its beginning to its end.
type memoryFile struct{ bytes.Buffer }

func (*memoryFile) Seek(int64, int) (int64, error) { return 0, errors.ErrUnsupported }
