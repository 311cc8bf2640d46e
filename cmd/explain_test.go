package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/explain.md shows is what the command prints, but for what it leaves out at "…" and for the lines' numbers in the
// dialplan.
func TestTheDocumentShowsWhatExplainPrints(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "explain.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BELFRY_RUNTIME", t.TempDir())
	var out, errOut bytes.Buffer
	args := []string{"explain", "77513", "01865 277514", "--at", "2026-11-25 14:00", "--site", shipped(t, "chorus")}
	if code := Main(context.Background(), args, nil, &out, &errOut); code != exitFine {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	_, sample, _ := strings.Cut(string(text), "## What it tells\n")
	sample, _, _ = strings.Cut(sample, "\n- ")
	number := regexp.MustCompile(`\.lua:\d+`)
	sample = number.ReplaceAllString(sample, ".lua")
	printed, shown := number.ReplaceAllString(out.String(), ".lua"), 0
	for line := range strings.Lines(sample) {
		line, indented := strings.CutPrefix(line, "    ")
		if !indented || strings.TrimSpace(line) == "…" {
			continue
		}
		_, rest, found := strings.Cut(printed, line)
		if !found {
			t.Fatalf("the document shows\n%s\nwhich does not follow in\n%s", line, out.String())
		}
		printed, shown = rest, shown+1
	}
	if shown < 10 {
		t.Fatalf("the document shows %d lines", shown)
	}
}

// A site that cannot be read is the author's to put right, not the world's.
func TestExplainOfASiteTooDeep(t *testing.T) {
	t.Setenv("BELFRY_RUNTIME", t.TempDir())
	dir := t.TempDir()
	deep := filepath.Join(dir, strings.Repeat("more/", 12))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "main.lua"), filepath.Join(deep, "x.lua")} {
		if err := os.WriteFile(name, []byte("return {}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	code := Main(context.Background(), []string{"explain", "101", "600", "--site", dir}, nil, &out, &errOut)
	if code != exitYours || !strings.Contains(errOut.String(), "folders are nested deeper") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
}
