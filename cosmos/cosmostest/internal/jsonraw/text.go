package jsonraw

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendQuote appends s as a JSON string. Only the quote, the backslash and control characters are escaped.
func AppendQuote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, '"')
}

// Quote returns s as a JSON string.
func Quote(s string) string { return string(AppendQuote(make([]byte, 0, len(s)+2), s)) }

// Unquote returns the text of a JSON string token of a normalised text.
func Unquote(token string) string {
	inner := token[1 : len(token)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	text, err := unescape(inner)
	if err != nil {
		return inner
	}
	return text
}

func unescape(s string) (string, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			r, size := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		if i+1 >= len(s) {
			return "", ErrSyntax
		}
		i += 2
		switch s[i-1] {
		case '"', '\\', '/':
			out = append(out, s[i-1])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(s[i:])
			if !ok {
				return "", ErrSyntax
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if strings.HasPrefix(s[i:], `\u`) {
					low, ok = hex4(s[i+2:])
				}
				if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
					r = pair
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			return "", ErrSyntax
		}
	}
	return string(out), nil
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 32)
	return rune(n), err == nil
}

// Skip returns the index just after the value that starts at text[i].
func Skip(text string, i int) int {
	switch text[i] {
	case '"':
		return skipString(text, i)
	case '{', '[':
		depth := 0
		for i < len(text) {
			switch text[i] {
			case '"':
				i = skipString(text, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return i
	}
	for i < len(text) && text[i] != ',' && text[i] != '}' && text[i] != ']' {
		i++
	}
	return i
}

func skipString(text string, i int) int {
	i++
	for {
		j := strings.IndexByte(text[i:], '"')
		if j < 0 {
			return len(text)
		}
		i += j
		slashes := 0
		for k := i - 1; text[k] == '\\'; k-- {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
}

// Lookup returns the value of a member of an object; ok is false when text is no object or has no such member.
func Lookup(text, name string) (value string, ok bool) {
	if text == "" || text[0] != '{' {
		return "", false
	}
	for i := 1; i < len(text) && text[i] == '"'; {
		keyEnd := skipString(text, i)
		key := text[i+1 : keyEnd-1]
		end := Skip(text, keyEnd+1)
		if key == name || strings.IndexByte(key, '\\') >= 0 && Unquote(text[i:keyEnd]) == name {
			return text[keyEnd+1 : end], true
		}
		i = end + 1
	}
	return "", false
}

// Members calls yield for each member of an object, in the order of the text, until yield returns false. The key is
// unquoted, the value is raw.
func Members(text string, yield func(key, value string) bool) {
	if text == "" || text[0] != '{' {
		return
	}
	for i := 1; i < len(text) && text[i] == '"'; {
		keyEnd := skipString(text, i)
		end := Skip(text, keyEnd+1)
		if !yield(Unquote(text[i:keyEnd]), text[keyEnd+1:end]) {
			return
		}
		i = end + 1
	}
}

// Elements calls yield for each element of an array until yield returns false.
func Elements(text string, yield func(value string) bool) {
	if text == "" || text[0] != '[' {
		return
	}
	for i := 1; i < len(text) && text[i] != ']'; {
		end := Skip(text, i)
		if !yield(text[i:end]) {
			return
		}
		i = end + 1
	}
}

// Index returns element n of an array.
func Index(text string, n int) (value string, ok bool) {
	Elements(text, func(v string) bool {
		if n == 0 {
			value, ok = v, true
		}
		n--
		return n >= 0
	})
	return value, ok
}
