package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A machine without zone files (a container made of nothing else) must know a dialplan's time zones.
func TestZonesNeedNoFiles(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "belfry")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("Europe/London")) || !bytes.Contains(text, []byte("TZif2")) {
		t.Error("the program carries no time zones")
	}
}
