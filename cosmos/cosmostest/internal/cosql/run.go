package cosql

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// Bound is a statement with its parameters. It is not modified and may be used concurrently.
type Bound struct {
	*Query
	params map[string]Value
	// TopN, Skip and Max are the values of TOP, OFFSET and LIMIT, or -1 where the statement has none.
	TopN, Skip, Max int64
}

// Row is one result before ordering. Keys are the values of the ORDER BY expressions.
type Row struct {
	Out  Value
	Keys []Value
}

// ErrParameter is returned for parameters that the gateway refuses; its text is the service's.
type ErrParameter struct{ Text string }

func (e *ErrParameter) Error() string { return e.Text }

// ParameterMap checks the names of parameters. A parameter without a value is undefined.
func ParameterMap(names []string, values []Value) (map[string]Value, error) {
	out := make(map[string]Value, len(names))
	for i, n := range names {
		if len(n) < 2 || n[0] != '@' || !isIdentStart(n[1]) {
			return nil, &ErrParameter{"Parameter names should be in the format of symbol '@' followed by a valid identifier."}
		}
		if _, ok := out[n]; ok {
			return nil, &ErrParameter{fmt.Sprintf("Invalid query. Specified duplicate parameter name '%s'.", n)}
		}
		out[n] = values[i]
	}
	return out, nil
}

// Bind joins a statement with its parameters.
func (q *Query) Bind(params map[string]Value) (*Bound, error) {
	b := &Bound{Query: q, params: params, TopN: -1, Skip: -1, Max: -1}
	for _, part := range []struct {
		e   Expr
		to  *int64
		who string
	}{{q.Top, &b.TopN, "TOP"}, {q.Offset, &b.Skip, "OFFSET"}, {q.Limit, &b.Max, "LIMIT"}} {
		if part.e == nil {
			continue
		}
		v := part.e.eval(&env{params: params})
		if v.Kind != Number || v.Num != math.Trunc(v.Num) || v.Num < 0 || v.Num > math.MaxInt32 {
			return nil, &SyntaxError{Code: "SC2062", Message: "The " + part.who + " expression must be a non-negative integer."}
		}
		*part.to = int64(v.Num)
	}
	return b, nil
}

// IsAggregate reports whether the statement folds its rows: it calls an aggregate or has GROUP BY.
func (q *Query) IsAggregate() bool { return len(q.aggregates) > 0 || len(q.GroupBy) > 0 }

// Rows calls yield for each row that a document gives, in order of its joins, until yield returns false.
func (b *Bound) Rows(doc Doc, yield func(Row) bool) error {
	var failed error
	e := &env{params: b.params, err: &failed}
	if doc != nil {
		e.root = Value{Kind: Object, Doc: doc}
	}
	b.each(e, 0, func(e *env) bool {
		r := Row{Out: b.project(e)}
		if r.Out.Kind == Undefined {
			return true
		}
		for _, k := range b.OrderBy {
			r.Keys = append(r.Keys, k.Expr.eval(e))
		}
		return failed == nil && yield(r)
	})
	return failed
}

// Matches reports whether a document gives at least one row, without building it.
func (b *Bound) Matches(doc Doc) bool {
	found := false
	b.each(&env{params: b.params, root: Value{Kind: Object, Doc: doc}, err: new(error)}, 0, func(*env) bool {
		found = true
		return false
	})
	return found
}

// each calls yield for every combination of the sources from index i on that passes WHERE.
func (q *Query) each(e *env, i int, yield func(*env) bool) bool {
	if i == len(q.From) {
		return q.Where != nil && !q.Where.eval(e).True() || yield(e)
	}
	s := q.From[i]
	one := func(v Value) bool { return q.each(e.with(s.Alias, v), i+1, yield) }
	if s.Sub != nil {
		return s.Sub.run(e, one)
	}
	v := e.root
	if s.Path != nil {
		v = s.Path.eval(e)
	}
	if !s.Each {
		return v.Kind == Undefined || one(v)
	}
	more := true
	if v.Kind == Array {
		jsonraw.Elements(v.Raw(), func(raw string) bool {
			more = one(FromRaw(raw))
			return more
		})
	}
	return more
}

func (q *Query) project(e *env) Value {
	switch {
	case q.Star:
		return e.lookup(q.From[0].Alias)
	case q.Value != nil:
		return q.Value.eval(e)
	}
	out := []byte{'{'}
	for _, item := range q.Items {
		v := item.Expr.eval(e)
		if v.Kind == Undefined {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(jsonraw.AppendQuote(out, item.Name), ':')
		out = e.append(out, v)
	}
	return Value{Kind: Object, Str: string(append(out, '}'))}
}

// run evaluates a subquery completely.
func (q *Query) run(outer *env, yield func(Value) bool) bool {
	b, err := q.Bind(outer.params)
	if err != nil {
		if *outer.err == nil {
			*outer.err = err
		}
		return false
	}
	var rows []Row
	if q.IsAggregate() {
		a := b.NewAggregation()
		q.each(outer, 0, func(e *env) bool { a.add(e); return true })
		for _, v := range a.values(outer) {
			rows = append(rows, Row{Out: v})
		}
	} else {
		q.each(outer, 0, func(e *env) bool {
			r := Row{Out: b.project(e)}
			for _, k := range q.OrderBy {
				r.Keys = append(r.Keys, k.Expr.eval(e))
			}
			if r.Out.Kind != Undefined {
				rows = append(rows, r)
			}
			return true
		})
	}
	slices.SortStableFunc(rows, b.CompareRows)
	seen := map[string]bool{}
	skip, left := max(b.Skip, 0), int64(math.MaxInt64)
	for _, n := range []int64{b.TopN, b.Max} {
		if n >= 0 {
			left = min(left, n)
		}
	}
	for _, r := range rows {
		if q.Distinct {
			key := DistinctKey(r.Out)
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		if skip > 0 {
			skip--
			continue
		}
		if left == 0 {
			return true
		}
		left--
		if !yield(r.Out) {
			return false
		}
	}
	return true
}

// CompareRows orders two rows by their keys.
func (b *Bound) CompareRows(x, y Row) int {
	for i, k := range b.OrderBy {
		if c := Compare(x.Keys[i], y.Keys[i]); c != 0 {
			if k.Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// DistinctKey returns a text that is the same for values that DISTINCT takes for one.
func DistinctKey(v Value) string {
	switch v.Kind {
	case Object:
		var parts []string
		jsonraw.Members(v.Raw(), func(key, raw string) bool {
			parts = append(parts, jsonraw.Quote(key)+":"+DistinctKey(FromRaw(raw)))
			return true
		})
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case Number:
		return string(jsonraw.AppendNumber(nil, v.Num))
	}
	out, err := v.AppendJSON(nil)
	if err != nil && !errors.Is(err, ErrNotJSON) {
		return ""
	}
	return string(out)
}
