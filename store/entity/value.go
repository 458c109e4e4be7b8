package entity

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// fieldError says what is wrong and at which path of the body. It names types
// and places, never values: those may be secrets.
type fieldError struct {
	path string
	text string
}

func (e *fieldError) Error() string {
	if e.path == "" {
		return e.text
	}
	return e.path + ": " + e.text
}

func problem(path, format string, args ...any) error {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &fieldError{path: path, text: format}
}

var errRepeated = problem("", "is repeated")

// at puts name in front of the path of err.
func at(name string, err error) error {
	var f *fieldError
	if !errors.As(err, &f) {
		return &fieldError{path: name, text: err.Error()}
	}
	path := name
	switch {
	case f.path == "":
	case name == "" || f.path[0] == '[':
		path += f.path
	default:
		path += "." + f.path
	}
	return &fieldError{path: path, text: f.text}
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func isNull(raw []byte) bool { return len(raw) > 0 && raw[0] == 'n' }

func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

func isNumber(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9')
}

func isBool(raw []byte) bool { return len(raw) > 0 && (raw[0] == 't' || raw[0] == 'f') }

func typeOf(raw []byte) string {
	switch {
	case isNull(raw):
		return "null"
	case isString(raw):
		return "a string"
	case isObject(raw):
		return "an object"
	case isNumber(raw):
		return "a number"
	case isBool(raw):
		return "a boolean"
	case len(raw) > 0 && raw[0] == '[':
		return "an array"
	}
	return "empty"
}

func wrongType(raw []byte, want string) error {
	return problem("", "is %s, want %s", typeOf(raw), want)
}

func decodeString(raw []byte) (string, error) {
	if !isString(raw) {
		return "", wrongType(raw, "a string")
	}
	for _, c := range raw {
		if c == '\\' {
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return "", problem("", "malformed string")
			}
			return s, nil
		}
	}
	return string(raw[1 : len(raw)-1]), nil
}

func decodeBool(raw []byte) (bool, error) {
	if !isBool(raw) {
		return false, wrongType(raw, "a boolean")
	}
	return raw[0] == 't', nil
}

// exact is the largest magnitude below which every float64 without a fraction
// is the integer that was spelt.
const exact = 1 << 53

// decodeLong reads a 64-bit integer in any spelling, 6e4 and 60000.0 included.
func decodeLong(raw []byte) (int64, error) {
	if !isNumber(raw) {
		return 0, wrongType(raw, "a number")
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil || math.Abs(f) >= exact:
		return 0, problem("", "is out of range")
	case f != math.Trunc(f):
		return 0, problem("", "is not an integer")
	}
	return int64(f), nil
}

// decodeInt reads what upstream holds in 32 bits.
func decodeInt(raw []byte) (int, error) {
	n, err := decodeLong(raw)
	if err == nil && int64(int32(n)) != n {
		err = problem("", "is out of range")
	}
	return int(n), err
}

// decodeSize reads a number of megabytes.
func decodeSize(raw []byte) (int, error) {
	n, err := decodeInt(raw)
	if err == nil && n < 0 {
		err = problem("", "is negative")
	}
	return n, err
}

func decodeRaw(raw []byte) (json.RawMessage, error) { return compact(raw), nil }

// decodeArray makes a decoder of arrays; its result is never nil.
func decodeArray[T any](decode func([]byte) (T, error)) func([]byte) ([]T, error) {
	return func(raw []byte) ([]T, error) {
		if len(raw) == 0 || raw[0] != '[' {
			return nil, wrongType(raw, "an array")
		}
		out := []T{}
		err := rawjson.Array(raw, func(elem []byte) error {
			v, err := decode(elem)
			if err != nil {
				return at(index(len(out)), err)
			}
			out = append(out, v)
			return nil
		})
		return out, err
	}
}

func encodeArray[T any](vs []T, encode func(T) ([]byte, error)) ([]byte, error) {
	b := []byte{'['}
	for i, v := range vs {
		raw, err := encode(v)
		if err != nil {
			return nil, at(index(i), err)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
	}
	return append(b, ']'), nil
}

func encodeString(s string) ([]byte, error) { return rawjson.AppendString(nil, s), nil }

func encodeBool(v bool) []byte { return strconv.AppendBool(nil, v) }

func encodeInt(v int64) []byte { return strconv.AppendInt(nil, v, 10) }

// encodeRaw checks and compacts a value that a caller may have set.
func encodeRaw(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 {
		return []byte("null"), nil
	}
	if err := rawjson.Valid(raw); err != nil {
		return nil, problem("", "not JSON")
	}
	return compact(raw), nil
}

// javaTrim drops what Java's String.trim does: every leading and trailing
// character up to the space.
func javaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
