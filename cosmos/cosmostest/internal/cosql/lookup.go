package cosql

import (
	"slices"
	"strings"
)

// Lookup is an equality that every matching document satisfies together with the other lookups of its set: the value
// at Path is one of Values. Path is the members joined by "/", with "[]" for any element of an array.
type Lookup struct {
	Path   string
	Values []Value
}

// Bounds limits the values at a path; a nil end is open. The ends are inclusive here: WHERE is evaluated anyway.
type Bounds struct{ Low, High *Value }

// Lookups returns equalities of which at least one holds for every document that can match, or nil when WHERE gives
// none. The union of their results may be evaluated instead of the whole container.
func (b *Bound) Lookups() []Lookup {
	if b.Where == nil {
		return nil
	}
	return b.lookups(b.Where)
}

func (b *Bound) lookups(x Expr) []Lookup {
	switch x := x.(type) {
	case *Binary:
		switch x.Op {
		case "AND":
			l, r := b.lookups(x.X), b.lookups(x.Y)
			if l == nil || r != nil && weight(r) < weight(l) {
				return r
			}
			return l
		case "OR":
			l, r := b.lookups(x.X), b.lookups(x.Y)
			if l == nil || r == nil {
				return nil
			}
			return append(slices.Clip(l), r...)
		case "=":
			return b.equality(x.X, x.Y)
		}
	case *In:
		path, ok := b.path(x.X)
		if !ok || x.Not {
			return nil
		}
		l := Lookup{Path: path}
		for _, item := range x.List {
			v, ok := b.constant(item)
			if !ok {
				return nil
			}
			l.Values = append(l.Values, v)
		}
		return []Lookup{l}
	}
	return nil
}

// weight prefers few values, and identity over other paths.
func weight(lookups []Lookup) int {
	n := 0
	for _, l := range lookups {
		n += 2 * len(l.Values)
		if l.Path == "id" {
			n--
		}
		// A type tag selects much; anything else is likely to select less.
		if l.Path == "entityType" || l.Path == "_c/deleteLogs" {
			n += 1000
		}
	}
	return n
}

func (b *Bound) equality(x, y Expr) []Lookup {
	for range 2 {
		if path, ok := b.path(x); ok {
			if v, ok := b.constant(y); ok {
				return []Lookup{{Path: path, Values: []Value{v}}}
			}
		}
		x, y = y, x
	}
	return nil
}

func (b *Bound) constant(x Expr) (Value, bool) {
	var v Value
	switch x := x.(type) {
	case *Literal:
		v = x.Value
	case *Param:
		v = b.params[x.Name]
	default:
		return v, false
	}
	return v, v.Kind != Undefined && v.Kind < Array
}

// path returns the path of an expression below the container, following the aliases of FROM and JOIN.
func (b *Bound) path(x Expr) (string, bool) {
	var steps []string
	for {
		switch e := x.(type) {
		case *Member:
			if strings.ContainsAny(e.Name, "/[]") {
				return "", false
			}
			steps = append(steps, e.Name)
			x = e.Base
			continue
		case *Var:
			if e.Name == "" {
				slices.Reverse(steps)
				return strings.Join(steps, "/"), len(steps) > 0
			}
			i := slices.IndexFunc(b.From, func(s Source) bool { return s.Alias == e.Name })
			if i < 0 || b.From[i].Sub != nil {
				return "", false
			}
			if b.From[i].Each {
				steps = append(steps, "[]")
			}
			if x = b.From[i].Path; x == nil {
				x = &Var{}
			}
			continue
		}
		return "", false
	}
}

// OrderPath returns the path of a single ORDER BY key over the container itself, without joins.
func (b *Bound) OrderPath() (path string, desc, ok bool) {
	if len(b.OrderBy) != 1 || len(b.From) != 1 {
		return "", false, false
	}
	path, ok = b.path(b.OrderBy[0].Expr)
	return path, b.OrderBy[0].Desc, ok && !strings.Contains(path, "[]")
}

// BoundsOf returns what the conjunction of WHERE says about the values at a path.
func (b *Bound) BoundsOf(path string) Bounds {
	var out Bounds
	if b.Where != nil {
		b.bounds(b.Where, path, &out)
	}
	return out
}

func (b *Bound) bounds(x Expr, path string, out *Bounds) {
	switch x := x.(type) {
	case *Binary:
		if x.Op == "AND" {
			b.bounds(x.X, path, out)
			b.bounds(x.Y, path, out)
			return
		}
		p, ok := b.path(x.X)
		v, constant := b.constant(x.Y)
		if !ok || !constant || p != path {
			return
		}
		switch x.Op {
		case "=":
			out.Low, out.High = &v, &v
		case ">", ">=":
			out.Low = &v
		case "<", "<=":
			out.High = &v
		}
	case *Between:
		p, ok := b.path(x.X)
		low, okLow := b.constant(x.Low)
		high, okHigh := b.constant(x.High)
		if ok && okLow && okHigh && p == path && !x.Not {
			out.Low, out.High = &low, &high
		}
	}
}
