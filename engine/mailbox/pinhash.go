package mailbox

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2id (RFC 9106). Six digits can be tried one by one whatever the hash costs: what
// protects them is the key outside the database, which goes into the hash first. So
// the cost is modest, for imports and for log-ins at busy times.
const (
	argonTime    = 2
	argonMemory  = 4 << 10 // KiB
	argonThreads = 1
	saltSize     = 16
	hashSize     = 32
)

// argonLeast is the memory, in KiB, that the least hash takes: for simulations, of which a thousand run in a second.
const argonLeast = 8

// hashPIN returns "argon2id$KEY$TIME$MEMORY$SALT$HASH": KEY tells which key file it needs.
func (b *Mailboxes) hashPIN(pin string) string {
	salt, passes, memory := make([]byte, saltSize), uint32(argonTime), uint32(argonMemory)
	if b.simulated {
		passes, memory = 1, argonLeast
	} else {
		rand.Read(salt)
	}
	sum := argon2.IDKey(b.peppered(pin), salt, passes, memory, argonThreads, hashSize)
	enc := base64.RawURLEncoding
	return fmt.Sprintf("argon2id$%s$%d$%d$%s$%s", b.pepper.Fingerprint(), passes, memory, enc.EncodeToString(salt), enc.EncodeToString(sum))
}

func (b *Mailboxes) peppered(pin string) []byte {
	mac := hmac.New(sha256.New, b.pepper[:])
	mac.Write([]byte(pin))
	return mac.Sum(nil)
}

// usable reports whether a PIN can be checked against a hash: not if there is none or if
// it was made with a key that has been lost.
func (b *Mailboxes) usable(hash string) bool {
	if hash == "" {
		return false
	}
	if !strings.HasPrefix(hash, "argon2id$"+b.pepper.Fingerprint()+"$") {
		b.log.Error("mailbox: a PIN belongs to another key file; restore pin.key or set the PIN again")
		return false
	}
	return true
}

func (b *Mailboxes) verifyPIN(pin, hash string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || len(pin) != pinDigits {
		return false
	}
	var time, memory uint32
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "%d %d", &time, &memory); err != nil || time == 0 || time > 16 || memory > 1<<20 {
		return false
	}
	salt, saltErr := base64.RawURLEncoding.DecodeString(parts[4])
	want, hashErr := base64.RawURLEncoding.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(want) != hashSize {
		return false
	}
	got := argon2.IDKey(b.peppered(pin), salt, time, memory, argonThreads, hashSize)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// mayHash waits for its turn to hash.
func (b *Mailboxes) mayHash(ctx context.Context) (release func(), err error) {
	select {
	case b.hashing <- struct{}{}:
		return func() { <-b.hashing }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
