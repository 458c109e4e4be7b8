package tworegions

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/store"
)

// account is one node's connection to a store that all nodes of a region, or
// of both, share. It counts requests; closing it leaves the store open.
type account struct {
	backend  store.ArtifactStore
	requests *atomic.Int64
}

var _ store.ArtifactStore = (*account)(nil)

// probe tells who reads through a cache whether that reached the store.
type probe struct{ loaded atomic.Bool }

type probeKey struct{}

func (p *probe) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, probeKey{}, p)
}

// read counts a read.
func (a *account) read(ctx context.Context) {
	a.requests.Add(1)
	if p, ok := ctx.Value(probeKey{}).(*probe); ok {
		p.loaded.Store(true)
	}
}

func (a *account) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	a.read(ctx)
	return a.backend.Get(ctx, id, opts)
}

func (a *account) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	a.requests.Add(1)
	return a.backend.Put(ctx, doc, opts)
}

func (a *account) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	a.requests.Add(1)
	return a.backend.Delete(ctx, id, rev, opts)
}

func (a *account) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		a.read(ctx)
		a.backend.Query(ctx, q)(yield)
	}
}

func (a *account) Count(ctx context.Context, q *store.Query) (int64, error) {
	a.requests.Add(1)
	return a.backend.Count(ctx, q)
}

func (a *account) Close() error { return nil }
