package entity

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// The names of the encryption algorithms, as configured and as stored with each
// locked parameter.
const (
	NoEncryption = "noop"
	AES128       = "aes-128"
	AES256       = "aes-256"
)

// The lengths of the initialisation vectors in bytes. That of aes-256 is far
// from the usual 12, but what upstream stores (storage.md 8.6, M4).
const (
	aes128IV = 12
	aes256IV = 128
)

// ParameterStorage configures the locking of parameters:
// whisk.parameter-storage.
type ParameterStorage struct {
	// Current is the algorithm for values that are not locked yet, NoEncryption
	// ("off" and the empty string mean it too) by default.
	Current string

	// AES128 and AES256 are the keys in padded base64, of 16 and 32 bytes. A key
	// that is set decrypts, whether or not its algorithm is the current one.
	AES128, AES256 Secret

	// Random yields initialisation vectors; crypto/rand by default.
	Random io.Reader
}

// ParameterEncryption locks and unlocks parameters as upstream does: AES in
// Galois/counter mode over the compact JSON of the value, stored as the base64
// of the vector's length (32 bits, big endian), the vector, and the ciphertext
// with its 128-bit tag.
//
// A nil *ParameterEncryption locks and unlocks nothing. It is safe for concurrent
// use when its source of randomness is.
type ParameterEncryption struct {
	current string // empty is none
	ciphers map[string]cipher.AEAD
	random  io.Reader
}

// NewParameterEncryption checks the keys. Unlike upstream, which then stores
// plain values, it refuses a current algorithm that is unknown or has no key.
func NewParameterEncryption(cfg ParameterStorage) (*ParameterEncryption, error) {
	e := &ParameterEncryption{ciphers: map[string]cipher.AEAD{}, random: cfg.Random}
	if e.random == nil {
		e.random = rand.Reader
	}
	for _, a := range []struct {
		name   string
		key    Secret
		length int
		iv     int
	}{{AES128, cfg.AES128, 16, aes128IV}, {AES256, cfg.AES256, 32, aes256IV}} {
		if a.key.IsZero() {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(a.key.Reveal())
		if err != nil {
			return nil, fmt.Errorf("entity: parameter-storage.%s: the key is not padded base64", a.name)
		}
		if len(key) != a.length {
			return nil, fmt.Errorf("entity: parameter-storage.%s: the key has %d bytes, want %d", a.name, len(key), a.length)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("entity: parameter-storage.%s: %w", a.name, err)
		}
		aead, err := cipher.NewGCMWithNonceSize(block, a.iv)
		if err != nil {
			return nil, fmt.Errorf("entity: parameter-storage.%s: %w", a.name, err)
		}
		e.ciphers[a.name] = aead
	}
	switch current := strings.ToLower(cfg.Current); current {
	case "", "off", NoEncryption:
	case AES128, AES256:
		if e.ciphers[current] == nil {
			return nil, fmt.Errorf("entity: parameter-storage.current is %s, but parameter-storage.%s has no key", current, current)
		}
		e.current = current
	default:
		return nil, fmt.Errorf("entity: parameter-storage.current is %q, want %s, %s or off", cfg.Current, AES128, AES256)
	}
	return e, nil
}

// Lock returns p with every value encrypted that is not yet, by the current
// algorithm. Values that are locked stay byte for byte. p stays as it is.
func (e *ParameterEncryption) Lock(p Parameters) (Parameters, error) {
	if e == nil || e.current == "" || len(p) == 0 {
		return p, nil
	}
	out := make(Parameters, len(p))
	for i, x := range p {
		if x.Encryption == "" {
			plain, err := encodeRaw(x.Value)
			if err == nil {
				x.Value, err = e.encrypt(plain)
			}
			if err != nil {
				return nil, at(index(i)+".value", err)
			}
			x.Encryption = e.current
		}
		out[i] = x
	}
	return out, nil
}

// Unlock returns p with every value decrypted whose algorithm has a key here. A
// value under an algorithm without a key stays locked, as upstream does; one that
// its key does not open is an error that names the place and nothing of the value.
func (e *ParameterEncryption) Unlock(p Parameters) (Parameters, error) {
	if e == nil || len(e.ciphers) == 0 || len(p.Locked()) == 0 {
		return p, nil
	}
	out := make(Parameters, len(p))
	for i, x := range p {
		if aead := e.ciphers[x.Encryption]; aead != nil {
			var err error
			if x, err = open(aead, x); err != nil {
				return nil, at(index(i)+".value", fmt.Errorf("%s: %w", x.Encryption, err))
			}
		}
		out[i] = x
	}
	return out, nil
}

// open decrypts x, which stays as it is when its value is not a string, as
// upstream has it.
func open(aead cipher.AEAD, x Parameter) (Parameter, error) {
	value, err := encodeRaw(x.Value)
	if err != nil || !isString(value) {
		return x, err
	}
	plain, err := decrypt(aead, value)
	if err == nil {
		x.Value, x.Encryption = plain, ""
	}
	return x, err
}

func (e *ParameterEncryption) encrypt(plain []byte) (json.RawMessage, error) {
	aead := e.ciphers[e.current]
	n := aead.NonceSize()
	msg := make([]byte, 4+n, 4+n+len(plain)+aead.Overhead())
	binary.BigEndian.PutUint32(msg, uint32(n))
	if _, err := io.ReadFull(e.random, msg[4:]); err != nil {
		return nil, fmt.Errorf("no initialisation vector: %w", err)
	}
	msg = aead.Seal(msg, msg[4:], plain, nil)
	return rawjson.AppendString(nil, base64.StdEncoding.EncodeToString(msg)), nil
}

var errLocked = errors.New("cannot be decrypted with the configured key")

func decrypt(aead cipher.AEAD, value []byte) (json.RawMessage, error) {
	text, err := decodeString(value)
	if err != nil {
		return nil, err
	}
	msg, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	n := aead.NonceSize()
	if len(msg) < 4+n {
		return nil, errors.New("too short")
	}
	if binary.BigEndian.Uint32(msg) != uint32(n) {
		return nil, errors.New("initialisation vector of another length")
	}
	plain, err := aead.Open(nil, msg[4:4+n], msg[4+n:], nil)
	if err != nil {
		return nil, errLocked
	}
	if rawjson.Valid(plain) != nil {
		return nil, errors.New("decrypts to what is not JSON")
	}
	return compact(plain), nil
}
