package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/whiskstore/whiskstore/store"
)

// subjects is what a wrong store remembers of the subjects put into it.
func (w *wrong) subjects(seen func(id string, o map[string]any)) {
	w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
		var o map[string]any
		if json.Unmarshal(doc.Body, &o) == nil {
			seen(doc.ID, o)
		}
		return w.next.Put(ctx, doc, &opts)
	}
}

// matching is a store that finds an identity by credentials where match says so
// and the right store finds none.
func matching(match func(entries []identity, uuid, key string) bool) spoiled {
	return spoiled{store: func(w *wrong) {
		all := map[string][]identity{}
		w.subjects(func(id string, o map[string]any) {
			list, _ := o["namespaces"].([]any)
			if o["blocked"] == true {
				return
			}
			for _, n := range list {
				m := n.(map[string]any)
				all[id] = append(all[id], identity{m["name"].(string), m["uuid"].(string), m["key"].(string)})
			}
		})
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				n := 0
				for row, err := range w.next.Query(ctx, q) {
					if n++; !yield(row, err) {
						return
					}
				}
				if n > 0 || q.Table != identitiesTable || len(q.StartKey) != 2 {
					return
				}
				for id, entries := range all {
					if match(entries, q.StartKey[0].(string), q.StartKey[1].(string)) && !yield(store.Row{ID: id, Joined: true}, nil) {
						return
					}
				}
			}
		}
	}}
}

var subjectMutants = []mutant{
	{"names the namespace where the subject should be", []string{"SQ-01"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		if q.Table == identitiesTable && len(q.StartKey) == 2 && row.Doc == nil {
			row.ID = q.StartKey[0].(string)
		}
		return true
	})},
	{"takes any member blocked for a block", []string{"SQ-02"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			doc.Body = bytes.Replace(doc.Body, []byte(`"blocked":false`), []byte(`"blocked":true`), 1)
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"matches a uuid and a key of two namespaces", []string{"SQ-03"}, matching(func(entries []identity, uuid, key string) bool {
		return slices.ContainsFunc(entries, func(i identity) bool { return i.uuid == uuid }) &&
			slices.ContainsFunc(entries, func(i identity) bool { return i.key == key })
	})},
	{"matches a key with any uuid", []string{"SQ-05"}, matching(func(entries []identity, _, key string) bool {
		return len(entries) == 1 && entries[0].key == key
	})},
	{"matches a uuid with any key", []string{"SQ-05"}, matching(func(entries []identity, uuid, _ string) bool {
		return len(entries) == 1 && entries[0].uuid == uuid
	})},
	{"fails for a namespace that it never knew", []string{"SQ-04"}, spoiled{store: func(w *wrong) {
		known := map[string]bool{}
		w.subjects(func(_ string, o map[string]any) {
			list, _ := o["namespaces"].([]any)
			for _, n := range list {
				known[n.(map[string]any)["name"].(string)] = true
			}
		})
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			if len(q.StartKey) == 1 && q.Table == identitiesTable && !known[q.StartKey[0].(string)] && w.collection == store.Subjects {
				return func(yield func(store.Row, error) bool) {
					yield(store.Row{}, &store.Error{Op: store.OpQuery, ID: q.Table, Kind: store.ErrNotFound})
				}
			}
			return w.next.Query(ctx, q)
		}
	}}},
	{"joins only when documents are asked for", []string{"SQ-06"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		row.Joined = row.Joined && q.IncludeDocs
		return true
	})},
	{"joins limits as it first saw them", []string{"SQ-07"}, spoiled{store: func(w *wrong) {
		first := map[string]store.Document{}
		w.query = w.rows(func(_ *store.Query, row store.Row) (store.Row, bool) {
			if row.Joined && row.Doc != nil {
				if doc, ok := first[row.Doc.ID]; ok {
					row.Doc = &doc
				}
				first[row.Doc.ID] = *row.Doc
			}
			return row, true
		})
	}}},
	{"looks at one limit only", []string{"SQ-08"}, spoiled{store: func(w *wrong) {
		concurrent := map[string]bool{}
		w.subjects(func(id string, o map[string]any) {
			concurrent[id] = o["concurrentInvocations"] != nil && o["invocationsPerMinute"] == nil
		})
		w.query = w.rows(func(q *store.Query, row store.Row) (store.Row, bool) {
			return row, q.Table != blockedTable || !concurrent[row.ID]
		})
	}}},
}
