package cosql

import (
	"fmt"
	"strconv"
	"strings"
)

func (p *parser) query() (*Query, error) {
	defer func() { p.depth-- }()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	if err := p.expectWord("SELECT"); err != nil {
		return nil, err
	}
	q := &Query{}
	outer, depth := p.query0, len(p.scope)
	p.query0 = q
	defer func() { p.query0, p.scope = outer, p.scope[:depth] }()

	// The aliases of FROM are in scope in the SELECT clause before it, so the clause is parsed after FROM.
	q.Distinct = p.acceptWord("DISTINCT")
	var err error
	if p.acceptWord("TOP") {
		if q.Top, err = p.count(); err != nil {
			return nil, err
		}
	}
	selectAt := p.pos
	if err := p.skipSelect(); err != nil {
		return nil, err
	}
	fromAt := p.pos
	if p.acceptWord("FROM") {
		if err := p.from(q); err != nil {
			return nil, err
		}
	}
	afterFrom := p.pos
	p.pos = selectAt
	if err := p.selectClause(q); err != nil {
		return nil, err
	}
	if p.pos != fromAt {
		return nil, p.unexpected()
	}
	p.pos = afterFrom
	return q, p.tail(q)
}

// skipSelect moves to the FROM of this query, or to its end.
func (p *parser) skipSelect() error {
	depth := 0
	for ; ; p.pos++ {
		t := p.peek()
		switch {
		case t.kind == tokEOF:
			return nil
		case t.kind == tokOp && (t.text == "(" || t.text == "[" || t.text == "{"):
			depth++
		case t.kind == tokOp && (t.text == ")" || t.text == "]" || t.text == "}"):
			if depth == 0 {
				return nil
			}
			depth--
		case depth == 0 && t.kind == tokKeyword && (t.text == "FROM" || t.text == "WHERE" || t.text == "ORDER" ||
			t.text == "GROUP" || t.text == "OFFSET"):
			return nil
		}
	}
}

func (p *parser) selectClause(q *Query) error {
	if p.acceptOp("*") {
		q.Star = true
		if len(q.From) == 0 {
			return &SyntaxError{"SC2001", "'SELECT *' is not valid if FROM clause is omitted.", 0, charOffset(p.text, len(p.text))}
		}
		return nil
	}
	if p.acceptWord("VALUE") {
		var err error
		q.Value, err = p.expr()
		return err
	}
	names := map[string]bool{}
	unnamed := 0
	for {
		start := p.peek()
		e, err := p.expr()
		if err != nil {
			return err
		}
		item := SelectItem{Expr: e}
		switch t := p.peek(); {
		case p.acceptWord("AS"):
			if t = p.next(); t.kind != tokIdent {
				return p.reject(t)
			}
			item.Name, item.Explicit = t.text, true
		case t.kind == tokIdent:
			p.pos++
			item.Name, item.Explicit = t.text, true
		default:
			if item.Name = defaultName(e); item.Name == "" {
				unnamed++
				item.Name = "$" + strconv.Itoa(unnamed)
			}
		}
		if names[item.Name] {
			return &SyntaxError{"SC2022", fmt.Sprintf("Object creation error, property name '%s' specified more than once.", item.Name),
				charOffset(p.text, start.start), charOffset(p.text, p.tokens[p.pos-1].end)}
		}
		names[item.Name] = true
		q.Items = append(q.Items, item)
		if !p.acceptOp(",") {
			return nil
		}
	}
}

func defaultName(e Expr) string {
	switch e := e.(type) {
	case *Member:
		return e.Name
	case *Var:
		return e.Name
	case *Index:
		if l, ok := e.At.(*Literal); ok && l.Value.Kind == String {
			return l.Value.Str
		}
	}
	return ""
}

func (p *parser) from(q *Query) error {
	for first := true; ; first = false {
		s, err := p.source(first)
		if err != nil {
			return err
		}
		q.From = append(q.From, s)
		p.scope = append(p.scope, s.Alias)
		if !p.acceptWord("JOIN") {
			return nil
		}
	}
}

func (p *parser) source(first bool) (Source, error) {
	if p.acceptOp("(") {
		return p.derived(Source{})
	}
	t := p.next()
	if t.kind != tokIdent {
		return Source{}, p.reject(t)
	}
	if p.acceptWord("IN") {
		s := Source{Alias: t.text, Each: true}
		if p.acceptOp("(") {
			return p.derived(s)
		}
		base := p.next()
		if base.kind != tokIdent {
			return Source{}, p.reject(base)
		}
		var err error
		s.Path, err = p.sourcePath(base, &s)
		return s, err
	}
	s := Source{Alias: t.text}
	path, err := p.sourcePath(t, &s)
	if err != nil {
		return s, err
	}
	if path != nil {
		s.Path = path
		s.Alias = defaultName(path)
	} else if !first {
		return s, &SyntaxError{"SC2001", fmt.Sprintf("Identifier '%s' could not be resolved.", t.text), charOffset(p.text, t.start), charOffset(p.text, t.end)}
	}
	explicit := p.acceptWord("AS")
	if a := p.peek(); a.kind == tokIdent {
		p.pos++
		s.Alias = a.text
	} else if explicit {
		return s, p.unexpected()
	}
	return s, nil
}

// sourcePath parses the steps after the first identifier of a source. A nil expression is the container itself.
func (p *parser) sourcePath(base token, s *Source) (Expr, error) {
	var e Expr = &Var{Name: base.text}
	if !p.inScope(base.text) {
		s.Name = base.text
		e = &Var{Name: ""}
	}
	steps, err := p.steps(e)
	if err != nil {
		return nil, err
	}
	if v, ok := steps.(*Var); ok && v.Name == "" && !s.Each {
		return nil, nil
	}
	return steps, nil
}

func (p *parser) derived(s Source) (Source, error) {
	sub, err := p.query()
	if err != nil {
		return s, err
	}
	if err := p.expectOp(")"); err != nil {
		return s, err
	}
	s.Sub = sub
	p.acceptWord("AS")
	if t := p.peek(); s.Alias == "" && t.kind == tokIdent {
		p.pos++
		s.Alias = t.text
	}
	return s, nil
}

func (p *parser) inScope(name string) bool {
	for _, s := range p.scope {
		if s == name {
			return true
		}
	}
	return false
}

func (p *parser) tail(q *Query) error {
	var err error
	if p.acceptWord("WHERE") {
		if q.Where, err = p.expr(); err != nil {
			return err
		}
	}
	if p.acceptWord("GROUP") {
		if err := p.expectWord("BY"); err != nil {
			return err
		}
		for more := true; more; more = p.acceptOp(",") {
			e, err := p.expr()
			if err != nil {
				return err
			}
			q.GroupBy = append(q.GroupBy, e)
		}
	}
	if p.acceptWord("ORDER") {
		if err := p.expectWord("BY"); err != nil {
			return err
		}
		for more := true; more; more = p.acceptOp(",") {
			e, err := p.expr()
			if err != nil {
				return err
			}
			k := OrderKey{Expr: e, Desc: p.acceptWord("DESC")}
			if !k.Desc {
				p.acceptWord("ASC")
			}
			q.OrderBy = append(q.OrderBy, k)
		}
	}
	if p.acceptWord("OFFSET") {
		if q.Offset, err = p.count(); err != nil {
			return err
		}
		if err := p.expectWord("LIMIT"); err != nil {
			return err
		}
		q.Limit, err = p.count()
	}
	return err
}

// count parses the operand of TOP, OFFSET and LIMIT: a number or a parameter.
func (p *parser) count() (Expr, error) {
	t := p.next()
	switch t.kind {
	case tokParam:
		return &Param{Name: t.text}, nil
	case tokNumber:
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return &Literal{Value: NumberValue(float64(n))}, nil
		}
	}
	return nil, p.reject(t)
}

func isAggregate(name string) bool {
	switch strings.ToUpper(name) {
	case "COUNT", "SUM", "MIN", "MAX", "AVG":
		return true
	}
	return false
}
