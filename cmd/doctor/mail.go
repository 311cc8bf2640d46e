package doctor

import (
	"fmt"
	"os"
	"time"
)

// mail looks at how messages go to e-mail, where they do.
func (x Exchange) mail() []Check {
	const name = "mail"
	set := x.Config.Mail
	if set.SMTP == "" {
		return nil
	}
	all := []Check{x.mailServer()}
	if _, err := x.Config.MailTemplates(x.Site); err != nil {
		all = append(all, problem(name, err.Error()+"; the shipped words are used", "correct the template, or remove the file"))
	}
	if set.CA != "" {
		if _, err := os.ReadFile(set.CA); err != nil {
			all = append(all, problem(name, err.Error(), "let this user read it: the exchange does not start without it"))
		}
	}
	return all
}

func (x Exchange) mailServer() Check {
	const name = "mail"
	finding := "by " + x.Config.Mail.SMTP
	if x.Config.Mail.TLS == "none" {
		finding += ", in the clear"
	}
	if x.Running == nil || x.Running.Mail == nil {
		return ok(name, finding)
	}
	m := x.Running.Mail
	finding = fmt.Sprintf("%s, %s to go", finding, count(m.Waiting, "mail"))
	switch {
	case m.Down != nil:
		return problem(name, fmt.Sprintf("%s; the server takes none since %s: %s", finding, m.Down.Local().Format("2006-01-02 15:04"), m.Error),
			"nothing is lost: mail goes when the server takes it, tried next at "+m.Next.Local().Format(time.TimeOnly)+"; look at it, or at mail = { … } in settings.lua")
	case m.Refused > 0:
		return warning(name, fmt.Sprintf("%s, %d refused", finding, m.Refused),
			"belfry mailbox show NUMBER tells why (the log, which); then belfry mailbox mail NUMBER --again")
	}
	return ok(name, finding)
}
