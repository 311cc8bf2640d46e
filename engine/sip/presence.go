package sip

import (
	"bytes"
	"encoding/xml"
)

// Whether somebody can be reached: the presence event package (RFC 3856) and its document (RFC 3863).

const (
	presenceEvent     = "presence"
	presenceEventType = "application/pidf+xml"
)

// Presence is whether a line can be reached, as others see it.
type Presence struct {
	Open bool
	Note string // for people; "": none
}

func pidf(line, host string, p Presence) []byte {
	entity := Address{User: line, Host: host}.uri()
	basic := "closed"
	if p.Open {
		basic = "open"
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="`)
	escape(&b, entity)
	b.WriteString(`">` + "\n" + `<tuple id="line"><status><basic>` + basic + `</basic></status><contact>`)
	escape(&b, entity)
	b.WriteString("</contact>")
	if p.Note != "" {
		b.WriteString("<note>")
		escape(&b, p.Note)
		b.WriteString("</note>")
	}
	b.WriteString("</tuple>\n</presence>\n")
	return b.Bytes()
}

// escape writes text into a document.
func escape(b *bytes.Buffer, text string) {
	_ = xml.EscapeText(b, []byte(text)) // a buffer takes everything
}
