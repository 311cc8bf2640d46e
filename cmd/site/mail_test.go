package site

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/belfry-pbx/belfry/cmd/manage"
	"github.com/belfry-pbx/belfry/engine/directory"
	"github.com/belfry-pbx/belfry/engine/mailbox"
)

// mailServer is the one of package post's tests; it keeps mails in dir.
func mailServer(t *testing.T, dir string) (port string) {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "../../engine/mailbox/post/testdata/smtpd.py", "0", dir, "plain", "10000000")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the mail server does not start (it needs python3-aiosmtpd): %v", err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening "))
}

// What settings.lua says is what mail goes by, in the site's own words; what has not gone is shown.
func TestMailOfASite(t *testing.T) {
	ctx := within(t)
	mails := short(t)
	o := options(t)
	set := strings.Replace(settingsLua, "return {", `return { mail = { smtp = "127.0.0.1:`+mailServer(t, mails)+`", from = "vm@chorus.example" }, `, 1)
	if err := os.Mkdir(filepath.Join(o.Dir, MailFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"settings.lua": set, MailFolder + "/subject.txt": "{{.From}} hat gesprochen"} {
		if err := os.WriteFile(filepath.Join(o.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := running(t, o)
	m := s.Manager()
	leave := func(number, email string) {
		t.Helper()
		n := manage.NewLine{Line: directory.Line{Number: number, Email: email, Voicemail: true, Mail: directory.MailDelete}}
		if _, err := m.AddLine(ctx, n); err != nil {
			t.Fatal(err)
		}
		box, err := s.Engine().Mailboxes().Get(number)
		if err != nil {
			t.Fatal(err)
		}
		d, err := box.Begin(ctx, mailbox.Caller{Number: "77514"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(make([]int16, 3*8000)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Commit(ctx, false); err != nil {
			t.Fatal(err)
		}
	}
	until := func(what string, waiting, refused int) {
		t.Helper()
		for {
			status, err := m.Status(ctx)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if status.Mail == nil || status.Mail.Down != nil {
				t.Fatalf("%s: %+v", what, status.Mail)
			}
			if status.Mail.Waiting == waiting && status.Mail.Refused == refused {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%s: %+v", what, status.Mail)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	leave("201", "ada@chorus.example")
	until("it goes", 0, 0)
	mail, err := os.ReadFile(filepath.Join(mails, "0.eml"))
	if err != nil || !strings.Contains(string(mail), "Subject: 77514 hat gesprochen") {
		t.Errorf("%v: %.400s", err, mail)
	}
	if box, err := m.Mailbox(ctx, "201"); err != nil || len(box.Messages) != 0 || box.MailTo != "ada@chorus.example" || !box.MailDeletes {
		t.Errorf("%+v, %v", box, err)
	}
	leave("202", "gone@chorus.example")
	until("it is refused", 0, 1)
	box, err := m.Mailbox(ctx, "202")
	if err != nil || len(box.Messages) != 1 || box.Messages[0].Mail == nil || !box.Messages[0].Mail.Refused || !strings.Contains(box.Messages[0].Mail.Error, "no such user") {
		t.Errorf("%+v, %v", box, err)
	}
	right := "ben@chorus.example"
	if _, err := m.SetLine(ctx, "202", manage.LineChange{Email: &right}); err != nil {
		t.Fatal(err)
	}
	if n, err := m.SendAgain(ctx, "202"); n != 1 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	until("it goes", 0, 0)
	if _, err := os.Stat(filepath.Join(mails, "1.eml")); err != nil {
		t.Error(err)
	}
}
