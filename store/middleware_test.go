package store_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
)

// tracer is a decorator that writes its name down on every call.
type tracer struct {
	next store.ArtifactStore
	name string
	log  *[]string
}

func trace(name string, log *[]string) store.Middleware {
	return func(next store.ArtifactStore) store.ArtifactStore { return &tracer{next, name, log} }
}

func (r *tracer) note() { *r.log = append(*r.log, r.name) }

func (r *tracer) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	r.note()
	return r.next.Get(ctx, id, opts)
}

func (r *tracer) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	r.note()
	return r.next.Put(ctx, doc, opts)
}

func (r *tracer) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	r.note()
	return r.next.Delete(ctx, id, rev, opts)
}

func (r *tracer) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	r.note()
	return r.next.Query(ctx, q)
}

func (r *tracer) Count(ctx context.Context, q *store.Query) (int64, error) {
	r.note()
	return r.next.Count(ctx, q)
}

func (r *tracer) Close() error {
	r.note()
	return r.next.Close()
}

func TestChainOrder(t *testing.T) {
	var log []string
	chain := store.Chain{
		Stamp:      trace("stamp", &log),
		SoftDelete: trace("softdelete", &log),
		Cache:      trace("cache", &log),
		Observe:    trace("observe", &log),
		Check:      trace("check", &log),
	}
	s := chain.Over(trace("backend", &log)(&forwardtest.Echo{}))
	want := []string{"check", "observe", "cache", "softdelete", "stamp", "backend"}
	for _, c := range append(calls(), call{store.OpClose, "", func(_ context.Context, s store.ArtifactStore) error { return s.Close() }}) {
		log = nil
		if err := c.do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(log, want) {
			t.Errorf("%s: got order %v, want %v", c.op, log, want)
		}
	}
}

func TestChainWithoutParts(t *testing.T) {
	var log []string
	for _, c := range []struct {
		name  string
		chain store.Chain
		want  []string
	}{
		{"nothing", store.Chain{}, []string{"backend"}},
		{"one", store.Chain{Cache: trace("cache", &log)}, []string{"cache", "backend"}},
		{"two", store.Chain{Observe: trace("observe", &log), Stamp: trace("stamp", &log)}, []string{"observe", "stamp", "backend"}},
	} {
		s := c.chain.Over(trace("backend", &log)(&forwardtest.Echo{}))
		log = nil
		if _, err := s.Get(t.Context(), "guest/a", nil); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(log, c.want) {
			t.Errorf("%s: got order %v, want %v", c.name, log, c.want)
		}
		if _, err := s.Get(t.Context(), "", nil); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: got %v for an empty id, want %v, because Check is always there", c.name, err, store.ErrInvalid)
		}
	}
}
