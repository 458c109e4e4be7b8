package cosql

// Aggregation folds the rows of a statement with aggregates or GROUP BY. It is not safe for concurrent use.
type Aggregation struct {
	b      *Bound
	groups map[string]*group
	order  []*group
}

type group struct {
	first *env // a row of the group, for expressions of the group's key
	folds []fold
}

// fold is the state of one aggregate of one group.
type fold struct {
	count int64
	sum   float64
	best  Value
	bad   bool // a value of another type than number was seen
}

// NewAggregation returns an aggregation over no rows.
func (b *Bound) NewAggregation() *Aggregation {
	return &Aggregation{b: b, groups: map[string]*group{}}
}

// Add folds in the rows of a document.
func (a *Aggregation) Add(doc Doc) error {
	var failed error
	e := &env{params: a.b.params, root: Value{Kind: Object, Doc: doc}, err: &failed}
	a.b.each(e, 0, func(e *env) bool { a.add(e); return failed == nil })
	return failed
}

func (a *Aggregation) add(e *env) {
	key := ""
	for _, g := range a.b.GroupBy {
		key += DistinctKey(g.eval(e)) + "\x00"
	}
	g := a.groups[key]
	if g == nil {
		g = &group{first: e, folds: make([]fold, len(a.b.aggregates))}
		a.groups[key] = g
		a.order = append(a.order, g)
	}
	for i, call := range a.b.aggregates {
		g.folds[i].add(call.Name, call.Args[0].eval(e))
	}
}

func (f *fold) add(name string, v Value) {
	if v.Kind == Undefined {
		return
	}
	f.count++
	switch name {
	case "SUM", "AVG":
		if v.Kind != Number {
			f.bad = true
			return
		}
		f.sum += v.Num
	case "MIN", "MAX":
		if v.Kind >= Array {
			f.bad = true
			return
		}
		if c := Compare(v, f.best); f.count == 1 || name == "MIN" && c < 0 || name == "MAX" && c > 0 {
			f.best = v
		}
	}
}

func (f *fold) result(name string) Value {
	switch {
	case name == "COUNT":
		return NumberValue(float64(f.count))
	case f.bad:
		return Value{}
	case name == "SUM":
		return NumberValue(f.sum)
	case name == "AVG":
		if f.count == 0 {
			return Value{}
		}
		return NumberValue(f.sum / float64(f.count))
	}
	return f.best
}

// Values returns the result: one value, or one per group in the order in which groups appeared.
func (a *Aggregation) Values() ([]Value, error) {
	var failed error
	out := a.values(&env{params: a.b.params, err: &failed})
	return out, failed
}

func (a *Aggregation) values(outer *env) []Value {
	if len(a.order) == 0 && len(a.b.GroupBy) == 0 {
		a.order = []*group{{first: outer, folds: make([]fold, len(a.b.aggregates))}}
	}
	var out []Value
	for _, g := range a.order {
		e := *g.first
		e.err = outer.err
		e.aggs = make([]Value, len(g.folds))
		for i := range g.folds {
			e.aggs[i] = g.folds[i].result(a.b.aggregates[i].Name)
		}
		if v := a.b.project(&e); v.Kind != Undefined {
			out = append(out, v)
		}
	}
	return out
}
