package cosmos

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// ledger holds that every document was seen in its last state, and no older one
// after a newer.
type ledger struct {
	t       testing.TB
	mu      sync.Mutex
	written map[string]string // id -> revision
	seen    map[string]store.Version
	changes int
}

func newLedger(t testing.TB) *ledger {
	return &ledger{t: t, written: map[string]string{}, seen: map[string]store.Version{}}
}

func (l *ledger) wrote(id string, v store.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[id] = v.Rev
}

func (l *ledger) saw(c store.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++
	if old, ok := l.seen[c.ID]; ok && c.Version.Compare(old) == store.Older {
		l.t.Errorf("change of %q: got %+v after %+v", c.ID, c.Version, old)
	}
	l.seen[c.ID] = c.Version
}

func (l *ledger) settle() {
	l.t.Helper()
	lost := 0
	for id, rev := range l.written {
		if l.seen[id].Rev != rev {
			if lost++; lost < 5 {
				l.t.Errorf("document %q: got %q as its last state, want %q", id, l.seen[id].Rev, rev)
			}
		}
	}
	if lost > 0 {
		l.t.Errorf("feed: %d of %d documents were lost", lost, len(l.written))
	}
}

// The children of a split range take over from its token, also when the token is
// of the middle of it, and when they are split themselves before they are read.
func TestFeedSplit(t *testing.T) {
	for _, regionCount := range []int{1, 2} {
		t.Run(fmt.Sprint(regionCount, "_regions"), func(t *testing.T) {
			srv := startFake(t, cosmostest.Options{Regions: regions(regionCount)})
			s := openFake(t, srv, store.Subjects, Deps{}, nil)
			l := newLedger(t)
			w := follow(t, openFeed(t, s, nil), store.FromNow(), l.saw)
			w.limit = 7
			for i := range 60 {
				id := fmt.Sprint("doc-", i)
				l.wrote(id, putSubject(t, s, id, nil))
			}
			parent := srv.Ranges("whisk", store.Subjects)[0].ID
			for r := range w.tokens {
				w.step(r)
			}
			first := srv.Split("whisk", store.Subjects, parent) // after the first page
			srv.Split("whisk", store.Subjects, first[1])        // before the children were read
			for i := range 20 {
				id := fmt.Sprint("late-", i)
				l.wrote(id, putSubject(t, s, id, nil))
			}
			w.drain()
			l.settle()
			if len(w.tokens) != 3 {
				t.Errorf("ranges after two splits: got %v, want 3", w.tokens)
			}
			if l.changes != 80 {
				t.Errorf("feed: got %d changes, want each of 80 once", l.changes)
			}
		})
	}
}

// A split costs a bounded number of requests, whoever finds it.
func TestFeedSplitCost(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, nil)
	list, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.Start(t.Context(), list[0], store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	srv.Split("whisk", store.Subjects, list[0].ID)
	for i, most := range []int64{20, 4} {
		srv.ResetCounters()
		_, err := f.Next(t.Context(), list[0], token, nil)
		var gone *store.RangeGone
		if !errors.As(err, &gone) || len(gone.Children) != 2 || gone.Range != list[0] {
			t.Fatalf("Next of a split range: got %v, want *store.RangeGone with two children", err)
		}
		if n := srv.Counters().Total(cosmostest.CounterKey{}).Requests; n > most {
			t.Errorf("Next %d of a split range: got %d requests, want at most %d", i, n, most)
		}
	}
}

// A merged range does not go on from the position of one of those that it was
// made of: what the others had pending would be lost.
func TestFeedMergedRange(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, nil)
	list, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	putSubject(t, s, "doc", nil)
	half := store.Range{ID: "17", Min: "", Max: "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"}
	pos := f.at(keyRange(half))
	fresh := pos.token()
	pos.etag = quoteLSN(1)
	read := pos.token()
	_, err = f.Next(t.Context(), half, read, nil)
	var gone *store.RangeGone
	if !errors.As(err, &gone) || len(gone.Children) != 1 || gone.Children[0] != list[0] {
		t.Errorf("Next of a range that was merged: got %v, want *store.RangeGone with %v", err, list)
	}
	if _, err := f.Next(t.Context(), list[0], read, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Next of a merged range with the position of a part of it: got %v, want ErrInvalid", err)
	}
	page, err := f.Next(t.Context(), list[0], fresh, nil)
	if err != nil || len(page.Changes) != 1 {
		t.Errorf("Next of a merged range from the beginning: got %+v and %v, want the one change", page, err)
	}
}

// changesEnv names the number of changes that TestFeedLosesNothing writes.
const changesEnv = "WHISKSTORE_COSMOS_FEED_CHANGES"

// TestFeedLosesNothing writes while ranges are split and are followed. It writes
// 1,000,000 changes when WHISKSTORE_COSMOS_FEED_CHANGES says so.
func TestFeedLosesNothing(t *testing.T) {
	total := 6_000
	if text := os.Getenv(changesEnv); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 {
			t.Fatalf("%s: got %q, want a number from 100", changesEnv, text)
		}
		total = n
	}
	srv := startFake(t, cosmostest.Options{Ranges: 2, Regions: regions(2), ReplicationDelay: 3 * time.Millisecond, PurgeAfter: time.Hour})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	l := newLedger(t)
	w := follow(t, openFeed(t, s, &FeedOptions{Region: "West Europe"}), store.FromNow(), l.saw)

	const writers = 4
	var written atomic.Int64
	var writing sync.WaitGroup
	for n := range writers {
		writing.Go(func() {
			for i := range total / writers / 2 {
				id := fmt.Sprintf("%d-%d", n, i)
				doc := store.Document{ID: id, Body: []byte(`{"subject":"a"}`)}
				for range 2 {
					var err error
					if doc.Version, err = s.Put(t.Context(), doc, nil); err != nil {
						t.Errorf("Put %q: got %v, want nil", id, err)
						return
					}
					written.Add(1)
				}
				l.wrote(id, doc.Version)
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	splits := 0
	for over := false; !over && !t.Failed(); {
		select {
		case <-done:
			over = true
		default:
		}
		if splits < 4 && written.Load() > int64(total*(splits+1)/6) {
			list := srv.Ranges("whisk", store.Subjects)
			srv.Split("whisk", store.Subjects, list[splits%len(list)].ID)
			splits++
		}
		for r := range w.tokens {
			w.step(r)
		}
	}
	<-done
	srv.Advance(time.Second) // replication
	w.drain()
	l.settle()
	if w.splits < 2 {
		t.Errorf("splits met: got %d, want at least 2", w.splits)
	}
	t.Logf("%d changes written, %d seen, %d splits", written.Load(), l.changes, w.splits)
}
