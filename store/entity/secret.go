package entity

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// SecretLength is the length of an authentication key in characters.
const SecretLength = 64

// redacted is what every rendering of a secret shows.
const redacted = "[redacted]"

// Secret is a key that must not be shown: fmt, slog, encoding/json and
// everything else that renders values print "[redacted]" for it. Reveal is the
// one way to its text. The zero Secret is empty. Compare with Equal.
type Secret struct {
	_ [0]func() // == would compare addresses

	// A pointer, because fmt prints the fields of unexported struct members
	// without asking their methods, and of a pointer it then prints the address.
	text *string
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// secretAlphabet has 62 characters; random bytes from 248 up are drawn again so
// that each is equally likely.
const secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// RandomSecret draws a new authentication key of SecretLength letters and digits
// from random, or from crypto/rand when that is nil.
func RandomSecret(random io.Reader) (Secret, error) {
	if random == nil {
		random = rand.Reader
	}
	const limit = 256 - 256%len(secretAlphabet)
	out := make([]byte, 0, SecretLength)
	var b [SecretLength]byte
	for len(out) < SecretLength {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return Secret{}, fmt.Errorf("entity: secret: %w", err)
		}
		for _, c := range b {
			if int(c) < limit && len(out) < SecretLength {
				out = append(out, secretAlphabet[int(c)%len(secretAlphabet)])
			}
		}
	}
	return NewSecret(string(out)), nil
}

// Reveal returns the text of s.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal reports whether s and t have the same text, in a time that depends on
// their lengths only.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that encoders which know nothing of
// secrets cannot leak one. Documents are written by MarshalDocument.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// decodeSecret reads an authentication key of exactly SecretLength characters.
func decodeSecret(raw []byte) (Secret, error) {
	s, err := decodeAnySecret(raw)
	if err != nil {
		return Secret{}, err
	}
	return s, s.check()
}

func decodeAnySecret(raw []byte) (Secret, error) {
	s, err := decodeString(raw)
	return NewSecret(s), err
}

func (s Secret) check() error {
	if n := utf16Len(s.Reveal()); n != SecretLength {
		return problem("", "key of %d characters, want %d", n, SecretLength)
	}
	return nil
}

// utf16Len counts as Java does.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
