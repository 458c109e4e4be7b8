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

// AppendNumber appends the shortest spelling of a double. Exponents have three digits, which is how the service stores
// them. f is finite.
func AppendNumber(dst []byte, f float64) []byte {
	return appendDouble(dst, f, -1, 3)
}

// AppendComputed appends the spelling that a query gives a double that it computed: 15 significant digits if they are
// exact, else 17, and an exponent of two digits. f is finite.
func AppendComputed(dst []byte, f float64) []byte {
	precision := 17
	if g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64); err == nil && g == f {
		precision = -1
	}
	return appendDouble(dst, f, precision, 2)
}

func appendDouble(dst []byte, f float64, precision, exponentDigits int) []byte {
	abs := math.Abs(f)
	switch {
	case f == 0:
		return append(dst, '0')
	case f == math.Trunc(f) && abs < 1e15:
		return strconv.AppendInt(dst, int64(f), 10)
	case abs >= 1e-5 && abs < 1e17:
		if precision > 0 {
			precision -= max(1, 1+int(math.Floor(math.Log10(abs))))
			if abs < 1 {
				precision = 17 - 1 - int(math.Floor(math.Log10(abs)))
			}
		}
		return strconv.AppendFloat(dst, f, 'f', precision, 64)
	}
	if precision > 0 {
		precision--
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', precision, 64)
	for i := start; i < len(dst); i++ {
		if dst[i] == 'e' {
			exponent := string(dst[i+2:])
			dst = append(dst[:i+2], strings.Repeat("0", max(0, exponentDigits-len(exponent)))...)
			return append(dst, exponent...)
		}
	}
	return dst
}

// Wide reports whether a normalised text holds a number that queries spell differently: an integer beyond 63 bits or
// one with an exponent.
func Wide(text string) bool {
	found := false
	numbers(text, func(token string) { found = found || wideNumber(token) })
	return found
}

func wideNumber(token string) bool {
	if strings.IndexByte(token, 'e') >= 0 {
		return true
	}
	if len(token) < 19 || strings.IndexByte(token, '.') >= 0 {
		return false
	}
	_, err := strconv.ParseInt(token, 10, 64)
	return err != nil
}

// QueryForm respells the numbers that [Wide] finds as a query does: as doubles with an exponent of two digits.
func QueryForm(text string) string {
	var out strings.Builder
	last := 0
	at := numbersAt(text, func(i int, token string) {
		if !wideNumber(token) {
			return
		}
		f, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return
		}
		out.WriteString(text[last:i])
		out.Write(appendDouble(nil, f, -1, 2))
		last = i + len(token)
	})
	out.WriteString(text[last:at])
	return out.String()
}

func numbers(text string, yield func(token string)) {
	numbersAt(text, func(_ int, token string) { yield(token) })
}

// numbersAt calls yield for each number of a text and returns the length of the text.
func numbersAt(text string, yield func(i int, token string)) int {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			i = skipString(text, i)
		case c == '-' || c >= '0' && c <= '9':
			end := Skip(text, i)
			yield(i, text[i:end])
			i = end
		default:
			i++
		}
	}
	return len(text)
}
