package view_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// choices turns fuzz data into decisions; after its end every choice is the
// first.
type choices struct{ data []byte }

func (c *choices) int(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	v := int(c.data[0]) % n
	c.data = c.data[1:]
	return v
}

func (c *choices) of(from ...string) string { return from[c.int(len(from))] }

// value is mostly the first of values, so that documents meet in one view.
func (c *choices) value(values []string) string {
	if c.int(4) > 0 {
		return values[0]
	}
	return c.of(values...)
}

// body builds an object of members, each of which may be left out, written
// twice, or have an escape in its name.
func (c *choices) body(members ...[]string) string {
	var parts []string
	for _, m := range members {
		name, values := m[0], m[1:]
		how := c.int(16)
		if how == 0 {
			continue
		}
		if how == 1 {
			parts = append(parts, fmt.Sprintf(`"%s":%s`, name, c.value(values)))
		}
		if how == 2 {
			name = fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
		}
		parts = append(parts, fmt.Sprintf(`"%s":%s`, name, c.value(values)))
	}
	return "{" + strings.Join(parts, c.of(",", " ,\n ")) + "}"
}

var (
	namespaces  = []string{`"a"`, `"a/b"`, `"a/c"`, `"b"`, `"a/"`, `"/a"`, `""`, `"\u0061"`, `"a\"/é"`, `5`, `null`, `["a"]`}
	times       = []string{`1`, `2`, `2`, `3`, `1700000000000`, `1.5`, `2e0`, `-1`, `0`, `-0.0`, `"2"`, `null`, `1700000000000.25`}
	annotations = []string{`[]`, `[{"key":"path","value":"a/b/x"}]`, `[{"key":"path","value":"a/x"}]`, `[{"key":"path"},{"value":"a/c/x","key":"path"}]`,
		`[{"key":"path","value":"a//x"}]`, `[{"key":"path","value":"a/b/x/"},{"key":"path","value":"a/c/x"}]`, `[{"key":"path","value":null},{"key":"path","value":"a/c/x"}]`,
		`[1,{"key":"p\u0061th","value":"a\/b\/x"}]`, `{"key":"path","value":"a/b/x"}`, `null`}
	numbers = []string{`0`, `1`, `0.0`, `"0"`, `null`, `-0`, `0e5`}
	texts   = []string{`"a"`, `"b"`, `"u"`, `"k"`, `"\u0062"`, `1`, `null`}
)

func with(name string, values []string) []string { return append([]string{name}, values...) }

func (c *choices) document(collection, table string, i int) store.Document {
	entityType := map[string]string{"actions": `"action"`, "rules": `"rule"`, "triggers": `"trigger"`}[strings.TrimPrefix(table, whiskTables)]
	if entityType == "" {
		entityType = `"package"`
	}
	id := fmt.Sprintf("d%02d", i*7%20) // not in the order of making
	var body string
	switch collection {
	case store.Whisks:
		body = c.body(with("namespace", namespaces), with("name", texts), []string{"version", `"0.0.1"`, `null`}, []string{"publish", `true`, `false`, `"true"`},
			with("annotations", []string{c.of(annotations...)}), with("updated", []string{c.of(times...)}), []string{"entityType", entityType, `"action"`, `"package"`, `"rule"`, `"trigger"`, `"Action"`, `1`},
			[]string{"limits", `{"memory":1.50}`, `null`}, []string{"exec", `{"binary":true,"code":"{}"}`, `{"code":[]}`, `{"binary":null}`, `"x"`},
			[]string{"binding", `{}`, "{ \t}", `{"name":"x"}`, `null`, `false`}, with("start", []string{c.of(times...)}))
	case store.Activations:
		body = c.body(with("namespace", namespaces), with("name", texts), []string{"version", `"0.0.1"`, `null`}, []string{"publish", `true`, `null`},
			with("annotations", []string{c.of(annotations...)}), with("updated", []string{c.of(times...)}), with("start", []string{c.of(times...)}), with("end", []string{c.of(times...)}), []string{"duration", `9`},
			[]string{"activationId", `"0ab"`}, []string{"cause", `"0cd"`, `null`}, []string{"response", `{"statusCode":1,"result":{}}`, `{"statusCode":null}`, `{}`, `[]`})
	case store.Subjects:
		if c.int(3) == 0 {
			id = c.of("a/limits", "b/limits", "u/limits", "a/limits/limits", "/limits")
		}
		var list []string
		for range c.int(4) {
			list = append(list, c.body(with("name", texts), with("uuid", texts), with("key", texts)))
		}
		elements := "[" + strings.Join(append(list, c.of(`null`, `"a"`, `{}`)), ",") + "]"
		body = c.body(with("subject", texts), with("uuid", texts), with("key", texts), []string{"namespaces", elements, elements, `{}`},
			[]string{"blocked", `false`, `true`, `true`, `"true"`, `null`}, with("concurrentInvocations", numbers), with("invocationsPerMinute", numbers))
	}
	return store.Document{ID: id, Body: []byte(body)}
}

func (c *choices) query(collection string) *store.Query {
	q := &store.Query{Skip: c.int(4), Limit: c.int(4), Descending: c.int(2) == 1, IncludeDocs: c.int(2) == 1}
	switch collection {
	case store.Subjects:
		text := func() string { return c.of("a", "b", "u", "k") }
		switch c.int(3) {
		case 0:
			q.Table = blocked
			q.IncludeDocs = false
		case 1:
			q.Table, q.StartKey = identities, store.Key{text()}
		case 2:
			q.Table, q.StartKey = identities, store.Key{text(), text()}
		}
		q.EndKey = q.StartKey
		return q
	case store.Whisks:
		q.Table = whiskTables + c.of("actions", "packages", "packages-public", "rules", "triggers")
	case store.Activations:
		q.Table = c.of(activations, filtered)
	}
	path := c.of("a", "a", "a", "a/b", "b", "", "a/", `a"/é`, `a"`)
	if q.Table == filtered {
		path += c.of("/a", "/a", "/b/a", "/c/b", "//a")
	}
	q.StartKey, q.EndKey = store.Key{path}, store.Key{path, store.Top}
	if c.int(2) == 1 {
		q.StartKey = append(q.StartKey, []any{0, 2, 1.5, -1}[c.int(4)])
		q.EndKey = store.Key{path, []any{store.Top, 2, 3, 1700000000000}[c.int(4)], store.Top}
	}
	return q
}

// reduced returns a body with nothing but fields, as a query with a projection
// returns it.
func reduced(t *testing.T, body []byte, fields []string) []byte {
	whole := decode(t, body).(object)
	part := object{}
	for _, f := range fields {
		outer, inner, nested := strings.Cut(f, ".")
		v, ok := whole[outer]
		if !ok {
			continue
		}
		if nested {
			o, _ := v.(object)
			if v, ok = o[inner]; !ok {
				continue
			}
			v = object{inner: v}
		}
		part[outer] = v
	}
	text, err := json.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// check holds the package against the reference on one set of documents.
func check(t *testing.T, data []byte) {
	c := &choices{data}
	collection := c.of(store.Whisks, store.Activations, store.Subjects)
	q := c.query(collection)
	byID := map[string]store.Document{}
	for i := range 1 + c.int(20) {
		doc := c.document(collection, q.Table, i)
		byID[doc.ID] = doc
	}
	var docs []store.Document
	for _, doc := range byID {
		docs = append(docs, doc)
	}
	p := newPlan(t, collection, q)
	candidates, matched := ordered(t, p, collection, docs)

	join := func(_ context.Context, id string) (store.Document, error) {
		if doc, ok := byID[id]; ok {
			return doc, nil
		}
		return store.Document{}, store.ErrNotFound
	}
	want, wantMatched := refRows(t, q, docs)
	if matched != wantMatched {
		t.Fatalf("%v over %s: got %d rows matched, want %d", q, listing(docs), matched, wantMatched)
	}
	if got, want := p.Count(int64(matched)), max(0, int64(wantMatched-q.Skip)); got != want {
		t.Fatalf("count of %v: got %d, want %d", q, got, want)
	}
	compare := func(docs []store.Document) {
		t.Helper()
		var got []refRow
		for row, err := range p.Run(t.Context(), docsOf(docs, new(int)), join, nil) {
			if err != nil {
				t.Fatalf("%v over %s: %v", q, listing(docs), err)
			}
			r := refRow{ID: row.ID, Key: normal(t, decode(t, row.Key)), Value: normal(t, decode(t, row.Value))}
			if row.Doc != nil {
				r.Doc = row.Doc.ID
			} else if row.Joined {
				r.Doc = "null"
			}
			got = append(got, r)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v descending %t over\n%s\n got %v\nwant %v", q, q.Descending, listing(docs), got, want)
		}
	}
	compare(candidates)
	if fields := p.Fields(); fields != nil {
		for i := range candidates {
			candidates[i].Body = reduced(t, candidates[i].Body, fields)
		}
		compare(candidates)
	}
}

func listing(docs []store.Document) string {
	var b strings.Builder
	for _, doc := range docs {
		fmt.Fprintf(&b, "%s: %s\n", doc.ID, doc.Body)
	}
	return b.String()
}

// ordered returns the documents of the plan's range in its order, as a backend
// with an index of entries would, and how many rows they have.
func ordered(t *testing.T, p *view.Plan, collection string, docs []store.Document) (found []store.Document, matched int) {
	type place struct {
		order float64
		doc   store.Document
	}
	v, path, lo, hi := p.Range()
	var places []place
	for _, doc := range docs {
		entries, err := view.Entries(collection, doc.ID, doc.Body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := view.Computed(collection, doc.Body); err != nil {
			t.Fatal(err)
		}
		in := 0
		for _, e := range entries {
			if e.View == v && e.Path == path && e.Order >= lo && e.Order <= hi {
				places = append(places, place{e.Order, doc})
				in++
			}
		}
		if match := p.Match(doc.ID, doc.Body); in > 1 || match != (in == 1) {
			t.Fatalf("%s has %d entries in the range of %+v, Match says %t", doc.Body, in, p, match)
		}
		matched += p.RowCount(doc.ID, doc.Body)
	}
	slices.SortFunc(places, func(a, b place) int {
		switch {
		case a.order < b.order:
			return -1
		case a.order > b.order:
			return 1
		}
		return strings.Compare(a.doc.ID, b.doc.ID)
	})
	if p.Descending {
		slices.Reverse(places)
	}
	for _, e := range places {
		found = append(found, e.doc)
	}
	return found, matched
}

func FuzzPlanAgainstReference(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 64 {
		f.Add(randomData(rnd))
	}
	f.Fuzz(check)
}

func randomData(rnd *rand.Rand) []byte {
	data := make([]byte, 1200)
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	return data
}

// The reference over many random sets, in every run of the tests.
func TestPlanAgainstReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		data := randomData(rnd)
		check(t, data)
		if t.Failed() {
			t.Fatalf("set %d", i)
		}
	}
}

// Whatever the text, nothing panics, and what is shaped is JSON.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{"namespace":"a/b","entityType":"action","updated":1,"exec":{"binary":true}}`, `{"start":1,"end":2e300,"namespace":"a","name":"b","annotations":[{"key":"path","value":"\ud800/\u0000/x"}]}`,
		`{"subject":"a","uuid":"u","key":"k","namespaces":[{"name":"a","uuid":"u","key":"k"}],"blocked":true}`, `{"concurrentInvocations":-0e9}`, `{"namespace":"a"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for collection, queries := range map[string][]*store.Query{
			store.Whisks:      {everything(whiskTables+"actions", "a"), everything(whiskTables+"packages", "a")},
			store.Activations: {everything(activations, "a"), everything(filtered, "a/b")},
			store.Subjects:    {lookup("a"), lookup("u", "k"), {Table: blocked}},
		} {
			for _, id := range []string{"a", "a/limits"} {
				_, err := view.Entries(collection, id, body)
				computed, err2 := view.Computed(collection, body)
				if (err == nil) != (err2 == nil) {
					t.Fatalf("%q: entries say %v, computed says %v", body, err, err2)
				}
				if computed != nil {
					decode(t, computed)
				}
				for _, q := range queries {
					p := newPlan(t, collection, q)
					p.Match(id, body)
					rows, err3 := p.Rows(t.Context(), store.Document{ID: id, Body: body}, noLimits)
					if (err == nil) != (err3 == nil) {
						t.Fatalf("%q: entries say %v, rows say %v", body, err, err3)
					}
					for _, row := range rows {
						decode(t, row.Key)
						decode(t, row.Value)
					}
				}
			}
		}
	})
}
