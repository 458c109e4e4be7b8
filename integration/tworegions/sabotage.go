package tworegions

import (
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// split is what route.New must not be: a store that forgets what it wrote. Only
// tests use it.
type split struct{ write, read store.ArtifactStore }

var _ store.ArtifactStore = (*split)(nil)

func (s *split) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return s.read.Get(ctx, id, opts)
}

func (s *split) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return s.write.Put(ctx, doc, opts)
}

func (s *split) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	return s.write.Delete(ctx, id, rev, opts)
}

func (s *split) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return s.read.Query(ctx, q)
}

func (s *split) Count(ctx context.Context, q *store.Query) (int64, error) {
	return s.read.Count(ctx, q)
}

func (s *split) Close() error {
	if err := s.read.Close(); err != nil {
		return err
	}
	return s.write.Close()
}
