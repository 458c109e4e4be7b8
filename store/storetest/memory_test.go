package storetest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// clock is a clock that only moves when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// spoiled says what is wrong with a harness over memory: each function, where
// set, wraps a part.
type spoiled struct {
	outer       func(s store.ArtifactStore) store.ArtifactStore // around store.Check
	inner       func(s store.ArtifactStore) store.ArtifactStore // between store.Check and the store
	feed        func(f store.ChangeFeed) store.ChangeFeed
	attachments func(a store.AttachmentStore) store.AttachmentStore
	now         func(now func() time.Time) func() time.Time
	features    func(f *Features)
}

// overMemory returns harnesses over the memory store, spoiled by m.
func overMemory(m spoiled) NewHarness {
	return func(t testing.TB) *Harness {
		c := newClock()
		now := c.Now
		if m.now != nil {
			now = m.now(now)
		}
		stores := map[string]*memory.Store{}
		requests := new(atomic.Int64)
		h := &Harness{
			Features: Features{
				ExactBodies: true, ExactNumbers: true, MaxBody: store.DefaultMaxBody, RowRev: true,
				OrderOnWrite: true, OrderOnRead: true, OrderInFeed: true,
				NativeTTL: true, ReportsExpiry: true, HardDelete: true, Sessions: true, FeedHasTime: true, FeedHasDocs: true,
			},
			Store: func(collection string) store.ArtifactStore {
				s, err := memory.New(memory.Options{Collection: collection, Now: now})
				if err != nil {
					t.Fatal(err)
				}
				stores[collection] = s
				var inner store.ArtifactStore = &counted{next: s, n: requests}
				if m.inner != nil {
					inner = m.inner(inner)
				}
				outer := store.Check(&store.CheckOptions{Collection: collection})(inner)
				if m.outer != nil {
					outer = m.outer(outer)
				}
				return outer
			},
			Attachments: func() store.AttachmentStore {
				a := store.AttachmentStore(memory.NewAttachments(memory.AttachmentOptions{Now: now}))
				if m.attachments != nil {
					a = m.attachments(a)
				}
				return a
			},
			Feed: func(collection string) store.ChangeFeed {
				f := stores[collection].Feed()
				if m.feed != nil {
					f = m.feed(f)
				}
				return f
			},
			Advance:  c.advance,
			Requests: requests.Load,
			PutUnreadable: func(ns string, updated int64) string {
				id := ns + "/unreadable"
				body := fmt.Sprintf(`{"namespace":%q,"name":"unreadable","entityType":"action","updated":%d,"exec":`, ns, updated)
				if _, err := stores[store.Whisks].Put(t.Context(), store.Document{ID: id, Body: []byte(body)}, nil); err != nil {
					t.Fatal(err)
				}
				return id
			},
			FutureToken: futureToken,
		}
		if m.features != nil {
			m.features(&h.Features)
		}
		return h
	}
}

// counted counts what would be requests to a server: the calls that reach a
// store, but for those whose table or keys the store refuses.
type counted struct {
	next store.ArtifactStore
	n    *atomic.Int64
}

func (c *counted) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	c.n.Add(1)
	return c.next.Get(ctx, id, opts)
}

func (c *counted) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	c.n.Add(1)
	return c.next.Put(ctx, doc, opts)
}

func (c *counted) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	c.n.Add(1)
	return c.next.Delete(ctx, id, rev, opts)
}

func (c *counted) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		sent := false
		for row, err := range c.next.Query(ctx, q) {
			if !sent && !errors.Is(err, store.ErrUnsupported) {
				sent = true
				c.n.Add(1)
			}
			if !yield(row, err) {
				return
			}
			sent = true
		}
		if !sent {
			c.n.Add(1)
		}
	}
}

func (c *counted) Count(ctx context.Context, q *store.Query) (int64, error) {
	n, err := c.next.Count(ctx, q)
	if !errors.Is(err, store.ErrUnsupported) {
		c.n.Add(1)
	}
	return n, err
}

func (c *counted) Close() error { return c.next.Close() }

// futureToken writes memory's tokens: lineage, sequence, checksum of both.
func futureToken(_ string, token store.Token) store.Token {
	parts := strings.Split(string(token), ".")
	seq, _ := strconv.ParseUint(parts[1], 10, 64)
	text := parts[0] + "." + strconv.FormatUint(seq+1000, 10)
	return store.Token(text + "." + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))))
}

// TestMemory holds that the right store fails nothing and skips what its
// features name.
func TestMemory(t *testing.T) {
	for name, suite := range map[string]func(tb, NewHarness){
		"store": testStore, "attachments": testAttachments, "feed": testChangeFeed,
	} {
		t.Run(name, func(t *testing.T) {
			for sub, o := range record(t, suite, overMemory(spoiled{})) {
				if o.failed || o.skipped && sub != "split" {
					t.Errorf("%s: got failed %v, skipped %v, want a pass\n%s", sub, o.failed, o.skipped, strings.Join(o.log, "\n"))
				}
			}
		})
	}
}
