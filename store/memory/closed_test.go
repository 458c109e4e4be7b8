package memory_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// TestCloseDuringAQuery closes the store after a query or count has begun and
// before it reads: that must not look like an empty view.
func TestCloseDuringAQuery(t *testing.T) {
	for _, rows := range []int{1, 1000} { // a page and a snapshot
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			var s *memory.Store
			closing := false
			s = open(t, memory.Options{Now: func() time.Time {
				if closing { // a query asks for the time between its checks and its rows
					closing = false
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
				return time.Unix(1700000000, 0)
			}})
			for i := range rows {
				put(t, s, trigger("guest", fmt.Sprint(i), i), nil)
			}
			closing = true
			var err error
			n := 0
			for _, err = range s.Query(t.Context(), triggers("guest")) {
				n++
			}
			if n != 1 || !errors.Is(err, store.ErrClosed) {
				t.Errorf("query: got %d rows and %v, want %v", n, err, store.ErrClosed)
			}
		})
	}
	t.Run("count", func(t *testing.T) {
		var s *memory.Store
		closing := false
		s = open(t, memory.Options{Now: func() time.Time {
			if closing {
				closing = false
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			return time.Unix(1700000000, 0)
		}})
		put(t, s, trigger("guest", "a", 1), nil)
		closing = true
		n, err := s.Count(t.Context(), triggers("guest"))
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("count: got %d and %v, want %v", n, err, store.ErrClosed)
		}
	})
}

// TestCloseBeforeAJoin closes the store between two rows: the limits of the
// second subject are not known then, which is not the same as none.
func TestCloseBeforeAJoin(t *testing.T) {
	s := open(t, memory.Options{Collection: store.Subjects})
	for _, name := range []string{"a", "b"} {
		put(t, s, store.Document{ID: name, Body: []byte(`{"subject":"` + name + `","namespaces":[{"name":"shared","uuid":"u","key":"k"}]}`)}, nil)
	}
	put(t, s, store.Document{ID: "shared/limits", Body: []byte(`{"concurrentInvocations":5}`)}, nil)
	var got []string
	for row, err := range s.Query(t.Context(), &store.Query{Table: "subjects.v2.0.0/identities", StartKey: store.Key{"shared"}, EndKey: store.Key{"shared"}}) {
		if err != nil {
			got = append(got, fmt.Sprint(store.KindOf(err)))
			break
		}
		got = append(got, fmt.Sprint(row.ID, " ", row.Doc != nil))
		_ = s.Close()
	}
	if want := []string{"a true", "store is closed"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows: got %q, want %q", got, want)
	}
}
