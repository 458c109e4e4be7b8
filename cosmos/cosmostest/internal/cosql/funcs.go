package cosql

import (
	"math"
	"strconv"
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
