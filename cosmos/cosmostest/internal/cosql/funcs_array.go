package cosql

import (
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

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
