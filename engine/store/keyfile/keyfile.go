// Package keyfile keeps a random key in a file of its own, apart from the data that it seals.
package keyfile

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Size of a key in bytes.
const Size = 32

// ErrLoose says that others than the owner may read or write the file.
var ErrLoose = errors.New("key file is open to others")

// Key is a secret of 256 bits. It prints as nothing.
type Key [Size]byte

// String keeps the key out of logs.
func (Key) String() string { return "(key)" }

// GoString keeps the key out of logs.
func (Key) GoString() string { return "(key)" }

// Fingerprint tells keys apart without telling anything about them.
func (k Key) Fingerprint() string {
	sum := sha256.Sum256(append([]byte("belfry key fingerprint "), k[:]...))
	return hex.EncodeToString(sum[:8])
}

// Load reads the key in the file at path: 64 hexadecimal digits. If there is no file it
// makes one with a new key, mode 0600, on the disk before Load returns; made reports that.
func Load(path string) (k Key, made bool, err error) {
	k, err = read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	if err := create(path); err != nil {
		return Key{}, false, fmt.Errorf("making key file %s: %w", path, err)
	}
	k, err = read(path)
	return k, true, err
}

func read(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("%w: %s has mode %o; run: chmod 600 %s", ErrLoose, path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("reading key file: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != Size {
		return Key{}, fmt.Errorf("key file %s does not hold %d hexadecimal digits; restore it from a backup", path, 2*Size)
	}
	return Key(b), nil
}

// create links a complete file into place, so that two who start together agree on one key.
func create(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	var k Key
	rand.Read(k[:])
	_, err = f.WriteString(hex.EncodeToString(k[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
