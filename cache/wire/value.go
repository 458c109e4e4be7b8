package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// impossibleID is a key that no entity can have: namespaces and names are never
// blank. Scala controllers look it up, find nothing and go on.
const impossibleID = "/"

const (
	beforeInstance  = `{"instanceId":"`
	beforeMain      = `","key":{"mainId":"`
	beforeSecondary = `","secondaryId":"`
	afterKey        = `"}}`
)

// AppendValue appends upstream's JSON of a key sent by an instance: fields in
// alphabetical order, no white space, a missing secondary id left out, and only
// quotes, backslashes and control characters escaped (rows BUS-D1 and BUS-D2).
// Bytes that are not UTF-8 become the replacement character.
func AppendValue(b []byte, instanceID string, key Key) []byte {
	b = append(b, beforeInstance...)
	b = appendString(b, instanceID)
	b = append(b, beforeMain...)
	b = appendString(b, key.MainID)
	if key.SecondaryID != "" {
		b = append(b, beforeSecondary...)
		b = appendString(b, key.SecondaryID)
	}
	return append(b, afterKey...)
}

// appendString escapes as upstream's JSON library does.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= 0x20:
			b = utf8.AppendRune(b, r)
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hex[r>>4], hex[r&15])
		}
	}
	return b
}

// ParseValue reads upstream's JSON: fields in any order, unknown ones ignored, a
// secondary id of null or missing meaning none (row BUS-D3). Errors are ErrNull,
// ErrTooLarge and ErrMalformed; their texts never show the value.
func ParseValue(value []byte) (instanceID string, key Key, err error) {
	switch {
	case value == nil:
		return "", Key{}, ErrNull
	case len(value) > MaxValue:
		return "", Key{}, fmt.Errorf("%w: value of %d bytes", ErrTooLarge, len(value))
	}
	if instanceID, mainID, ok := parseUsual(value); ok {
		return instanceID, Key{MainID: mainID}, nil
	}
	return parseAny(value)
}

// parseUsual reads the exact form that AppendValue writes, as long as nothing in
// it is escaped and there is no secondary id: nearly every message.
func parseUsual(value []byte) (instanceID, mainID string, ok bool) {
	rest, ok := bytes.CutPrefix(value, []byte(beforeInstance))
	if !ok {
		return "", "", false
	}
	rest, ok = bytes.CutSuffix(rest, []byte(afterKey))
	if !ok {
		return "", "", false
	}
	instance, main, ok := bytes.Cut(rest, []byte(beforeMain))
	if !ok || !plain(instance) || !plain(main) {
		return "", "", false
	}
	return string(instance), string(main), true
}

// plain reports whether b stands for itself inside a JSON string.
func plain(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(b)
}

// parseAny reads any form. Objects are read as maps because Go's own matching of
// field names ignores case.
func parseAny(value []byte) (string, Key, error) {
	var message, key map[string]json.RawMessage
	if err := unmarshal(value, &message); err != nil {
		return "", Key{}, err
	}
	if err := unmarshal(message["key"], &key); err != nil {
		return "", Key{}, err
	}
	instanceID, err := text(message["instanceId"])
	if err != nil {
		return "", Key{}, err
	}
	k := Key{}
	if k.MainID, err = text(key["mainId"]); err != nil {
		return "", Key{}, err
	}
	if s := key["secondaryId"]; s != nil && string(s) != "null" {
		if k.SecondaryID, err = text(s); err != nil {
			return "", Key{}, err
		}
	}
	return instanceID, k, nil
}

func unmarshal(raw []byte, into *map[string]json.RawMessage) error {
	if err := json.Unmarshal(raw, into); err != nil || *into == nil {
		return fmt.Errorf("%w: an object is missing", ErrMalformed)
	}
	return nil
}

func text(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("%w: a string is missing", ErrMalformed)
	}
	return *s, nil
}
