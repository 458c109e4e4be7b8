package storetest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
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

// spoiled says what is wrong with a harness over memory.
type spoiled struct {
	store       func(w *wrong)
	attachments func(w *wrongAttachments)
	feed        func(w *wrongFeed)
	features    func(f *Features)
}

// overMemory returns harnesses over the memory store, spoiled by m.
func overMemory(m spoiled) NewHarness {
	return func(t testing.TB) *Harness {
		c := newClock()
		stores := map[string]*memory.Store{}
		requests := new(atomic.Int64)
		splitter := map[string]*splitting{}
		h := &Harness{
			Features: Features{
				ExactBodies: true, ExactNumbers: true, MaxBody: store.DefaultMaxBody, RowRev: true,
				OrderOnWrite: true, OrderOnRead: true, OrderInFeed: true,
				NativeTTL: true, ReportsExpiry: true, HardDelete: true, Sessions: true, FeedHasTime: true, FeedHasDocs: true,
			},
			Store: func(collection string) store.ArtifactStore {
				s, err := memory.New(memory.Options{Collection: collection, Now: c.Now})
				if err != nil {
					t.Fatal(err)
				}
				stores[collection] = s
				inner := &counted{next: s, n: requests}
				checked := store.Check(&store.CheckOptions{Collection: collection})(inner)
				if m.store == nil {
					return checked
				}
				w := &wrong{next: checked, bare: s, collection: collection}
				m.store(w)
				return w
			},
			Attachments: func() store.AttachmentStore {
				a := store.AttachmentStore(memory.NewAttachments(memory.AttachmentOptions{Now: c.Now}))
				if m.attachments != nil {
					w := &wrongAttachments{next: a}
					m.attachments(w)
					return w
				}
				return a
			},
			Feed: func(collection string) store.ChangeFeed {
				splitter[collection] = &splitting{next: stores[collection].Feed()}
				if m.feed == nil {
					return splitter[collection]
				}
				w := &wrongFeed{next: splitter[collection]}
				m.feed(w)
				return w
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
			Split:       func(collection string, r store.Range) { splitter[collection].split(r) },
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

// splitting is memory's feed, whose one range can be split by id into two that
// understand its tokens.
type splitting struct {
	next  store.ChangeFeed
	gone  store.Range
	parts []store.Range
}

func (f *splitting) split(r store.Range) {
	f.gone = r
	f.parts = []store.Range{{ID: r.ID + "a", Max: "n"}, {ID: r.ID + "b", Min: "n"}}
}

func (f *splitting) Ranges(ctx context.Context) ([]store.Range, error) {
	if f.parts != nil {
		return f.parts, nil
	}
	return f.next.Ranges(ctx)
}

func (f *splitting) Start(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
	if f.parts != nil {
		r = f.gone
	}
	return f.next.Start(ctx, r, from)
}

func (f *splitting) Next(ctx context.Context, r store.Range, token store.Token, opts *store.NextOptions) (store.Page, error) {
	if f.parts == nil {
		return f.next.Next(ctx, r, token, opts)
	}
	if r == f.gone {
		return store.Page{}, &store.RangeGone{Range: r, Children: f.parts}
	}
	page, err := f.next.Next(ctx, f.gone, token, opts)
	page.Changes = slices.DeleteFunc(page.Changes, func(c store.Change) bool { return (c.ID < "n") != (r == f.parts[0]) })
	page.Drained = page.Drained || len(page.Changes) == 0
	return page, err
}

func (f *splitting) Close() error { return f.next.Close() }

// futureToken writes memory's tokens: lineage, sequence, checksum of both.
func futureToken(_ string, token store.Token) store.Token {
	parts := strings.Split(string(token), ".")
	seq, _ := strconv.ParseUint(parts[1], 10, 64)
	text := parts[0] + "." + strconv.FormatUint(seq+1000, 10)
	return store.Token(text + "." + checksum(text))
}

func checksum(text string) string {
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

// TestMemory holds that the right store fails nothing and skips what its
// features name.
func TestMemory(t *testing.T) {
	for name, suite := range map[string]func(tb, NewHarness){
		"store": testStore, "attachments": testAttachments, "feed": testChangeFeed,
	} {
		t.Run(name, func(t *testing.T) {
			for sub, o := range record(t, suite, overMemory(spoiled{})) {
				if o.failed || o.skipped {
					t.Errorf("%s: got failed %v, skipped %v, want a pass\n%s", sub, o.failed, o.skipped, strings.Join(o.log, "\n"))
				}
			}
		})
	}
}
