package cosql

import (
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// printer writes expressions in the spelling that the gateway uses in rewritten queries.
type printer struct{ strings.Builder }

func text(e Expr) string {
	var p printer
	e.print(&p)
	return p.String()
}

func (p *printer) list(exprs []Expr) {
	for i, e := range exprs {
		if i > 0 {
			p.WriteString(", ")
		}
		e.print(p)
	}
}

func (l *Literal) print(p *printer) {
	if l.Value.Kind == Undefined {
		p.WriteString("undefined")
		return
	}
	out, _ := l.Value.AppendJSON(nil)
	p.Write(out)
}

func (x *Param) print(p *printer) { p.WriteString(x.Name) }
func (v *Var) print(p *printer)   { p.WriteString(v.Name) }

func (m *Member) print(p *printer) {
	m.Base.print(p)
	plain := m.Name != "" && isIdentStart(m.Name[0]) && !reserved(m.Name)
	for i := 1; plain && i < len(m.Name); i++ {
		plain = isIdentPart(m.Name[i])
	}
	if plain {
		p.WriteString("." + m.Name)
		return
	}
	p.WriteString("[" + jsonraw.Quote(m.Name) + "]")
}

func (x *Index) print(p *printer) {
	x.Base.print(p)
	p.WriteByte('[')
	x.At.print(p)
	p.WriteByte(']')
}

func (u *Unary) print(p *printer) {
	p.WriteString("(" + u.Op)
	if u.Op == "NOT" {
		p.WriteByte(' ')
	}
	u.X.print(p)
	p.WriteByte(')')
}

func (b *Binary) print(p *printer) {
	p.WriteByte('(')
	b.X.print(p)
	p.WriteString(" " + b.Op + " ")
	b.Y.print(p)
	p.WriteByte(')')
}

func (p *printer) not(not bool) {
	if not {
		p.WriteString(" NOT")
	}
}

func (b *Between) print(p *printer) {
	p.WriteByte('(')
	b.X.print(p)
	p.not(b.Not)
	p.WriteString(" BETWEEN ")
	b.Low.print(p)
	p.WriteString(" AND ")
	b.High.print(p)
	p.WriteByte(')')
}

func (n *In) print(p *printer) {
	p.WriteByte('(')
	n.X.print(p)
	p.not(n.Not)
	p.WriteString(" IN (")
	p.list(n.List)
	p.WriteString("))")
}

func (l *Like) print(p *printer) {
	p.WriteByte('(')
	l.X.print(p)
	p.not(l.Not)
	p.WriteString(" LIKE ")
	l.Pattern.print(p)
	if l.Escape != nil {
		p.WriteString(" ESCAPE ")
		l.Escape.print(p)
	}
	p.WriteByte(')')
}

func (c *Conditional) print(p *printer) {
	p.WriteByte('(')
	c.If.print(p)
	p.WriteString(" ? ")
	c.Then.print(p)
	p.WriteString(" : ")
	c.Else.print(p)
	p.WriteByte(')')
}

func (c *Call) print(p *printer) {
	p.WriteString(c.Name + "(")
	p.list(c.Args)
	p.WriteByte(')')
}

func (o *ObjectExpr) print(p *printer) {
	p.WriteByte('{')
	for i, e := range o.Exprs {
		if i > 0 {
			p.WriteString(", ")
		}
		p.WriteString(jsonraw.Quote(o.Names[i]) + ": ")
		e.print(p)
	}
	p.WriteByte('}')
}

func (a *ArrayExpr) print(p *printer) {
	p.WriteByte('[')
	p.list(a.Exprs)
	p.WriteByte(']')
}

func (s *Subquery) print(p *printer) {
	p.WriteString(s.Kind + "(")
	p.WriteString(s.Query.selectText() + s.Query.fromText("\n") + s.Query.whereText("\n"))
	p.WriteByte(')')
}

func (q *Query) selectText() string {
	var p printer
	p.WriteString("SELECT ")
	if q.Distinct {
		p.WriteString("DISTINCT ")
	}
	if q.Top != nil {
		p.WriteString("TOP " + text(q.Top) + " ")
	}
	switch {
	case q.Star:
		p.WriteByte('*')
	case q.Value != nil:
		p.WriteString("VALUE " + text(q.Value))
	}
	for i, item := range q.Items {
		if i > 0 {
			p.WriteString(", ")
		}
		p.WriteString(text(item.Expr) + " AS " + item.Name)
	}
	return p.String()
}

func (q *Query) fromText(sep string) string {
	var p printer
	for i, s := range q.From {
		if i == 0 {
			p.WriteString(sep + "FROM ")
		} else {
			p.WriteString(sep + "JOIN ")
		}
		source := s.Name
		switch {
		case s.Sub != nil:
			source = "(" + s.Sub.selectText() + s.Sub.fromText(" ") + s.Sub.whereText(" ") + ")"
		case s.Path != nil:
			source += text(s.Path)
		}
		switch {
		case s.Each:
			p.WriteString(s.Alias + " IN " + source)
		case s.Alias != "" && s.Alias != source:
			p.WriteString(source + " AS " + s.Alias)
		default:
			p.WriteString(source)
		}
	}
	return p.String()
}

func (q *Query) whereText(sep string) string {
	if q.Where == nil {
		return ""
	}
	return sep + "WHERE " + text(q.Where)
}

func (q *Query) orderText() string {
	keys := make([]string, len(q.OrderBy))
	for i, k := range q.OrderBy {
		keys[i] = text(k.Expr)
		if k.Desc {
			keys[i] += " DESC"
		}
	}
	return "\nORDER BY " + strings.Join(keys, ", ")
}

func (b *Bound) limitText() string {
	if b.Max < 0 {
		return ""
	}
	return "\nOFFSET 0 LIMIT " + strconv.FormatInt(b.Skip+b.Max, 10)
}
