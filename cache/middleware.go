package cache

import (
	"bytes"
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// DocumentOptions are the options of a cache of documents for Middleware: what
// one weighs and how it is copied.
func DocumentOptions() Options[store.Document] {
	return Options[store.Document]{Size: documentSize, Copy: copyDocument}
}

func documentSize(d store.Document) int {
	return len(d.Body) + len(d.ID) + len(d.Version.Rev) + len(d.Version.Lineage) + len(d.Meta.ClusterID)
}

// copyDocument copies what a caller could modify.
func copyDocument(d store.Document) store.Document {
	d.Body = bytes.Clone(d.Body)
	return d
}

// Middleware returns the decorator that reads documents through c, which it owns
// and closes. clusterID is what the stamp decorator below it writes into every
// document, whatever the options of a write say; empty without one. A nil c caches nothing and notifies nobody (row CACHE-D14).
//
// Served from the cache are Get without options, and with Rev or After where the
// state held is the one named, or provably as new. Queries, counts and reads of
// tombstones pass; so do documents that will expire by themselves, as far as a read
// or the options of a write tell: in a collection with a default TTL of its own, what
// was written may be served for up to MaxAge after its end.
func Middleware(c *Cache[store.Document], clusterID string) store.Middleware {
	return func(next store.ArtifactStore) store.ArtifactStore {
		if c == nil {
			return next
		}
		return &cachedStore{next: next, cache: c, clusterID: clusterID}
	}
}

type cachedStore struct {
	next      store.ArtifactStore
	cache     *Cache[store.Document]
	clusterID string
}

var _ store.ArtifactStore = (*cachedStore)(nil)

func (s *cachedStore) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	if opts == nil || *opts == (store.GetOptions{}) {
		doc, _, err := s.cache.Get(ctx, id, s.load)
		return doc, err
	}
	if !opts.Tombstones && opts.After.Session == "" {
		if doc, _, ok := s.cache.peek(id, func(v store.Version) bool { return satisfies(v, opts) }); ok {
			return doc, nil
		}
	}
	doc, err := s.next.Get(ctx, id, opts)
	switch {
	case err == nil:
		s.cache.Observe(id, doc.Version) // R4c
	case store.KindOf(err) == store.ErrNotFound && !opts.After.Version.IsZero():
		s.cache.Observe(id, opts.After.Version) // the same: it is gone, in that state or a later one
	}
	return doc, err
}

// satisfies reports whether a document at version v is provably what opts ask for.
func satisfies(v store.Version, opts *store.GetOptions) bool {
	return (opts.Rev == "" || opts.Rev == v.Rev) &&
		(opts.After.Version.IsZero() || atLeast(v.Compare(opts.After.Version)))
}

func (s *cachedStore) load(ctx context.Context, r Request) (Loaded[store.Document], error) {
	var opts *store.GetOptions
	if !r.After.IsZero() {
		opts = &store.GetOptions{After: r.After}
	}
	doc, err := s.next.Get(ctx, r.Key, opts)
	pass := !doc.Meta.Expires.IsZero()
	if kind := store.KindOf(err); r.After.Session != "" && (kind == store.ErrInvalid || kind == store.ErrUnavailable) {
		// The position came from the bus. It is damaged, another backend's, or of a
		// time that does not come: no reason to fail a read (I3).
		doc, err = s.next.Get(ctx, r.Key, &store.GetOptions{After: store.Freshness{Version: r.After.Version}})
		pass = true
	}
	return Loaded[store.Document]{Value: doc, Version: doc.Version, Pass: pass}, err
}

func (s *cachedStore) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return s.cache.Put(ctx, doc.ID, func(ctx context.Context) (Loaded[store.Document], error) {
		v, err := s.next.Put(ctx, doc, opts)
		written := store.Document{ID: doc.ID, Version: v, Body: doc.Body, Meta: store.Meta{ClusterID: s.clusterID}}
		expires := false
		if opts != nil {
			expires = opts.TTL > 0
			if s.clusterID == "" {
				written.Meta.ClusterID = opts.ClusterID
			}
		}
		return Loaded[store.Document]{Value: written, Version: v, Pass: expires}, err
	})
}

func (s *cachedStore) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	return s.cache.Delete(ctx, id, func(ctx context.Context) (store.Version, error) {
		return s.next.Delete(ctx, id, rev, opts)
	})
}

func (s *cachedStore) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return s.next.Query(ctx, q)
}

func (s *cachedStore) Count(ctx context.Context, q *store.Query) (int64, error) {
	return s.next.Count(ctx, q)
}

func (s *cachedStore) Close() error {
	s.cache.Close()
	return s.next.Close()
}
