// Package stamp is the decorator that writes the cluster id: it sets
// PutOptions.ClusterID and DeleteOptions.ClusterID on every write, and does
// nothing else.
//
// The bridge of a cluster tells by that id which changes came from its own
// nodes. It stands directly above the backend, below softdelete, so that
// tombstones carry the id of the cluster that deleted.
package stamp

import (
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// New returns a middleware that stamps every Put and Delete with clusterID,
// whatever id the caller's options name; the options themselves are not
// changed. An empty clusterID erases the id with the next write, as a node of
// upstream's does that has none configured. The middleware is safe for
// concurrent use and may wrap several stores.
func New(clusterID string) store.Middleware {
	return func(next store.ArtifactStore) store.ArtifactStore {
		return &stamped{next: next, clusterID: clusterID}
	}
}

type stamped struct {
	next      store.ArtifactStore
	clusterID string
}

var _ store.ArtifactStore = (*stamped)(nil)

func (s *stamped) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return s.next.Get(ctx, id, opts)
}

func (s *stamped) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	var o store.PutOptions
	if opts != nil {
		o = *opts
	}
	o.ClusterID = s.clusterID
	return s.next.Put(ctx, doc, &o)
}

func (s *stamped) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	var o store.DeleteOptions
	if opts != nil {
		o = *opts
	}
	o.ClusterID = s.clusterID
	return s.next.Delete(ctx, id, rev, &o)
}

func (s *stamped) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return s.next.Query(ctx, q)
}

func (s *stamped) Count(ctx context.Context, q *store.Query) (int64, error) {
	return s.next.Count(ctx, q)
}

func (s *stamped) Close() error { return s.next.Close() }
