package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// onRow is a store that changes rows, or leaves them out.
func onRow(f func(w *wrong, q *store.Query, row *store.Row) bool) spoiled {
	return spoiled{store: func(w *wrong) {
		w.query = w.rows(func(q *store.Query, row store.Row) (store.Row, bool) {
			keep := f(w, q, &row)
			return row, keep
		})
	}}
}

// onQuery is a store that asks another query than it was given.
func onQuery(f func(w *wrong, q *store.Query)) spoiled {
	return spoiled{store: func(w *wrong) { w.query = w.ask(func(q *store.Query) { f(w, q) }) }}
}

func onCount(f func(w *wrong, q *store.Query, n int64) int64) spoiled {
	return spoiled{store: func(w *wrong) {
		w.count = func(ctx context.Context, q *store.Query) (int64, error) {
			n, err := w.next.Count(ctx, q)
			if err == nil {
				n = f(w, q, n)
			}
			return n, err
		}
	}}
}

// order is the order field of a row, 0 when its key has none.
func order(row store.Row) float64 {
	var key []any
	if json.Unmarshal(row.Key, &key) != nil || len(key) != 2 {
		return 0
	}
	n, _ := key[1].(float64)
	return n
}

// upto is the upper bound of a query, 0 when it has none.
func upto(q *store.Query) int {
	if len(q.EndKey) == 3 {
		if n, ok := q.EndKey[1].(int); ok {
			return n
		}
	}
	return 0
}

var queryMutants = []mutant{
	{"keeps order fields of documents in 32 bits", []string{"QRY-01"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		if n := order(*row); q.IncludeDocs && n > 1<<31 {
			row.Key = asJSON([]any{q.StartKey[0], int32(int64(n))})
		}
		return true
	})},
	{"keeps order fields of summaries in 32 bits", []string{"QRY-02"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		if n := order(*row); !q.IncludeDocs && n > 1<<31 {
			row.Key = asJSON([]any{q.StartKey[0], int32(int64(n))})
		}
		return true
	})},
	{"lists one of the only two actions", []string{"QRY-03"}, spoiled{store: func(w *wrong) {
		puts := 0
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			puts++
			return w.next.Put(ctx, doc, &opts)
		}
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			if puts != 2 || q.Table != actionsTable || q.OnUnreadable != nil {
				return w.next.Query(ctx, q)
			}
			return func(yield func(store.Row, error) bool) {
				n := 0
				for row, err := range w.next.Query(ctx, q) {
					if n++; err == nil && n == 2 || !yield(row, err) {
						return
					}
				}
			}
		}
	}}},
	{"lists the first deleted action", []string{"QRY-04"}, spoiled{store: func(w *wrong) {
		var ghosts []store.Row
		w.del = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			for row, err := range w.bare.Query(background, under(actionsTable, strings.TrimSuffix(id, "/a"))) {
				if err == nil && row.ID == id && opts.Tombstone == 0 && strings.HasSuffix(id, "/a") && len(ghosts) == 0 {
					ghosts = append(ghosts, row)
				}
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			known := len(ghosts)
			return func(yield func(store.Row, error) bool) {
				for row, err := range w.next.Query(ctx, q) {
					if !yield(row, err) {
						return
					}
				}
				for _, row := range ghosts[:known] {
					if !yield(row, nil) {
						return
					}
				}
			}
		}
	}}},
	{"orders activations one way only", []string{"QRY-05", "QRY-06", "QRY-07", "QRY-08"}, onQuery(func(w *wrong, q *store.Query) {
		q.Descending = q.Descending || w.collection == store.Activations
	})},
	{"orders long lists one way only", []string{"QRY-05"}, onQuery(func(w *wrong, q *store.Query) {
		q.Descending = q.Descending || w.collection == store.Activations && q.Skip == 0 && q.Limit == 0 && !q.IncludeDocs
	})},
	{"skips one too many in ascending order", []string{"QRY-06"}, onQuery(func(_ *wrong, q *store.Query) {
		if q.Skip > 0 && !q.Descending {
			q.Skip++
		}
	})},
	{"has an off-by-one limit", []string{"QRY-07"}, onQuery(func(w *wrong, q *store.Query) {
		if q.Limit > 0 && q.Skip == 0 && w.collection == store.Activations {
			q.Limit++
		}
	})},
	{"gives each activation the document before it", []string{"QRY-08"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				var before *store.Document
				for row, err := range w.next.Query(ctx, q) {
					if row.Doc != nil && before != nil && w.collection == store.Activations {
						row.Doc, before = before, row.Doc
					} else {
						before = row.Doc
					}
					if !yield(row, err) {
						return
					}
				}
			}
		}
	}}},
	{"takes a negative limit for none", []string{"QRY-09"}, onQuery(func(_ *wrong, q *store.Query) { q.Limit = max(q.Limit, 0) })},
	{"takes a negative skip for none", []string{"QRY-09"}, onQuery(func(_ *wrong, q *store.Query) { q.Skip = max(q.Skip, 0) })},
	{"counts up to the limit", []string{"QRY-10"}, onCount(func(_ *wrong, q *store.Query, n int64) int64 {
		if q.Limit > 0 {
			n = min(n, int64(q.Limit))
		}
		return n
	})},
	{"counts below zero", []string{"QRY-11"}, onCount(func(_ *wrong, q *store.Query, n int64) int64 {
		if n == 0 && q.Skip > 0 {
			n = -1
		}
		return n
	})},
	{"counts with a negative skip", []string{"QRY-12"}, spoiled{store: func(w *wrong) {
		w.count = func(ctx context.Context, q *store.Query) (int64, error) {
			other := *q
			other.Skip = max(q.Skip, 0)
			return w.next.Count(ctx, &other)
		}
	}}},
	{"limits before it skips", []string{"QRY-D1"}, onQuery(func(_ *wrong, q *store.Query) {
		if q.Limit > 0 && q.Skip > 0 {
			q.Limit = max(q.Limit-q.Skip, 1)
		}
	})},
	{"reduces documents", []string{"QRY-D2"}, onQuery(func(_ *wrong, q *store.Query) { q.Reduce = q.Reduce && !q.IncludeDocs })},
	{"reads a malformed range as an open one", []string{"QRY-D3"}, onQuery(func(_ *wrong, q *store.Query) {
		if len(q.StartKey) == 2 && len(q.EndKey) == 2 && q.EndKey[1] == store.Top && q.Table == actionsTable {
			q.EndKey = store.Key{q.EndKey[0], store.Top, store.Top}
		}
	})},
	{"swaps the keys of descending queries", []string{"QRY-D4"}, onQuery(func(_ *wrong, q *store.Query) {
		if n := upto(q); n > 0 && q.Descending && q.Table == actionsTable {
			q.StartKey, q.EndKey = store.Key{q.StartKey[0], n}, store.Key{q.EndKey[0], q.StartKey[1], store.Top}
		}
	})},
	{"counts tombstones", []string{"QRY-D5"}, spoiled{store: func(w *wrong) {
		buried := int64(0)
		w.del = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			if opts.Tombstone > 0 {
				buried++
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
		w.count = func(ctx context.Context, q *store.Query) (int64, error) {
			n, err := w.next.Count(ctx, q)
			return n + buried, err
		}
	}}},
	{"returns rows without a revision", []string{"versions_of_rows"}, onRow(func(_ *wrong, _ *store.Query, row *store.Row) bool {
		row.Rev = ""
		return true
	})},
	{"shows bindings as public packages", []string{"WQ-01"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			if q.Table != publicTable {
				return w.next.Query(ctx, q)
			}
			return w.rows(func(_ *store.Query, row store.Row) (store.Row, bool) {
				return row, bytes.Contains(row.Value, []byte(`"publish":true`))
			})(ctx, under(packagesTable, q.StartKey[0].(string)))
		}
	}}},
	{"excludes the upper bound of packages", []string{"WQ-02"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		return q.Table != packagesTable || upto(q) == 0 || order(*row) != float64(upto(q))
	})},
	{"excludes the upper bound of activations", []string{"AQ-01"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		return q.Table != filtersTable || upto(q) == 0 || order(*row) != float64(upto(q))
	})},
	{"lists no package's actions under the root", []string{"entity_views"}, onRow(func(_ *wrong, q *store.Query, row *store.Row) bool {
		return q.Table != actionsTable || !bytes.Contains(row.Value, []byte(`/pkg"`)) || strings.HasSuffix(q.StartKey[0].(string), "/pkg")
	})},
	{"does not know keys of a namespace alone", []string{"namespace_keys"}, onQuery(func(_ *wrong, q *store.Query) {
		if len(q.StartKey) == 1 && q.Table == actionsTable {
			q.EndKey = nil
		}
	})},
	{"gives no status to what is running", []string{"activation_views"}, onRow(func(_ *wrong, _ *store.Query, row *store.Row) bool {
		if bytes.Contains(row.Value, []byte("activationId")) && !bytes.Contains(row.Value, []byte(`"end"`)) {
			row.Value = bytes.Replace(row.Value, []byte("statusCode"), []byte("code"), 1)
		}
		return true
	})},
	{"leaves a document in the views that it was in", []string{"views_follow_updates"}, spoiled{store: func(w *wrong) {
		var shown []store.Row
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				n := 0
				for row, err := range w.next.Query(ctx, q) {
					if n++; q.Table == publicTable {
						shown = append(shown, row)
					}
					if !yield(row, err) {
						return
					}
				}
				if q.Table == publicTable && n == 0 {
					for _, row := range shown {
						if !yield(row, nil) {
							return
						}
					}
				}
			}
		}
	}}},
}
