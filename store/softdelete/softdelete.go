// Package softdelete is the decorator that asks for tombstones: it sets
// DeleteOptions.Tombstone on every Delete, and does nothing else.
//
// Where a change feed shows no physical delete (Cosmos DB), the tombstone is how
// other clusters learn that a document is gone. Everything else about
// tombstones, hiding them above all, is the backend's. The decorator stands
// above stamp, so that tombstones are stamped, and below a cache, so that none
// is cached.
package softdelete

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// New returns a middleware that asks for a tombstone with this time to live on
// every Delete, whatever the caller's options name; the options themselves are
// not changed. ttl must be positive and at most store.MaxTTL, fractions of a
// second are rounded up; anything else is of kind store.ErrInvalid. It has to be
// longer than the longest time for which a bridge may be away. The middleware is
// safe for concurrent use and may wrap several stores.
func New(ttl time.Duration) (store.Middleware, error) {
	if ttl <= 0 || ttl > store.MaxTTL {
		return nil, &store.Error{Op: store.OpOpen, Kind: store.ErrInvalid,
			Err: fmt.Errorf("softdelete: time to live %v is not in (0, %v]", ttl, store.MaxTTL)}
	}
	return func(next store.ArtifactStore) store.ArtifactStore {
		return &softDeleting{next: next, ttl: ttl}
	}, nil
}

type softDeleting struct {
	next store.ArtifactStore
	ttl  time.Duration
}

var _ store.ArtifactStore = (*softDeleting)(nil)

func (s *softDeleting) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return s.next.Get(ctx, id, opts)
}

func (s *softDeleting) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return s.next.Put(ctx, doc, opts)
}

func (s *softDeleting) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	var o store.DeleteOptions
	if opts != nil {
		o = *opts
	}
	o.Tombstone = s.ttl
	return s.next.Delete(ctx, id, rev, &o)
}

func (s *softDeleting) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return s.next.Query(ctx, q)
}

func (s *softDeleting) Count(ctx context.Context, q *store.Query) (int64, error) {
	return s.next.Count(ctx, q)
}

func (s *softDeleting) Close() error { return s.next.Close() }
