package storetest

import (
	"context"
	"errors"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

var loopMutants = []mutant{
	{"asks before the loop", []string{"query_is_lazy"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			if len(q.EndKey) != 3 || q.Table != actionsTable || q.Skip != 0 || q.OnUnreadable != nil {
				return w.next.Query(ctx, q)
			}
			rows, err := collect(w.next.Query(ctx, q))
			return func(yield func(store.Row, error) bool) {
				for _, row := range rows {
					if e := ctx.Err(); e != nil {
						yield(store.Row{}, e)
						return
					}
					if !yield(row, nil) {
						return
					}
				}
				if err != nil {
					yield(store.Row{}, err)
				}
			}
		}
	}}},
	{"keeps open what a loop left", []string{"query_break"}, spoiled{store: func(w *wrong) {
		left := 0
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				for row, err := range w.next.Query(ctx, q) {
					if !yield(row, err) {
						if err == nil {
							left++
						}
						return
					}
				}
			}
		}
		w.close = func() error {
			err := w.next.Close()
			if left > 0 && err == nil {
				return errors.New("a query is still open")
			}
			return err
		}
	}}},
	{"begins again when something changes during a loop", []string{"query_allows_writes"}, spoiled{store: func(w *wrong) {
		writes := 0
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			writes++
			return w.next.Put(ctx, doc, &opts)
		}
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				before := writes
				for row, err := range w.next.Query(ctx, q) {
					if !yield(row, err) {
						return
					}
				}
				if writes != before {
					w.next.Query(ctx, q)(yield)
				}
			}
		}
	}}},
	{"goes on after an error", []string{"query_error_is_last"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				for row, err := range w.next.Query(ctx, q) {
					if !yield(row, err) || errors.Is(err, store.ErrUnsupported) && !yield(store.Row{}, nil) {
						return
					}
				}
			}
		}
	}}},
	{"ends quietly when the context does", []string{"query_ends_with_context"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				n := 0
				for row, err := range w.next.Query(ctx, q) {
					if n++; n > 1 && store.IsContext(err) || !yield(row, err) {
						return
					}
				}
			}
		}
	}}},
	{"changes the query", []string{"query_kept"}, spoiled{store: func(w *wrong) {
		w.count = func(ctx context.Context, q *store.Query) (int64, error) {
			q.Limit = 0
			return w.next.Count(ctx, q)
		}
	}}},
	{"leaves out what it cannot read", []string{"unreadable_row"}, onQuery(func(_ *wrong, q *store.Query) {
		if q.OnUnreadable == nil {
			q.OnUnreadable = func(error) {}
		}
	})},
	{"reports nothing that it cannot read", []string{"unreadable_row"}, onQuery(func(_ *wrong, q *store.Query) {
		if q.OnUnreadable != nil {
			q.OnUnreadable = func(error) {}
		}
	})},
}

func collect(loop iter.Seq2[store.Row, error]) (rows []store.Row, err error) {
	for row, rowErr := range loop {
		if rowErr != nil {
			return rows, rowErr
		}
		rows = append(rows, row)
	}
	return rows, nil
}
