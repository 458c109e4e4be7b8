package cache_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// A failed load changes nothing: what was suspect before it still is.
func TestFailedLoadLeavesSuspicion(t *testing.T) {
	c := cache.New(cache.Options[int]{})
	defer c.Close()
	c.Begin(key, false).Load.End(value(1), nil)
	if !c.Begin(key, false).Held {
		t.Fatal("version 1 is not held")
	}
	c.Lose(cache.Loss{})
	c.Begin(key, false).Load.End(cache.Loaded[int]{}, &store.Error{Op: store.OpGet, Kind: store.ErrUnavailable})
	if got := c.Begin(key, false); got.Held {
		t.Errorf("version %v is served though messages were lost and the load after it failed", got.Version)
	}
}

// A delete drops the value when it begins; what was heard about the document
// binds reads all the same, also when the delete is refused.
func TestFenceOutlivesARefusedDelete(t *testing.T) {
	c := cache.New(cache.Options[int]{})
	defer c.Close()
	c.Observe(key, value(2).Version)
	c.Begin(key, false).Load.End(value(2), nil)
	c.BeginWrite(key, true).End(cache.Loaded[int]{}, &store.Error{Op: store.OpDelete, Kind: store.ErrThrottled})
	c.Begin(key, false).Load.End(value(1), nil) // from a replica that lags
	if got := c.Begin(key, false); got.Held {
		t.Errorf("version %v is held after version 2 was announced", got.Version)
	}
}

// The halves of a table's Get do what Get does.
func TestTableHalves(t *testing.T) {
	table := cache.NewTable[int](cache.TableOptions{})
	defer table.Close()
	first, joined := table.Begin("k"), table.Begin("k")
	if first.Held || first.Joined || !joined.Joined {
		t.Fatalf("got %+v and %+v, want a load and a reader that joins it", first, joined)
	}
	first.Load.End(cache.Derived[int]{Value: 7, Sources: []cache.Source{{ID: "a", Version: value(1).Version}}}, nil)
	if got := table.Begin("k"); !got.Held || got.Absent || got.Value != 7 {
		t.Errorf("got %+v, want 7 held", got)
	}
	table.Observe("a", value(2).Version)
	again := table.Begin("k")
	if again.Held {
		t.Fatalf("got %+v held after its source changed", again)
	}
	again.Load.End(cache.Derived[int]{}, &store.Error{Op: store.OpQuery, Kind: store.ErrNotFound})
	if got := table.Begin("k"); got.Held {
		t.Errorf("got %+v, want no absence held across a change", got)
	}
}

// What was heard of a document during a load binds the load however late it ends,
// though a message about another document comes in between.
func TestTableFencesOutliveSlowLoads(t *testing.T) {
	clock := cache.NewManualClock(time.Unix(1_700_000_000, 0))
	table := cache.NewTable[int](cache.TableOptions{Lag: time.Second, Clock: clock})
	defer table.Close()
	slow := table.Begin("k").Load
	table.Observe("a", value(2).Version)
	clock.Set(2*time.Second, 2*time.Second)
	table.Observe("b", value(1).Version)
	slow.End(cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: "a", Version: value(1).Version}}}, nil)
	if got := table.Begin("k"); got.Held {
		t.Errorf("got %+v, made of version 1 after version 2 was announced", got)
	}
}
