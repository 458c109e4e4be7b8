package cache_test

import (
	"strconv"
	"testing"

	"github.com/whiskstore/whiskstore/cache"
)

func derived(n int) cache.Derived[int] {
	return cache.Derived[int]{Value: n, Sources: []cache.Source{{ID: "d", Version: version(n)}}}
}

// TestTableKeepsTheNewer: of two loads the one that read the older state ends
// last, and is not stored (R5d, I5h).
func TestTableKeepsTheNewer(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{})
	defer table.Close()
	first := table.Begin(key)
	table.Observe("another", version(9)) // loads from here on are others
	second := table.Begin(key)
	if second.Joined {
		t.Fatal("the second reader joined the first")
	}
	second.Load.End(derived(2), nil)
	first.Load.End(derived(1), nil)
	if got := table.Begin(key); !got.Held || got.Value != 2 {
		t.Errorf("got %+v, want version 2", got)
	}
}

// TestTableCountsEvictions of found values and of those that were not.
func TestTableCountsEvictions(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{MaxEntries: 2, MaxNegative: 3})
	defer table.Close()
	for i := range 10 {
		table.Begin("found-"+strconv.Itoa(i)).Load.End(derived(1), nil)
		table.Begin("not-"+strconv.Itoa(i)).Load.End(cache.Derived[int]{}, nil)
	}
	if s := table.Stats(); s.Evicted != 15 || s.Entries != 5 {
		t.Errorf("%d evicted and %d held, want 15 and 5", s.Evicted, s.Entries)
	}
}
