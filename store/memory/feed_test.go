package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func TestFeedShowsTheNewestStateOnce(t *testing.T) {
	c := newClock()
	s := open(t, memory.Options{Now: c.now})
	f := s.Feed()
	defer f.Close()
	a, b := trigger("guest", "a", 1), trigger("guest", "b", 1)
	v := put(t, s, a, nil)
	put(t, s, b, &store.PutOptions{ClusterID: "west"})
	c.advance(time.Second)
	v = updateTo(t, s, a, v)
	changes, token := drain(t, f, "")
	if len(changes) != 2 || changes[0].ID != b.ID || changes[1].ID != a.ID || changes[1].Version != v {
		t.Fatalf("changes: got %+v, want b and then the newest a", changes)
	}
	if changes[0].ClusterID != "west" || changes[0].Deleted || !changes[1].Committed.Equal(c.now()) {
		t.Errorf("changes: got %+v, want the cluster id and the commit time", changes)
	}
	del(t, s, a.ID, v.Rev, &store.DeleteOptions{Tombstone: time.Minute, ClusterID: "east"})
	changes, token = drain(t, f, token)
	if len(changes) != 1 || !changes[0].Deleted || !changes[0].Doc.Meta.Deleted || changes[0].ClusterID != "east" {
		t.Errorf("changes: got %+v, want a tombstone of east", changes)
	}
	c.advance(time.Minute)
	if changes, _ = drain(t, f, ""); len(changes) != 1 {
		t.Errorf("changes once the tombstone has expired: got %+v, want only b", changes)
	}
	if changes, _ = drain(t, f, token); len(changes) != 0 {
		t.Errorf("changes by expiry: got %+v, want none", changes)
	}
}

func TestFeedPages(t *testing.T) {
	c := newClock()
	s := open(t, memory.Options{Now: c.now})
	f := s.Feed()
	defer f.Close()
	for i := range 10 {
		put(t, s, trigger("guest", fmt.Sprint(i), i), nil)
		c.advance(time.Second)
	}
	r := store.Range{ID: "0"}
	for _, tc := range []struct {
		from store.From
		want int
	}{
		{store.FromBeginning(), 10}, {store.FromNow(), 0},
		{store.FromTime(c.now().Add(-4 * time.Second)), 4}, {store.FromTime(c.now()), 0},
		{store.FromTime(time.Time{}), 10}, {store.FromTime(c.now().AddDate(400, 0, 0)), 0},
	} {
		token, err := f.Start(t.Context(), r, tc.from)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for {
			page, err := f.Next(t.Context(), r, token, &store.NextOptions{Limit: 3})
			if err != nil {
				t.Fatal(err)
			}
			got += len(page.Changes)
			if want := int64(tc.want - got); page.Pending != want || page.Drained != (want == 0) {
				t.Errorf("page after %d changes: got pending %d and drained %v, want %d", got, page.Pending, page.Drained, want)
			}
			if token = page.Token; page.Drained {
				break
			}
		}
		if got != tc.want {
			t.Errorf("changes from %+v: got %d, want %d", tc.from, got, tc.want)
		}
	}
}

func TestFeedRefusesTokens(t *testing.T) {
	s, other := open(t, memory.Options{}), open(t, memory.Options{})
	f, g := s.Feed(), other.Feed()
	defer f.Close()
	defer g.Close()
	r := store.Range{ID: "0"}
	foreign, err := g.Start(t.Context(), r, store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, trigger("guest", "a", 1), nil)
	good, err := f.Start(t.Context(), r, store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]store.Token{"empty": "", "cut": good[:len(good)-1], "of another store": foreign, "garbage": "{}"}
	for i := range good { // each byte matters
		b := []byte(good)
		b[i] ^= 1
		tokens[fmt.Sprintf("with byte %d changed", i)] = store.Token(b)
	}
	for what, token := range tokens {
		_, err := f.Next(t.Context(), r, token, nil)
		wantKind(t, "Next with a token "+what, err, store.ErrInvalid)
		if token != "" {
			_, err = s.Get(t.Context(), "guest/a", &store.GetOptions{After: store.Freshness{Session: store.Session(token)}})
			wantKind(t, "Get after a session "+what, err, store.ErrInvalid)
		}
	}
	if _, err := s.Get(t.Context(), "guest/a", &store.GetOptions{After: store.Freshness{Session: store.Session(good)}}); err != nil {
		t.Errorf("Get after a session: got %v, want nil", err)
	}
	_, err = f.Next(t.Context(), store.Range{ID: "1"}, good, nil)
	wantKind(t, "Next of an unknown range", err, store.ErrInvalid)
}

func TestFeedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.Options{})
		f := s.Feed()
		r := store.Range{ID: "0"}
		token, err := f.Start(t.Context(), r, store.FromNow())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		page, err := f.Next(t.Context(), r, token, &store.NextOptions{Wait: time.Second})
		if err != nil || !page.Drained || len(page.Changes) != 0 || time.Since(start) != time.Second {
			t.Errorf("Next of a quiet store: got %+v and %v after %v, want an empty page after 1s", page, err, time.Since(start))
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			page, err := f.Next(t.Context(), r, page.Token, &store.NextOptions{Wait: time.Hour})
			if err != nil || len(page.Changes) != 1 || !page.Drained {
				t.Errorf("Next while a document is put: got %+v and %v, want one change", page, err)
			}
		})
		synctest.Wait()
		put(t, s, trigger("guest", "a", 1), nil)
		wg.Wait()

		token, err = f.Start(t.Context(), r, store.FromNow())
		if err != nil {
			t.Fatal(err)
		}
		g := s.Feed()
		for _, h := range []store.ChangeFeed{f, g} {
			wg.Go(func() {
				_, err := h.Next(t.Context(), r, token, &store.NextOptions{Wait: time.Hour})
				wantKind(t, "Next while the feed or store closes", err, store.ErrClosed)
			})
		}
		synctest.Wait()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		_ = g.Close()
	})
}
