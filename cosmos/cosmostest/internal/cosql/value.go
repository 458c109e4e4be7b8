package cosql

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// Kind is the type of a [Value], in the order that ORDER BY gives to values of different types.
type Kind uint8

// The kinds of value. Undefined is what a missing member evaluates to; it is no JSON value.
const (
	Undefined Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Doc is a document that a query reads: an object whose members are looked up one at a time.
type Doc interface {
	// Member returns the raw JSON of a top-level member.
	Member(name string) (raw string, ok bool)
	// JSON returns the whole document.
	JSON() string
}

// Value is a value of the query language. The zero Value is undefined.
type Value struct {
	Kind Kind
	Bool bool
	Num  float64
	// Str is the text of a string, the raw JSON of an array or object, and for a number its stored spelling, or
	// nothing when it was computed.
	Str string
	// Doc is set for an object that is a document; Str is then empty.
	Doc Doc
}

// ErrNotJSON is returned for a result that JSON cannot represent: an infinite number or none.
var ErrNotJSON = errors.New("the response content contains a numeric value that cannot be represented in JSON")

// FromRaw returns the value of a normalised JSON text.
func FromRaw(raw string) Value {
	switch raw[0] {
	case 'n':
		return Value{Kind: Null}
	case 't', 'f':
		return BoolValue(raw[0] == 't')
	case '"':
		return StringValue(jsonraw.Unquote(raw))
	case '[':
		return Value{Kind: Array, Str: raw}
	case '{':
		return Value{Kind: Object, Str: raw}
	}
	f, _ := strconv.ParseFloat(raw, 64)
	return Value{Kind: Number, Num: f, Str: raw}
}

// BoolValue returns a boolean.
func BoolValue(b bool) Value { return Value{Kind: Bool, Bool: b} }

// NumberValue returns a computed number.
func NumberValue(f float64) Value { return Value{Kind: Number, Num: f} }

// StringValue returns a string.
func StringValue(s string) Value { return Value{Kind: String, Str: s} }

// Raw returns the JSON text of an array or object.
func (v Value) Raw() string {
	if v.Doc != nil {
		return v.Doc.JSON()
	}
	return v.Str
}

// True reports whether v is the boolean true.
func (v Value) True() bool { return v.Kind == Bool && v.Bool }

func (v Value) member(name string) Value {
	if v.Kind != Object {
		return Value{}
	}
	raw, ok := "", false
	if v.Doc != nil {
		raw, ok = v.Doc.Member(name)
	} else {
		raw, ok = jsonraw.Lookup(v.Str, name)
	}
	if !ok {
		return Value{}
	}
	return FromRaw(raw)
}

func (v Value) element(i int) Value {
	if v.Kind != Array || i < 0 {
		return Value{}
	}
	raw, ok := jsonraw.Index(v.Str, i)
	if !ok {
		return Value{}
	}
	return FromRaw(raw)
}

// AppendJSON appends v as JSON. Undefined appends nothing; callers leave such values out.
func (v Value) AppendJSON(dst []byte) ([]byte, error) {
	switch v.Kind {
	case Null:
		return append(dst, "null"...), nil
	case Bool:
		return strconv.AppendBool(dst, v.Bool), nil
	case Number:
		if v.Str != "" {
			return append(dst, v.Str...), nil
		}
		if math.IsInf(v.Num, 0) || math.IsNaN(v.Num) {
			return dst, ErrNotJSON
		}
		return jsonraw.AppendComputed(dst, v.Num), nil
	case String:
		return jsonraw.AppendQuote(dst, v.Str), nil
	case Array, Object:
		return append(dst, v.Raw()...), nil
	}
	return dst, nil
}

// Compare orders two values as ORDER BY does: by kind, then by value; arrays and objects by their text.
func Compare(a, b Value) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	switch a.Kind {
	case Bool:
		switch {
		case a.Bool == b.Bool:
			return 0
		case b.Bool:
			return -1
		}
		return 1
	case Number:
		return cmp.Compare(a.Num, b.Num)
	case String:
		return strings.Compare(a.Str, b.Str)
	case Array, Object:
		return strings.Compare(a.Raw(), b.Raw())
	}
	return 0
}

// Equal reports whether two defined values are the same; the order of an object's members does not count.
func Equal(a, b Value) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Array:
		return equalArrays(a.Raw(), b.Raw())
	case Object:
		return equalObjects(a.Raw(), b.Raw())
	}
	return Compare(a, b) == 0
}

func equalArrays(a, b string) bool {
	if a == b {
		return true
	}
	var left, right []string
	jsonraw.Elements(a, func(v string) bool { left = append(left, v); return true })
	jsonraw.Elements(b, func(v string) bool { right = append(right, v); return true })
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if !Equal(FromRaw(left[i]), FromRaw(right[i])) {
			return false
		}
	}
	return true
}

func equalObjects(a, b string) bool {
	if a == b {
		return true
	}
	left, right, same := 0, 0, true
	jsonraw.Members(b, func(string, string) bool { right++; return true })
	jsonraw.Members(a, func(key, value string) bool {
		left++
		other, ok := jsonraw.Lookup(b, key)
		same = ok && Equal(FromRaw(value), FromRaw(other))
		return same
	})
	return same && left == right
}
