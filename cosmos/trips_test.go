package cosmos

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// trips counts the requests that f makes, by operation.
func trips(srv *cosmostest.Server, f func()) map[cosmostest.Operation]int64 {
	srv.ResetCounters()
	f()
	got := map[cosmostest.Operation]int64{}
	for k, n := range srv.Counters() {
		got[k.Operation] += n.Requests
	}
	return got
}

func wantTrips(t *testing.T, what string, got, want map[cosmostest.Operation]int64) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: got requests %v, want %v", what, got, want)
	}
}

type tripsOf = map[cosmostest.Operation]int64

// bodyAt is the body of an action under a namespace.
func bodyAt(ns, name string, updated int64) []byte {
	return fmt.Appendf(nil, `{"namespace":%q,"name":%q,"version":"0.0.1","publish":false,"annotations":[],"limits":{},"exec":{"kind":"nodejs:20","code":"x","binary":false},"updated":%d,"entityType":"action"}`, ns, name, updated)
}

func mustPut(t testing.TB, s *Store, id string, body []byte) store.Version {
	t.Helper()
	v, err := s.Put(t.Context(), store.Document{ID: id, Body: body}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestTrips pins the requests of every operation (package store's table).
func TestTrips(t *testing.T) {
	s, srv := openWhisks(t, cosmostest.Options{})
	ctx := t.Context()
	body := bodyAt("guest", "hello", 1000)
	doc := store.Document{ID: "guest/hello", Body: body}
	tomb := &store.DeleteOptions{Tombstone: tombstoneTTL, ClusterID: "c"}
	var v store.Version
	var err error
	mustPut(t, s, "guest/warm", body)

	is := func(kind store.Kind) func(error) bool {
		return func(err error) bool { return kind == 0 && err == nil || kind != 0 && errors.Is(err, kind) }
	}
	for _, c := range []struct {
		name string
		do   func() error
		kind store.Kind
		want tripsOf
	}{
		{"get_absent", func() error { _, err := s.Get(ctx, doc.ID, nil); return err }, store.ErrNotFound, tripsOf{cosmostest.ReadItem: 1}},
		{"create", func() error { v, err = s.Put(ctx, doc, nil); return err }, 0, tripsOf{cosmostest.CreateItem: 1}},
		{"create_live", func() error { _, err := s.Put(ctx, doc, nil); return err }, store.ErrConflict, tripsOf{cosmostest.CreateItem: 1, cosmostest.ReadItem: 1}},
		{"get", func() error { _, err := s.Get(ctx, doc.ID, nil); return err }, 0, tripsOf{cosmostest.ReadItem: 1}},
		{"get_after_version", func() error {
			_, err := s.Get(ctx, doc.ID, &store.GetOptions{After: store.Freshness{Version: v}})
			return err
		}, 0, tripsOf{cosmostest.ReadItem: 1}},
		{"update", func() error {
			u := doc
			u.Version = v
			v, err = s.Put(ctx, u, nil)
			return err
		}, 0, tripsOf{cosmostest.ReplaceItem: 1}},
		{"update_stale", func() error {
			u := doc
			u.Version.Rev = `"stale"`
			_, err := s.Put(ctx, u, nil)
			return err
		}, store.ErrConflict, tripsOf{cosmostest.ReplaceItem: 1}},
		{"update_absent", func() error {
			_, err := s.Put(ctx, store.Document{ID: "guest/none", Version: v, Body: body}, nil)
			return err
		}, store.ErrConflict, tripsOf{cosmostest.ReplaceItem: 1}},
		{"delete_stale", func() error { _, err := s.Delete(ctx, doc.ID, `"stale"`, tomb); return err }, store.ErrConflict,
			tripsOf{cosmostest.PatchItem: 1, cosmostest.ReadItem: 1}},
		{"delete_absent", func() error { _, err := s.Delete(ctx, "guest/none", v.Rev, tomb); return err }, store.ErrNotFound,
			tripsOf{cosmostest.PatchItem: 1}},
		{"soft_delete", func() error { _, err := s.Delete(ctx, doc.ID, v.Rev, tomb); return err }, 0, tripsOf{cosmostest.PatchItem: 1}},
		{"delete_again", func() error { _, err := s.Delete(ctx, doc.ID, v.Rev, tomb); return err }, store.ErrNotFound,
			tripsOf{cosmostest.PatchItem: 1, cosmostest.ReadItem: 1}},
		{"get_tombstone", func() error { _, err := s.Get(ctx, doc.ID, nil); return err }, store.ErrNotFound, tripsOf{cosmostest.ReadItem: 1}},
		{"create_over_tombstone", func() error { v, err = s.Put(ctx, doc, nil); return err }, 0,
			tripsOf{cosmostest.CreateItem: 1, cosmostest.ReadItem: 1, cosmostest.ReplaceItem: 1}},
		{"hard_delete", func() error { _, err := s.Delete(ctx, doc.ID, v.Rev, nil); return err }, 0, tripsOf{cosmostest.DeleteItem: 1}},
		{"hard_delete_absent", func() error { _, err := s.Delete(ctx, doc.ID, v.Rev, nil); return err }, store.ErrNotFound,
			tripsOf{cosmostest.DeleteItem: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			got := trips(srv, func() { err = c.do() })
			if !is(c.kind)(err) {
				t.Errorf("got error %v, want %v", err, c.kind)
			}
			wantTrips(t, c.name, got, c.want)
		})
	}

	t.Run("expired_meanwhile", func(t *testing.T) {
		d := store.Document{ID: "guest/brief", Body: body}
		w := mustPut(t, s, d.ID, body)
		if _, err := s.Delete(ctx, d.ID, w.Rev, tomb); err != nil {
			t.Fatal(err)
		}
		// The tombstone expires after it was read and before it is replaced.
		fault := srv.Inject(cosmostest.Fault{Times: 1, Match: func(r *cosmostest.Request) bool {
			if r.Operation == cosmostest.ReplaceItem {
				srv.Advance(2 * tombstoneTTL)
				return true
			}
			return false
		}})
		defer fault.Remove()
		got := trips(srv, func() { w, err = s.Put(ctx, d, nil) })
		if err != nil || w.Rev == "" {
			t.Errorf("creation over a tombstone that expires: got %v and %v, want success", w, err)
		}
		wantTrips(t, "creation", got, tripsOf{cosmostest.CreateItem: 2, cosmostest.ReadItem: 1, cosmostest.ReplaceItem: 1})
	})
}

func subject(ns, uuid, key string) []byte {
	return fmt.Appendf(nil, `{"subject":"s-%s","namespaces":[{"name":%q,"uuid":%q,"key":%q}]}`, uuid, ns, uuid, key)
}

// Identities and their limits take two waves: one request for the subjects, and
// one for each range that holds limits (upstream: one for each row).
func TestTripsOfIdentities(t *testing.T) {
	var served waves
	srv := startFake(t, cosmostest.Options{Ranges: 4, Observe: served.add})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	const n = 12
	for i := range n {
		mustPut(t, s, fmt.Sprintf("s%d", i), fmt.Appendf(nil,
			`{"subject":"s%d","namespaces":[{"name":"shared","uuid":"u%d","key":"k"},{"name":"own%d","uuid":"w%d","key":"k"}]}`, i, i, i, i))
		mustPut(t, s, fmt.Sprintf("own%d/limits", i), []byte(`{"invocationsPerMinute":1}`))
	}
	mustPut(t, s, "shared/limits", []byte(`{"invocationsPerMinute":7}`))
	read := func(key ...any) (rows []store.Row) {
		q := &store.Query{Table: "subjects.v2.0.0/identities", StartKey: key, EndKey: key}
		for row, err := range s.Query(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
		return rows
	}
	read("shared") // azcosmos reads the ranges of the container once
	var rows []store.Row
	got := trips(srv, func() { rows = read("shared") })
	if len(rows) != n || rows[0].Doc == nil || rows[0].Doc.ID != "shared/limits" {
		t.Fatalf("identities: got %d rows, the first %+v, want %d with shared/limits", len(rows), rows[0], n)
	}
	wantTrips(t, "identities of one namespace", got, tripsOf{cosmostest.QueryItems: 1, cosmostest.ReadItem: 1})
	got = trips(srv, func() { rows = read("u3", "k") })
	if len(rows) != 1 {
		t.Fatalf("identity by credentials: got %d rows, want 1", len(rows))
	}
	wantTrips(t, "identity by credentials", got, tripsOf{cosmostest.QueryItems: 1, cosmostest.ReadItem: 1})

	// The credentials u and k stand in several subjects, each for a namespace with
	// limits of its own.
	for i := range n {
		mustPut(t, s, fmt.Sprintf("t%d", i), subject(fmt.Sprintf("own%d", i), "u", "k"))
	}
	read("u", "k")
	got = trips(srv, func() { rows = read("u", "k") })
	if len(rows) != n {
		t.Fatalf("identities by shared credentials: got %d rows, want %d", len(rows), n)
	}
	for _, r := range rows {
		if r.Doc == nil || r.Doc.Version.Rev == "" {
			t.Errorf("row %s: got limits %v, want a document with a revision", r.ID, r.Doc)
		}
	}
	if q := got[cosmostest.QueryItems]; q > 1+4 || len(got) != 1 {
		t.Errorf("identities with limits in 4 ranges: got requests %v, want at most 5 queries", got)
	}
	// Each takes so long that those of one wave are under way at the same time.
	defer srv.Inject(cosmostest.Fault{Delay: 300 * time.Millisecond}).Remove()
	served.count()
	read("u", "k")
	if n := served.count(); n != 2 {
		t.Errorf("identities with limits in 4 ranges: got %d waves of requests, one after the other, want 2", n)
	}
}

// waves are the times in which requests were served.
type waves struct {
	mu    sync.Mutex
	spans [][2]time.Time
}

func (w *waves) add(x cosmostest.Exchange) {
	end := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spans = append(w.spans, [2]time.Time{end.Add(-x.Duration), end})
}

// count returns how many waves there were since the last time: one begins when all
// requests before it have been answered.
func (w *waves) count() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.spans, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
	var end time.Time
	for _, s := range w.spans {
		if !s[0].Before(end) {
			n++
		}
		if s[1].After(end) {
			end = s[1]
		}
	}
	w.spans = nil
	return n
}
