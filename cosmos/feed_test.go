package cosmos

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// feedHarness is the deployment's harness with the feeds of what it opened, bare
// as they are always used.
func (d deployment) feedHarness(t testing.TB) *storetest.Harness {
	t.Helper()
	srv := startFake(t, d.account)
	accounts := &Accounts{}
	opened := map[string]*Store{}
	h := &storetest.Harness{Features: features(), Advance: srv.Advance}
	if d.features != nil {
		d.features(&h.Features)
	}
	h.Store = func(collection string) store.ArtifactStore {
		s := openFake(t, srv, collection, Deps{Accounts: accounts}, d.change)
		opened[collection] = s
		return store.Check(&store.CheckOptions{Collection: collection, MaxBody: MaxBody, ID: store.CheckCosmosID})(s)
	}
	h.Feed = func(collection string) store.ChangeFeed { return openFeed(t, opened[collection], nil) }
	h.Split = func(collection string, r store.Range) { srv.Split("whisk", collection, r.ID) }
	h.FutureToken = func(_ string, token store.Token) store.Token {
		pos, err := parsePosition(token)
		if err != nil {
			t.Fatal(err)
		}
		pos.etag = quoteLSN(pos.lsn() + 1_000_000)
		return pos.token()
	}
	return h
}

// openFeed opens a feed and closes it with the test.
func openFeed(t testing.TB, s *Store, o *FeedOptions) *Feed {
	t.Helper()
	f, err := s.Feed(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("Close of the feed: got %v, want nil", err)
		}
	})
	return f
}

// TestChangeFeed shows the contract of store.ChangeFeed on every account.
func TestChangeFeed(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.TestChangeFeed(t, d.feedHarness)
		})
	}
}

// TestChangeFeedSwitches is the same under each answer of the service that
// nobody recorded and that the feed can meet: those of errors, the feed, ranges,
// regions, sessions and expiry.
func TestChangeFeedSwitches(t *testing.T) {
	rows := []int{1, 3, 4, 5, 6, 13, 14}
	for _, sw := range cosmostest.AllSwitches() {
		if !slices.Contains(rows, sw.Row) {
			continue
		}
		for _, ranges := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d_ranges", sw.Name, ranges), func(t *testing.T) {
				t.Parallel()
				d := deployment{account: cosmostest.Options{Regions: regions(2), Ranges: ranges}, change: readIn("West Europe")}
				sw.Set(&d.account.Switches)
				storetest.TestChangeFeed(t, d.feedHarness)
			})
		}
	}
}

// follower reads all ranges of a feed and goes over to the children of those
// that are split.
type follower struct {
	t      testing.TB
	f      store.ChangeFeed
	tokens map[store.Range]store.Token
	splits int
	seen   func(store.Change)
	limit  int
}

func follow(t testing.TB, f store.ChangeFeed, from store.From, seen func(store.Change)) *follower {
	t.Helper()
	ranges, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &follower{t: t, f: f, tokens: map[store.Range]store.Token{}, seen: seen}
	for _, r := range ranges {
		if w.tokens[r], err = f.Start(t.Context(), r, from); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// step reads one page of a range. It reports whether that was the end of it.
func (w *follower) step(r store.Range) (drained bool) {
	w.t.Helper()
	token := w.tokens[r]
	page, err := w.f.Next(w.t.Context(), r, token, &store.NextOptions{Limit: w.limit})
	var gone *store.RangeGone
	if errors.As(err, &gone) {
		w.splits++
		delete(w.tokens, r)
		for _, child := range gone.Children {
			w.tokens[child] = token
		}
		return false
	}
	if err != nil {
		w.t.Fatalf("Next of range %q: got %v, want a page", r.ID, err)
	}
	for _, c := range page.Changes {
		w.seen(c)
	}
	w.tokens[r] = page.Token
	return page.Drained
}

// drain reads every range to its end.
func (w *follower) drain() {
	w.t.Helper()
	for again := true; again; {
		again = false
		for _, r := range slices.SortedFunc(maps.Keys(w.tokens), func(a, b store.Range) int { return strings.Compare(a.Min, b.Min) }) {
			again = !w.step(r) || again
		}
	}
}

// putSubject writes a subject that need not make sense.
func putSubject(t testing.TB, s *Store, id string, o *store.PutOptions) store.Version {
	t.Helper()
	v, err := s.Put(t.Context(), store.Document{ID: id, Body: []byte(`{"subject":"` + id + `"}`)}, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A change is what Get shows: unescaped id, stripped body, cluster id, version.
func TestFeedChangeIsWhatGetShows(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Whisks, Deps{}, nil)
	f := openFeed(t, s, nil)
	var changes []store.Change
	w := follow(t, f, store.FromBeginning(), func(c store.Change) { changes = append(changes, c) })
	body := []byte(`{"entityType":"action","namespace":"guest/p","name":"hello","updated":7,"version":"0.0.1"}`)
	if _, err := s.Put(t.Context(), store.Document{ID: "guest/p/hello", Body: body}, &store.PutOptions{ClusterID: "east"}); err != nil {
		t.Fatal(err)
	}
	w.drain()
	if len(changes) != 1 || changes[0].Doc == nil {
		t.Fatalf("changes: got %+v, want one with its document", changes)
	}
	got := changes[0]
	want, err := s.Get(t.Context(), "guest/p/hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Doc.ID != want.ID || string(got.Doc.Body) != string(want.Body) || got.Doc.Meta != want.Meta || got.Doc.Version != want.Version {
		t.Errorf("document of the change: got %+v, want %+v", *got.Doc, want)
	}
	if got.ID != want.ID || got.ClusterID != "east" || got.Version.Lineage != s.here().rid || got.Version.Order == 0 || got.Committed.IsZero() {
		t.Errorf("change: got %+v, want of %q by cluster east, ordered in %q, with its time", got, want.ID, s.here().rid)
	}
}

// An item that is none of OpenWhisk's is passed on without a document, in its
// place.
func TestFeedPassesUndecodableItems(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	rec := &recorder{}
	s := openFake(t, srv, store.Whisks, Deps{Logger: rec.logger()}, nil)
	f := openFeed(t, s, nil)
	var changes []store.Change
	w := follow(t, f, store.FromNow(), func(c store.Change) { changes = append(changes, c) })
	putSubject(t, s, "before", nil)
	p := s.here()
	bad := f.changes(t.Context(), [][]byte{[]byte(`{"id":"a/b","_etag":"\"e\"","_ts":5,"_lsn":9,"_clusterId":"west","_deleted":true}`),
		[]byte(`{"_lsn":10}`), []byte(`7`), []byte(`{"id":"guest/odd"}`)}, 0)
	want := store.Change{ID: "a/b", Version: store.Version{Rev: `"e"`, Order: 9, Lineage: p.rid}, ClusterID: "west", Deleted: true, Committed: time.Unix(5, 0)}
	if len(bad) != 4 || bad[0] != want || bad[1].Version.Order != 10 || bad[3].ID != "guest/odd" {
		t.Errorf("changes of items that cannot be decoded: got %+v, want four, the first %+v", bad, want)
	}
	if n := rec.count("cannot be decoded"); n != 4 {
		t.Errorf("log: got %d lines about items that cannot be decoded, want 4", n)
	}
	putSubject(t, s, "after", nil)
	w.drain()
	if len(changes) != 2 {
		t.Errorf("feed: got %+v, want the two documents", changes)
	}
}

// Pending is the distance to the end of the range.
func TestFeedPending(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, nil)
	r, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.Start(t.Context(), r[0], store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		putSubject(t, s, fmt.Sprint(i), nil)
	}
	for _, want := range []int64{7, 4, 1, 0} {
		page, err := f.Next(t.Context(), r[0], token, &store.NextOptions{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		if page.Pending != want || page.Drained != (want == 0) {
			t.Errorf("Next: got %d pending, drained %v, want %d", page.Pending, page.Drained, want)
		}
		token = page.Token
	}
}

// From a time leaves out the second before it, which the service may or may not
// be asked for, without an empty page on the way.
func TestFeedFromTime(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	srv := startFake(t, cosmostest.Options{Now: func() time.Time { return noon }})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, nil)
	for i := range 5 {
		putSubject(t, s, fmt.Sprint("early-", i), nil)
	}
	r, early := oneRange(t, f, store.FromTime(noon.Add(time.Second)))
	page, err := f.Next(t.Context(), r, early, &store.NextOptions{Limit: 2})
	if err != nil || len(page.Changes) != 0 || !page.Drained {
		t.Errorf("Next from a time that is to come: got %+v and %v, want nothing", page, err)
	}
	srv.Advance(time.Second)
	putSubject(t, s, "late", nil)
	if first, err := f.Next(t.Context(), r, early, &store.NextOptions{Limit: 2}); err != nil || len(first.Changes) != 1 {
		t.Errorf("Next from a time, behind pages of what was before: got %+v and %v, want the one change", first, err)
	}
	for at, c := range map[time.Duration]struct {
		token store.Token
		want  int
	}{-1: {token: page.Token, want: 1}, 0: {want: 6}, time.Second: {want: 1}, 1500 * time.Millisecond: {want: 1}, 2 * time.Second: {}} {
		if c.token == "" {
			_, c.token = oneRange(t, f, store.FromTime(noon.Add(at)))
		}
		n := 0
		w := &follower{t: t, f: f, tokens: map[store.Range]store.Token{r: c.token}, seen: func(store.Change) { n++ }, limit: 2}
		w.drain()
		if n != c.want {
			t.Errorf("feed from %v after noon: got %d changes, want %d", at, n, c.want)
		}
	}
}

// Waiting costs few requests: pauses grow to the interval.
func TestFeedWaitIsBounded(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, &FeedOptions{PollInterval: 100 * time.Millisecond})
	r, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.Start(t.Context(), r[0], store.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	srv.ResetCounters()
	if _, err := f.Next(t.Context(), r[0], token, &store.NextOptions{Wait: 500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadChangeFeed}).Requests
	if n < 2 || n > 9 { // at 0, 20, 60, 140, 240, 340, 440 and 500 ms
		t.Errorf("Next waiting for 500 ms: got %d requests, want 2 to 9", n)
	}
}
