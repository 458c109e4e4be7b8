package storetest

import (
	"fmt"
	"slices"

	"github.com/whiskstore/whiskstore/store"
)

// rows returns the rows of q, once there are want of them.
func (c *collection) rows(q *store.Query, want int) []store.Row {
	c.e.Helper()
	var rows []store.Row
	c.e.eventually(func() error {
		rows = rows[:0]
		for row, err := range c.s.Query(c.e.ctx, q) {
			if err != nil {
				return fmt.Errorf("Query %v: got %w after %d rows, want %d rows", q, err, len(rows), want)
			}
			rows = append(rows, row)
		}
		if len(rows) != want {
			return fmt.Errorf("Query %v: got %d rows %s, want %d", q, len(rows), asJSON(rows), want)
		}
		return nil
	})
	return slices.Clone(rows)
}

func (c *collection) wantCount(q *store.Query, want int64) {
	c.e.Helper()
	c.e.eventually(func() error {
		if got, err := c.s.Count(c.e.ctx, q); err != nil || got != want {
			return fmt.Errorf("Count %v: got %d and %v, want %d", q, got, err, want)
		}
		return nil
	})
}

// wantRow holds that row is the one of o in the table under path.
func (e *env) wantRow(row store.Row, table, path string, order any, doc store.Document, o object, docs bool) {
	e.Helper()
	if row.ID != doc.ID {
		e.Errorf("%s: got row of %q, want %q", table, row.ID, doc.ID)
	}
	if want := asJSON([]any{path, order}); !sameJSON(row.Key, want) {
		e.Errorf("%s %q: got key %s, want %s", table, doc.ID, row.Key, want)
	}
	if want := asJSON(value(table, o, e.Features)); !sameJSON(row.Value, want) {
		e.Errorf("%s %q: got value %s, want %s", table, doc.ID, row.Value, want)
	}
	switch {
	case !docs && row.Doc != nil:
		e.Errorf("%s %q: got a document without asking", table, doc.ID)
	case docs && row.Doc == nil:
		e.Errorf("%s %q: got no document, want %s", table, doc.ID, doc.Body)
	case docs:
		e.wantBody(table, *row.Doc, doc)
	}
}

// series is the ten activations of the checklist: they start 10 ms apart from
// 1000 and last a second.
func (c *collection) series() []object {
	c.e.Helper()
	list := make([]object, 10)
	for i := range list {
		start := int64(1000 + 10*i)
		list[i] = activation(c.e.ns, "testact", i, start, start+1000)
		c.put(activationDoc(list[i]))
	}
	if len(c.e.Features.Retry) > 0 {
		c.rows(under(filtersTable, c.e.ns+"/testact"), len(list)) // so that parts of it are not yet mistaken for it
	}
	return list
}

// wantStarts holds that rows are the summaries of the activations that start
// then, in this order.
func (e *env) wantStarts(rows []store.Row, list []object, path string, docs bool, starts ...int64) {
	e.Helper()
	for i, start := range starts {
		o := list[(start-1000)/10]
		e.wantRow(rows[i], filtersTable, path, start, activationDoc(o), o, docs)
	}
}

var queryCases = []suiteCase{
	{"QRY-01_with_documents", func(e *env) { e.oneAction(true) }},
	{"QRY-02_without_documents", func(e *env) { e.oneAction(false) }},
	{"QRY-03_two_entities", func(e *env) {
		s := e.whisks()
		a, b := action(e.ns, "a", 1000), action(e.ns, "b", 2000)
		s.put(entity(a))
		s.put(entity(b))
		rows := s.rows(under(actionsTable, e.ns), 2)
		e.wantRow(rows[0], actionsTable, e.ns, 2000, entity(b), b, false)
		e.wantRow(rows[1], actionsTable, e.ns, 1000, entity(a), a, false)
	}},
	{"QRY-04_without_deleted", func(e *env) {
		s := e.whisks()
		a, b, c := action(e.ns, "a", 1000), action(e.ns, "b", 2000), action(e.ns, "c", 3000)
		v := s.put(entity(a))
		s.put(entity(b))
		s.put(entity(c))
		s.del(entityID(a), v.Rev)
		rows := s.rows(under(actionsTable, e.ns), 2)
		e.wantRow(rows[0], actionsTable, e.ns, 3000, entity(c), c, false)
		e.wantRow(rows[1], actionsTable, e.ns, 2000, entity(b), b, false)
	}},
	{"QRY-05_order", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		e.wantStarts(s.rows(q, 10), list, e.ns+"/testact", false, 1090, 1080, 1070, 1060, 1050, 1040, 1030, 1020, 1010, 1000)
		q.Descending = false
		e.wantStarts(s.rows(q, 10), list, e.ns+"/testact", false, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090)
	}},
	{"QRY-06_skip", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Descending, q.Skip = false, 5
		e.wantStarts(s.rows(q, 5), list, e.ns+"/testact", false, 1050, 1060, 1070, 1080, 1090)
	}},
	{"QRY-07_limit", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Descending, q.Limit = false, 5
		e.wantStarts(s.rows(q, 5), list, e.ns+"/testact", false, 1000, 1010, 1020, 1030, 1040)
	}},
	{"QRY-08_documents_in_order", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Descending, q.IncludeDocs = false, true
		e.wantStarts(s.rows(q, 10), list, e.ns+"/testact", true, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090)
	}},
	{"QRY-09_negative_skip_limit", func(e *env) {
		s := e.activations()
		for name, change := range map[string]func(q *store.Query){
			"limit -1": func(q *store.Query) { q.Limit = -1 },
			"skip -1":  func(q *store.Query) { q.Skip = -1 },
		} {
			q := under(filtersTable, e.ns+"/testact")
			change(q)
			e.sendsNothing(name, func() {
				e.wantKind("Query with "+name, operations(s.s, store.Document{}, q)[3].run(e.ctx), store.ErrInvalid)
			})
		}
	}},
	{"QRY-10_count", func(e *env) {
		s := e.activations()
		s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Limit = 3 // does not matter to a count
		s.wantCount(q, 10)
	}},
	{"QRY-11_count_with_skip", func(e *env) {
		s := e.activations()
		s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Skip = 4
		s.wantCount(q, 6)
		q.Skip = 1000
		s.wantCount(q, 0)
	}},
	{"QRY-12_count_negative_skip", func(e *env) {
		q := under(filtersTable, e.ns+"/testact")
		q.Skip = -1
		_, err := e.activations().s.Count(e.ctx, q)
		e.wantKind("Count with skip -1", err, store.ErrInvalid)
	}},
	{"QRY-D1_skip_before_limit", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.Skip, q.Limit = 2, 3
		e.wantStarts(s.rows(q, 3), list, e.ns+"/testact", false, 1070, 1060, 1050)
		q.Skip, q.Limit = 8, 3
		e.wantStarts(s.rows(q, 2), list, e.ns+"/testact", false, 1010, 1000)
		q.Skip, q.Limit = 0, 0 // unlimited
		s.rows(q, 10)
		q.Skip = 11
		s.rows(q, 0)
	}},
	{"QRY-D2_reduce", func(e *env) {
		s := e.whisks()
		s.put(entity(action(e.ns, "hello", 1000)))
		q := under(actionsTable, e.ns)
		q.Reduce, q.IncludeDocs = true, true
		e.refused(s, "reduce with documents", q, store.ErrInvalid)
		if !e.Features.Reduce {
			q.IncludeDocs = false
			err := operations(s.s, store.Document{}, q)[3].run(e.ctx)
			e.wantKinds("Query with reduce", err, []store.Kind{store.ErrUnsupported, store.ErrInvalid})
		}
	}},
	{"QRY-D3_unsupported", func(e *env) {
		s := e.whisks()
		for _, table := range []string{"whisks.v2.1.0/unknown", "unknown/actions", activationsTable, identitiesTable} {
			e.refused(s, "table "+table, under(table, e.ns), store.ErrUnsupported)
		}
		for _, keys := range [][2]store.Key{
			{nil, nil},
			{{e.ns}, {e.ns}},
			{{e.ns}, {e.ns + "x", store.Top}},
			{{e.ns}, {e.ns, "foo"}},
			{{e.ns, 0}, {e.ns, "foo", store.Top}},
			{{e.ns, "0"}, {e.ns, store.Top, store.Top}},
			{{e.ns, 0}, {e.ns, store.Top}},
			{{e.ns, 0, 0}, {e.ns, 0, 0, store.Top}},
			{{1}, {1, store.Top}},
		} {
			q := &store.Query{Table: actionsTable, StartKey: keys[0], EndKey: keys[1]}
			e.refused(s, "keys", q, store.ErrUnsupported)
		}
	}},
	{"QRY-D4_descending", func(e *env) {
		// Keys are given in ascending order whatever the direction; on CouchDB the
		// backend swaps them.
		s := e.whisks()
		for i := range 5 {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+10*i))))
		}
		q := &store.Query{Table: actionsTable, StartKey: store.Key{e.ns, 1010}, EndKey: store.Key{e.ns, 1030, store.Top}}
		for _, down := range []bool{true, false} {
			q.Descending = down
			want := []string{e.ns + "/a1", e.ns + "/a2", e.ns + "/a3"}
			if down {
				slices.Reverse(want)
			}
			for i, row := range s.rows(q, 3) {
				if row.ID != want[i] {
					e.Errorf("descending %v, row %d: got %q, want %q", down, i, row.ID, want[i])
				}
			}
		}
	}},
	{"QRY-D5_differs", func(e *env) {
		// Upstream counts soft-deleted whisks and activations on Cosmos.
		s := e.whisks()
		for i := range 3 {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		doc := entity(action(e.ns, "buried", 2000))
		s.bury(doc.ID, s.put(doc).Rev, store.DeleteOptions{})
		q := under(actionsTable, e.ns)
		s.wantCount(q, 3)
		q.Skip = 2
		s.wantCount(q, 1)
	}},
}

// oneAction is rows QRY-01 and QRY-02.
func (e *env) oneAction(docs bool) {
	s := e.whisks()
	o := action(e.ns, "hello", 1700000000000)
	s.put(entity(o))
	q := under(actionsTable, e.ns)
	q.IncludeDocs = docs
	e.wantRow(s.rows(q, 1)[0], actionsTable, e.ns, 1700000000000, entity(o), o, docs)
}
