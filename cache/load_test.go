package cache_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// read starts a read of its own context and returns how to end that and what it
// came to.
func (r *rig) read(t *testing.T) (cancel func(), result func() (int, error)) {
	ctx, cancel := context.WithCancel(t.Context())
	var v int
	var err error
	done := make(chan struct{})
	go func() {
		v, _, err = r.Get(ctx, key, r.store.load)
		close(done)
	}()
	synctest.Wait()
	return cancel, func() (int, error) { <-done; return v, err }
}

func TestReadersLeave(t *testing.T) {
	run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.store.set(1, nil, gate)
		leave, first := r.read(t)
		stay, second := r.read(t)
		leave()
		if _, err := first(); !errors.Is(err, context.Canceled) {
			t.Errorf("the reader that left got %v, want its context's error", err)
		}
		close(gate)
		if v, err := second(); v != 1 || err != nil {
			t.Errorf("the reader that stayed got %d, %v; want 1", v, err)
		}
		stay()
		if got := r.store.count(); got != 1 {
			t.Errorf("%d store reads, want 1", got)
		}
	})
	run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
		r.store.set(1, nil, make(chan struct{}))
		leave, first := r.read(t)
		leave()
		first()
		r.store.set(2, nil, nil)
		if v, err := r.get(t); v != 2 || err != nil {
			t.Errorf("after all had left: got %d, %v; want 2 from a load of its own", v, err)
		}
	})
}

func TestLoadEnds(t *testing.T) {
	t.Run("too_slow", func(t *testing.T) {
		run(t, cache.Options[int]{LoadTimeout: time.Minute}, func(t *testing.T, r *rig) {
			r.store.set(1, nil, make(chan struct{}))
			if _, err := r.get(t); !errors.Is(err, store.ErrUnavailable) || store.IsContext(err) {
				t.Errorf("got %v, want unavailable: no reader's context has ended", err)
			}
		})
	})
	t.Run("closed", func(t *testing.T) {
		run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
			r.store.set(1, nil, make(chan struct{}))
			_, result := r.read(t)
			r.Close()
			if _, err := result(); !errors.Is(err, store.ErrClosed) {
				t.Errorf("got %v, want closed", err)
			}
			if _, err := r.get(t); !errors.Is(err, store.ErrClosed) {
				t.Errorf("after Close got %v, want closed", err)
			}
		})
	})
	t.Run("panic", func(t *testing.T) {
		run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
			func() {
				defer func() {
					if got := recover(); got != "broken" {
						t.Errorf("the reader's panic is %v, want the loader's", got)
					}
				}()
				r.Get(t.Context(), key, func(context.Context, cache.Request) (cache.Loaded[int], error) { panic("broken") })
			}()
			if v, err := r.get(t); v != 1 || err != nil {
				t.Errorf("the next read got %d, %v; want 1", v, err)
			}
		})
	})
	t.Run("write_panics", func(t *testing.T) {
		run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
			r.get(t)
			func() {
				defer func() { recover() }()
				r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) { panic("broken") })
			}()
			r.held(t, 0)
			if len(r.notified) != 1 || r.notified[0].Outcome != cache.InDoubt {
				t.Errorf("notified %+v, want one in doubt", r.notified)
			}
		})
	})
}

// TestBounds holds that neither entries, bytes nor fences grow past their bounds,
// and that messages about keys that are not held evict nothing.
func TestBounds(t *testing.T) {
	const n = 10_000
	load := func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(1), nil }
	name := func(i int) string { return "guest/" + string(rune(0x4e00+i)) }
	run(t, cache.Options[int]{MaxEntries: 1600}, func(t *testing.T, r *rig) {
		for i := range n {
			r.Get(t.Context(), name(i), load)
		}
		if s := r.Stats(); s.Entries > 1600 || s.Entries < 1000 || s.Evicted != uint64(n-s.Entries) {
			t.Errorf("%d entries, %d evicted; want at most 1600 of %d", s.Entries, s.Evicted, n)
		}
	})
	run(t, cache.Options[int]{MaxBytes: 160_000, Size: func(int) int { return 1000 }}, func(t *testing.T, r *rig) {
		for i := range n {
			r.Get(t.Context(), name(i), load)
		}
		if s := r.Stats(); s.Bytes > 160_000 || s.Entries < 100 {
			t.Errorf("%d bytes in %d entries, want at most 160000", s.Bytes, s.Entries)
		}
	})
	run(t, cache.Options[int]{MaxFences: 1600, Lag: time.Second}, func(t *testing.T, r *rig) {
		r.get(t)
		for i := range n {
			r.Observe(name(i), version(2))
		}
		if s := r.Stats(); s.Fences > 1600 || s.Shed == 0 {
			t.Errorf("%d fences, %d shed; want at most 1600", s.Fences, s.Shed)
		}
		r.held(t, 1)
		<-time.After(2 * time.Second)
		r.Observe(name(0), version(3))
		if s := r.Stats(); s.Fences > 1600 {
			t.Errorf("%d fences after they have ended", s.Fences)
		}
	})
}

// TestFencesOutliveValues: the fence of a write stands after its value was
// evicted, so that a lagging replica brings nothing back.
func TestFencesOutliveValues(t *testing.T) {
	run(t, cache.Options[int]{MaxEntries: 16, Lag: time.Minute, Hash: func(string) uint64 { return 0 }}, func(t *testing.T, r *rig) {
		r.put(t, 2, nil)
		r.held(t, 2)
		if got := r.Stats().Fences; got != 0 {
			t.Errorf("%d records for a fence that stands in its entry, want none", got)
		}
		r.store.set(1, nil, nil) // the replica lags
		r.Get(t.Context(), "another/document", r.store.load)
		r.held(t, 0) // one entry per shard: evicted
		if v, err := r.get(t); v != 1 || err != nil {
			t.Errorf("got %d, %v; want what the store shows", v, err)
		}
		r.held(t, 0)
		r.store.set(2, nil, nil)
		r.get(t)
		r.held(t, 2)
	})
}

// TestHealth walks through the states.
func TestHealth(t *testing.T) {
	run(t, cache.Options[int]{MaxAge: time.Hour, MaxStaleness: 10 * time.Second, Lag: time.Second}, func(t *testing.T, r *rig) {
		want := func(s cache.State) {
			t.Helper()
			if h := r.Health(); h.State != s || h.Reason == "" && s != cache.Coherent {
				t.Errorf("got %v (%q), want %v with a reason", h.State, h.Reason, s)
			}
		}
		want(cache.LocalOnly)
		r.SetHealth(cache.Health{State: cache.Coherent, Until: time.Now().Add(time.Minute)})
		want(cache.Coherent)
		r.get(t)
		r.Lose(cache.Loss{})
		want(cache.Suspect)
		r.held(t, 0)
		<-time.After(2 * time.Second)
		want(cache.Coherent)
		r.get(t)
		<-time.After(30 * time.Second)
		r.held(t, 1)
		<-time.After(40 * time.Second) // nobody renewed it
		want(cache.Degraded)
		r.held(t, 0)
	})
}

// TestLossesOverlap: two sources that lose messages within one lag budget name
// positions that cannot be compared. Reading at the last of them would miss what
// the other one lost.
func TestLossesOverlap(t *testing.T) {
	for _, tc := range []struct {
		name   string
		second store.Session
		held   int
	}{
		{"another position", "0:-1#1081", 0},
		{"the same position", "0:-1#1083", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, cache.Options[int]{Lag: time.Second}, func(t *testing.T, r *rig) {
				r.Lose(cache.Loss{Position: "0:-1#1083"})
				r.Lose(cache.Loss{Position: tc.second})
				r.get(t)
				r.held(t, tc.held)
			})
		})
	}
}

// TestStalenessIsNoLongerThanAge: a degraded cache serves nothing that a coherent
// one would not (R9).
func TestStalenessIsNoLongerThanAge(t *testing.T) {
	clock := cache.NewManualClock(time.Unix(1_700_000_000, 0))
	c := cache.New(cache.Options[int]{Clock: clock, MaxAge: time.Minute, MaxStaleness: 10 * time.Minute})
	defer c.Close()
	c.Begin(key, false).Load.End(value(1), nil)
	c.SetHealth(cache.Health{State: cache.Degraded})
	clock.Set(5*time.Minute, 5*time.Minute)
	if _, _, ok := c.Peek(key); ok {
		t.Error("a value of five minutes is served, the greatest age is one")
	}
}

// TestTooLargeValue: a value that has no room evicts no other, and takes an older
// one's place all the same.
func TestTooLargeValue(t *testing.T) {
	c := cache.New(cache.Options[int]{MaxBytes: 16 << 10, Size: func(v int) int { return v }, Hash: func(string) uint64 { return 0 }})
	defer c.Close()
	load := func(key string, size, v int) {
		c.Begin(key, true).Load.End(cache.Loaded[int]{Value: size, Version: version(v)}, nil)
	}
	for i := range 10 {
		load(strconv.Itoa(i), 10, 1)
	}
	load("0", 1<<10, 2)
	s := c.Stats()
	if s.Entries != 9 || s.Evicted != 1 {
		t.Errorf("%d values held and %d evicted, want all but the large one", s.Entries, s.Evicted)
	}
	if v, _, ok := c.Peek("0"); ok {
		t.Errorf("the older state of %d bytes is served", v)
	}
}

// TestAbandonedLoadsAreCounted: every load that began ends for a reason.
func TestAbandonedLoadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, table := cache.New(cache.Options[int]{}), cache.NewTable[int](cache.TableOptions{})
		defer c.Close()
		defer table.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c.Get(ctx, key, func(ctx context.Context, _ cache.Request) (cache.Loaded[int], error) {
			<-ctx.Done()
			return cache.Loaded[int]{}, ctx.Err()
		})
		table.Get(ctx, key, nil, func(ctx context.Context, _ cache.Request) (cache.Derived[int], error) {
			<-ctx.Done()
			return cache.Derived[int]{}, ctx.Err()
		})
		synctest.Wait()
		for name, s := range map[string]cache.Stats{"cache": c.Stats(), "table": table.Stats()} {
			if s.Misses != 1 || s.Passed()["failed"] != 1 {
				t.Errorf("%s: %d loads began and %v ended, want one each", name, s.Misses, s.Passed())
			}
		}
	})
}
