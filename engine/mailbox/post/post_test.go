package post_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
	"github.com/belfry-pbx/belfry/engine/mailbox/post"
	"github.com/belfry-pbx/belfry/engine/media"
)

var joe = mailbox.Caller{Number: "01865277000", Name: "Joe Bloggs"}

// A message arrives with its sound, its caller, its time and its length, over TLS and with a password, and stays.
func TestAMessageArrives(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"starttls", "implicit", "plain"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := serveMail(t, mode)
			x := open(t, s)
			x.line("77513", "ada@chorus.example", directory.MailKeep)
			m := x.leave("77513", joe, 62*time.Second)
			x.settled()
			mails := s.mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived", len(mails))
			}
			l := mails[0]
			for name, want := range map[string]string{
				"Subject": "Voicemail from Joe Bloggs 01865277000, 1 minute 2 seconds", "From": `"Chorus Voicemail" <voicemail@chorus.example>`,
				"To": `"Line 77513" <ada@chorus.example>`, "X-From": "voicemail@chorus.example", "X-To": "ada@chorus.example",
				"Auto-Submitted": "auto-generated", "Message-Id": "<" + m.ID + ".77513@chorus.example>",
				"X-Tls": map[bool]string{true: "False", false: "True"}[mode == "plain"], "X-Login": map[bool]string{true: "-", false: "chorus"}[mode == "plain"],
			} {
				if got := l.Get(name); got != want {
					t.Errorf("%s: %q, not %q", name, got, want)
				}
			}
			for _, body := range []string{l.text, l.html} {
				for _, want := range []string{"77513", "Joe Bloggs 01865277000", noon.Local().Format("Monday 2 January 2006, 15:04"), "1 minute 2 seconds", "stays in the mailbox", "Chorus"} {
					if !strings.Contains(body, want) {
						t.Errorf("there is no %q in\n%s", want, body)
					}
				}
			}
			clip, err := media.ReadWAV(bytes.NewReader(l.sound))
			if err != nil || clip.Duration() != 62*time.Second || clip.PCM()[999] != 999 {
				t.Errorf("the sound: %v, %v", clip, err)
			}
			if l.soundName != "message-77513-"+noon.Local().Format("20060102-150405")+".wav" || l.soundType != "audio/wav" {
				t.Errorf("the sound is %s, %s", l.soundName, l.soundType)
			}
			if x.folder(m) != mailbox.FolderNew {
				t.Errorf("the message is in %q", x.folder(m))
			}
		})
	}
}

// What happens to the message, and whether there is a mail at all, is the line's to say.
func TestKeepDeleteOff(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	for number, tt := range map[string]struct {
		email  string
		choice directory.MailChoice
		folder string
		mails  int
	}{
		"201": {"a@chorus.example", "", mailbox.FolderNew, 1},
		"202": {"b@chorus.example", directory.MailKeep, mailbox.FolderNew, 1},
		"203": {"c@chorus.example", directory.MailDelete, mailbox.FolderDeleted, 1},
		"204": {"d@chorus.example", directory.MailOff, mailbox.FolderNew, 0},
		"205": {"", directory.MailDelete, mailbox.FolderNew, 0},
	} {
		x.line(number, tt.email, tt.choice)
		m := x.leave(number, joe, 3*time.Second)
		x.settled()
		n := 0
		for _, l := range s.mails() {
			if strings.Contains(l.Get("Message-Id"), m.ID) {
				n++
			}
		}
		if n != tt.mails || x.folder(m) != tt.folder {
			t.Errorf("%s: %d mails, the message is in %q", number, n, x.folder(m))
		}
	}
}

// A caller's name adds neither headers nor recipients nor markup, whatever is in it.
func TestCallersNamesAreHarmless(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	x.line("77513", "ada@chorus.example", "")
	names := []string{
		"Joe\r\nBcc: spy@elsewhere.example\r\n\r\nHello", "Joe\nSubject: other", "Joe\r", "Joe\x00\x1b[31m", "Joe\u2028Bcc: x@y.example", "Joe\u202egnp.exe",
		"=?utf-8?Q?Joe=0D=0ABcc:_spy@elsewhere.example?=", "<script>alert(1)</script>", `"><img src=x>`, strings.Repeat("Jö", 100), "J\xffoe", "Дядя Ваня",
	}
	for i, name := range names {
		x.leave("77513", mailbox.Caller{Number: "0186\r\nCc: spy@elsewhere.example", Name: name}, 2*time.Second)
		x.settled()
		mails := s.mails()
		if len(mails) != i+1 {
			t.Fatalf("%q: %d mails arrived", name, len(mails))
		}
		l := mails[i]
		if l.Get("Bcc")+l.Get("Cc") != "" || len(l.Header["Subject"]) != 1 || l.Get("X-To") != "ada@chorus.example" || !strings.Contains(l.Get("To"), "<ada@chorus.example>") {
			t.Errorf("%q made headers: %v", name, l.Header)
		}
		known := []string{"X-Login", "X-Tls", "X-From", "X-To", "X-Peer", "X-Mailfrom", "X-Rcptto", "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Auto-Submitted", "Content-Type", "User-Agent", "X-Mailer"}
		for h := range l.Header {
			if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+h+" ") {
				t.Errorf("%q made a header %s", name, h)
			}
		}
		if strings.Contains(l.html, "<script") || strings.Contains(l.html, "<img") {
			t.Errorf("%q is markup:\n%s", name, l.html)
		}
		if strings.ContainsAny(l.text, "\x00\x1b\r\u202e\u2028") || strings.Contains(l.text, "\nBcc") || strings.Contains(l.text, "\nCc") {
			t.Errorf("%q breaks the text: %q", name, l.text)
		}
	}
}

// While the server is down messages wait, over a restart too; when it is up again each goes, once.
func TestServerDownAndUpAgain(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	s.stop()
	x := open(t, s)
	x.line("77513", "ada@chorus.example", directory.MailDelete)
	x.line("77514", "ben@chorus.example", "")
	first := x.leave("77513", joe, 3*time.Second)
	until(t, "the server is known to be down", func() bool { return x.Server().Down })
	second := x.leave("77514", joe, 3*time.Second)
	for range 24 { // a day
		x.clock.Advance(time.Hour)
		until(t, "it was tried again", func() bool { return x.Server().Next.After(x.clock.Now()) })
	}
	if n := x.log.count("the server takes none"); n != 1 {
		t.Errorf("the log says %d times that the server is down", n)
	}
	if len(x.queued()) != 2 || len(x.refused()) != 0 {
		t.Fatalf("waiting: %v, refused: %v", x.queued(), x.refused())
	}
	x.restart()
	until(t, "the server is known to be down after the restart", func() bool { return x.Server().Down })
	s.up()
	for len(x.queued()) > 0 {
		x.clock.Advance(time.Minute)
		until(t, "the server was tried", func() bool { return len(x.queued()) == 0 || x.Server().Next.After(x.clock.Now()) })
	}
	if n := len(s.mails()); n != 2 {
		t.Errorf("%d mails arrived", n)
	}
	if x.folder(first) != mailbox.FolderDeleted || x.folder(second) != mailbox.FolderNew || x.Server().Down {
		t.Errorf("the messages are in %q and %q, the server is %+v", x.folder(first), x.folder(second), x.Server())
	}
	x.restart()
	x.leave("77514", joe, 3*time.Second)
	x.settled()
	if n := len(s.mails()); n != 3 {
		t.Errorf("%d mails arrived: some went again after the restart", n)
	}
}

// The server takes the mail and closes before anything else: it has gone.
func TestServerHangsUpAfterAccepting(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	x.line("77513", "hangsup@chorus.example", directory.MailDelete)
	m := x.leave("77513", joe, 3*time.Second)
	x.settled()
	x.line("77514", "ben@chorus.example", "")
	x.leave("77514", joe, 3*time.Second)
	for len(x.queued()) > 0 { // should it have found out by a failure
		x.clock.Advance(time.Minute)
		until(t, "the server was tried", func() bool { return len(x.queued()) == 0 || x.Server().Next.After(x.clock.Now()) })
	}
	if n := len(s.mails()); n != 2 || x.folder(m) != mailbox.FolderDeleted {
		t.Errorf("%d mails arrived, the message is in %q", n, x.folder(m))
	}
}

func TestRefusedForNow(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	x.line("77513", "greylisted@chorus.example", "")
	x.line("77514", "ben@chorus.example", "")
	x.leave("77513", joe, 3*time.Second)
	x.leave("77514", joe, 3*time.Second)
	until(t, "one has gone and one is put off", func() bool {
		q := x.queued()
		return len(q) == 1 && q[0].Tries == 1 && strings.Contains(q[0].Error, "451 4.7.1 come back later") && q[0].Next.Equal(noon.Add(time.Minute))
	})
	if x.Server().Down {
		t.Error("the server is said to be down")
	}
	x.clock.Advance(time.Minute)
	x.settled()
	if n := len(s.mails()); n != 2 {
		t.Errorf("%d mails arrived", n)
	}
}

// One that is put off for a week is given up, and stays where it is.
func TestPutOffForAWeek(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "plain")
	x := open(t, s)
	x.line("77513", "never@chorus.example", directory.MailDelete)
	m := x.leave("77513", joe, 3*time.Second)
	tries := 0
	for len(x.refused()) == 0 {
		tries++
		until(t, "it was tried", func() bool { return s.refusals() >= tries && (len(x.refused()) == 1 || x.queued()[0].Tries == tries) })
		x.clock.Advance(4 * time.Hour)
	}
	if gone := x.clock.Now().Sub(noon); gone < 7*24*time.Hour || gone > 8*24*time.Hour {
		t.Errorf("it was given up after %v", gone)
	}
	if x.folder(m) != mailbox.FolderNew || len(s.mails()) != 0 {
		t.Errorf("the message is in %q", x.folder(m))
	}
}

// What is refused for good is said once, stays visible, over a restart too, until somebody has it sent again or the message goes.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	x.line("77513", "gone@chorus.example", directory.MailDelete)
	x.line("77514", "spam@chorus.example", "")
	x.line("77515", "ben@chorus.example", "")
	m := x.leave("77513", joe, 3*time.Second)
	spam := x.leave("77514", joe, 3*time.Second)
	x.leave("77515", joe, 3*time.Second)
	x.settled()
	x.restart()
	x.clock.Advance(48 * time.Hour)
	refused := x.refused()
	if len(refused) != 2 || !strings.Contains(refused[0].Error, "550 5.1.1 no such user here") || !strings.Contains(refused[1].Error, "554 5.7.1") {
		t.Fatalf("refused: %+v", refused)
	}
	if n := x.log.count("refused for good"); n != 2 || s.refusals() != 2 || len(s.mails()) != 1 {
		t.Errorf("the log says %d times that mail is refused, the server has refused %d, %d arrived", n, s.refusals(), len(s.mails()))
	}
	if x.folder(m) != mailbox.FolderNew {
		t.Errorf("the message is in %q", x.folder(m))
	}
	x.closed()
	l := x.lines["77513"]
	l.Email = "ada@chorus.example"
	x.lines["77513"] = l
	x.start()
	if n, err := (post.Queue{Store: x.db}).Again(within(t), "77513"); n != 1 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	x.settled()
	if len(s.mails()) != 2 || x.folder(m) != mailbox.FolderDeleted || len(x.refused()) != 1 {
		t.Errorf("%d mails arrived, the message is in %q, refused: %v", len(s.mails()), x.folder(m), x.refused())
	}
	box, err := x.boxes.Get("77514")
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Delete(within(t), spam.ID); err != nil {
		t.Fatal(err)
	}
	if err := box.Purge(within(t)); err != nil {
		t.Fatal(err)
	}
	x.restart()
	until(t, "the mail is forgotten with its message", func() bool { return len(x.refused()) == 0 })
}

// A message that is too large goes without its sound, and is not deleted.
func TestHugeMessage(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "starttls")
	x := open(t, s)
	x.line("77513", "ada@chorus.example", directory.MailDelete)   // the server says its limit
	x.line("77514", "small@chorus.example", directory.MailDelete) // it does not
	huge := x.leave("77513", joe, 12*time.Minute)
	small := x.leave("77514", joe, 3*time.Second)
	x.settled()
	mails := s.mails()
	if len(mails) != 2 {
		t.Fatalf("%d mails arrived", len(mails))
	}
	for _, l := range mails {
		if l.sound != nil || !strings.Contains(l.text, "too large to be sent") || !strings.Contains(l.text, "stays in the mailbox") {
			t.Errorf("%d octets of sound; the mail says\n%s", len(l.sound), l.text)
		}
	}
	if x.folder(huge) != mailbox.FolderNew || x.folder(small) != mailbox.FolderNew {
		t.Errorf("the messages are in %q and %q", x.folder(huge), x.folder(small))
	}
	x.line("77515", "ben@chorus.example", directory.MailDelete) // and one that just fits
	m := x.leave("77515", joe, 7*time.Minute)
	x.settled()
	if l := s.mails()[2]; len(l.sound) < 7*60*16000 || x.folder(m) != mailbox.FolderDeleted {
		t.Errorf("%d octets of sound arrived, the message is in %q", len(l.sound), x.folder(m))
	}
}

// Without TLS, with a certificate of somebody else's, a wrong password or a sender that the server does not like nothing
// goes, and nothing is lost.
func TestWhatKeepsAllMailBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, mode, says string
		change           func(*post.Options)
	}{
		{"no TLS", "plain", "STARTTLS", func(o *post.Options) { o.TLS = post.STARTTLS }},
		{"unknown certificate", "starttls", "certificate", func(o *post.Options) { o.Roots = nil }},
		{"wrong password", "starttls", "AUTH", func(o *post.Options) { o.Secret = "wrong" }},
		{"wrong password over TLS", "implicit", "AUTH", func(o *post.Options) { o.Secret = "wrong" }},
		{"sender refused", "starttls", "550 5.7.1", func(o *post.Options) { o.From = "nobody@chorus.example" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serveMail(t, tt.mode)
			x := open(t, s, tt.change)
			x.line("77513", "ada@chorus.example", directory.MailDelete)
			m := x.leave("77513", joe, 3*time.Second)
			until(t, "the server is not to be used", func() bool { return x.Server().Down })
			if why := x.Server().Error; !strings.Contains(why, tt.says) || strings.Contains(why, "wrong") || strings.Contains(why, "correct horse") {
				t.Errorf("it says %q", why)
			}
			if len(x.queued()) != 1 || x.folder(m) != mailbox.FolderNew || len(s.mails()) != 0 {
				t.Errorf("waiting: %v, the message is in %q, %d mails arrived", x.queued(), x.folder(m), len(s.mails()))
			}
		})
	}
}

// A message that was cut off by a crash goes too.
func TestAMessageThatACrashCutShort(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "plain")
	x := open(t, s)
	x.line("77513", "ada@chorus.example", "")
	box, err := x.boxes.Get("77513")
	if err != nil {
		t.Fatal(err)
	}
	d, err := box.Begin(within(t), joe)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(make([]int16, 5*8000)); err != nil {
		t.Fatal(err)
	}
	x.restart()
	x.settled()
	mails := s.mails()
	if len(mails) != 1 || !strings.Contains(mails[0].text, "cut short") {
		t.Errorf("%d mails arrived", len(mails))
	}
}

func TestOggOpus(t *testing.T) {
	t.Parallel()
	s := serveMail(t, "plain")
	x := open(t, s, func(o *post.Options) { o.Sound = post.Opus })
	x.line("77513", "ada@chorus.example", "")
	x.leave("77513", joe, 5*time.Second)
	x.settled()
	l := s.mails()[0]
	if l.soundType != "audio/ogg" || !strings.HasSuffix(l.soundName, ".opus") || !bytes.HasPrefix(l.sound, []byte("OggS")) {
		t.Errorf("the sound is %s, %s", l.soundName, l.soundType)
	}
}
