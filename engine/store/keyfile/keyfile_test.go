package keyfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "node.key")
	k, made, err := Load(path)
	if err != nil || !made || k == (Key{}) {
		t.Fatalf("made %v, error %v", made, err)
	}
	again, made, err := Load(path)
	if err != nil || made || again != k {
		t.Errorf("the second time: same %v, made %v, error %v", again == k, made, err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, %v", files, err)
	}
	other, _, err := Load(filepath.Join(t.TempDir(), "node.key"))
	if err != nil || other == k || other.Fingerprint() == k.Fingerprint() {
		t.Errorf("another folder has the same key, or %v", err)
	}
}

func TestLooseOrDamagedFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	if _, _, err := Load(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path); !errors.Is(err, ErrLoose) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("mode 640: %v", err)
	}
	if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path); err == nil {
		t.Error("a damaged file was accepted")
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	k := Key{0xab, 0xcd}
	if s := fmt.Sprintf("%v %s %+v %#v", k, k, struct{ K Key }{k}, k); strings.Contains(s, "171") || strings.Contains(s, "ab") {
		t.Errorf("prints %q", s)
	}
}
