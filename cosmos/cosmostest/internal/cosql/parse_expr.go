package cosql

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *parser) expr() (Expr, error) {
	defer func() { p.depth-- }()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	cond, err := p.binary(0)
	if err != nil || !p.acceptOp("?") {
		return cond, err
	}
	then, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expectOp(":"); err != nil {
		return nil, err
	}
	otherwise, err := p.expr()
	return &Conditional{If: cond, Then: then, Else: otherwise}, err
}

// level returns the binary operator at the current token if it belongs to a precedence level, weakest first.
func (p *parser) level(n int) (string, bool) {
	t := p.peek()
	if t.kind != tokOp && t.kind != tokKeyword {
		return "", false
	}
	levels := [...]string{" ?? ", " OR ", " AND ", "NOT", " = != <> < > <= >= BETWEEN IN LIKE ", " | ", " ^ ", " & ",
		" << >> >>> ", " + - || ", " * / % "}
	return t.text, strings.Contains(levels[n], " "+t.text+" ")
}

const (
	levelNot     = 3
	levelCompare = 4
	levelUnary   = 11
)

func (p *parser) binary(n int) (Expr, error) {
	if n == levelUnary {
		return p.unary()
	}
	if n == levelNot {
		if p.acceptWord("NOT") {
			defer func() { p.depth-- }()
			if err := p.deeper(); err != nil {
				return nil, err
			}
			x, err := p.binary(levelNot)
			return &Unary{Op: "NOT", X: x}, err
		}
		return p.binary(n + 1)
	}
	x, err := p.binary(n + 1)
	for err == nil {
		if n == levelCompare {
			var more bool
			if x, more, err = p.comparison(x); !more || err != nil {
				return x, err
			}
			continue
		}
		op, ok := p.level(n)
		if !ok {
			return x, nil
		}
		p.pos++
		var y Expr
		if y, err = p.binary(n + 1); err == nil {
			x = &Binary{Op: op, X: x, Y: y}
		}
	}
	return nil, err
}

// comparison parses one comparison that has x on its left; more is false when there is none.
func (p *parser) comparison(x Expr) (e Expr, more bool, err error) {
	not := false
	if p.isWord("NOT") {
		if t := p.tokens[p.pos+1]; t.kind == tokKeyword && (t.text == "BETWEEN" || t.text == "IN" || t.text == "LIKE") {
			p.pos++
			not = true
		}
	}
	op, ok := p.level(levelCompare)
	if !ok {
		return x, false, nil
	}
	p.pos++
	switch op {
	case "BETWEEN":
		low, err := p.binary(levelCompare + 1)
		if err != nil {
			return nil, false, err
		}
		if err := p.expectWord("AND"); err != nil {
			return nil, false, err
		}
		high, err := p.binary(levelCompare + 1)
		return &Between{X: x, Low: low, High: high, Not: not}, true, err
	case "IN":
		if err := p.expectOp("("); err != nil {
			return nil, false, err
		}
		list, err := p.list(")")
		return &In{X: x, List: list, Not: not}, true, err
	case "LIKE":
		pattern, err := p.binary(levelCompare + 1)
		if err != nil {
			return nil, false, err
		}
		like := &Like{X: x, Pattern: pattern, Not: not}
		if p.acceptWord("ESCAPE") {
			like.Escape, err = p.binary(levelCompare + 1)
		}
		return like, true, err
	}
	y, err := p.binary(levelCompare + 1)
	if op == "<>" {
		op = "!="
	}
	return &Binary{Op: op, X: x, Y: y}, true, err
}

// list parses expressions separated by commas up to the closing operator.
func (p *parser) list(end string) ([]Expr, error) {
	var out []Expr
	if p.acceptOp(end) {
		return nil, nil
	}
	for {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		if p.acceptOp(end) {
			return out, nil
		}
		if err := p.expectOp(","); err != nil {
			return nil, err
		}
	}
}

func (p *parser) unary() (Expr, error) {
	for _, op := range []string{"-", "+", "~"} {
		if p.acceptOp(op) {
			defer func() { p.depth-- }()
			if err := p.deeper(); err != nil {
				return nil, err
			}
			x, err := p.unary()
			if l, ok := x.(*Literal); ok && l.Value.Kind == Number && op == "-" {
				return &Literal{Value: NumberValue(-l.Value.Num)}, err
			}
			return &Unary{Op: op, X: x}, err
		}
	}
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.steps(e)
}

// steps parses .name and [index] after an expression.
func (p *parser) steps(e Expr) (Expr, error) {
	for {
		switch {
		case p.acceptOp("."):
			t := p.next()
			if t.kind != tokIdent {
				return nil, p.reject(t)
			}
			e = &Member{Base: e, Name: t.text}
		case p.acceptOp("["):
			at, err := p.expr()
			if err != nil {
				return nil, err
			}
			if err := p.expectOp("]"); err != nil {
				return nil, err
			}
			if l, ok := at.(*Literal); ok && l.Value.Kind == String {
				e = &Member{Base: e, Name: l.Value.Str}
			} else {
				e = &Index{Base: e, At: at}
			}
		default:
			return e, nil
		}
	}
}

func (p *parser) primary() (Expr, error) {
	t := p.next()
	switch t.kind {
	case tokNumber:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, p.reject(t)
		}
		return &Literal{Value: NumberValue(f)}, nil
	case tokString:
		return &Literal{Value: StringValue(t.text)}, nil
	case tokParam:
		return &Param{Name: t.text}, nil
	case tokIdent:
		if p.isOp("(") {
			return p.call(t)
		}
		if !p.inScope(t.text) {
			return nil, &SyntaxError{"SC2001", fmt.Sprintf("Identifier '%s' could not be resolved.", t.text), charOffset(p.text, t.start), charOffset(p.text, t.end)}
		}
		return &Var{Name: t.text}, nil
	case tokOp:
		switch t.text {
		case "(":
			return p.parenthesis("")
		case "[":
			list, err := p.list("]")
			return &ArrayExpr{Exprs: list}, err
		case "{":
			return p.object()
		}
	case tokKeyword:
		return p.keyword(t)
	}
	return nil, p.reject(t)
}

func (p *parser) keyword(t token) (Expr, error) {
	switch t.text {
	case "TRUE", "FALSE":
		return &Literal{Value: BoolValue(t.text == "TRUE")}, nil
	case "NULL":
		return &Literal{Value: Value{Kind: Null}}, nil
	case "UNDEFINED":
		return &Literal{}, nil
	case "EXISTS", "ARRAY":
		if err := p.expectOp("("); err != nil {
			return nil, err
		}
		return p.parenthesis(t.text)
	case "UDF":
		if p.acceptOp(".") {
			name := p.next()
			return nil, &SyntaxError{"SC2005", fmt.Sprintf("'udf.%s' is not a recognized user-defined function name.", name.text), charOffset(p.text, t.start), charOffset(p.text, name.end)}
		}
	}
	return nil, p.reject(t)
}

// parenthesis parses what follows an opening parenthesis: a subquery or, without a word before it, an expression.
func (p *parser) parenthesis(kind string) (Expr, error) {
	if p.isWord("SELECT") {
		outer := p.query0
		sub, err := p.query()
		p.query0 = outer
		if err != nil {
			return nil, err
		}
		return &Subquery{Kind: kind, Query: sub}, p.expectOp(")")
	}
	if kind != "" {
		return nil, p.unexpected()
	}
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	return e, p.expectOp(")")
}

func (p *parser) object() (Expr, error) {
	o := &ObjectExpr{}
	if p.acceptOp("}") {
		return o, nil
	}
	seen := map[string]bool{}
	for {
		t := p.next()
		if t.kind != tokString && t.kind != tokIdent && t.kind != tokKeyword {
			return nil, p.reject(t)
		}
		name := t.text
		if t.kind == tokKeyword {
			name = p.text[t.start:t.end]
		}
		if seen[name] {
			return nil, &SyntaxError{"SC2022", fmt.Sprintf("Object creation error, property name '%s' specified more than once.", name), charOffset(p.text, t.start), charOffset(p.text, t.end)}
		}
		seen[name] = true
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		o.Names, o.Exprs = append(o.Names, name), append(o.Exprs, e)
		if p.acceptOp("}") {
			return o, nil
		}
		if err := p.expectOp(","); err != nil {
			return nil, err
		}
	}
}

func (p *parser) call(name token) (Expr, error) {
	p.pos++ // the parenthesis
	c := &Call{Name: strings.ToUpper(name.text), agg: -1}
	if isAggregate(c.Name) {
		c.agg = len(p.query0.aggregates)
		p.query0.aggregates = append(p.query0.aggregates, c)
	} else {
		f, ok := builtin(c.Name)
		if !ok {
			return nil, &SyntaxError{"SC2005", fmt.Sprintf("'%s' is not a recognized built-in function name.", name.text), charOffset(p.text, name.start), charOffset(p.text, name.end)}
		}
		c.fn = f
	}
	args, err := p.list(")")
	if err != nil {
		return nil, err
	}
	c.Args = args
	low, high := c.fn.min, c.fn.max
	if c.agg >= 0 {
		low, high = 1, 1
	}
	if len(args) < low || len(args) > high {
		return nil, &SyntaxError{"SC2047", fmt.Sprintf("The %s function requires %d to %d argument(s).", c.Name, low, high), charOffset(p.text, name.start), charOffset(p.text, p.tokens[p.pos-1].end)}
	}
	return c, nil
}
