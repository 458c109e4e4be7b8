package cosql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError is a statement that the gateway refuses to compile. Start and End are character offsets of the text at
// fault, counted from zero, End exclusive.
type SyntaxError struct {
	Code       string
	Message    string
	Start, End int
}

func (e *SyntaxError) Error() string { return e.Code + ": " + e.Message }

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokIdent
	tokKeyword
	tokNumber
	tokString
	tokParam
	tokOp
)

type token struct {
	kind       tokenKind
	text       string // identifier, keyword in upper case, operator, parameter with @, unescaped string
	start, end int
}

func reserved(word string) bool {
	switch strings.ToUpper(word) {
	case "AND", "ARRAY", "AS", "ASC", "BETWEEN", "BY", "DESC", "DISTINCT", "ESCAPE", "EXISTS", "FALSE", "FROM", "GROUP",
		"IN", "JOIN", "LIKE", "LIMIT", "NOT", "NULL", "OFFSET", "OR", "ORDER", "SELECT", "TOP", "TRUE", "UDF",
		"UNDEFINED", "VALUE", "WHERE", "INSERT", "UPDATE", "DELETE", "INTO", "SET":
		return true
	}
	return false
}

// operators, the longer ones first so that the first match is the right one.
func operators() []string {
	return []string{">>>", "<>", "!=", "<=", ">=", "<<", ">>", "||", "??", "(", ")", "[", "]", "{", "}", ",", ".", ":",
		"=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", "?"}
}

func lex(text string) ([]token, error) {
	var tokens []token
	ops := operators()
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case strings.HasPrefix(text[i:], "--"):
			if j := strings.IndexByte(text[i:], '\n'); j >= 0 {
				i += j
			} else {
				i = len(text)
			}
			continue
		case strings.HasPrefix(text[i:], "/*"):
			return nil, nearError(text, i, i+1)
		}
		tok, next, err := lexOne(text, i, ops)
		if err != nil {
			return nil, err
		}
		tok.start, tok.end = i, next
		tokens = append(tokens, tok)
		i = next
	}
	return append(tokens, token{kind: tokEOF, start: len(text), end: len(text)}), nil
}

func lexOne(text string, i int, ops []string) (token, int, error) {
	c := text[i]
	switch {
	case isIdentStart(c):
		j := i + 1
		for j < len(text) && isIdentPart(text[j]) {
			j++
		}
		word := text[i:j]
		if reserved(word) {
			return token{kind: tokKeyword, text: strings.ToUpper(word)}, j, nil
		}
		return token{kind: tokIdent, text: word}, j, nil
	case c == '@':
		j := i + 1
		for j < len(text) && isIdentPart(text[j]) {
			j++
		}
		if j == i+1 {
			return token{}, 0, nearError(text, i, j)
		}
		return token{kind: tokParam, text: text[i:j]}, j, nil
	case c >= '0' && c <= '9' || c == '.' && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9':
		j := numberEnd(text, i)
		return token{kind: tokNumber, text: text[i:j]}, j, nil
	case c == '\'' || c == '"':
		s, j, err := lexString(text, i)
		return token{kind: tokString, text: s}, j, err
	}
	for _, op := range ops {
		if strings.HasPrefix(text[i:], op) {
			return token{kind: tokOp, text: op}, i + len(op), nil
		}
	}
	_, size := utf8.DecodeRuneInString(text[i:])
	start, end := charOffset(text, i), charOffset(text, i+size)
	return token{}, 0, &SyntaxError{"SC1010", fmt.Sprintf("Syntax error, invalid token '%s'.", text[i:i+size]), start, end}
}

func isIdentStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}

func isIdentPart(c byte) bool { return isIdentStart(c) || c >= '0' && c <= '9' }

func numberEnd(text string, i int) int {
	digit := func(j int) bool { return j < len(text) && text[j] >= '0' && text[j] <= '9' }
	for digit(i) {
		i++
	}
	if i < len(text) && text[i] == '.' {
		for i++; digit(i); i++ {
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		j := i + 1
		if j < len(text) && (text[j] == '+' || text[j] == '-') {
			j++
		}
		if digit(j) {
			for i = j; digit(i); i++ {
			}
		}
	}
	return i
}

func lexString(text string, i int) (string, int, error) {
	quote := text[i]
	var out strings.Builder
	for j := i + 1; j < len(text); j++ {
		switch c := text[j]; {
		case c == quote && quote == '\'' && j+1 < len(text) && text[j+1] == quote:
			out.WriteByte(quote)
			j++
		case c == quote:
			return out.String(), j + 1, nil
		case c == '\\' && j+1 < len(text):
			n, ok := lexEscape(&out, text[j+1:])
			if !ok {
				return "", 0, nearError(text, j, j+2)
			}
			j += n
		default:
			out.WriteByte(c)
		}
	}
	return "", 0, &SyntaxError{"SC1012", "Syntax error, invalid string literal token '" + text[i:] + "'.", charOffset(text, i), charOffset(text, len(text))}
}

// lexEscape writes the character that follows a backslash and returns how many bytes it took.
func lexEscape(out *strings.Builder, rest string) (int, bool) {
	switch c := rest[0]; c {
	case 'b':
		out.WriteByte('\b')
	case 'f':
		out.WriteByte('\f')
	case 'n':
		out.WriteByte('\n')
	case 'r':
		out.WriteByte('\r')
	case 't':
		out.WriteByte('\t')
	case '\\', '/', '\'', '"':
		out.WriteByte(c)
	case 'u':
		var r rune
		if len(rest) < 5 {
			return 0, false
		}
		if _, err := fmt.Sscanf(rest[1:5], "%04x", &r); err != nil {
			return 0, false
		}
		out.WriteRune(r)
		return 5, true
	default:
		return 0, false
	}
	return 1, true
}

func charOffset(text string, i int) int { return utf8.RuneCountInString(text[:min(i, len(text))]) }

func nearError(text string, start, end int) error {
	end = min(end, len(text))
	return &SyntaxError{"SC1001", fmt.Sprintf("Syntax error, incorrect syntax near '%s'.", text[start:end]), charOffset(text, start), charOffset(text, end)}
}
