package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "guest/hello"

var (
	errFailed   = &store.Error{Op: store.OpGet, Kind: store.ErrUnavailable}
	errConflict = &store.Error{Op: store.OpPut, Kind: store.ErrConflict}
	errDoubt    = &store.Error{Op: store.OpPut, Kind: store.ErrInDoubt}
	errNotFound = &store.Error{Op: store.OpGet, Kind: store.ErrNotFound}
)

func version(n int) store.Version {
	return store.Version{Rev: strconv.Itoa(n), Order: uint64(n), Lineage: "L"}
}

func value(n int) cache.Loaded[int] { return cache.Loaded[int]{Value: n, Version: version(n)} }

// scripted is a store whose operations a test leads by the hand.
type scripted struct {
	mu    sync.Mutex
	now   int
	err   error
	gate  chan struct{} // reads wait for it
	loads int
}

func (s *scripted) load(ctx context.Context, _ cache.Request) (cache.Loaded[int], error) {
	s.mu.Lock()
	s.loads++
	got, err, gate := s.now, s.err, s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return cache.Loaded[int]{}, ctx.Err()
		}
	}
	return value(got), err
}

func (s *scripted) set(now int, err error, gate chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.err, s.gate = now, err, gate
}

func (s *scripted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

type rig struct {
	*cache.Cache[int]
	store    scripted
	notified []cache.Written
}

// run tests a cache in a bubble of its own.
func run(t *testing.T, opts cache.Options[int], test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{}
		opts.Notify = func(w cache.Written) { r.notified = append(r.notified, w) }
		r.Cache = cache.New(opts)
		defer r.Close()
		r.store.now = 1
		test(t, r)
	})
}

func (r *rig) get(t *testing.T) (int, error) {
	v, _, err := r.Get(t.Context(), key, r.store.load)
	return v, err
}

func (r *rig) put(t *testing.T, n int, err error) error {
	_, got := r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
		if err != nil {
			return cache.Loaded[int]{}, err
		}
		r.store.set(n, nil, nil)
		return value(n), nil
	})
	return got
}

// held fails unless the cache would serve want without a load; 0 is nothing.
func (r *rig) held(t *testing.T, want int) {
	t.Helper()
	if got, _, _ := r.Peek(key); got != want {
		t.Errorf("held: got %d, want %d", got, want)
	}
}

// spawn starts a read and returns its result when asked.
func (r *rig) spawn(t *testing.T) func() (int, error) {
	var v int
	var err error
	done := make(chan struct{})
	go func() {
		v, err = r.get(t)
		close(done)
	}()
	synctest.Wait()
	return func() (int, error) { <-done; return v, err }
}

// noStore is a store that nobody calls.
type noStore struct{ store.ArtifactStore }

func TestRows(t *testing.T) {
	row := func(name string, test func(*testing.T, *rig)) {
		t.Run(name, func(t *testing.T) { run(t, cache.Options[int]{}, test) })
	}
	row("CACHE-01", func(t *testing.T, r *rig) {
		del := func(key string) {
			r.Delete(t.Context(), key, func(context.Context) (store.Version, error) { return version(9), nil })
		}
		for i, step := range []func(){func() { r.put(t, 2, nil) }, func() { del(key) }, func() { r.put(t, 3, nil) }, func() { del("abc") }} {
			step()
			if got, want := len(r.notified), i+1; got != want {
				t.Errorf("after step %d: notified %d times, want %d", i+1, got, want)
			}
		}
	})
	row("CACHE-D1", func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.store.set(1, nil, gate)
		var reads []func() (int, error)
		for range 10 {
			reads = append(reads, r.spawn(t))
		}
		close(gate)
		for _, read := range reads {
			if v, err := read(); v != 1 || err != nil {
				t.Errorf("got %d, %v; want 1", v, err)
			}
		}
		if s := r.Stats(); r.store.count() != 1 || s.Misses != 1 || s.Hits != 9 {
			t.Errorf("%d store reads, %d misses, %d hits; want 1, 1, 9", r.store.count(), s.Misses, s.Hits)
		}
	})
	row("CACHE-D2", func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.store.set(1, errFailed, gate)
		a, b := r.spawn(t), r.spawn(t)
		close(gate)
		for _, read := range []func() (int, error){a, b} {
			if _, err := read(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v, want the store's error", err)
			}
		}
		r.store.set(0, errNotFound, nil)
		for range 2 {
			if _, err := r.get(t); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want not found", err)
			}
		}
		if got := r.store.count(); got != 3 {
			t.Errorf("%d store reads, want 3: nothing negative is held", got)
		}
	})
	row("CACHE-D3", func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.store.set(1, nil, gate)
		slow := r.spawn(t)
		r.put(t, 2, nil)
		r.held(t, 2)
		close(gate)
		if v, _ := slow(); v != 1 {
			t.Errorf("the slow read got %d, want its own value 1", v)
		}
		r.held(t, 2)
	})
	row("CACHE-D4", func(t *testing.T, r *rig) {
		r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
			if v, err := r.get(t); v != 1 || err != nil {
				t.Errorf("during the update: got %d, %v; want 1 from the store", v, err)
			}
			r.held(t, 0)
			if s := r.Stats(); s.Misses != 1 {
				t.Errorf("%d misses, want 1", s.Misses)
			}
			return value(2), nil
		})
	})
	row("CACHE-D5_differs", func(t *testing.T, r *rig) {
		// Both are stored in the order of their versions: nothing has to go.
		r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
			r.put(t, 3, nil)
			return value(2), nil
		})
		r.held(t, 3)
	})
	row("CACHE-D6", func(t *testing.T, r *rig) {
		r.get(t)
		if err := r.put(t, 2, errDoubt); !errors.Is(err, store.ErrInDoubt) {
			t.Errorf("got %v, want the store's error", err)
		}
		r.held(t, 0)
		if len(r.notified) != 1 || r.notified[0].Outcome != cache.InDoubt {
			t.Errorf("notified %+v, want one in doubt", r.notified)
		}
	})
	row("CACHE-D7", func(t *testing.T, r *rig) {
		r.get(t)
		r.Delete(t.Context(), key, func(context.Context) (store.Version, error) {
			if v, err := r.get(t); v != 1 || err != nil || r.store.count() != 2 {
				t.Errorf("during the delete: got %d, %v after %d store reads; want 1 from the store", v, err, r.store.count())
			}
			r.held(t, 0)
			return version(2), nil
		})
		r.held(t, 0)
	})
	row("CACHE-D8", func(t *testing.T, r *rig) {
		r.get(t)
		_, err := r.Delete(t.Context(), key, func(context.Context) (store.Version, error) { return store.Version{}, errConflict })
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("got %v, want conflict", err)
		}
		r.held(t, 0)
		if len(r.notified) != 1 || r.notified[0].Outcome != cache.Conflicted {
			t.Errorf("notified %+v, want one conflict", r.notified)
		}
		// The next read must not meet the replica that led to the conflict.
		_, _, err = r.Get(t.Context(), key, func(_ context.Context, q cache.Request) (cache.Loaded[int], error) {
			if !q.Fresh {
				t.Error("the read after a conflict is not fresh")
			}
			return value(2), nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	row("CACHE-D9", func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		r.store.set(1, nil, gate)
		read := r.spawn(t)
		r.Forget(key)
		close(gate)
		if v, err := read(); v != 1 || err != nil {
			t.Errorf("got %d, %v; want 1", v, err)
		}
		r.held(t, 0)
		if r.get(t); r.store.count() != 2 {
			t.Errorf("%d store reads, want 2", r.store.count())
		}
	})
	for _, differs := range []string{"", "_differs"} {
		row("CACHE-D10"+differs, func(t *testing.T, r *rig) {
			r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
				r.Observe(key, version(1))
				r.get(t) // reads what was before the update
				return value(2), nil
			})
			r.held(t, 2)
		})
		row("CACHE-D11"+differs, func(t *testing.T, r *rig) {
			gate := make(chan struct{})
			r.store.set(1, nil, gate)
			first := r.spawn(t)
			r.Delete(t.Context(), key, func(context.Context) (store.Version, error) {
				close(gate)
				first()
				r.get(t) // the second read starts and ends before the delete commits
				return version(2), nil
			})
			r.held(t, 0)
		})
		row("CACHE-D12"+differs, func(t *testing.T, r *rig) {
			gate := make(chan struct{})
			r.store.set(1, nil, gate)
			first := r.spawn(t)
			r.Delete(t.Context(), key, func(context.Context) (store.Version, error) {
				second := r.spawn(t)
				close(gate)
				for _, read := range []func() (int, error){first, second} {
					if v, err := read(); v != 1 || err != nil {
						t.Errorf("got %d, %v; want 1", v, err)
					}
				}
				return version(2), nil
			})
		})
		row("CACHE-D13"+differs, func(t *testing.T, r *rig) {
			r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
				if v, err := r.get(t); v != 1 || err != nil {
					t.Errorf("got %d, %v; want 1: no reader waits for a write", v, err)
				}
				return cache.Loaded[int]{}, errDoubt
			})
		})
	}
	row("CACHE-D16_differs", func(t *testing.T, r *rig) {
		r.get(t)
		for range 4 { // each access within the five minutes, the last one after them
			<-time.After(80 * time.Second)
			r.get(t)
		}
		if got := r.store.count(); got != 2 {
			t.Errorf("%d store reads, want 2: access does not prolong a value's time", got)
		}
	})
	t.Run("CACHE-D15", func(t *testing.T) {
		run(t, cache.Options[int]{Negative: true, MaxEntries: 100_000}, func(t *testing.T, r *rig) {
			r.store.set(0, errNotFound, nil)
			for i := range 5 { // each within the time that a load bought
				if _, err := r.get(t); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("got %v, want not found", err)
				}
				want := 1
				if i == 4 {
					want = 2
				}
				if got := r.store.count(); got != want {
					t.Errorf("%d store reads after %d lookups, want %d", got, i+1, want)
				}
				<-time.After(80 * time.Second)
			}
			for i := range 110_000 {
				r.Get(t.Context(), fmt.Sprint(i), func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(1), nil })
			}
			if got := r.Stats().Entries; got > 100_000 {
				t.Errorf("%d entries, want at most 100000", got)
			}
		})
	})
	t.Run("CACHE-D14", func(t *testing.T) {
		next := &noStore{}
		if got := cache.Middleware(nil, "")(next); got != store.ArtifactStore(next) {
			t.Errorf("without a cache the store is %T, want the store itself", got)
		}
	})
}
