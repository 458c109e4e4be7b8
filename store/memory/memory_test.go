package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func generation(t testing.TB, rev string) int {
	t.Helper()
	n, _, _ := strings.Cut(rev, "-")
	g, err := strconv.Atoi(n)
	if err != nil {
		t.Fatalf("revision %q: got no number before the dash", rev)
	}
	return g
}

func TestCollectionIsChecked(t *testing.T) {
	for _, o := range []memory.Options{{}, {Collection: "other"}, {Collection: store.Whisks, DefaultTTL: -1}, {Collection: store.Whisks, DefaultTTL: store.MaxTTL + 1}} {
		_, err := memory.New(o)
		wantKind(t, fmt.Sprintf("New %+v", o), err, store.ErrInvalid)
	}
}

func TestCRUD_D2(t *testing.T) {
	t.Run("CRUD-D2_differs", func(t *testing.T) {
		s := open(t, memory.Options{})
		doc := trigger("guest", "a", 1)
		seen := map[string]bool{}
		last := 0
		note := func(v store.Version) {
			t.Helper()
			if seen[v.Rev] {
				t.Errorf("revision %s: got it twice, want it once", v.Rev)
			}
			seen[v.Rev] = true
			g := generation(t, v.Rev)
			if g <= last {
				t.Errorf("generation of %s: got %d after %d, want more", v.Rev, g, last)
			}
			last = g
		}
		for range 3 {
			v := put(t, s, doc, nil)
			note(v)
			v = updateTo(t, s, doc, v)
			note(v)
			v = del(t, s, doc.ID, v.Rev, &store.DeleteOptions{Tombstone: time.Hour})
			note(v)
			v = put(t, s, doc, nil)
			note(v)
			if v := del(t, s, doc.ID, v.Rev, nil); !v.IsZero() {
				t.Errorf("version of a physical delete: got %+v, want zero", v)
			}
		}
	})
}

func TestGenerationsSurviveExpiry(t *testing.T) {
	c := newClock()
	s := open(t, memory.Options{Now: c.now})
	doc := trigger("guest", "a", 1)
	v1 := put(t, s, doc, nil)
	v2 := del(t, s, doc.ID, v1.Rev, &store.DeleteOptions{Tombstone: time.Second})
	c.advance(time.Second)
	put(t, s, trigger("guest", "b", 1), nil) // sweeps
	if n := s.Stats().Documents; n != 1 {
		t.Fatalf("documents after the sweep: got %d, want 1", n)
	}
	v3 := put(t, s, doc, nil)
	if got, want := generation(t, v3.Rev), generation(t, v2.Rev); got <= want {
		t.Errorf("generation after the tombstone expired: got %d, want more than %d", got, want)
	}
}

func TestVersionsAgree(t *testing.T) {
	s := open(t, memory.Options{})
	doc := trigger("guest", "a", 1)
	v := updateTo(t, s, doc, put(t, s, doc, nil))
	got, err := s.Get(t.Context(), doc.ID, nil)
	if err != nil || got.Version != v {
		t.Errorf("Get: got version %+v and %v, want %+v", got.Version, err, v)
	}
	for row, err := range s.Query(t.Context(), triggers("guest")) {
		if err != nil || row.Rev != v.Rev {
			t.Errorf("row: got revision %q and %v, want %q", row.Rev, err, v.Rev)
		}
	}
	f := s.Feed()
	defer f.Close()
	changes, _ := drain(t, f, "")
	if len(changes) != 1 || changes[0].Version != v || changes[0].Doc.Version != v {
		t.Errorf("feed: got %+v, want one change of version %+v", changes, v)
	}
	if v.Order != 2 || v.Lineage == "" {
		t.Errorf("version of the second commit: got %+v, want order 2 and a lineage", v)
	}
}

func TestBodiesBelongToTheirOwners(t *testing.T) {
	s := open(t, memory.Options{})
	doc := trigger("guest", "a", 1)
	want := bytes.Clone(doc.Body)
	put(t, s, doc, nil)
	spoil := func(b []byte) {
		for i := range b {
			b[i] = 'x'
		}
	}
	spoil(doc.Body)
	q := triggers("guest")
	q.IncludeDocs = true
	f := s.Feed()
	defer f.Close()
	for range 2 {
		got, err := s.Get(t.Context(), doc.ID, nil)
		if err != nil || !bytes.Equal(got.Body, want) {
			t.Fatalf("Get: got %s and %v, want %s", got.Body, err, want)
		}
		spoil(got.Body)
		for row, err := range s.Query(t.Context(), q) {
			if err != nil || !bytes.Equal(row.Doc.Body, want) {
				t.Fatalf("Query: got %s and %v, want %s", row.Doc.Body, err, want)
			}
			spoil(row.Doc.Body)
			spoil(row.Value)
			spoil(row.Key)
		}
		changes, _ := drain(t, f, "")
		if !bytes.Equal(changes[0].Doc.Body, want) {
			t.Fatalf("feed: got %s, want %s", changes[0].Doc.Body, want)
		}
		spoil(changes[0].Doc.Body)
	}
}

func TestExpiryIsExact(t *testing.T) {
	c := newClock()
	s := open(t, memory.Options{Now: c.now, DefaultTTL: 1500 * time.Millisecond})
	f := s.Feed()
	defer f.Close()
	for i := range 40 { // more than one write sweeps
		put(t, s, trigger("guest", fmt.Sprintf("t%02d", i), i), nil)
	}
	put(t, s, trigger("guest", "kept", 100), &store.PutOptions{TTL: time.Hour})
	doc, err := s.Get(t.Context(), "guest/t00", nil)
	if err != nil || !doc.Meta.Expires.Equal(c.now().Add(2*time.Second)) {
		t.Fatalf("Get: got expiry %v and %v, want %v", doc.Meta.Expires, err, c.now().Add(2*time.Second))
	}
	check := func(when string, want int) {
		t.Helper()
		if got := len(ids(t, s, triggers("guest"))); got != want {
			t.Errorf("rows %s: got %d, want %d", when, got, want)
		}
		q := triggers("guest")
		q.Skip, q.Limit, q.Descending = 1, 5, true
		if got := len(ids(t, s, q)); got != min(5, want-1) {
			t.Errorf("rows of a page %s: got %d, want %d", when, got, min(5, want-1))
		}
		if n, err := s.Count(t.Context(), triggers("guest")); err != nil || n != int64(want) {
			t.Errorf("Count %s: got %d and %v, want %d", when, n, err, want)
		}
		if changes, _ := drain(t, f, ""); len(changes) != want {
			t.Errorf("changes %s: got %d, want %d", when, len(changes), want)
		}
	}
	c.advance(2*time.Second - time.Nanosecond)
	check("just before expiry", 41)
	c.advance(time.Nanosecond)
	check("at expiry, unswept", 1)
	_, err = s.Get(t.Context(), "guest/t00", nil)
	wantKind(t, "Get at expiry", err, store.ErrNotFound)
	_, err = s.Delete(t.Context(), "guest/t00", doc.Version.Rev, nil)
	wantKind(t, "Delete at expiry", err, store.ErrNotFound)
	doc.Body = trigger("guest", "t00", 1).Body
	_, err = s.Put(t.Context(), doc, nil)
	wantKind(t, "Put of an update at expiry", err, store.ErrConflict)
	doc.Version = store.Version{}
	put(t, s, doc, &store.PutOptions{TTL: time.Hour})
	check("after a creation", 2)
	if n := s.Stats().Documents; n >= 41 {
		t.Errorf("documents held after a few writes: got %d, want fewer than 41", n)
	}
}

func TestTombstones(t *testing.T) {
	c := newClock()
	s := open(t, memory.Options{Now: c.now})
	doc := trigger("guest", "a", 1)
	v := put(t, s, doc, nil)
	tomb := del(t, s, doc.ID, v.Rev, &store.DeleteOptions{Tombstone: time.Minute, ClusterID: "west"})
	if v.Compare(tomb) != store.Older {
		t.Errorf("the document beside its tombstone: got %v, want older", v.Compare(tomb))
	}
	_, err := s.Get(t.Context(), doc.ID, nil)
	wantKind(t, "Get", err, store.ErrNotFound)
	got, err := s.Get(t.Context(), doc.ID, &store.GetOptions{Tombstones: true})
	want := store.Meta{ClusterID: "west", Deleted: true, Expires: c.now().Add(time.Minute)}
	if err != nil || got.Meta != want || got.Version != tomb {
		t.Errorf("Get of the tombstone: got %+v and %v, want %+v", got.Meta, err, want)
	}
	_, err = s.Delete(t.Context(), doc.ID, tomb.Rev, nil)
	wantKind(t, "Delete of the tombstone", err, store.ErrNotFound)
	got.Body = doc.Body
	_, err = s.Put(t.Context(), got, nil)
	wantKind(t, "Put at the tombstone's revision", err, store.ErrConflict)
	if n := len(ids(t, s, triggers("guest"))); n != 0 {
		t.Errorf("rows: got %d, want 0", n)
	}
	put(t, s, doc, nil)
	got, err = s.Get(t.Context(), doc.ID, nil)
	if err != nil || got.Meta != (store.Meta{}) {
		t.Errorf("Get after the re-creation: got %+v and %v, want no meta", got.Meta, err)
	}
}

func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := open(t, memory.Options{}), open(t, memory.Options{})
		doc := trigger("guest", "a", 1)
		v := put(t, a, doc, nil)
		after := &store.GetOptions{After: store.Freshness{Version: v}}
		if _, err := a.Get(t.Context(), doc.ID, after); err != nil {
			t.Errorf("Get where it was written: got %v, want nil", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.Get(ctx, doc.ID, after)
		wantKind(t, "Get of a state that does not arrive", err, store.ErrUnavailable)
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = b.Get(ctx, doc.ID, after); err != context.Canceled {
			t.Errorf("Get that is cancelled: got %v, want %v", err, context.Canceled)
		}

		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := b.Get(t.Context(), doc.ID, after)
			if err != nil || got.Version != v {
				t.Errorf("Get of a state that arrives: got %+v and %v, want %+v", got.Version, err, v)
			}
		})
		synctest.Wait()
		f := a.Feed()
		defer f.Close()
		changes, _ := drain(t, f, "")
		if err := b.Apply(t.Context(), changes[0]); err != nil {
			t.Fatal(err)
		}
		wg.Wait()

		// A local state replaces it: still fresh enough.
		v2 := updateTo(t, b, doc, v)
		if v.Compare(v2) != store.Unknown {
			t.Fatalf("states of two lineages: got %v, want unknown", v.Compare(v2))
		}
		if got, err := b.Get(t.Context(), doc.ID, after); err != nil || got.Version != v2 {
			t.Errorf("Get of a replaced state: got %+v and %v, want %+v", got.Version, err, v2)
		}

		wg.Go(func() {
			_, err := a.Get(t.Context(), doc.ID, &store.GetOptions{After: store.Freshness{Version: v2}})
			wantKind(t, "Get when the store closes", err, store.ErrClosed)
		})
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestDoneContextsAndClosedStores(t *testing.T) {
	s := open(t, memory.Options{})
	doc := trigger("guest", "a", 1)
	v := put(t, s, doc, nil)
	f := s.Feed()
	r := store.Range{ID: "0"}
	token, err := f.Start(t.Context(), r, store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	all := func(ctx context.Context) map[string]error {
		errs := map[string]error{}
		_, errs["Get"] = s.Get(ctx, doc.ID, nil)
		_, errs["Put"] = s.Put(ctx, doc, nil)
		_, errs["Delete"] = s.Delete(ctx, doc.ID, v.Rev, nil)
		_, errs["Count"] = s.Count(ctx, triggers("guest"))
		errs["Apply"] = s.Apply(ctx, store.Change{ID: "x", Version: v, Doc: &doc})
		for _, err := range s.Query(ctx, triggers("guest")) {
			errs["Query"] = err
		}
		_, errs["Ranges"] = f.Ranges(ctx)
		_, errs["Start"] = f.Start(ctx, r, store.FromNow())
		_, errs["Next"] = f.Next(ctx, r, token, &store.NextOptions{Wait: time.Hour})
		return errs
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, err := range all(ctx) {
		if err != context.Canceled {
			t.Errorf("%s with a done context: got %v, want %v", op, err, context.Canceled)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for op, err := range all(t.Context()) {
		wantKind(t, op+" after Close", err, store.ErrClosed)
	}
	wantKind(t, "second Close", s.Close(), store.ErrClosed)
	if err := f.Close(); err != nil {
		t.Errorf("Close of the feed: got %v, want nil", err)
	}
	wantKind(t, "second Close of the feed", f.Close(), store.ErrClosed)
	var se *store.Error
	if !errors.As(s.Close(), &se) || se.Collection != store.Whisks {
		t.Errorf("error of Close: got %+v, want the collection in it", se)
	}
}
