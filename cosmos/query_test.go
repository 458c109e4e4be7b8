package cosmos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// fill puts n actions with update times 1 to n.
func fill(t testing.TB, s *Store, n int) {
	t.Helper()
	var writers sync.WaitGroup
	var failed atomic.Pointer[error]
	next := make(chan int)
	for range 8 {
		writers.Go(func() {
			for i := range next {
				doc := store.Document{ID: fmt.Sprintf("guest/a%05d", i), Body: bodyAt("guest", fmt.Sprintf("a%05d", i), int64(i))}
				if _, err := s.Put(t.Context(), doc, nil); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	for i := range n {
		next <- i + 1
	}
	close(next)
	writers.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
}

// times are the update times of a query's rows.
func times(t testing.TB, s *Store, q *store.Query, each func(i int)) (list []int) {
	t.Helper()
	for row, err := range s.Query(t.Context(), q) {
		if err != nil {
			t.Fatalf("after %d rows: %v", len(list), err)
		}
		var n int
		if _, err := fmt.Sscanf(row.ID, "guest/a%d", &n); err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
		if each != nil {
			each(len(list))
		}
	}
	return list
}

// upTo are the numbers from a to b, downwards when a is larger.
func upTo(a, b int) (list []int) {
	if a > b {
		list = upTo(b, a)
		slices.Reverse(list)
		return list
	}
	for i := a; i <= b; i++ {
		list = append(list, i)
	}
	return list
}

// Rows of several ranges come in one order, whatever skip, limit and direction.
func TestMerge(t *testing.T) {
	s, srv := openWhisks(t, cosmostest.Options{Ranges: 6})
	const n = 700
	fill(t, s, n)
	for _, docs := range []bool{false, true} {
		for _, c := range []struct {
			skip, limit int
			down        bool
			want        []int
		}{
			{0, 0, false, upTo(1, n)}, {0, 0, true, upTo(n, 1)},
			{0, 30, true, upTo(n, n-29)}, {25, 30, true, upTo(n-25, n-54)}, {690, 30, false, upTo(691, n)},
			{n, 0, false, nil}, {0, n + 5, false, upTo(1, n)}, {3, 1, false, upTo(4, 4)}, {100, 0, true, upTo(n-100, 1)},
		} {
			q := actionsOf("guest")
			q.Skip, q.Limit, q.Descending, q.IncludeDocs = c.skip, c.limit, c.down, docs
			if got := times(t, s, q, nil); !slices.Equal(got, c.want) {
				t.Errorf("skip %d, limit %d, descending %v, documents %v: got %d rows %v..., want %d %v...",
					c.skip, c.limit, c.down, docs, len(got), got[:min(5, len(got))], len(c.want), c.want[:min(5, len(c.want))])
			}
		}
	}
	count, err := s.Count(t.Context(), actionsOf("guest"))
	if count != n || err != nil {
		t.Errorf("count: got %d and %v, want %d", count, err, n)
	}
	q := actionsOf("guest")
	q.Limit, q.Descending = 30, true
	wantTrips(t, "newest 30 over 6 ranges", trips(srv, func() { times(t, s, q, nil) }), tripsOf{cosmostest.QueryItems: 6})
	wantTrips(t, "count over 6 ranges", trips(srv, func() { s.Count(t.Context(), q) }), tripsOf{cosmostest.QueryItems: 6})
}

// A split in the middle of a query neither loses nor doubles a row, wherever it
// falls, with many rows of one order too.
func TestSplitDuringQuery(t *testing.T) {
	for _, down := range []bool{false, true} {
		for _, limit := range []int{0, 580} {
			t.Run(fmt.Sprintf("descending_%v_limit_%d", down, limit), func(t *testing.T) {
				t.Parallel()
				s, srv := openWhisks(t, cosmostest.Options{Ranges: 2, PageBytes: 8 << 10}) // many pages
				const n = 600
				fill(t, s, n)
				want := upTo(1, n)
				q := actionsOf("guest")
				if q.Descending, q.Limit = down, limit; down {
					want = upTo(n, 1)
				}
				if limit > 0 {
					want = want[:limit]
				}
				got := times(t, s, q, func(i int) {
					if i%150 == 0 {
						srv.Split("whisk", store.Whisks, srv.Ranges("whisk", store.Whisks)[0].ID)
					}
				})
				if !slices.Equal(got, want) {
					t.Errorf("got %d rows, want %d; first difference at %d", len(got), len(want), firstDifference(got, want))
				}
				if n, err := s.Count(t.Context(), q); n != 600 || err != nil {
					t.Errorf("count after the splits: got %d and %v, want 600", n, err)
				}
			})
		}
	}
	t.Run("equal_orders", func(t *testing.T) {
		t.Parallel()
		s, srv := openWhisks(t, cosmostest.Options{Ranges: 2, PageBytes: 8 << 10})
		const n = 300
		want := map[string]bool{}
		for i := range n {
			id := fmt.Sprintf("guest/e%d", i)
			mustPut(t, s, id, bodyAt("guest", id, int64(i/100)))
			want[id] = true
		}
		i := 0
		for row, err := range s.Query(t.Context(), actionsOf("guest")) {
			if err != nil {
				t.Fatal(err)
			}
			if !want[row.ID] {
				t.Errorf("row %s came twice", row.ID)
			}
			delete(want, row.ID)
			if i++; i%70 == 0 {
				srv.Split("whisk", store.Whisks, srv.Ranges("whisk", store.Whisks)[1].ID)
			}
		}
		if len(want) > 0 {
			t.Errorf("%d rows were lost", len(want))
		}
	})
	t.Run("identities", func(t *testing.T) {
		t.Parallel()
		srv := startFake(t, cosmostest.Options{Ranges: 2})
		s := openFake(t, srv, store.Subjects, Deps{}, nil)
		for i := range 20 {
			mustPut(t, s, fmt.Sprintf("t%d", i), subject(fmt.Sprintf("own%d", i), "u", "k"))
			mustPut(t, s, fmt.Sprintf("own%d/limits", i), []byte(`{"invocationsPerMinute":1}`))
		}
		q := &store.Query{Table: "subjects.v2.0.0/identities", StartKey: store.Key{"u", "k"}, EndKey: store.Key{"u", "k"}}
		for range 3 {
			rows := 0
			for row, err := range s.Query(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				if row.Doc == nil {
					t.Errorf("row %s has no limits", row.ID)
				}
				rows++
			}
			if rows != 20 {
				t.Errorf("identities: got %d, want 20", rows)
			}
			srv.Split("whisk", store.Subjects, srv.Ranges("whisk", store.Subjects)[0].ID)
		}
	})
}

func firstDifference(a, b []int) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// A loop that stops early asks for no more than it began with, and no more than
// maxParallel requests are in flight at once.
func TestEarlyStopAndBound(t *testing.T) {
	var now, most atomic.Int64
	srv := startFake(t, cosmostest.Options{Ranges: 40})
	s := openFake(t, srv, store.Whisks, Deps{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			n := now.Add(1)
			defer now.Add(-1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
		}
		return plain.RoundTrip(req)
	}).pointer()}, nil)
	fill(t, s, 200)
	most.Store(0)
	q := actionsOf("guest")
	got := trips(srv, func() {
		for range s.Query(t.Context(), q) {
			break
		}
	})
	if n := got[cosmostest.QueryItems]; n > 40 {
		t.Errorf("a loop that stopped at its first row: got %d queries, want at most one for each of 40 ranges", n)
	}
	if _, err := s.Count(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if m := most.Load(); m > maxParallel || m < 2 {
		t.Errorf("requests in flight: got %d at most, want more than one and no more than %d", m, maxParallel)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows := 0
	var last error
	for _, err := range s.Query(ctx, q) {
		if last = err; err == nil {
			rows++
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || rows > 2 {
		t.Errorf("loop with a cancelled context: got %d rows and %v", rows, last)
	}
}

// plain sends requests over connections that are not kept.
var plain = &http.Transport{DisableKeepAlives: true}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) pointer() http.RoundTripper { return &transportOf{f} }

// transportOf is a round tripper that can be compared.
type transportOf struct{ f roundTripper }

func (t *transportOf) RoundTrip(req *http.Request) (*http.Response, error) { return t.f(req) }
