package cosmos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

var errMalformed = errors.New("malformed JSON")

// reader goes through the members of a JSON object. It checks no more than it
// must to find them; the service answers with valid JSON.
type reader struct {
	raw  []byte
	at   int
	last bool // there are no more
	err  error
}

// newReader begins with an object.
func newReader(raw []byte) reader {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return reader{err: errors.New("not a JSON object")}
	}
	i = skipSpace(raw, i+1)
	return reader{raw: raw, at: i, last: i < len(raw) && raw[i] == '}'}
}

// next returns a member: its name as it stands between the quotes, its value,
// and both with the colon. It is false at the end, where err says whether that
// was the object's.
func (r *reader) next() (name, value, both []byte, ok bool) {
	if r.last || r.err != nil {
		return nil, nil, nil, false
	}
	raw, start := r.raw, r.at
	r.err = errMalformed
	end, ok := skipString(raw, start)
	if !ok {
		return nil, nil, nil, false
	}
	name = raw[start+1 : end-1]
	i := skipSpace(raw, end)
	if i >= len(raw) || raw[i] != ':' {
		return nil, nil, nil, false
	}
	i = skipSpace(raw, i+1)
	if end, ok = skipValue(raw, i); !ok {
		return nil, nil, nil, false
	}
	value, both = raw[i:end], raw[start:end]
	i = skipSpace(raw, end)
	if i >= len(raw) || raw[i] != ',' && raw[i] != '}' {
		return nil, nil, nil, false
	}
	r.err, r.last, r.at = nil, raw[i] == '}', skipSpace(raw, i+1)
	return name, value, both, true
}

// members calls visit with each member of a JSON object.
func members(raw []byte, visit func(name, value, both []byte)) error {
	r := newReader(raw)
	for {
		name, value, both, ok := r.next()
		if !ok {
			return r.err
		}
		visit(name, value, both)
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at i.
func skipString(b []byte, i int) (int, bool) {
	if i >= len(b) || b[i] != '"' {
		return 0, false
	}
	for i++; ; {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return 0, false
		}
		i += j
		back := i
		for b[back-1] == '\\' {
			back--
		}
		i++
		if (i-1-back)%2 == 0 {
			return i, true
		}
	}
}

// skipValue returns the index after the value that begins at i.
func skipValue(b []byte, i int) (int, bool) {
	if i >= len(b) {
		return 0, false
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				end, ok := skipString(b, i)
				if !ok {
					return 0, false
				}
				i = end
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1, true
				}
			}
			i++
		}
		return 0, false
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	return i, i > start
}

// stringValue returns the string that raw is, "" and false for another value.
func stringValue(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			raw, err := json.Marshal(s) // never fails for a string
			if err != nil {
				panic(fmt.Sprint("cosmos: a string was not marshalled: ", err))
			}
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// equalJSON reports whether two JSON objects hold equal values, apart from the
// members that the service adds. Services reorder members and rewrite numbers.
func equalJSON(a, b []byte) bool {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	for _, name := range []string{"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"} {
		delete(x, name)
		delete(y, name)
	}
	return reflect.DeepEqual(x, y)
}
