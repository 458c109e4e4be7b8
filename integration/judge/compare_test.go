package judge_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/judge"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// row is a row of a view as JSON values; numbers are json.Number.
type row struct {
	ID    string
	Key   any
	Value any
	Doc   any // without `_rev`
}

func decodeRows(t *testing.T, raw []json.RawMessage) []row {
	t.Helper()
	rows := make([]row, len(raw))
	for i, r := range raw {
		if err := decode(r, &rows[i]); err != nil {
			t.Fatalf("%v in %s", err, r)
		}
		if doc, ok := rows[i].Doc.(map[string]any); ok {
			delete(doc, "_rev")
		}
	}
	return rows
}

func encodeRows(t *testing.T, rows []store.Row) []row {
	t.Helper()
	raw := make([]json.RawMessage, len(rows))
	for i, r := range rows {
		var err error
		if raw[i], err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	}
	return decodeRows(t, raw)
}

// corpus is a collection in memory, asked through package view.
type corpus struct {
	collection string
	docs       map[string]judge.Document
	stored     map[string]store.Document
}

func newCorpus(collection string, seed uint64) corpus {
	c := corpus{collection, make(map[string]judge.Document), make(map[string]store.Document)}
	for _, d := range judge.Corpus(collection, seed) {
		c.docs[d.ID] = d
		c.stored[d.ID] = store.Document{ID: d.ID, Body: d.JSON()}
	}
	return c
}

// all returns the documents by id.
func (c corpus) all() []judge.Document {
	return slices.SortedFunc(maps.Values(c.docs), func(a, b judge.Document) int { return cmp.Compare(a.ID, b.ID) })
}

func (c corpus) join(_ context.Context, id string) (store.Document, error) {
	d, ok := c.stored[id]
	if !ok {
		return store.Document{}, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrNotFound}
	}
	return d, nil
}

func (c corpus) plan(t *testing.T, q *store.Query) *view.Plan {
	t.Helper()
	p, err := view.NewPlan(c.collection, q)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return p
}

// matching returns the documents of a plan in its order.
func (c corpus) matching(p *view.Plan) iter.Seq2[store.Document, error] {
	type candidate struct {
		doc   store.Document
		order float64
	}
	var found []candidate
	for _, doc := range c.stored {
		if p.Match(doc.ID, doc.Body) {
			order, _ := p.Order(doc.Body)
			found = append(found, candidate{doc, order})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		n := cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.doc.ID, b.doc.ID))
		if p.Descending {
			return -n
		}
		return n
	})
	return func(yield func(store.Document, error) bool) {
		for _, f := range found {
			if !yield(f.doc, nil) {
				return
			}
		}
	}
}

func (c corpus) rows(t *testing.T, p *view.Plan) []row {
	t.Helper()
	var rows []store.Row
	for r, err := range p.Run(t.Context(), c.matching(p), c.join, nil) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return encodeRows(t, rows)
}

// mismatch is one way in which a judge's rows differ from ours.
type mismatch struct {
	query        *store.Query
	source       map[string]any // the body of the row's own document
	part         part
	ours, theirs any
}

type part string

const (
	onlyOurs   part = "row that only we have"
	onlyTheirs part = "row that only the judge has"
	key        part = "key"
	value      part = "value"
	doc        part = "doc"
)

// difference is a mismatch that is as it should be.
type difference struct {
	name     string
	explains func(m mismatch) bool
}

// comparison collects what two sides say to many queries.
type comparison struct {
	corpus      corpus
	differences []difference
	queries     int
	rows        int
	seen        map[string]int // by the difference's name
}

func (c *comparison) compare(t *testing.T, q *store.Query, ours, theirs []row) {
	t.Helper()
	c.queries++
	c.rows += len(ours)
	report := func(id string, p part, a, b any) {
		m := mismatch{query: q, source: c.corpus.docs[id].Body, part: p, ours: a, theirs: b}
		for _, d := range c.differences {
			if d.explains(m) {
				c.seen[d.name]++
				return
			}
		}
		t.Errorf("%s, document %s: %s:\n ours   %s\n judge  %s", describe(q), id, p, text(a), text(b))
	}
	a, b := byID(ours), byID(theirs)
	for id, mine := range a {
		other := b[id]
		for i, r := range mine {
			if i >= len(other) {
				report(id, onlyOurs, r, nil)
				continue
			}
			for _, f := range []struct {
				part part
				a, b any
			}{{key, r.Key, other[i].Key}, {value, r.Value, other[i].Value}, {doc, r.Doc, other[i].Doc}} {
				if !reflect.DeepEqual(f.a, f.b) {
					report(id, f.part, f.a, f.b)
				}
			}
		}
	}
	for id, other := range b {
		for _, r := range other[min(len(a[id]), len(other)):] {
			report(id, onlyTheirs, nil, r)
		}
	}
	c.checkOrder(t, q, "our", ours)
	c.checkOrder(t, q, "the judge's", theirs)
}

// checkOrder holds the rows of a list view against the order member of their
// documents. With equal sets and unique order members that makes equal lists.
func (c *comparison) checkOrder(t *testing.T, q *store.Query, whose string, rows []row) {
	t.Helper()
	if len(q.StartKey) == 0 || strings.HasSuffix(q.Table, "/identities") {
		return
	}
	var orders []int64
	for _, r := range rows {
		if n, ok := orderOf(c.corpus, r.ID); ok {
			orders = append(orders, n)
		}
	}
	sorted := slices.Clone(orders)
	slices.Sort(sorted)
	if q.Descending {
		slices.Reverse(sorted)
	}
	if !slices.Equal(orders, sorted) {
		t.Errorf("%s: %s rows are not in order: %v", describe(q), whose, orders)
	}
}

func orderOf(c corpus, id string) (int64, bool) {
	name := "updated"
	if c.collection == store.Activations {
		name = "start"
	}
	n, ok := c.docs[id].Body[name].(int64)
	return n, ok
}

// finish fails the test when a difference was never seen: it may be gone, and
// then must not stay listed.
func (c *comparison) finish(t *testing.T) {
	t.Helper()
	if t.Failed() {
		return
	}
	for _, d := range c.differences {
		if c.seen[d.name] == 0 {
			t.Errorf("difference %q was not seen in any of %d queries", d.name, c.queries)
		}
		t.Logf("difference %q: %d times", d.name, c.seen[d.name])
	}
	t.Logf("%d queries, %d rows", c.queries, c.rows)
}

// byID groups rows by their document, and orders those of one document by key.
func byID(rows []row) map[string][]row {
	groups := make(map[string][]row)
	for _, r := range rows {
		groups[r.ID] = append(groups[r.ID], r)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b row) int { return cmp.Compare(text(a.Key), text(b.Key)) })
	}
	return groups
}

func describe(q *store.Query) string {
	s := q.String()
	if q.Descending {
		s += " descending"
	}
	if q.IncludeDocs {
		s += " with documents"
	}
	return s
}

func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// listQueries returns queries of every shape for the paths of a list view. Parts
// of a list (skip and limit) are asked for only where the sides hold the same
// documents.
func listQueries(c corpus, table string, whole, parts []string) iter.Seq[*store.Query] {
	return func(yield func(*store.Query) bool) {
		for _, path := range slices.Concat(whole, parts) {
			windows := []struct{ skip, limit int }{{0, 0}}
			if slices.Contains(parts, path) {
				windows = append(windows, struct{ skip, limit int }{0, 3}, struct{ skip, limit int }{2, 0},
					struct{ skip, limit int }{1, 4}, struct{ skip, limit int }{1000, 1})
			}
			for _, keys := range keyShapes(c, path) {
				for _, w := range windows {
					for _, flags := range []struct{ descending, docs bool }{{false, false}, {true, false}, {true, true}} {
						if flags.docs && w != windows[0] {
							continue
						}
						q := &store.Query{Table: table, StartKey: keys[0], EndKey: keys[1], Skip: w.skip, Limit: w.limit,
							Descending: flags.descending, IncludeDocs: flags.docs}
						if !yield(q) {
							return
						}
					}
				}
			}
		}
	}
}

// keyShapes returns the three shapes of keys; bounds are order members that
// occur, so that they show whether a bound is included.
func keyShapes(c corpus, path string) [][2]store.Key {
	ns, _, _ := strings.Cut(path, "/")
	var orders []int64
	for id := range c.docs {
		if n, ok := orderOf(c, id); ok && strings.HasPrefix(id, ns+"/") {
			orders = append(orders, n)
		}
	}
	slices.Sort(orders)
	var since, upto int64
	if len(orders) > 0 {
		since, upto = orders[len(orders)/3], orders[len(orders)*3/4]
	}
	return [][2]store.Key{
		{{path}, {path, store.Top}},
		{{path, 0}, {path, store.Top, store.Top}},
		{{path, since}, {path, store.Top, store.Top}},
		{{path, since}, {path, upto, store.Top}},
	}
}

// subjectQueries asks for every name and every pair of credentials of the
// corpus, for pairs that belong to different namespaces, and for what is not
// there.
func subjectQueries(c corpus) []*store.Query {
	names := map[string]bool{"nobody": true}
	type pair struct{ uuid, key string }
	pairs := map[pair]bool{{"uuid-nobody", "key-nobody"}: true}
	for _, d := range c.docs {
		credentials := []any{map[string]any{"name": d.Body["subject"], "uuid": d.Body["uuid"], "key": d.Body["key"]}}
		list, _ := d.Body["namespaces"].([]any)
		for _, n := range append(credentials, list...) {
			n := n.(map[string]any)
			if name, ok := n["name"].(string); ok {
				names[name] = true
			}
			uuid, ok1 := n["uuid"].(string)
			k, ok2 := n["key"].(string)
			if ok1 && ok2 {
				pairs[pair{uuid, k}] = true
				pairs[pair{uuid, "key-nobody"}] = true
			}
		}
	}
	pairs[pair{"uuid-x1", "key-x1"}] = true
	queries := []*store.Query{{Table: "namespaceThrottlings/blockedNamespaces", Descending: true}}
	ask := func(k store.Key) {
		for _, limit := range []int{0, 2} {
			queries = append(queries, &store.Query{Table: "subjects.v2.0.0/identities", StartKey: k, EndKey: k,
				IncludeDocs: true, Descending: true, Limit: limit})
		}
	}
	for name := range names {
		ask(store.Key{name})
	}
	for p := range pairs {
		ask(store.Key{p.uuid, p.key})
	}
	return queries
}

// The tables of list views, and the paths to ask them for: whole lists of all,
// parts of lists of some.
var lists = []struct {
	collection, table string
	whole, parts      []string
}{
	{store.Whisks, "whisks.v2.1.0/actions", []string{judge.Ties, judge.Odd, "guest/pkg1", "nobody", "guest/"}, []string{judge.Regular, judge.Second, "guest/pkg0"}},
	{store.Whisks, "whisks.v2.1.0/triggers", []string{judge.Odd, "nobody"}, []string{judge.Regular, judge.Second}},
	{store.Whisks, "whisks.v2.1.0/rules", []string{judge.Odd, "nobody"}, []string{judge.Regular, judge.Second}},
	{store.Whisks, "whisks.v2.1.0/packages", []string{judge.Odd, "nobody"}, []string{judge.Regular, judge.Second}},
	{store.Whisks, "whisks.v2.1.0/packages-public", []string{judge.Odd, "nobody"}, []string{judge.Regular, judge.Second}},
	{store.Activations, "whisks.v2.1.0/activations", []string{judge.Ties, judge.Odd, "nobody"}, []string{judge.Regular, judge.Second}},
	{store.Activations, "whisks-filters.v2.1.1/activations", []string{judge.Ties + "/hello", "odd/hello", "odd/utils/hello",
		"odd/bound/hello", "odd/first/hello", "odd/last/hello", "nobody/hello"},
		[]string{"guest/hello", "guest/utils/hello", "guest/samples/hello", "team/goodbye"}},
}
