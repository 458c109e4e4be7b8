package entity

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// SemVer is a semantic version. The zero value stands for none; where a document
// must have one it is written as upstream's default, 0.0.1.
type SemVer struct{ Major, Minor, Patch int }

// ParseSemVer reads "major.minor.patch". As upstream it takes missing parts as 0
// and ignores further ones; 0.0.0 and negative parts are errors.
func ParseSemVer(s string) (SemVer, error) {
	var v [3]int
	i := 0
	for part := range strings.SplitSeq(strings.TrimRight(s, "."), ".") {
		if i == len(v) {
			break
		}
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || n < 0 {
			return SemVer{}, problem("", "not a semantic version")
		}
		v[i] = int(n)
		i++
	}
	out := SemVer{v[0], v[1], v[2]}
	if out.IsZero() {
		return SemVer{}, problem("", "not a semantic version")
	}
	return out, nil
}

// IsZero reports whether v is no version.
func (v SemVer) IsZero() bool { return v == SemVer{} }

// String returns "major.minor.patch".
func (v SemVer) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// UpPatch returns the next patch version, which upstream gives an updated
// entity. The one after no version is 0.0.2, as no version stands for 0.0.1.
func (v SemVer) UpPatch() SemVer {
	v = v.orDefault()
	v.Patch++
	return v
}

func (v SemVer) orDefault() SemVer {
	if v.IsZero() {
		return SemVer{Patch: 1}
	}
	return v
}

func (v SemVer) check() error {
	for _, n := range []int{v.Major, v.Minor, v.Patch} {
		if n < 0 || n > math.MaxInt32 {
			return problem("", "part out of range")
		}
	}
	return nil
}

func decodeSemVer(raw []byte) (SemVer, error) {
	s, err := decodeString(raw)
	if err != nil {
		return SemVer{}, err
	}
	return ParseSemVer(s)
}

// Instant is a point in time in milliseconds since the epoch, as documents hold
// it. Zero is the epoch itself, which upstream uses for "not yet".
type Instant int64

// InstantOf returns t to the millisecond, rounded down.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time returns i in UTC.
func (i Instant) Time() time.Time { return time.UnixMilli(int64(i)).UTC() }

// String returns i in ISO 8601, for logs.
func (i Instant) String() string { return i.Time().Format(time.RFC3339Nano) }

// decodeInstant reads a number, whose fraction is cut off, or an ISO 8601 string.
func decodeInstant(raw []byte) (Instant, error) {
	switch {
	case isNumber(raw):
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return Instant(n), nil
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.Abs(f) >= exact {
			return 0, problem("", "is out of range")
		}
		return Instant(f), nil
	case isString(raw):
		s, err := decodeString(raw)
		if err != nil {
			return 0, err
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return 0, problem("", "not an ISO 8601 instant")
		}
		return InstantOf(t), nil
	}
	return 0, wrongType(raw, "a number or an ISO 8601 string")
}

// activationIDLength is in characters, two per byte.
const activationIDLength = 32

// ActivationID is 32 lower-case hexadecimal digits (storage.md 2.5).
type ActivationID string

// ParseActivationID checks s.
func ParseActivationID(s string) (ActivationID, error) {
	id := ActivationID(s)
	return id, id.check()
}

// NewActivationID returns a random id from random, or from crypto/rand when that
// is nil.
func NewActivationID(random io.Reader) (ActivationID, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [activationIDLength / 2]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("entity: activation id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40 // upstream draws a version 4 UUID
	b[8] = b[8]&0x3f | 0x80
	return ActivationID(hex.EncodeToString(b[:])), nil
}

func (id ActivationID) check() error {
	if len(id) != activationIDLength {
		return problem("", "activation id of %d characters, want %d", len(id), activationIDLength)
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return problem("", "activation id holds %q at byte %d", c, i)
		}
	}
	return nil
}

// decodeActivationID also reads a number: an id of digits alone was once stored
// as one.
func decodeActivationID(raw []byte) (ActivationID, error) {
	if isNumber(raw) {
		return ParseActivationID(string(raw))
	}
	s, err := decodeString(raw)
	if err != nil {
		return "", err
	}
	return ParseActivationID(s)
}
