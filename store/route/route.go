package route

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// New returns a store that writes to write and reads from read, and owns both:
// its Close closes write, then read, each once. When both are the same store it
// returns that store, because there is nothing to route. A policy out of range is
// of kind store.ErrInvalid, and then the stores remain the caller's.
//
// The store is safe for concurrent use and starts no goroutine.
func New(write, read store.ArtifactStore, policy *Policy) (store.ArtifactStore, error) {
	p, err := policy.complete()
	if err != nil {
		return nil, err
	}
	if same(write, read) {
		return write, nil
	}
	return &routed{write: write, read: read, policy: p, recent: newTable(p.Recent, p.MaxLag)}, nil
}

func same(a, b store.ArtifactStore) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

type routed struct {
	write, read store.ArtifactStore
	policy      Policy
	recent      *table
}

var _ store.ArtifactStore = (*routed)(nil)

func (r *routed) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	seen, where := r.recent.look(id)
	switch where {
	case atReplica:
		if doc, ok, err := r.local(ctx, id, opts); ok {
			return doc, err
		}
	case toCompare:
		if doc, ok, err := r.confirmed(ctx, id, opts, seen); ok {
			return doc, err
		}
	}
	doc, err := r.write.Get(ctx, id, opts)
	switch {
	case err == nil:
		r.recent.saw(id, seen, where, doc.Version)
	case store.KindOf(err) == store.ErrNotFound:
		r.recent.saw(id, seen, where, store.Version{})
	}
	return doc, err
}

// local asks the read store. ok is false when the primary has to answer.
func (r *routed) local(ctx context.Context, id string, opts *store.GetOptions) (doc store.Document, ok bool, err error) {
	if opts == nil || opts.After.IsZero() {
		doc, err = r.read.Get(ctx, id, opts)
		return doc, true, err
	}
	waiting, cancel := context.WithTimeout(ctx, r.policy.Wait)
	defer cancel()
	doc, err = r.read.Get(waiting, id, opts)
	if err == nil {
		return doc, true, nil
	}
	if ctx.Err() != nil {
		return store.Document{}, true, ctx.Err()
	}
	switch store.KindOf(err) {
	case store.ErrUnavailable, store.ErrUnsupported, store.ErrInvalid:
		// Not fresh enough in time, or the token is one of the primary's.
		return doc, false, err
	}
	return doc, !store.IsContext(err), err
}

// confirmed asks the read store for an id in the table. ok is false unless the
// answer is at least as new as what is known, or cannot be older any more.
func (r *routed) confirmed(ctx context.Context, id string, opts *store.GetOptions, seen state) (doc store.Document, ok bool, err error) {
	var o store.GetOptions
	if opts != nil {
		o = *opts
	}
	probe := o
	probe.Rev = "" // a refusal would not tell which state there is
	probe.Tombstones = true
	doc, ok, err = r.local(ctx, id, &probe)
	if err != nil || !ok {
		return store.Document{}, false, nil
	}
	switch doc.Version.Compare(seen.version) {
	case store.Older:
		return store.Document{}, false, nil
	case store.Unknown:
		if time.Since(seen.at) < r.policy.MaxLag {
			return store.Document{}, false, nil
		}
	}
	r.recent.forget(id, seen)
	if doc.Meta.Deleted && !o.Tombstones || o.Rev != "" && o.Rev != doc.Version.Rev {
		return r.local(ctx, id, opts) // what the caller's own options make of this state
	}
	return doc, true, nil
}

func (r *routed) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	v, err := r.write.Put(ctx, doc, opts)
	if err == nil {
		r.recent.wrote(doc.ID, doc.Version.Rev, v)
	} else {
		r.refused(doc.ID, err)
	}
	return v, err
}

func (r *routed) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	v, err := r.write.Delete(ctx, id, rev, opts)
	if err == nil {
		r.recent.wrote(id, rev, v)
	} else {
		r.refused(id, err)
	}
	return v, err
}

// refused remembers what a failed write says about the primary.
func (r *routed) refused(id string, err error) {
	switch store.KindOf(err) {
	case store.ErrInvalid, store.ErrTooLarge, store.ErrThrottled, store.ErrUnavailable,
		store.ErrUnauthorized, store.ErrUnsupported, store.ErrClosed:
		return // nothing was written, and nothing was learnt
	}
	r.recent.doubted(id)
}

func (r *routed) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		r.forQueries().Query(ctx, q)(yield)
	}
}

func (r *routed) Count(ctx context.Context, q *store.Query) (int64, error) {
	return r.forQueries().Count(ctx, q)
}

func (r *routed) forQueries() store.ArtifactStore {
	switch {
	case r.policy.Queries == QueriesWrite,
		r.policy.Queries == QueriesAfterWrites && r.recent.lately():
		return r.write
	}
	return r.read
}

func (r *routed) Close() error {
	write, read := r.write.Close(), r.read.Close()
	switch {
	case write == nil:
		return read
	case read == nil:
		return write
	}
	return errors.Join(write, read)
}
