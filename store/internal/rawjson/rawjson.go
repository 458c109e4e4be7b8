// Package rawjson checks JSON text and walks its top level without decoding it.
// It is what the checks of package store and the view tables run on each
// document, so it makes no allocation.
package rawjson

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest, encoding/json's own limit.
const MaxDepth = 10000

// ErrNotObject says that the text is well-formed JSON of another type, or empty.
var ErrNotObject = errors.New("not a JSON object")

// Object checks that text is one JSON object in UTF-8, with nothing but white
// space around it, and calls visit for each member of its top level, in order.
// name is the raw text between the quotes (see Name), value the raw value
// without surrounding white space. Both point into text. visit may be nil; its
// error ends the walk and is returned as it is.
func Object(text []byte, visit func(name, value []byte) error) error {
	s := scanner{text: text}
	s.space()
	if s.i >= len(text) {
		return ErrNotObject
	}
	if text[s.i] != '{' {
		if err := s.value(0); err != nil {
			return err
		}
		return ErrNotObject
	}
	if err := s.object(0, visit); err != nil {
		return err
	}
	s.space()
	if s.i != len(text) {
		return s.fail("after the object")
	}
	return nil
}

// Array is Object for an array and its elements.
func Array(text []byte, visit func(value []byte) error) error {
	s := scanner{text: text}
	s.space()
	if s.i >= len(text) || text[s.i] != '[' {
		return errors.New("not a JSON array")
	}
	if err := s.array(0, visit); err != nil {
		return err
	}
	s.space()
	if s.i != len(text) {
		return s.fail("after the array")
	}
	return nil
}

// Valid checks that text is one JSON value in UTF-8.
func Valid(text []byte) error {
	s := scanner{text: text}
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.i != len(text) {
		return s.fail("after the value")
	}
	return nil
}

// Name returns the member name that raw, as given to visit, spells. It
// allocates only when raw holds an escape.
func Name(raw []byte) []byte {
	for _, c := range raw {
		if c == '\\' {
			var name string
			quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
			if json.Unmarshal(quoted, &name) == nil {
				return []byte(name)
			}
			return raw
		}
	}
	return raw
}

type scanner struct {
	text []byte
	i    int
}

func (s *scanner) fail(where string) error {
	if s.i >= len(s.text) {
		return fmt.Errorf("malformed JSON: ends %s", where)
	}
	r, _ := utf8.DecodeRune(s.text[s.i:])
	return fmt.Errorf("malformed JSON: %q %s at byte %d", r, where, s.i)
}

func (s *scanner) space() {
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) error {
	if s.i >= len(s.text) {
		return s.fail("where a value should be")
	}
	switch c := s.text[s.i]; c {
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case '"':
		return s.str()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return s.number()
		}
		return s.fail("where a value should be")
	}
}

func (s *scanner) object(depth int, visit func(name, value []byte) error) error {
	if depth >= MaxDepth {
		return s.fail("nested too deep")
	}
	s.i++ // {
	s.space()
	if s.i < len(s.text) && s.text[s.i] == '}' {
		s.i++
		return nil
	}
	for {
		s.space()
		if s.i >= len(s.text) || s.text[s.i] != '"' {
			return s.fail("where a member name should be")
		}
		from := s.i + 1
		if err := s.str(); err != nil {
			return err
		}
		name := s.text[from : s.i-1]
		s.space()
		if s.i >= len(s.text) || s.text[s.i] != ':' {
			return s.fail("where a colon should be")
		}
		s.i++
		s.space()
		from = s.i
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(name, s.text[from:s.i]); err != nil {
				return err
			}
		}
		s.space()
		if s.i >= len(s.text) {
			return s.fail("inside an object")
		}
		switch s.text[s.i] {
		case ',':
			s.i++
		case '}':
			s.i++
			return nil
		default:
			return s.fail("where a comma or brace should be")
		}
	}
}

func (s *scanner) array(depth int, visit func(value []byte) error) error {
	if depth >= MaxDepth {
		return s.fail("nested too deep")
	}
	s.i++ // [
	s.space()
	if s.i < len(s.text) && s.text[s.i] == ']' {
		s.i++
		return nil
	}
	for {
		s.space()
		from := s.i
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(s.text[from:s.i]); err != nil {
				return err
			}
		}
		s.space()
		if s.i >= len(s.text) {
			return s.fail("inside an array")
		}
		switch s.text[s.i] {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return s.fail("where a comma or bracket should be")
		}
	}
}

// plain marks the bytes that a string may hold as they are: ASCII but for
// controls, the quote and the backslash.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func (s *scanner) str() error {
	s.i++ // "
	for {
		s.i = skipPlain(s.text, s.i)
		if s.i >= len(s.text) {
			return s.fail("inside a string")
		}
		switch c := s.text[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < 0x20:
			return s.fail("inside a string")
		default:
			r, n := utf8.DecodeRune(s.text[s.i:])
			if r == utf8.RuneError && n == 1 {
				return fmt.Errorf("malformed JSON: not UTF-8 at byte %d", s.i)
			}
			s.i += n
		}
	}
}

// skipPlain returns the index of the first byte of text from i on that a string
// may not hold as it is, or len(text). Strings are most of a document (code,
// logs), so it looks at eight bytes at a time; borrows can make a plain byte
// above a special one look special too, which the loop behind puts right.
func skipPlain(text []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(text) {
		w := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		if (w|(w-ones*0x20)|(quote-ones)|(backslash-ones))&highs != 0 {
			break
		}
		i += 8
	}
	for i < len(text) && plain[text[i]] {
		i++
	}
	return i
}

func (s *scanner) escape() error {
	s.i++ // backslash
	if s.i >= len(s.text) {
		return s.fail("inside a string")
	}
	switch s.text[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return nil
	case 'u':
		s.i++
		for range 4 {
			if s.i >= len(s.text) || !hex(s.text[s.i]) {
				return s.fail("inside an escape")
			}
			s.i++
		}
		return nil
	}
	return s.fail("inside an escape")
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (s *scanner) word(w string) error {
	for k := range len(w) {
		if s.i >= len(s.text) || s.text[s.i] != w[k] {
			return s.fail("where a value should be")
		}
		s.i++
	}
	return nil
}

func (s *scanner) digits() error {
	if s.i >= len(s.text) || s.text[s.i] < '0' || s.text[s.i] > '9' {
		return s.fail("inside a number")
	}
	for s.i < len(s.text) && '0' <= s.text[s.i] && s.text[s.i] <= '9' {
		s.i++
	}
	return nil
}

func (s *scanner) number() error {
	if s.text[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.text) && s.text[s.i] == '0' {
		s.i++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.i < len(s.text) && s.text[s.i] == '.' {
		s.i++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.i < len(s.text) && (s.text[s.i] == 'e' || s.text[s.i] == 'E') {
		s.i++
		if s.i < len(s.text) && (s.text[s.i] == '+' || s.text[s.i] == '-') {
			s.i++
		}
		return s.digits()
	}
	return nil
}
