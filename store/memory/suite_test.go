package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// inMemory is the embedded store as the suites see it, behind Check alone.
func inMemory(t testing.TB) *storetest.Harness {
	return harness(t, func(o memory.Options) memory.Options { return o })
}

// durable is the same with a directory for each collection.
func durable(t testing.TB) *storetest.Harness {
	h := harness(t, func(o memory.Options) memory.Options {
		o.Dir = t.TempDir()
		return o
	})
	h.Attachments = func() store.AttachmentStore { return openAttachments(t, t.TempDir()) }
	return h
}

func harness(t testing.TB, options func(memory.Options) memory.Options) *storetest.Harness {
	c := newClock()
	stores := map[string]*memory.Store{}
	return &storetest.Harness{
		Features: storetest.Features{
			ExactBodies: true, ExactNumbers: true, MaxBody: store.DefaultMaxBody, RowRev: true,
			OrderOnWrite: true, OrderOnRead: true, OrderInFeed: true,
			NativeTTL: true, ReportsExpiry: true, HardDelete: true,
			Sessions: true, FeedHasTime: true, FeedHasDocs: true,
		},
		Store: func(collection string) store.ArtifactStore {
			stores[collection] = open(t, options(memory.Options{Collection: collection, Now: c.now}))
			return store.Check(&store.CheckOptions{Collection: collection})(stores[collection])
		},
		Attachments: func() store.AttachmentStore {
			return memory.NewAttachments(memory.AttachmentOptions{Collection: store.Whisks, Now: c.now})
		},
		Feed:        func(collection string) store.ChangeFeed { return stores[collection].Feed() },
		Advance:     func(d time.Duration) { c.advance(d) },
		FutureToken: func(collection string, _ store.Token) store.Token { return memory.FutureToken(stores[collection]) },
		PutUnreadable: func(ns string, updated int64) string {
			doc := store.Document{ID: ns + "/unreadable"}
			doc.Body = fmt.Appendf(nil, `{"namespace":%q,"name":"unreadable","entityType":"action","updated":%d,"exec":`, ns, updated)
			put(t, stores[store.Whisks], doc, nil)
			return doc.ID
		},
	}
}

func TestStore(t *testing.T)       { storetest.TestStore(t, inMemory) }
func TestAttachments(t *testing.T) { storetest.TestAttachments(t, inMemory) }
func TestChangeFeed(t *testing.T)  { storetest.TestChangeFeed(t, inMemory) }

func TestDurableStore(t *testing.T)       { storetest.TestStore(t, durable) }
func TestDurableAttachments(t *testing.T) { storetest.TestAttachments(t, durable) }
func TestDurableChangeFeed(t *testing.T)  { storetest.TestChangeFeed(t, durable) }

func TestDurableLinearizability(t *testing.T) { storetest.TestLinearizability(t, durable, nil) }

func TestLinearizability(t *testing.T) { storetest.TestLinearizability(t, inMemory, nil) }
