// Package suitetest runs the conformance suites over the embedded store behind
// the decorators of one test.
package suitetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// Stack builds what is tested over the backend of a collection; store.Check is
// its outermost layer. What it builds closes the backend.
type Stack func(t testing.TB, collection string, backend store.ArtifactStore) store.ArtifactStore

// Wrapped is the Stack of one middleware below store.Check.
func Wrapped(m func(t testing.TB, collection string) store.Middleware) Stack {
	return func(t testing.TB, collection string, backend store.ArtifactStore) store.ArtifactStore {
		return store.Check(&store.CheckOptions{Collection: collection})(m(t, collection)(backend))
	}
}

// Run runs the suites of store, linearizability and change feed over stack, and a
// replay of stack beside the bare embedded store. promise, when set, changes what
// the bare store promises into what stack does.
func Run(t *testing.T, stack Stack, promise func(*storetest.Features)) {
	with := func(t testing.TB) *storetest.Harness { return Harness(t, stack, promise) }
	t.Run("store", func(t *testing.T) { storetest.TestStore(t, with) })
	t.Run("linearizability", func(t *testing.T) {
		storetest.TestLinearizability(t, with, &storetest.LinearizabilityOptions{Clients: 4, Calls: 40})
	})
	t.Run("feed", func(t *testing.T) { storetest.TestChangeFeed(t, with) })
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		t.Run("replay "+collection, func(t *testing.T) {
			a, b := Harness(t, bare, nil), with(t)
			opts := &storetest.ReplayOptions{Seed: 1, Collection: collection, A: a.Features, B: b.Features}
			one, other := a.Store(collection), b.Store(collection)
			storetest.Replay(t, opts, one, other)
			for _, s := range []store.ArtifactStore{one, other} {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func bare(_ testing.TB, collection string, backend store.ArtifactStore) store.ArtifactStore {
	return store.Check(&store.CheckOptions{Collection: collection})(backend)
}

// Harness returns the harness of stack over embedded stores.
func Harness(t testing.TB, stack Stack, promise func(*storetest.Features)) *storetest.Harness {
	c := &clock{at: time.Now()}
	stores := map[string]*memory.Store{}
	h := &storetest.Harness{
		Features: storetest.Features{
			ExactBodies: true, ExactNumbers: true, MaxBody: store.DefaultMaxBody, RowRev: true,
			OrderOnWrite: true, OrderOnRead: true, OrderInFeed: true,
			NativeTTL: true, ReportsExpiry: true, HardDelete: true,
			Sessions: true, FeedHasTime: true, FeedHasDocs: true,
		},
		Store: func(collection string) store.ArtifactStore {
			m, err := memory.New(memory.Options{Collection: collection, Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			stores[collection] = m
			return stack(t, collection, m)
		},
		Attachments: func() store.AttachmentStore {
			return memory.NewAttachments(memory.AttachmentOptions{Collection: store.Whisks, Now: c.now})
		},
		Feed:    func(collection string) store.ChangeFeed { return stores[collection].Feed() },
		Advance: c.advance,
		PutUnreadable: func(ns string, updated int64) string {
			doc := store.Document{ID: ns + "/unreadable"}
			doc.Body = fmt.Appendf(nil, `{"namespace":%q,"name":"unreadable","entityType":"action","updated":%d,"exec":`, ns, updated)
			if _, err := stores[store.Whisks].Put(t.Context(), doc, nil); err != nil {
				t.Fatal(err)
			}
			return doc.ID
		},
	}
	if promise != nil {
		promise(&h.Features)
	}
	return h
}

// clock is one that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
