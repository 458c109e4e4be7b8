package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// cached is a chain over an embedded store, which holds guest/a at version v.
func cached(t *testing.T) (chain store.ArtifactStore, c *cache.Cache[store.Document], backend store.ArtifactStore, v store.Version) {
	backend, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		t.Fatal(err)
	}
	c = cache.New(cache.DocumentOptions())
	chain = store.Chain{Cache: cache.Middleware(c, "")}.Over(backend)
	t.Cleanup(func() { chain.Close() })
	v, err = chain.Put(t.Context(), store.Document{ID: "guest/a", Body: []byte(`{"x":1}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return chain, c, backend, v
}

// TestPositionFromTheBus: a record can only make a node read more; one with a
// position that the store does not know makes no read fail (I3).
func TestPositionFromTheBus(t *testing.T) {
	chain, c, _, _ := cached(t)
	tr := cache.NewTracker(cache.TrackerOptions{Position: true, Lines: map[string][]cache.Line{"whisks": {c}}})
	now := time.Now()
	m := bridge(wire.Watermark, "b", 1, 4)
	m.Range, m.Vouched, m.Position = &wire.Range{Of: "whisks"}, now, "damaged"
	tr.Handle(0, wire.Encode(m), now)
	if _, err := chain.Get(t.Context(), "guest/a", nil); err != nil {
		t.Error(err)
	}
	if _, _, ok := c.Peek("guest/a"); ok {
		t.Error("what was read without the position is held, as if it covered the loss")
	}
}

// TestReadsByRevisionAreHits as others are.
func TestReadsByRevisionAreHits(t *testing.T) {
	chain, c, _, v := cached(t)
	for _, opts := range []*store.GetOptions{{Rev: v.Rev}, {After: store.Freshness{Version: v}}} {
		if _, err := chain.Get(t.Context(), "guest/a", opts); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Hits != 2 || s.Misses != 0 {
		t.Errorf("%d hits and %d misses, want two hits", s.Hits, s.Misses)
	}
}

// TestFreshAbsence: a read at a state that is no document any more ends what is
// held of an earlier one (R4c).
func TestFreshAbsence(t *testing.T) {
	chain, _, backend, v := cached(t)
	gone, err := backend.Delete(t.Context(), "guest/a", v.Rev, &store.DeleteOptions{Tombstone: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Get(t.Context(), "guest/a", &store.GetOptions{After: store.Freshness{Version: gone}}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if d, err := chain.Get(t.Context(), "guest/a", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after that: got %s, %v; want ErrNotFound", d.Body, err)
	}
}

// asked is a store that answers every read with doc and writes down the options.
type asked struct {
	store.ArtifactStore
	opts []*store.GetOptions
	doc  store.Document
}

func (s *asked) Get(_ context.Context, _ string, o *store.GetOptions) (store.Document, error) {
	s.opts = append(s.opts, o)
	return s.doc, nil
}
func (s *asked) Close() error { return nil }

// R4b, R7: what a load has to reflect reaches the store.
func TestLoadsReadAtThePosition(t *testing.T) {
	s := &asked{doc: store.Document{ID: "a", Version: version(1)}}
	c := cache.New(cache.DocumentOptions())
	m := cache.Middleware(c, "")(s)
	defer m.Close()
	c.Lose(cache.Loss{Position: "at"})
	m.Get(t.Context(), "a", nil)
	if o := s.opts[0]; o == nil || o.After.Session != "at" {
		t.Errorf("the store was asked with %+v, want the position of the loss", o)
	}
}

// R4c: a read that goes round the cache tells it what it saw.
func TestReadsWithOptionsAreObserved(t *testing.T) {
	s := &asked{doc: store.Document{ID: "a", Version: version(1)}}
	c := cache.New(cache.DocumentOptions())
	m := cache.Middleware(c, "")(s)
	defer m.Close()
	m.Get(t.Context(), "a", nil)
	s.doc.Version = version(2)
	m.Get(t.Context(), "a", &store.GetOptions{Tombstones: true})
	if _, v, ok := c.Peek("a"); ok {
		t.Errorf("version %v is held after 2 was read", v)
	}
}
