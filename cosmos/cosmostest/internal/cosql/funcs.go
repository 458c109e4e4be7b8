package cosql

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// function is a built-in with the number of arguments that it takes.
type function struct {
	min, max int
	call     func([]Value) Value
}

// builtin finds a function by its upper-case name.
func builtin(name string) (function, bool) {
	if f, ok := typeFunction(name); ok {
		return f, true
	}
	if f, ok := stringFunction(name); ok {
		return f, true
	}
	if f, ok := arrayFunction(name); ok {
		return f, true
	}
	return numberFunction(name)
}

func test(f func(Value) bool) function {
	return function{1, 1, func(a []Value) Value { return BoolValue(f(a[0])) }}
}

func typeFunction(name string) (function, bool) {
	kind := func(k Kind) function { return test(func(v Value) bool { return v.Kind == k }) }
	switch name {
	case "IS_DEFINED":
		return test(func(v Value) bool { return v.Kind != Undefined }), true
	case "IS_NULL":
		return kind(Null), true
	case "IS_BOOL":
		return kind(Bool), true
	case "IS_NUMBER":
		return kind(Number), true
	case "IS_STRING":
		return kind(String), true
	case "IS_ARRAY":
		return kind(Array), true
	case "IS_OBJECT":
		return kind(Object), true
	case "IS_PRIMITIVE":
		return test(func(v Value) bool { return v.Kind >= Null && v.Kind <= String }), true
	case "IS_FINITE_NUMBER":
		return test(func(v Value) bool { return v.Kind == Number && !math.IsInf(v.Num, 0) && !math.IsNaN(v.Num) }), true
	case "IS_INTEGER":
		return test(func(v Value) bool { return v.Kind == Number && v.Num == math.Trunc(v.Num) }), true
	case "IIF":
		return function{3, 3, func(a []Value) Value {
			if a[0].True() {
				return a[1]
			}
			return a[2]
		}}, true
	case "TOSTRING":
		return function{1, 1, func(a []Value) Value {
			if a[0].Kind == String || a[0].Kind == Undefined {
				return a[0]
			}
			out, err := a[0].AppendJSON(nil)
			if err != nil {
				return Value{}
			}
			return StringValue(string(out))
		}}, true
	}
	return function{}, false
}

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

func arrayFunction(name string) (function, bool) {
	switch name {
	case "ARRAY_LENGTH":
		return function{1, 1, func(a []Value) Value {
			if a[0].Kind != Array {
				return Value{}
			}
			return NumberValue(float64(len(elements(a[0]))))
		}}, true
	case "ARRAY_CONTAINS":
		return function{2, 3, func(a []Value) Value {
			if a[0].Kind != Array {
				return Value{}
			}
			if a[1].Kind == Undefined {
				return BoolValue(false)
			}
			for _, raw := range elements(a[0]) {
				v := FromRaw(raw)
				if Equal(v, a[1]) || len(a) == 3 && a[2].True() && partial(v, a[1]) {
					return BoolValue(true)
				}
			}
			return BoolValue(false)
		}}, true
	case "ARRAY_CONCAT":
		return function{2, 1 << 10, func(a []Value) Value {
			var all []string
			for _, v := range a {
				if v.Kind != Array {
					return Value{}
				}
				all = append(all, elements(v)...)
			}
			return arrayOf(all)
		}}, true
	case "ARRAY_SLICE":
		return function{2, 3, arraySlice}, true
	}
	return function{}, false
}

func elements(v Value) (out []string) {
	jsonraw.Elements(v.Raw(), func(raw string) bool { out = append(out, raw); return true })
	return out
}

func arrayOf(raw []string) Value {
	return Value{Kind: Array, Str: "[" + strings.Join(raw, ",") + "]"}
}

func arraySlice(a []Value) Value {
	if a[0].Kind != Array || a[1].Kind != Number || len(a) == 3 && a[2].Kind != Number {
		return Value{}
	}
	all := elements(a[0])
	size := float64(len(all)) // positions are clamped before they become integers
	start := a[1].Num
	if start < 0 {
		start += size
	}
	start = min(max(start, 0), size)
	end := size
	if len(a) == 3 {
		end = min(size, start+max(0, a[2].Num))
	}
	return arrayOf(all[int(start):int(end)])
}

// partial reports whether every member of the object want is in the object v with an equal value.
func partial(v, want Value) bool {
	if v.Kind != Object || want.Kind != Object {
		return false
	}
	same := true
	jsonraw.Members(want.Raw(), func(key, raw string) bool {
		m, w := v.member(key), FromRaw(raw)
		same = m.Kind != Undefined && (Equal(m, w) || partial(m, w))
		return same
	})
	return same
}

func numberFunction(name string) (function, bool) {
	one := func(f func(float64) float64) (function, bool) {
		return function{1, 1, func(a []Value) Value {
			if a[0].Kind != Number {
				return Value{}
			}
			return NumberValue(f(a[0].Num))
		}}, true
	}
	switch name {
	case "ABS":
		return one(math.Abs)
	case "FLOOR":
		return one(math.Floor)
	case "CEILING":
		return one(math.Ceil)
	case "ROUND":
		return one(math.Round)
	case "TRUNC":
		return one(math.Trunc)
	case "SQRT":
		return one(math.Sqrt)
	case "SQUARE":
		return one(func(f float64) float64 { return f * f })
	case "EXP":
		return one(math.Exp)
	case "LOG":
		return one(math.Log)
	case "LOG10":
		return one(math.Log10)
	case "SIGN":
		return one(func(f float64) float64 {
			switch {
			case f > 0:
				return 1
			case f < 0:
				return -1
			}
			return 0
		})
	case "POWER":
		return function{2, 2, func(a []Value) Value {
			if a[0].Kind != Number || a[1].Kind != Number {
				return Value{}
			}
			return NumberValue(math.Pow(a[0].Num, a[1].Num))
		}}, true
	case "PI":
		return function{0, 0, func([]Value) Value {
			return Value{Kind: Number, Num: math.Pi, Str: strconv.FormatFloat(math.Pi, 'f', -1, 64)}
		}}, true
	}
	return function{}, false
}
