// Package jsonraw reads JSON in place. [Normalize] checks a text once and brings it to one canonical spelling: no
// blanks, one escape per character, one form per number. The other functions work on such a text without checking it
// again and without building a tree, which is what lets a test server filter a million items without decoding them.
//
// All functions are safe for concurrent use; strings that they return share memory with their argument.
package jsonraw

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrSyntax is returned for a text that is not one JSON value. Numbers beyond the range of a double count as such.
var ErrSyntax = errors.New("jsonraw: invalid JSON")

// MaxDepth is how deep arrays and objects may nest, the limit that the service documents for items.
const MaxDepth = 128

// ErrDepth is returned for a text that nests deeper than [MaxDepth].
var ErrDepth = errors.New("jsonraw: nested too deeply")

// Normalize returns the canonical spelling of src. Integers that fit in 64 bits keep their digits; other numbers are
// written as the shortest double, with 1.0 as 1 and -0 as 0. Strings are UTF-8 with lone surrogates replaced.
func Normalize(src []byte) (string, error) {
	n := normalizer{src: src, out: make([]byte, 0, len(src))}
	n.space()
	if err := n.value(0); err != nil {
		return "", err
	}
	n.space()
	if n.pos != len(src) {
		return "", ErrSyntax
	}
	return string(n.out), nil
}

type normalizer struct {
	src []byte
	pos int
	out []byte
}

func (n *normalizer) space() {
	for n.pos < len(n.src) {
		switch n.src[n.pos] {
		case ' ', '\t', '\n', '\r':
			n.pos++
		default:
			return
		}
	}
}

func (n *normalizer) peek() byte {
	if n.pos < len(n.src) {
		return n.src[n.pos]
	}
	return 0
}

func (n *normalizer) value(depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	switch c := n.peek(); {
	case c == '{':
		return n.container('}', depth, true)
	case c == '[':
		return n.container(']', depth, false)
	case c == '"':
		return n.str()
	case c == 't':
		return n.literal("true")
	case c == 'f':
		return n.literal("false")
	case c == 'n':
		return n.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		return n.number()
	}
	return ErrSyntax
}

func (n *normalizer) literal(word string) error {
	if !strings.HasPrefix(string(n.src[n.pos:min(n.pos+len(word), len(n.src))]), word) {
		return ErrSyntax
	}
	n.pos += len(word)
	n.out = append(n.out, word...)
	return nil
}

func (n *normalizer) container(end byte, depth int, object bool) error {
	n.out = append(n.out, n.src[n.pos])
	n.pos++
	n.space()
	if n.peek() == end {
		n.pos++
		n.out = append(n.out, end)
		return nil
	}
	for {
		if object {
			if n.peek() != '"' {
				return ErrSyntax
			}
			if err := n.str(); err != nil {
				return err
			}
			n.space()
			if n.peek() != ':' {
				return ErrSyntax
			}
			n.pos++
			n.out = append(n.out, ':')
			n.space()
		}
		if err := n.value(depth + 1); err != nil {
			return err
		}
		n.space()
		switch n.peek() {
		case ',':
			n.pos++
			n.out = append(n.out, ',')
			n.space()
		case end:
			n.pos++
			n.out = append(n.out, end)
			return nil
		default:
			return ErrSyntax
		}
	}
}

func (n *normalizer) str() error {
	start := n.pos
	for i := start + 1; i < len(n.src); i++ {
		c := n.src[i]
		if c == '"' {
			token := n.src[start : i+1]
			if !utf8.Valid(token) {
				break
			}
			n.pos = i + 1
			n.out = append(n.out, token...)
			return nil
		}
		if c == '\\' || c < ' ' {
			break
		}
	}
	end, err := stringEnd(n.src, start)
	if err != nil {
		return err
	}
	text, err := unescape(string(n.src[start+1 : end]))
	if err != nil {
		return err
	}
	n.pos = end + 1
	n.out = AppendQuote(n.out, text)
	return nil
}

// stringEnd returns the index of the closing quote of the string that starts at start.
func stringEnd(src []byte, start int) (int, error) {
	for i := start + 1; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\':
			i++
		case c == '"':
			return i, nil
		case c < ' ':
			return 0, ErrSyntax
		}
	}
	return 0, ErrSyntax
}

func (n *normalizer) number() error {
	start := n.pos
	if n.peek() == '-' {
		n.pos++
	}
	whole := n.digits()
	if whole == 0 || whole > 1 && n.src[n.pos-whole] == '0' {
		return ErrSyntax
	}
	integer := true
	if n.peek() == '.' {
		integer = false
		n.pos++
		if n.digits() == 0 {
			return ErrSyntax
		}
	}
	if c := n.peek(); c == 'e' || c == 'E' {
		integer = false
		n.pos++
		if c := n.peek(); c == '+' || c == '-' {
			n.pos++
		}
		if n.digits() == 0 {
			return ErrSyntax
		}
	}
	token := string(n.src[start:n.pos])
	if integer {
		if i, err := strconv.ParseInt(token, 10, 64); err == nil {
			n.out = strconv.AppendInt(n.out, i, 10)
			return nil
		}
		if u, err := strconv.ParseUint(token, 10, 64); err == nil {
			n.out = strconv.AppendUint(n.out, u, 10)
			return nil
		}
	}
	f, err := strconv.ParseFloat(token, 64)
	if err != nil && math.IsInf(f, 0) {
		return ErrSyntax
	}
	n.out = AppendNumber(n.out, f)
	return nil
}

func (n *normalizer) digits() int {
	start := n.pos
	for n.pos < len(n.src) && n.src[n.pos] >= '0' && n.src[n.pos] <= '9' {
		n.pos++
	}
	return n.pos - start
}
