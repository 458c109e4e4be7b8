package memory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// A document that moves in its index while a loop runs appears once, as it was.
func TestQueryIsOneMoment(t *testing.T) {
	const n = 1000 // longer than what is copied under the lock
	for _, descending := range []bool{false, true} {
		s := open(t, memory.Options{})
		versions := map[string]store.Version{}
		for i := range n {
			d := trigger("guest", fmt.Sprintf("t%04d", i), i)
			versions[d.ID] = put(t, s, d, nil)
		}
		q := triggers("guest")
		q.Descending = descending
		seen := map[string]bool{}
		i := 0
		for row, err := range s.Query(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[row.ID] {
				t.Errorf("%s: got it twice, want it once", row.ID)
			}
			seen[row.ID] = true
			if i%10 == 0 { // one moves behind the loop, one before it, one goes
				for k, to := range []int{-i, n + i} {
					d := trigger("guest", fmt.Sprintf("t%04d", (i+n/2+k)%n), to)
					versions[d.ID] = updateTo(t, s, d, versions[d.ID])
				}
				id := fmt.Sprintf("guest/t%04d", (i+n/2+2)%n)
				del(t, s, id, versions[id].Rev, nil)
			}
			i++
		}
		if len(seen) != n {
			t.Errorf("rows with descending %v: got %d, want %d", descending, len(seen), n)
		}
		if n, err := s.Count(t.Context(), triggers("guest")); err != nil || n != 900 {
			t.Errorf("Count afterwards: got %d and %v, want 900", n, err)
		}
	}
}

func TestSkipAndLimit(t *testing.T) {
	const n = 700
	s := open(t, memory.Options{})
	for i := range n {
		put(t, s, trigger("guest", fmt.Sprintf("t%04d", i), 1000+i/2), nil) // two of each order
		put(t, s, trigger("other", fmt.Sprintf("t%04d", i), 1000+i), nil)
	}
	for _, tc := range []struct {
		skip, limit, since, upto int
	}{
		{0, 0, 0, 0}, {0, 30, 0, 0}, {5, 30, 0, 0}, {650, 100, 0, 0}, {700, 1, 0, 0}, {5000, 0, 0, 0}, {300, 300, 0, 0},
		{0, 0, 1010, 0}, {3, 4, 1010, 1013}, {0, 0, 1010, 1013}, {0, 0, 1013, 1010}, {0, 0, 5000, 0},
	} {
		for _, descending := range []bool{false, true} {
			q := triggers("guest")
			q.Skip, q.Limit, q.Descending = tc.skip, tc.limit, descending
			lo, hi := 0, n
			if tc.since > 0 {
				q.StartKey = store.Key{"guest", tc.since}
				q.EndKey = store.Key{"guest", store.Top, store.Top}
				lo = min(n, 2*(tc.since-1000))
				if tc.upto > 0 {
					q.EndKey[1] = tc.upto
					hi = max(lo, 2*(tc.upto-1000)+2)
				}
			}
			var want []string
			for i := lo; i < hi; i++ {
				want = append(want, fmt.Sprintf("guest/t%04d", i))
			}
			if descending {
				for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
					want[i], want[j] = want[j], want[i]
				}
			}
			want = want[min(tc.skip, len(want)):]
			if n, err := s.Count(t.Context(), q); err != nil || n != int64(len(want)) {
				t.Errorf("%v: Count got %d and %v, want %d", q, n, err, len(want))
			}
			if tc.limit > 0 {
				want = want[:min(tc.limit, len(want))]
			}
			if got := ids(t, s, q); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%v descending %v: got %d rows %.60v, want %d rows %.60v", q, descending, len(got), got, len(want), want)
			}
		}
	}
}
