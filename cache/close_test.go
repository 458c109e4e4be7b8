package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// TestClosedServesNothing: the clock stands still after Close, so that a value
// would never get too old.
func TestClosedServesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options[int]{})
		load := func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(1), nil }
		if _, _, err := c.Get(t.Context(), key, load); err != nil {
			t.Fatal(err)
		}
		c.Close()
		c.SetHealth(cache.Health{State: cache.Coherent})
		if v, _, err := c.Get(t.Context(), key, load); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Get after Close: got %d, %v; want ErrClosed", v, err)
		}
		if v, _, ok := c.Peek(key); ok {
			t.Errorf("Peek after Close: got %d, want nothing", v)
		}
	})
}

// TestNoLoadBeginsAfterClose: a lookup that has begun when the cache is closed
// loads before Close returns, or not at all.
func TestNoLoadBeginsAfterClose(t *testing.T) {
	const patience = 100 * time.Millisecond // that a Close which does not wait is given to return
	closed := make(chan struct{})
	var begun atomic.Bool
	// during closes what is looked up in, while the lookup is on its way to a load.
	during := func(end func()) {
		if begun.Swap(true) {
			return
		}
		go func() {
			end()
			close(closed)
		}()
		select {
		case <-closed:
		case <-time.After(patience):
		}
	}
	// loading tells whether Close had returned when the load began.
	loading := func(t *testing.T) {
		select {
		case <-closed:
			t.Error("a load began after Close had returned")
		default:
		}
	}
	t.Run("cache", func(t *testing.T) {
		var c *cache.Cache[int]
		closed = make(chan struct{})
		begun.Store(false)
		c = cache.New(cache.Options[int]{Place: func(string) string {
			during(c.Close)
			return ""
		}})
		c.Lose(cache.Loss{Min: "", Max: "80"})
		_, _, err := c.Get(t.Context(), key, func(context.Context, cache.Request) (cache.Loaded[int], error) {
			loading(t)
			return value(1), nil
		})
		if err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v, want a value or ErrClosed", err)
		}
		<-closed
	})
	t.Run("table", func(t *testing.T) {
		closed = make(chan struct{})
		begun.Store(false)
		table := cache.NewTable[int](cache.TableOptions{})
		load := func(context.Context, cache.Request) (cache.Derived[int], error) {
			loading(t)
			return cache.Derived[int]{Value: 1, Sources: []cache.Source{{ID: key, Version: version(1)}}}, nil
		}
		if _, err := table.Get(t.Context(), key, nil, load); err != nil {
			t.Fatal(err)
		}
		_, err := table.Get(t.Context(), key, func(int) bool {
			during(table.Close)
			return false
		}, load)
		if err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v, want a value or ErrClosed", err)
		}
		<-closed
	})
}
