package cosql

import (
	"strconv"
	"strings"
)

// Plan is what the gateway tells a client about a statement that it cannot serve for a whole container: how the
// results of the ranges are to be merged, and the statement to send to each range where it differs.
type Plan struct {
	DistinctType                string            `json:"distinctType"`
	Top                         *int64            `json:"top"`
	Offset                      *int64            `json:"offset"`
	Limit                       *int64            `json:"limit"`
	OrderBy                     []string          `json:"orderBy"`
	OrderByExpressions          []string          `json:"orderByExpressions"`
	GroupByExpressions          []string          `json:"groupByExpressions"`
	GroupByAliases              []string          `json:"groupByAliases"`
	Aggregates                  []string          `json:"aggregates"`
	GroupByAliasToAggregateType map[string]string `json:"groupByAliasToAggregateType"`
	RewrittenQuery              string            `json:"rewrittenQuery"`
	HasSelectValue              bool              `json:"hasSelectValue"`
	DCountInfo                  *struct{}         `json:"dCountInfo"`
	HasNonStreamingOrderBy      bool              `json:"hasNonStreamingOrderBy"`
}

// NeedsMerge reports whether the gateway refuses the statement for a whole container with substatus 1004.
func (q *Query) NeedsMerge() bool {
	return q.Top != nil || len(q.OrderBy) > 0 || q.Limit != nil || q.Distinct || q.valueAggregate() || len(q.GroupBy) > 0
}

// NeedsPlainAggregate reports whether the statement uses an aggregate in a form that the gateway refuses without a
// plan: other than SELECT VALUE, or with GROUP BY.
func (q *Query) NeedsPlainAggregate() bool {
	return len(q.aggregates) > 0 && (!q.valueAggregate() || len(q.GroupBy) > 0)
}

func (q *Query) valueAggregate() bool {
	c, ok := q.Value.(*Call)
	return ok && c.agg >= 0
}

// Features names what a client has to support to run the statement over several ranges.
func (q *Query) Features() []string {
	var out []string
	add := func(name string, used bool) {
		if used {
			out = append(out, name)
		}
	}
	add("Aggregate", len(q.aggregates) > 0)
	add("Distinct", q.Distinct)
	add("GroupBy", len(q.GroupBy) > 0)
	add("OffsetAndLimit", q.Limit != nil)
	add("OrderBy", len(q.OrderBy) > 0)
	add("Top", q.Top != nil)
	return out
}

func capital(name string) string {
	if name == "AVG" {
		return "Average"
	}
	return name[:1] + strings.ToLower(name[1:])
}

// Plan returns the plan of a statement.
func (b *Bound) Plan() Plan {
	p := Plan{DistinctType: "None", OrderBy: []string{}, OrderByExpressions: []string{}, GroupByExpressions: []string{},
		GroupByAliases: []string{}, Aggregates: []string{}, GroupByAliasToAggregateType: map[string]string{}, HasSelectValue: b.Value != nil}
	number := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	p.Top, p.Offset, p.Limit = number(b.TopN), number(b.Skip), number(b.Max)
	if b.Distinct {
		p.DistinctType = "Unordered"
		if len(b.OrderBy) > 0 {
			p.DistinctType = "Ordered"
		}
	}
	for _, k := range b.OrderBy {
		dir := "Ascending"
		if k.Desc {
			dir = "Descending"
		}
		p.OrderBy = append(p.OrderBy, dir)
		p.OrderByExpressions = append(p.OrderByExpressions, text(k.Expr))
	}
	for _, g := range b.GroupBy {
		p.GroupByExpressions = append(p.GroupByExpressions, text(g))
	}
	switch {
	case len(b.GroupBy) > 0:
		b.planGroups(&p)
	case len(b.aggregates) > 0:
		for _, a := range b.aggregates {
			p.Aggregates = append(p.Aggregates, capital(a.Name))
		}
		if b.valueAggregate() {
			p.RewrittenQuery = "SELECT VALUE [{\"item\": " + text(b.Value) + "}]" + b.fromText("\n") + b.whereText("\n")
		}
	case len(b.OrderBy) > 0:
		b.planOrder(&p)
	case b.Max >= 0:
		q := *b.Query
		q.Top = nil
		p.RewrittenQuery = q.selectText() + b.fromText("\n") + b.whereText("\n") + b.limitText()
	}
	return p
}

func (b *Bound) payload() string {
	switch {
	case b.Star:
		return b.From[0].Alias
	case b.Value != nil:
		return text(b.Value)
	}
	o := &ObjectExpr{}
	for _, item := range b.Items {
		o.Names, o.Exprs = append(o.Names, item.Name), append(o.Exprs, item.Expr)
	}
	return text(o)
}

func (b *Bound) planOrder(p *Plan) {
	var out strings.Builder
	out.WriteString("SELECT ")
	if b.TopN >= 0 {
		out.WriteString("TOP " + strconv.FormatInt(b.TopN, 10) + " ")
	}
	out.WriteString(b.From[0].Alias + "._rid, [")
	for i, k := range b.OrderBy {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString("{\"item\": " + text(k.Expr) + "}")
	}
	out.WriteString("] AS orderByItems, " + b.payload() + " AS payload" + b.fromText("\n") + "\nWHERE ")
	if b.Where != nil {
		out.WriteString("(" + text(b.Where) + " AND ({documentdb-formattableorderbyquery-filter}))")
	} else {
		out.WriteString("({documentdb-formattableorderbyquery-filter})")
	}
	out.WriteString(b.orderText() + b.limitText())
	p.RewrittenQuery = out.String()
}

func (b *Bound) planGroups(p *Plan) {
	var items, payload []string
	for _, item := range b.Items {
		p.GroupByAliases = append(p.GroupByAliases, item.Name)
		e := text(item.Expr)
		if c, ok := item.Expr.(*Call); ok && c.agg >= 0 {
			p.GroupByAliasToAggregateType[item.Name] = capital(c.Name)
			e = "{\"item\": " + e + "}"
		}
		payload = append(payload, "\""+item.Name+"\": "+e)
	}
	for _, g := range b.GroupBy {
		items = append(items, "{\"item\": "+text(g)+"}")
	}
	keys := make([]string, len(b.GroupBy))
	for i, g := range b.GroupBy {
		keys[i] = text(g)
	}
	p.RewrittenQuery = "SELECT [" + strings.Join(items, ", ") + "] AS groupByItems, {" + strings.Join(payload, ", ") + "} AS payload" +
		b.fromText("\n") + b.whereText("\n") + "\nGROUP BY " + strings.Join(keys, ", ")
}
