package route_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// primary is a store whose committed states a replica takes over later.
type primary struct {
	lineage string // of its versions
	ordered bool   // whether they carry an order

	mu   sync.Mutex
	docs map[string]store.Document // tombstones included
	seq  uint64
	log  []commit
	gets int
	fail error // what the next write returns after it was applied

	// late, when set, runs once between the next operation and its reply.
	late func()
}

// commit is one state: the zero Document is a physical delete.
type commit struct {
	id  string
	doc store.Document
	at  time.Time
}

func newPrimary() *primary {
	return &primary{lineage: "db", ordered: true, docs: map[string]store.Document{}}
}

func (p *primary) commit(id string, doc store.Document) store.Version {
	if doc.ID == "" {
		delete(p.docs, id)
	} else {
		p.seq++
		doc.Version = store.Version{Rev: fmt.Sprintf("%d-%s", p.seq, id)}
		if p.ordered {
			doc.Version.Order, doc.Version.Lineage = p.seq, p.lineage
		}
		p.docs[id] = doc
	}
	p.log = append(p.log, commit{id, doc, time.Now()})
	return doc.Version
}

func (p *primary) reply(v store.Version) (store.Version, error) {
	if err := p.fail; err != nil {
		p.fail = nil
		return store.Version{}, err
	}
	return v, nil
}

func get(docs map[string]store.Document, id string, opts *store.GetOptions) (store.Document, error) {
	var o store.GetOptions
	if opts != nil {
		o = *opts
	}
	doc, ok := docs[id]
	if !ok || doc.Meta.Deleted && !o.Tombstones {
		return store.Document{}, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrNotFound}
	}
	if o.Rev != "" && o.Rev != doc.Version.Rev {
		return store.Document{}, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrRevisionMismatch}
	}
	return doc, nil
}

// delayed runs late, which may call the store again.
func delayed(late *func()) {
	if f := *late; f != nil {
		*late = nil
		f()
	}
}

func (p *primary) Get(_ context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	defer delayed(&p.late)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gets++
	return get(p.docs, id, opts)
}

func (p *primary) Put(_ context.Context, doc store.Document, _ *store.PutOptions) (store.Version, error) {
	defer delayed(&p.late)
	p.mu.Lock()
	defer p.mu.Unlock()
	if live, ok := p.docs[doc.ID]; ok && live.Meta.Deleted {
		ok = false
		if doc.Version.Rev != "" {
			return store.Version{}, &store.Error{Op: store.OpPut, ID: doc.ID, Kind: store.ErrConflict}
		}
	} else if ok != (doc.Version.Rev != "") || ok && live.Version.Rev != doc.Version.Rev {
		return store.Version{}, &store.Error{Op: store.OpPut, ID: doc.ID, Kind: store.ErrConflict}
	}
	return p.reply(p.commit(doc.ID, store.Document{ID: doc.ID, Body: doc.Body}))
}

func (p *primary) Delete(_ context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	defer delayed(&p.late)
	p.mu.Lock()
	defer p.mu.Unlock()
	live, ok := p.docs[id]
	switch {
	case !ok || live.Meta.Deleted:
		return store.Version{}, &store.Error{Op: store.OpDelete, ID: id, Kind: store.ErrNotFound}
	case live.Version.Rev != rev:
		return store.Version{}, &store.Error{Op: store.OpDelete, ID: id, Kind: store.ErrConflict}
	case opts != nil && opts.Tombstone > 0:
		return p.reply(p.commit(id, store.Document{ID: id, Body: []byte(`{}`), Meta: store.Meta{Deleted: true}}))
	}
	return p.reply(p.commit(id, store.Document{}))
}

func (p *primary) Query(context.Context, *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) { yield(store.Row{ID: "primary"}, nil) }
}

func (p *primary) Count(context.Context, *store.Query) (int64, error) { return 1, nil }

func (p *primary) Close() error { return nil }

// replica shows what its primary committed at least lag ago.
type replica struct {
	of      *primary
	lineage string // when set, what its versions are in
	lag     time.Duration

	mu      sync.Mutex
	docs    map[string]store.Document
	applied int
	gets    int
	late    func()
	fail    error                                                              // what Get returns
	fresh   func(ctx context.Context, id string, opts *store.GetOptions) error // called for GetOptions.After
}

func newReplica(of *primary, lag time.Duration) *replica {
	return &replica{of: of, lag: lag, docs: map[string]store.Document{}}
}

func (r *replica) catchUp() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	for ; r.applied < len(r.of.log) && time.Since(r.of.log[r.applied].at) >= r.lag; r.applied++ {
		c := r.of.log[r.applied]
		if c.doc.ID == "" {
			delete(r.docs, c.id)
			continue
		}
		if r.lineage != "" {
			c.doc.Version.Lineage = r.lineage
		}
		r.docs[c.id] = c.doc
	}
}

func (r *replica) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	defer delayed(&r.late)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gets++
	if r.fail != nil {
		return store.Document{}, r.fail
	}
	if opts != nil && !opts.After.IsZero() {
		if err := r.fresh(ctx, id, opts); err != nil {
			return store.Document{}, err
		}
	}
	r.catchUp()
	return get(r.docs, id, opts)
}

func (r *replica) Put(context.Context, store.Document, *store.PutOptions) (store.Version, error) {
	panic("a write reached the read store")
}

func (r *replica) Delete(context.Context, string, string, *store.DeleteOptions) (store.Version, error) {
	panic("a delete reached the read store")
}

func (r *replica) Query(context.Context, *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) { yield(store.Row{ID: "replica"}, nil) }
}

func (r *replica) Count(context.Context, *store.Query) (int64, error) { return 0, nil }

func (r *replica) Close() error { return nil }

// step is what a test does with a routed store, in words that keep it short.
type step struct {
	t *testing.T
	s store.ArtifactStore
	p *primary
	r *replica
}

// reads expects the next Get of id to show rev ("" for not found) and to have
// asked the primary and the replica this often.
func (s step) reads(id, rev string, opts *store.GetOptions, atPrimary, atReplica int) {
	s.t.Helper()
	p, r := s.p.gets, s.r.gets
	doc, err := s.s.Get(s.t.Context(), id, opts)
	if rev == "" && store.KindOf(err) != store.ErrNotFound || rev != "" && (err != nil || doc.Version.Rev != rev) {
		s.t.Errorf("Get %s: got %q, %v, want %q", id, doc.Version.Rev, err, rev)
	}
	if p, r = s.p.gets-p, s.r.gets-r; p != atPrimary || r != atReplica {
		s.t.Errorf("Get %s: got %d reads of the primary and %d of the replica, want %d and %d", id, p, r, atPrimary, atReplica)
	}
}

func (s step) puts(w store.Putter, id, rev string) store.Version {
	s.t.Helper()
	v, err := w.Put(s.t.Context(), store.Document{ID: id, Version: store.Version{Rev: rev}, Body: []byte(`{}`)}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s step) deletes(w store.Deleter, id, rev string, tombstone time.Duration) store.Version {
	s.t.Helper()
	v, err := w.Delete(s.t.Context(), id, rev, &store.DeleteOptions{Tombstone: tombstone})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}
