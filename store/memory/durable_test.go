package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// seed puts n triggers into a directory and closes the store.
func seed(t testing.TB, dir string, n int) {
	t.Helper()
	s := open(t, memory.Options{Dir: dir})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { put(t, s, trigger("guest", fmt.Sprintf("t%04d", i), i), nil) })
	}
	wg.Wait()
	closeStore(t, s)
}

func closeStore(t testing.TB, s *memory.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: got %v, want nil", err)
	}
}

func TestDirectoryKeepsEverything(t *testing.T) {
	c := newClock()
	dir := filepath.Join(t.TempDir(), "new", "whisks")
	opts := memory.Options{Dir: dir, Now: c.now}
	s := open(t, opts)
	f := s.Feed()
	a, b := trigger("guest", "a", 1), trigger("guest", "b", 2)
	va := put(t, s, a, &store.PutOptions{ClusterID: "west", TTL: time.Hour})
	_, token := drain(t, f, "")
	vb := put(t, s, b, nil)
	tomb := del(t, s, b.ID, vb.Rev, &store.DeleteOptions{Tombstone: time.Minute, ClusterID: "east"})
	gone := put(t, s, trigger("guest", "c", 3), nil)
	for range 5 {
		gone = updateTo(t, s, trigger("guest", "c", 3), gone)
	}
	del(t, s, "guest/c", gone.Rev, nil)
	doc := trigger("guest", "d", 4)
	foreign := store.Change{ID: doc.ID, Version: store.Version{Rev: "7-x", Order: 3, Lineage: "other"}, Doc: &doc, Committed: c.now()}
	if err := s.Apply(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	updateTo(t, s, doc, foreign.Version)
	wantFeed, wantEnd := drain(t, f, token)
	closeStore(t, s)

	s = open(t, opts)
	f = s.Feed()
	got, err := s.Get(t.Context(), a.ID, nil)
	if err != nil || got.Version != va || got.Meta.ClusterID != "west" || !got.Meta.Expires.Equal(c.now().Add(time.Hour)) || !bytes.Equal(got.Body, a.Body) {
		t.Errorf("Get: got %+v and %v, want version %+v", got, err, va)
	}
	got, err = s.Get(t.Context(), b.ID, &store.GetOptions{Tombstones: true})
	if err != nil || got.Version != tomb || got.Meta.ClusterID != "east" {
		t.Errorf("Get of a tombstone: got %+v and %v, want version %+v", got, err, tomb)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Get(ctx, doc.ID, &store.GetOptions{After: store.Freshness{Version: foreign.Version}}); err != nil {
		t.Errorf("Get after a version that was replaced: got %v, want nil", err)
	}
	if got, want := ids(t, s, triggers("guest")), []string{"guest/a", "guest/d"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows: got %v, want %v", got, want)
	}
	feed, end := drain(t, f, token)
	if summary(feed) != summary(wantFeed) || end != wantEnd {
		t.Errorf("feed after an old token: got %s, want %s", summary(feed), summary(wantFeed))
	}
	v := put(t, s, trigger("guest", "c", 3), nil)
	if v.Compare(gone) != store.Newer || generation(t, v.Rev) <= generation(t, gone.Rev) {
		t.Errorf("version of a re-creation: got %+v, want a newer one than %+v", v, gone)
	}
	c.advance(time.Minute)
	_, err = s.Get(t.Context(), b.ID, &store.GetOptions{Tombstones: true})
	wantKind(t, "Get of a tombstone that expired", err, store.ErrNotFound)
	put(t, s, trigger("guest", "e", 5), nil) // sweeps
	closeStore(t, s)

	s = open(t, opts)
	if n := s.Stats().Documents; n != 4 {
		t.Errorf("documents after the sweep: got %d, want 4", n)
	}
}

func summary(changes []store.Change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintln(&b, c.ID, c.Version, c.ClusterID, c.Deleted, c.Committed)
	}
	return b.String()
}

// Opening says what it did.
func TestLoadIsLogged(t *testing.T) {
	dir := t.TempDir()
	seed(t, dir, 3)
	var b bytes.Buffer
	open(t, memory.Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&b, nil))})
	if got := b.String(); !strings.Contains(got, "msg=loaded collection=whisks documents=3") {
		t.Errorf("log: got %q, want what was loaded", got)
	}
}

// A crash while a directory is made leaves nothing that stands in the way.
func TestDirectoryHalfMade(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "store.db.new"), []byte("half"))
	write(t, filepath.Join(dir, "owner.json"), []byte("{"))
	s := open(t, memory.Options{Dir: dir})
	put(t, s, trigger("guest", "a", 1), nil)
}

// A commit that fails is in doubt, and nothing is written after it.
func TestFailedCommit(t *testing.T) {
	var broken atomic.Bool
	cause := errors.New("device is gone")
	dir := t.TempDir()
	s := open(t, memory.WithSyncs(memory.Options{Dir: dir}, func() error {
		if broken.Load() {
			return cause
		}
		return nil
	}))
	doc := trigger("guest", "a", 1)
	v := put(t, s, doc, nil)
	broken.Store(true)
	doc.Version = v
	_, err := s.Put(t.Context(), doc, nil)
	wantKind(t, "Put that cannot be committed", err, store.ErrInDoubt)
	if !errors.Is(err, cause) {
		t.Errorf("Put that cannot be committed: got %v, want %v as cause", err, cause)
	}
	broken.Store(false)
	_, err = s.Put(t.Context(), doc, nil)
	wantKind(t, "Put after a failed commit", err, store.ErrUnavailable)
	if got, err := s.Get(t.Context(), doc.ID, nil); err != nil || got.Version != v {
		t.Errorf("Get after a failed commit: got %+v and %v, want %+v", got.Version, err, v)
	}
	closeStore(t, s)
	s = open(t, memory.Options{Dir: dir})
	updateTo(t, s, doc, v)
}

// Close commits what waits.
func TestCloseFlushes(t *testing.T) {
	for range 10 { // whether Close or the next batch comes first is chance
		testCloseFlushes(t)
	}
}

func testCloseFlushes(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		s := open(t, memory.WithSyncs(memory.Options{Dir: dir}, func() error {
			<-hold
			return nil
		}))
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { put(t, s, trigger("guest", fmt.Sprint(i), i), nil) })
		}
		synctest.Wait() // one is being committed, the others wait
		wg.Go(func() { closeStore(t, s) })
		synctest.Wait()
		close(hold)
		wg.Wait()
		_, err := s.Put(t.Context(), trigger("guest", "late", 1), nil)
		wantKind(t, "Put after Close", err, store.ErrClosed)
	})
	s := open(t, memory.Options{Dir: dir})
	if n := s.Stats().Documents; n != 20 {
		t.Errorf("documents: got %d, want the 20 that were acknowledged", n)
	}
}

// Many writers share a wait for the device, one is never kept waiting for
// company.
func TestGroupCommit(t *testing.T) {
	run := func(writers, each int, stretch time.Duration) (rate float64, syncs int64) {
		var n atomic.Int64
		s := open(t, memory.WithSyncs(memory.Options{Dir: t.TempDir()}, func() error {
			n.Add(1)
			if stretch > 0 {
				<-time.After(stretch)
			}
			return nil
		}))
		start := time.Now()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					put(t, s, trigger("guest", fmt.Sprintf("%d-%d", w, i), i), nil)
				}
			})
		}
		wg.Wait()
		rate = float64(writers*each) / time.Since(start).Seconds()
		syncs = n.Load()
		closeStore(t, s)
		return rate, syncs
	}
	const writers, each, stretch = 64, 60, 2 * time.Millisecond
	one, syncs1 := run(1, 40, stretch)
	many, syncs := run(writers, each, stretch)
	t.Logf("each wait %v longer: %d writers %.0f puts/s with 1 wait per %.1f puts, 1 writer %.0f puts/s with 1 per %.1f: %.1f times",
		stretch, writers, many, writers*each/float64(syncs), one, 40/float64(syncs1), many/one)
	if syncs*16 > writers*each {
		t.Errorf("waits for the device with %d writers: got %d for %d puts, want at most 1 for 16", writers, syncs, writers*each)
	}
	if many < 4*one {
		t.Errorf("rate of %d writers: got %.1f times that of one, want 4", writers, many/one)
	}

	// A fast device, on which it depends on the machine how soon writers are back.
	best := int64(math.MaxInt64)
	for range 3 {
		if _, syncs := run(writers, each, 0); syncs < best {
			best = syncs
		}
	}
	t.Logf("no longer: %d writers with 1 wait per %.1f puts at best", writers, writers*each/float64(best))
	if best*16 > writers*each {
		t.Errorf("waits for a fast device with %d writers: got %d for %d puts, want at most 1 for 16", writers, best, writers*each)
	}
}
