package cache_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// Rules of the protocol where neither the search nor the simulation would notice
// that one of them is broken, each through the real cache.

// stepped is a cache of one part in a time that at sets, with a lag budget of a
// second.
func stepped(t *testing.T, o cache.Options[int]) (c *cache.Cache[int], at func(time.Duration)) {
	clock := cache.NewManualClock(time.Unix(0, 0))
	o.Clock, o.Lag = clock, time.Second
	o.Hash = func(string) uint64 { return 0 }
	c = cache.New(o)
	t.Cleanup(c.Close)
	return c, func(d time.Duration) { clock.Set(d, d) }
}

// loaded has version n loaded.
func loaded(t *testing.T, c *cache.Cache[int], key string, n int) {
	t.Helper()
	l := c.Begin(key, false)
	if l.Load == nil {
		t.Fatalf("%s is held", key)
	}
	l.Load.End(value(n), nil)
}

// holds checks which version a lookup is served, 0 for none.
func holds(t *testing.T, c *cache.Cache[int], key string, want int) {
	t.Helper()
	got := 0
	if l := c.Begin(key, false); l.Held {
		got = l.Value
	}
	if got != want {
		t.Errorf("%s: version %d is held, want %d", key, got, want)
	}
}

// R9: the age of what a write stored counts from its start.
func TestWrittenAge(t *testing.T) {
	c, at := stepped(t, cache.Options[int]{MaxAge: time.Minute})
	w := c.BeginWrite("a", false)
	at(30 * time.Second)
	w.End(value(2), nil)
	holds(t, c, "a", 2)
	at(time.Minute)
	holds(t, c, "a", 0)
}

// §3: three versions of unknown order: blind for the whole lag budget.
func TestUnorderedVersionsAreBlind(t *testing.T) {
	c, at := stepped(t, cache.Options[int]{})
	for _, rev := range []string{"a", "b", "c"} {
		c.Observe("k", store.Version{Rev: rev, Order: 2, Lineage: "L"})
	}
	at(900 * time.Millisecond)
	loaded(t, c, "k", 1)
	holds(t, c, "k", 0)
}

// §3: a guard that goes takes its blind time along.
func TestShedGuardIsBlind(t *testing.T) {
	c, _ := stepped(t, cache.Options[int]{MaxFences: 16})
	c.Forget("a")
	c.Forget("b") // a's guard goes
	loaded(t, c, "a", 1)
	holds(t, c, "a", 0)
}

// R5e: a refusal that tells nothing leaves the line alone.
func TestRefusalChangesNothing(t *testing.T) {
	c, _ := stepped(t, cache.Options[int]{})
	loaded(t, c, "a", 1)
	c.BeginWrite("a", false).End(cache.Loaded[int]{}, &store.Error{Op: store.OpPut, Kind: store.ErrTooLarge})
	holds(t, c, "a", 1)
}

// R5e: what was being read when a write was refused is not stored.
func TestReadBeforeAConflict(t *testing.T) {
	c, at := stepped(t, cache.Options[int]{})
	l := c.Begin("a", false).Load
	c.BeginWrite("a", false).End(cache.Loaded[int]{}, &store.Error{Op: store.OpPut, Kind: store.ErrConflict})
	l.End(value(1), nil)
	got := c.Begin("a", false)
	if got.Held || !got.Load.Request.Fresh {
		t.Errorf("got %+v, want a fresh load", got)
	}
	at(2 * time.Second)
	holds(t, c, "a", 0) // what led to the refusal is not served when the time of fresh reads is over
}

// R2: a reader that comes after a loss does not join a load from before it.
func TestNoJoinAcrossALoss(t *testing.T) {
	c, _ := stepped(t, cache.Options[int]{})
	l := c.Begin("a", false).Load
	c.Lose(cache.Loss{})
	if got := c.Begin("a", false); got.Joined {
		t.Error("joined a load from before the loss")
	}
	l.End(value(1), nil)
}

// Transition table: a suspect value goes when a write that is not admitted ends.
func TestSuspectGoesWithAWrite(t *testing.T) {
	c, _ := stepped(t, cache.Options[int]{})
	loaded(t, c, "a", 1)
	w := c.BeginWrite("a", false)
	c.Lose(cache.Loss{})
	w.End(value(1), nil)
	if s := c.Stats(); s.Entries != 0 {
		t.Errorf("%d entries", s.Entries)
	}
}

// A hit that overlaps a loss does not book the loss as seen: it may have been
// judged by what was known before.
func TestHitAcrossALoss(t *testing.T) {
	var during func()
	c, at := stepped(t, cache.Options[int]{Place: func(string) string {
		if f := during; f != nil {
			during = nil
			f()
		}
		return "40"
	}})
	c.Lose(cache.Loss{Min: "80", Max: "FF"}) // from here on places are asked for
	loaded(t, c, "a", 1)
	c.Lose(cache.Loss{Min: "80", Max: "FF"}) // so that the next hit has something to book
	during = func() { c.Lose(cache.Loss{Max: "80"}) }
	c.Begin("a", false)
	at(time.Millisecond)
	holds(t, c, "a", 0)
}

// R5f: an error that says nothing is a doubt.
func TestWriteWithoutAnswer(t *testing.T) {
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, errors.New("connection reset")} {
		c, _ := stepped(t, cache.Options[int]{})
		loaded(t, c, "a", 1)
		c.Put(t.Context(), "a", func(context.Context) (cache.Loaded[int], error) { return cache.Loaded[int]{}, err })
		holds(t, c, "a", 0)
	}
}
