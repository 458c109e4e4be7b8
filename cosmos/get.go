package cosmos

import (
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// Get implements store.Getter.
func (s *Store) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return store.Document{}, s.fail(store.OpGet, id, store.ErrUnsupported, nil)
}

// Put implements store.Putter.
func (s *Store) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return store.Version{}, s.fail(store.OpPut, doc.ID, store.ErrUnsupported, nil)
}

// Delete implements store.Deleter.
func (s *Store) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	return store.Version{}, s.fail(store.OpDelete, id, store.ErrUnsupported, nil)
}

// Query implements store.Querier.
func (s *Store) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		yield(store.Row{}, s.fail(store.OpQuery, "", store.ErrUnsupported, nil))
	}
}

// Count implements store.Counter.
func (s *Store) Count(ctx context.Context, q *store.Query) (int64, error) {
	return 0, s.fail(store.OpCount, "", store.ErrUnsupported, nil)
}
