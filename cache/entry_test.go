package cache

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// oneShard is a cache whose keys lie in one shard, at a time that stands still.
func oneShard(t *testing.T, entries int) *Cache[int] {
	c := New(Options[int]{
		MaxEntries: entries * shards, MaxFences: 1000 * shards,
		Clock: NewManualClock(time.Unix(0, 0)), Hash: func(string) uint64 { return 0 },
	})
	t.Cleanup(c.Close)
	return c
}

// TestRecentlyUsedStays: what is hit again and again is not evicted by what is
// read once, however much that is and however short a time it takes.
func TestRecentlyUsedStays(t *testing.T) {
	const entries = 40
	c := oneShard(t, entries)
	loads := 0
	get := func(key string) {
		if _, _, err := c.Get(t.Context(), key, func(context.Context, Request) (Loaded[int], error) {
			if key == "hot" {
				loads++
			}
			return Loaded[int]{Version: store.Version{Rev: "1", Order: 1, Lineage: "L"}}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	get("hot")
	for i := range 100 * entries {
		get("once-" + strconv.Itoa(i))
		get("hot")
	}
	if loads != 1 {
		t.Errorf("loads of the document that is read all the time: got %d, want 1", loads)
	}
}

// TestManyLineages: entries number their lineages; of more than there are numbers,
// each entry held still says its own, and fences outlive what is evicted for room.
func TestManyLineages(t *testing.T) {
	const entries = 2*maxLineages + maxLineages/2
	c := oneShard(t, entries)
	s := c.shards[0]
	version := func(i int) store.Version {
		return store.Version{Rev: "1-" + strconv.Itoa(i), Order: 5, Lineage: "L" + strconv.Itoa(i)}
	}
	for i := range entries {
		key := strconv.Itoa(i)
		load := func(context.Context, Request) (Loaded[int], error) {
			return Loaded[int]{Value: i, Version: version(i)}, nil
		}
		for range 2 { // a load and a hit
			v, got, err := c.Get(t.Context(), key, load)
			if err != nil || v != i || got != version(i) {
				t.Fatalf("document %d: got %d of %v, %v", i, v, got, err)
			}
		}
		c.Observe(key, version(i))
		if n := len(s.names); n > maxLineages {
			t.Fatalf("%d lineages have a number, want at most %d", n, maxLineages)
		}
	}
	held := 0
	for i := range entries {
		if v, got, ok := c.Peek(strconv.Itoa(i)); ok {
			held++
			if v != i || got != version(i) {
				t.Errorf("document %d: holds %d of %v", i, v, got)
			}
		}
		if _, ok := s.guards.Peek(strconv.Itoa(i)); ok == (s.values.Contains(strconv.Itoa(i))) {
			t.Errorf("document %d: its fence stands in a record: %v", i, ok)
		}
	}
	if held == 0 || held > maxLineages {
		t.Errorf("%d documents are held, want at most %d", held, maxLineages)
	}
}
