package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A mistake in a file of tests keeps its tests from running, and no dialplan from being loaded.
func TestCheckOfAFileOfTests(t *testing.T) {
	t.Setenv("BELFRY_RUNTIME", t.TempDir())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.lua":      `extension("600", function(call) call:answer() end)`,
		"main_test.lua": "test(",
		"lines.csv":     "number,name\n101,Ana\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	code := Main(context.Background(), []string{"check", dir}, nil, &out, &errOut)
	if code != exitYours || !strings.Contains(out.String(), "main_test.lua:1:5") || !strings.Contains(out.String(), "no test of this file is run") || strings.Contains(out.String(), "is not loaded") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errOut.String())
	}
	out.Reset()
	if code := Main(context.Background(), []string{"explain", "101", "600", "--site", dir}, nil, &out, &errOut); code != exitFine {
		t.Errorf("the dialplan is not loaded: %s", errOut.String())
	}
}
