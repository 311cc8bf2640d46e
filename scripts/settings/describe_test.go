package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// saying is a settings.lua that says one thing, with what that needs: a trunk its host, TLS its certificate.
func saying(path, value string) string {
	table, key, nested := strings.Cut(path, ".")
	if !nested {
		return "return { " + path + " = " + value + " }"
	}
	if name, of, ok := strings.Cut(key, "."); ok {
		return fmt.Sprintf(`return { %s = { %s = { host = "h", user = "u", secret = "s", %s = %s } } }`, table, strings.ToLower(name), of, value)
	}
	more := map[string]string{"mail": `smtp = "h:1", from = "a@b", user = "u", secret = "s", `}[table]
	return fmt.Sprintf("return { %s = { %s%s = %s } }", table, more, key, value)
}

var reKnown = regexp.MustCompile(`settings here: ([^)]*)`)

// Every setting that is described is read, and every one that is read is described.
func TestDescribe(t *testing.T) {
	described := map[string][]string{}
	for _, s := range Describe() {
		if s.Doc == "" || s.Takes == "" || s.Example == "" {
			t.Errorf("%s is not described", s.Path)
		}
		if _, err := load(t, saying(s.Path, strings.ReplaceAll(s.Example, `secret "`, `("x"):rep(3) .. "`))); err != nil {
			t.Errorf("%s = %s: %v", s.Path, s.Example, err)
		}
		if s.Default != "" && s.Path != "rtp.address" {
			with, err := load(t, saying(s.Path, s.Default))
			without, _ := load(t, strings.Replace(saying(s.Path, s.Default), lastName(s.Path)+" = "+s.Default, "", 1))
			if err != nil || fmt.Sprint(with) != fmt.Sprint(without) {
				t.Errorf("%s = %s is not the default: %v %v %v", s.Path, s.Default, with, without, err)
			}
		}
		parts := strings.Split(s.Path, ".")
		for i := range parts {
			table := strings.Join(parts[:i], ".")
			if parts[i] != "NAME" && !slices.Contains(described[table], parts[i]) {
				described[table] = append(described[table], parts[i])
			}
		}
	}
	for table, names := range described {
		_, err := load(t, saying(strings.TrimPrefix(table+".nosuch", "."), "1"))
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Fatalf("%s takes anything: %v", table, err)
		}
		m := reKnown.FindStringSubmatch(wrong.Problems[0].Hint)
		if m == nil {
			t.Fatalf("%s: %s", table, wrong.Problems[0])
		}
		known := strings.Split(m[1], ", ")
		slices.Sort(names)
		slices.Sort(known)
		if !slices.Equal(names, known) {
			t.Errorf("%q: described are %v, read %v", table, names, known)
		}
	}
}

func lastName(path string) string { return path[strings.LastIndex(path, ".")+1:] }
