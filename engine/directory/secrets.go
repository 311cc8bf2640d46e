package directory

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/belfry-pbx/belfry/engine/store"
	"github.com/belfry-pbx/belfry/engine/store/keyfile"
)

// Credentials are what digest authentication needs of a line: H(number:realm:secret) in
// hexadecimal (RFC 7616 section 3.4.2, RFC 8760). They are as good as the secret in their realm.
type Credentials struct {
	HA1MD5, HA1SHA256 string
}

// String keeps credentials out of logs.
func (Credentials) String() string { return "(credentials)" }

// GenerateSecret makes a secret for a telephone: 26 letters and digits, at least 128 bits.
func GenerateSecret() string { return rand.Text() }

// SetSecret replaces a line's secret. Only its hashes are kept.
func (d *Directory) SetSecret(ctx context.Context, number, secret string) error {
	if secret == "" {
		return fmt.Errorf("directory: line %s: %w", quote(number), &FieldError{"secret", "is empty", "give one, or let one be made"})
	}
	if err := checkSecret(number, secret); err != nil {
		return fmt.Errorf("directory: line %s: %w", quote(number), err)
	}
	sealed, err := d.sealSecret(number, secret)
	if err != nil {
		return err
	}
	err = d.store.Batch(ctx, func(tx store.Batch) error {
		if _, err := tx.Get(lineBucket, number); err != nil {
			return lineError(err, number)
		}
		return tx.Put(secretBucket, number, sealed)
	})
	if err != nil {
		return fmt.Errorf("directory: setting the secret of %s: %w", quote(number), err)
	}
	return nil
}

// Credentials returns what authenticates a line; ErrNoLine, ErrNoSecret, or ErrRealm if the
// exchange's realm has changed since the secret was set.
func (d *Directory) Credentials(ctx context.Context, number string) (Credentials, error) {
	if _, ok := d.lines.get(number); !ok {
		return Credentials{}, noLine(number)
	}
	sealed, ok := d.secrets.get(number)
	if !ok {
		return Credentials{}, fmt.Errorf("%w: %s", ErrNoSecret, number)
	}
	s, err := d.seal.open(number, sealed)
	if err != nil {
		return Credentials{}, err
	}
	if s.Realm != d.realm {
		return Credentials{}, fmt.Errorf("%w: %s was set for %q, this exchange is %q", ErrRealm, number, s.Realm, d.realm)
	}
	return Credentials{HA1MD5: s.MD5, HA1SHA256: s.SHA256}, nil
}

func (d *Directory) sealSecret(number, secret string) ([]byte, error) {
	a1 := []byte(number + ":" + d.realm + ":" + secret)
	m, s := md5.Sum(a1), sha256.Sum256(a1)
	return d.seal.seal(number, secretRecord{Realm: d.realm, MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])})
}

// secretRecord is what is sealed.
type secretRecord struct {
	Realm  string `json:"realm"`
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
}

// sealer encrypts with AES-256-GCM, bound to the line's number: a record that is moved to
// another line does not open.
type sealer struct{ aead cipher.AEAD }

func newSealer(key keyfile.Key) sealer {
	// Neither can fail: the key has 32 bytes and AES blocks of 16.
	block, _ := aes.NewCipher(key[:])
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}
}

func (s sealer) seal(number string, r secretRecord) ([]byte, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("directory: sealing: %w", err)
	}
	return s.aead.Seal(nil, nil, plain, []byte(number)), nil
}

func (s sealer) open(number string, sealed []byte) (r secretRecord, err error) {
	plain, err := s.aead.Open(nil, nil, sealed, []byte(number))
	if err != nil {
		return r, fmt.Errorf("directory: the secret of %s: %w", number, ErrKey)
	}
	if err := json.Unmarshal(plain, &r); err != nil {
		return r, fmt.Errorf("directory: the secret of %s: %w", number, err)
	}
	return r, nil
}

func lineError(err error, number string) error {
	if errors.Is(err, store.ErrNotFound) {
		return noLine(number)
	}
	return err
}
