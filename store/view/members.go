package view

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// members are the raw values of those members of a document that views look at,
// nil where the document lacks them. They point into the document.
type members struct {
	namespace, name, version, publish, annotations, updated []byte // whisks and activations
	entityType, limits, exec, binding                       []byte // whisks
	activationID, start, cause, end, response               []byte // activations
	subject, uuid, key, namespaces, blocked                 []byte // subjects
	concurrentInvocations, invocationsPerMinute             []byte // limits documents
}

// scan finds the members of body. Of a member that occurs twice the last one
// counts, as in Scala. When body is malformed it returns what it found before.
func scan(body []byte) (m members, err error) {
	err = rawjson.Object(body, func(name, value []byte) error {
		if at := m.at(rawjson.Name(name)); at != nil {
			*at = value
		}
		return nil
	})
	return m, err
}

func (m *members) at(name []byte) *[]byte {
	switch string(name) {
	case "namespace":
		return &m.namespace
	case "name":
		return &m.name
	case "version":
		return &m.version
	case "publish":
		return &m.publish
	case "annotations":
		return &m.annotations
	case "updated":
		return &m.updated
	case "entityType":
		return &m.entityType
	case "limits":
		return &m.limits
	case "exec":
		return &m.exec
	case "binding":
		return &m.binding
	case "activationId":
		return &m.activationID
	case "start":
		return &m.start
	case "cause":
		return &m.cause
	case "end":
		return &m.end
	case "response":
		return &m.response
	case "subject":
		return &m.subject
	case "uuid":
		return &m.uuid
	case "key":
		return &m.key
	case "namespaces":
		return &m.namespaces
	case "blocked":
		return &m.blocked
	case "concurrentInvocations":
		return &m.concurrentInvocations
	case "invocationsPerMinute":
		return &m.invocationsPerMinute
	}
	return nil
}

// order returns the order field of v's documents when it is a number.
func (m *members) order(v View) (raw []byte, f float64, ok bool) {
	raw = m.updated
	if v.isActivations() {
		raw = m.start
	}
	f, ok = number(raw)
	return raw, f, ok
}

// child returns the member of a raw object, nil when raw is no object or lacks
// it.
func child(raw []byte, member string) (found []byte) {
	if !isObject(raw) {
		return nil
	}
	// raw is part of a document that was walked: it is well-formed.
	_ = rawjson.Object(raw, func(name, value []byte) error {
		if string(rawjson.Name(name)) == member {
			found = value
		}
		return nil
	})
	return found
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
func isArray(raw []byte) bool  { return len(raw) > 0 && raw[0] == '[' }
func isNull(raw []byte) bool   { return string(raw) == "null" }
func isTrue(raw []byte) bool   { return string(raw) == "true" }

// isEmptyObject tells `{}` from other objects, in whatever white space.
func isEmptyObject(raw []byte) bool {
	return isObject(raw) && len(bytes.TrimLeft(raw[1:], " \t\r\n")) == 1
}

// str returns the text of a raw string. It allocates only for escapes.
func str(raw []byte) (text []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	return rawjson.Name(raw[1 : len(raw)-1]), true
}

// equals reports whether raw is the string s.
func equals(raw []byte, s string) bool {
	text, ok := str(raw)
	return ok && string(text) == s
}

// whole returns the value of a raw number that is written without fraction and
// exponent and has at most 18 digits.
func whole(raw []byte) (n int64, ok bool) {
	digits := raw
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if raw[0] == '-' {
		n = -n
	}
	return n, true
}

// number returns the value of a raw number, if it is one that a float64 holds.
func number(raw []byte) (float64, bool) {
	if n, ok := whole(raw); ok {
		return float64(n), true
	}
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

func isZero(raw []byte) bool {
	f, ok := number(raw)
	return ok && f == 0
}

var errFound = errors.New("found")

// annotation returns the value of the first annotation called key, nil when
// there is none. An annotation without a value is none, as in Scala; elements
// that are no objects, on which Scala fails, are passed over.
func annotation(annotations []byte, key string) (value []byte) {
	if !isArray(annotations) {
		return nil
	}
	_ = rawjson.Array(annotations, func(element []byte) error {
		if !isObject(element) {
			return nil
		}
		var k, v []byte
		_ = rawjson.Object(element, func(name, raw []byte) error {
			switch string(rawjson.Name(name)) {
			case "key":
				k = raw
			case "value":
				v = raw
			}
			return nil
		})
		if v != nil && equals(k, key) {
			value = v
			return errFound
		}
		return nil
	})
	return value
}

// annotationOr returns what f makes of the annotation called key, or def when
// there is none (rows DH-11, DH-12).
func annotationOr[T any](annotations []byte, key string, def T, f func(value []byte) T) T {
	if value := annotation(annotations, key); value != nil {
		return f(value)
	}
	return def
}
