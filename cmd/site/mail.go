package site

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/belfry-pbx/belfry/engine/mailbox/post"
)

// MailFolder is where a site keeps templates of its own for mail, unless its settings name another.
const MailFolder = "mail"

// mail is what the settings say of mail, but for what is in files; nil: there is none.
func (c Config) mail() *post.Settings {
	m := c.Mail
	if m.SMTP == "" {
		return nil
	}
	return &post.Settings{
		Server: m.SMTP, TLS: post.TLS(m.TLS), User: m.User, Secret: m.Secret, From: m.From, Site: c.Name, Sound: post.Sound(m.Sound),
	}
}

// MailTemplates are the words of mail: those in the site's folder dir, or ours.
func (c Config) MailTemplates(dir string) (*post.Templates, error) {
	folder := c.Mail.Templates
	if folder == "" {
		folder = filepath.Join(dir, MailFolder)
	}
	t, err := post.LoadTemplates(os.DirFS(folder))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return t, nil
}

// readMail adds to the settings of mail what is in files.
func (s *Site) readMail(m *post.Settings) error {
	if m == nil {
		return nil
	}
	var err error
	if m.Templates, err = s.config.MailTemplates(s.o.Dir); err != nil {
		s.log.Error("mail goes in the shipped words", "error", err) // the telephones are worth more than its words
	}
	ca := s.config.Mail.CA
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return fmt.Errorf("the certificates for mail: %w", err)
	}
	m.Roots = x509.NewCertPool()
	if !m.Roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("the certificates for mail: %s has none", ca)
	}
	return nil
}
