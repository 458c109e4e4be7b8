package cosql

import (
	"math"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// env is what an expression is evaluated in: the aliases of its query, then those of the enclosing ones.
type env struct {
	params map[string]Value
	names  []string
	values []Value
	aggs   []Value // results of the statement's aggregates, when it has any
	root   Value
	err    *error
}

func (e *env) lookup(name string) Value {
	if name == "" {
		return e.root
	}
	for i := len(e.names) - 1; i >= 0; i-- {
		if e.names[i] == name {
			return e.values[i]
		}
	}
	return Value{}
}

// with returns an environment with one more alias.
func (e *env) with(name string, v Value) *env {
	n := *e
	n.names = append(e.names[:len(e.names):len(e.names)], name)
	n.values = append(e.values[:len(e.values):len(e.values)], v)
	return &n
}

func (l *Literal) eval(*env) Value  { return l.Value }
func (p *Param) eval(e *env) Value  { return e.params[p.Name] }
func (v *Var) eval(e *env) Value    { return e.lookup(v.Name) }
func (m *Member) eval(e *env) Value { return m.Base.eval(e).member(m.Name) }

func (x *Index) eval(e *env) Value {
	base, at := x.Base.eval(e), x.At.eval(e)
	switch {
	case at.Kind == String:
		return base.member(at.Str)
	case at.Kind == Number && at.Num == math.Trunc(at.Num):
		return base.element(int(at.Num))
	}
	return Value{}
}

func (u *Unary) eval(e *env) Value {
	x := u.X.eval(e)
	switch {
	case u.Op == "NOT":
		if x.Kind == Bool {
			return BoolValue(!x.Bool)
		}
	case x.Kind != Number:
	case u.Op == "-":
		return NumberValue(-x.Num)
	case u.Op == "+":
		return x
	case u.Op == "~":
		return NumberValue(float64(^int32(int64(x.Num))))
	}
	return Value{}
}

func (b *Binary) eval(e *env) Value {
	switch b.Op {
	case "AND":
		return logic(b, e, false)
	case "OR":
		return logic(b, e, true)
	case "??":
		if x := b.X.eval(e); x.Kind != Undefined {
			return x
		}
		return b.Y.eval(e)
	}
	x, y := b.X.eval(e), b.Y.eval(e)
	switch b.Op {
	case "=", "!=":
		if x.Kind == Undefined || y.Kind == Undefined {
			return Value{}
		}
		return BoolValue(Equal(x, y) == (b.Op == "="))
	case "<", ">", "<=", ">=":
		return ordered(b.Op, x, y)
	case "||":
		if x.Kind == String && y.Kind == String {
			return StringValue(x.Str + y.Str)
		}
		return Value{}
	}
	if x.Kind != Number || y.Kind != Number {
		return Value{}
	}
	return arithmetic(b.Op, x.Num, y.Num)
}

// logic evaluates AND and OR: the deciding value wins over undefined, from whichever side it comes.
func logic(b *Binary, e *env, deciding bool) Value {
	x := b.X.eval(e)
	if x.Kind == Bool && x.Bool == deciding {
		return x
	}
	y := b.Y.eval(e)
	if y.Kind == Bool && (y.Bool == deciding || x.Kind == Bool) {
		return y
	}
	return Value{}
}

func ordered(op string, x, y Value) Value {
	if x.Kind != y.Kind || x.Kind == Undefined || x.Kind >= Array {
		return Value{}
	}
	c := Compare(x, y)
	switch op {
	case "<":
		return BoolValue(c < 0)
	case ">":
		return BoolValue(c > 0)
	case "<=":
		return BoolValue(c <= 0)
	}
	return BoolValue(c >= 0)
}

func arithmetic(op string, x, y float64) Value {
	switch op {
	case "+":
		return NumberValue(x + y)
	case "-":
		return NumberValue(x - y)
	case "*":
		return NumberValue(x * y)
	case "/":
		return NumberValue(x / y)
	case "%":
		return NumberValue(math.Mod(x, y))
	}
	a, b := int32(int64(x)), int32(int64(y))
	switch op {
	case "&":
		return NumberValue(float64(a & b))
	case "|":
		return NumberValue(float64(a | b))
	case "^":
		return NumberValue(float64(a ^ b))
	case "<<":
		return NumberValue(float64(a << (uint32(b) & 31)))
	case ">>":
		return NumberValue(float64(a >> (uint32(b) & 31)))
	case ">>>":
		return NumberValue(float64(uint32(a) >> (uint32(b) & 31)))
	}
	return Value{}
}

func negate(v Value, not bool) Value {
	if not && v.Kind == Bool {
		return BoolValue(!v.Bool)
	}
	return v
}

func (b *Between) eval(e *env) Value {
	x := b.X.eval(e)
	low, high := ordered(">=", x, b.Low.eval(e)), ordered("<=", x, b.High.eval(e))
	if low.Kind == Bool && !low.Bool || high.Kind == Bool && !high.Bool {
		return negate(BoolValue(false), b.Not)
	}
	if low.Kind == Undefined || high.Kind == Undefined {
		return Value{}
	}
	return negate(BoolValue(true), b.Not)
}

func (n *In) eval(e *env) Value {
	x := n.X.eval(e)
	if x.Kind == Undefined {
		return Value{}
	}
	for _, item := range n.List {
		if y := item.eval(e); y.Kind != Undefined && Equal(x, y) {
			return BoolValue(!n.Not)
		}
	}
	return BoolValue(n.Not)
}

func (l *Like) eval(e *env) Value {
	x, pattern := l.X.eval(e), l.Pattern.eval(e)
	if x.Kind != String || pattern.Kind != String {
		return Value{}
	}
	escape := ""
	if l.Escape != nil {
		escape = l.Escape.eval(e).Str
	}
	return BoolValue(likeMatch(x.Str, pattern.Str, escape) != l.Not)
}

func (c *Conditional) eval(e *env) Value {
	if c.If.eval(e).True() {
		return c.Then.eval(e)
	}
	return c.Else.eval(e)
}

func (c *Call) eval(e *env) Value {
	if c.agg >= 0 {
		if c.agg < len(e.aggs) {
			return e.aggs[c.agg]
		}
		return Value{}
	}
	args := make([]Value, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.eval(e)
	}
	return c.fn.call(args)
}

func (o *ObjectExpr) eval(e *env) Value {
	out := []byte{'{'}
	for i, x := range o.Exprs {
		v := x.eval(e)
		if v.Kind == Undefined {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(jsonraw.AppendQuote(out, o.Names[i]), ':')
		out = e.append(out, v)
	}
	return Value{Kind: Object, Str: string(append(out, '}'))}
}

func (a *ArrayExpr) eval(e *env) Value {
	out := []byte{'['}
	for i, x := range a.Exprs {
		if i > 0 {
			out = append(out, ',')
		}
		v := x.eval(e)
		if v.Kind == Undefined {
			v = Value{Kind: Null}
		}
		out = e.append(out, v)
	}
	return Value{Kind: Array, Str: string(append(out, ']'))}
}

// append adds v to a text under construction and remembers a number that JSON cannot hold.
func (e *env) append(dst []byte, v Value) []byte {
	out, err := v.AppendJSON(dst)
	if err != nil {
		if *e.err == nil {
			*e.err = err
		}
		return append(out, "null"...)
	}
	return out
}

func (s *Subquery) eval(e *env) Value {
	out, count, first := []byte{'['}, 0, Value{}
	s.Query.run(e, func(v Value) bool {
		if count == 0 {
			first = v
		} else {
			out = append(out, ',')
		}
		out = e.append(out, v)
		count++
		return s.Kind != "EXISTS"
	})
	switch s.Kind {
	case "EXISTS":
		return BoolValue(count > 0)
	case "ARRAY":
		return Value{Kind: Array, Str: string(append(out, ']'))}
	}
	return first
}
