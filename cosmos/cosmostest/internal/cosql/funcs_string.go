package cosql

import (
	"strings"
	"unicode/utf8"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// compareStrings makes a test of two strings with an optional third argument that ignores case.
func compareStrings(f func(s, t string) bool) function {
	return function{2, 3, func(a []Value) Value {
		if a[0].Kind != String || a[1].Kind != String {
			return Value{}
		}
		if len(a) == 3 && a[2].True() {
			return BoolValue(f(strings.ToLower(a[0].Str), strings.ToLower(a[1].Str)))
		}
		return BoolValue(f(a[0].Str, a[1].Str))
	}}
}

func mapString(f func(string) Value) function {
	return function{1, 1, func(a []Value) Value {
		if a[0].Kind != String {
			return Value{}
		}
		return f(a[0].Str)
	}}
}

func stringFunction(name string) (function, bool) {
	text := func(f func(string) string) function {
		return mapString(func(s string) Value { return StringValue(f(s)) })
	}
	switch name {
	case "STARTSWITH":
		return compareStrings(strings.HasPrefix), true
	case "ENDSWITH":
		return compareStrings(strings.HasSuffix), true
	case "CONTAINS":
		return compareStrings(strings.Contains), true
	case "STRINGEQUALS":
		return compareStrings(func(s, t string) bool { return s == t }), true
	case "UPPER":
		return text(strings.ToUpper), true
	case "LOWER":
		return text(strings.ToLower), true
	case "TRIM":
		return text(strings.TrimSpace), true
	case "LTRIM":
		return text(func(s string) string { return strings.TrimLeft(s, " \t\r\n") }), true
	case "RTRIM":
		return text(func(s string) string { return strings.TrimRight(s, " \t\r\n") }), true
	case "REVERSE":
		return text(reverse), true
	case "LENGTH":
		return mapString(func(s string) Value { return NumberValue(float64(utf8.RuneCountInString(s))) }), true
	case "STRINGTONUMBER":
		return mapString(func(s string) Value { return parsed(s, Number) }), true
	case "STRINGTOBOOLEAN":
		return mapString(func(s string) Value { return parsed(s, Bool) }), true
	case "STRINGTONULL":
		return mapString(func(s string) Value { return parsed(s, Null) }), true
	case "STRINGTOARRAY":
		return mapString(func(s string) Value { return parsed(s, Array) }), true
	case "STRINGTOOBJECT":
		return mapString(func(s string) Value { return parsed(s, Object) }), true
	case "CONCAT":
		return function{2, 1 << 10, concat}, true
	case "INDEX_OF":
		return function{2, 2, func(a []Value) Value {
			if a[0].Kind != String || a[1].Kind != String {
				return Value{}
			}
			i := strings.Index(a[0].Str, a[1].Str)
			if i > 0 {
				i = utf8.RuneCountInString(a[0].Str[:i])
			}
			return NumberValue(float64(i))
		}}, true
	case "REPLACE":
		return function{3, 3, func(a []Value) Value {
			if a[0].Kind != String || a[1].Kind != String || a[2].Kind != String {
				return Value{}
			}
			return StringValue(strings.ReplaceAll(a[0].Str, a[1].Str, a[2].Str))
		}}, true
	case "SUBSTRING":
		return function{3, 3, func(a []Value) Value { return substring(a[0], a[1], a[2]) }}, true
	case "LEFT":
		return function{2, 2, func(a []Value) Value { return substring(a[0], NumberValue(0), a[1]) }}, true
	case "RIGHT":
		return function{2, 2, func(a []Value) Value {
			n := float64(utf8.RuneCountInString(a[0].Str))
			return substring(a[0], NumberValue(max(0, n-a[1].Num)), a[1])
		}}, true
	}
	return function{}, false
}

func concat(a []Value) Value {
	var b strings.Builder
	for _, v := range a {
		if v.Kind != String {
			return Value{}
		}
		b.WriteString(v.Str)
	}
	return StringValue(b.String())
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func substring(s, from, length Value) Value {
	if s.Kind != String || from.Kind != Number || length.Kind != Number {
		return Value{}
	}
	runes := []rune(s.Str)
	start := int(min(max(from.Num, 0), float64(len(runes))))
	end := int(min(max(float64(start)+length.Num, float64(start)), float64(len(runes))))
	return StringValue(string(runes[start:end]))
}

func parsed(s string, kind Kind) Value {
	raw, err := jsonraw.Normalize([]byte(s))
	if err != nil {
		return Value{}
	}
	if v := FromRaw(raw); v.Kind == kind {
		return v
	}
	return Value{}
}
