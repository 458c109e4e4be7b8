package cache_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// TestSuite runs the store's suites over the whole chain with a cache in it, and
// a replay of the chain beside the bare store.
func TestSuite(t *testing.T) {
	with := func(t testing.TB) *storetest.Harness { return chained(t, true) }
	t.Run("store", func(t *testing.T) { storetest.TestStore(t, with) })
	t.Run("linearizability", func(t *testing.T) {
		storetest.TestLinearizability(t, with, &storetest.LinearizabilityOptions{Clients: 4, Calls: 40})
	})
	t.Run("feed", func(t *testing.T) { storetest.TestChangeFeed(t, with) })
	for _, collection := range []string{store.Whisks, store.Subjects} {
		t.Run("replay_"+collection, func(t *testing.T) {
			a, b := chained(t, false), with(t)
			one, other := a.Store(collection), b.Store(collection)
			defer one.Close()
			defer other.Close()
			storetest.Replay(t, &storetest.ReplayOptions{Seed: 1, Collection: collection, A: a.Features, B: b.Features}, one, other)
		})
	}
}

// chained is a deployment over embedded stores.
func chained(t testing.TB, cached bool) *storetest.Harness {
	const cluster, tombstones = "east", 15 * time.Minute
	soft, err := softdelete.New(tombstones)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	at := time.Now()
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
	stores := map[string]*memory.Store{}
	return &storetest.Harness{
		Features: storetest.Features{
			ExactBodies: true, ExactNumbers: true, MaxBody: store.DefaultMaxBody, RowRev: true,
			OrderOnWrite: true, OrderOnRead: true, OrderInFeed: true, NativeTTL: true, ReportsExpiry: true,
			TombstoneTTL: tombstones, Stamp: cluster, Sessions: true, FeedHasTime: true, FeedHasDocs: true,
		},
		Store: func(collection string) store.ArtifactStore {
			m, err := memory.New(memory.Options{Collection: collection, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			stores[collection] = m
			chain := store.Chain{
				Check: store.Check(&store.CheckOptions{Collection: collection}), SoftDelete: soft, Stamp: stamp.New(cluster),
			}
			if cached {
				chain.Cache = cache.Middleware(cache.New(cache.DocumentOptions()), cluster)
			}
			return chain.Over(m)
		},
		Feed: func(collection string) store.ChangeFeed { return stores[collection].Feed() },
		Advance: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			at = at.Add(d)
		},
		PutUnreadable: func(ns string, updated int64) string {
			doc := store.Document{ID: ns + "/unreadable"}
			doc.Body = fmt.Appendf(nil, `{"namespace":%q,"name":"unreadable","entityType":"action","updated":%d,"exec":`, ns, updated)
			if _, err := stores[store.Whisks].Put(t.Context(), doc, nil); err != nil {
				t.Fatal(err)
			}
			return doc.ID
		},
	}
}
