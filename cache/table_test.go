package cache_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
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

// R11: guards of a table that have to go make it blind.
func TestTableShedIsBlind(t *testing.T) {
	clock := cache.NewManualClock(time.Unix(0, 0))
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: clock, MaxFences: 1})
	defer table.Close()
	table.Observe("a", version(2))
	table.Observe("b", version(2)) // a's guard goes
	table.Begin("k").Load.End(cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: "a", Version: version(1)}}}, nil)
	if got := table.Begin("k"); got.Held {
		t.Error("made of version 1 after version 2 was announced")
	}
}

// R11: a document leads to every key derived from it, also after one of them left.
func TestTableIndex(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: cache.NewManualClock(time.Unix(0, 0)), MaxEntries: 2})
	defer table.Close()
	for _, k := range []string{"k1", "k2", "k3"} { // k1 goes for room
		table.Begin(k).Load.End(cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: "a", Version: version(1)}}}, nil)
	}
	table.Observe("a", version(2))
	for _, k := range []string{"k2", "k3"} {
		if got := table.Begin(k); got.Held {
			t.Errorf("%s is held after its source changed", k)
		}
	}
}

// R3, R11: an unversioned message binds loads that begin after it.
func TestTableForget(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: cache.NewManualClock(time.Unix(0, 0))})
	defer table.Close()
	table.Forget("a")
	table.Begin("k").Load.End(cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: "a", Version: version(1)}}}, nil)
	if got := table.Begin("k"); got.Held {
		t.Error("made of a document that is blind")
	}
}

// R2, R11: a reader does not join a load from before a change.
func TestTableJoin(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: cache.NewManualClock(time.Unix(0, 0))})
	defer table.Close()
	l := table.Begin("k").Load
	table.Observe("a", version(2))
	if got := table.Begin("k"); got.Joined {
		t.Error("joined a load from before the change")
	}
	l.End(cache.Derived[int]{}, &store.Error{Kind: store.ErrNotFound})
}

// R9, R11: the age of a derived value counts from the start of its load.
func TestTableAge(t *testing.T) {
	clock := cache.NewManualClock(time.Unix(0, 0))
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: clock, MaxAge: time.Minute})
	defer table.Close()
	l := table.Begin("k").Load
	clock.Set(30*time.Second, 30*time.Second)
	l.End(cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: "a", Version: version(1)}}}, nil)
	clock.Set(time.Minute, time.Minute)
	if got := table.Begin("k"); got.Held {
		t.Error("served past its age")
	}
}
