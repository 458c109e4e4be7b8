package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// What a user's functions are asked, and what remains usable when they panic.

type blob struct{ body []byte }

func (b *blob) size() int   { return len(b.body) }
func (b *blob) copy() *blob { return &blob{append([]byte(nil), b.body...)} }

// TestAbsencesAreNotAskedAbout: there is no value to copy or to weigh.
func TestAbsencesAreNotAskedAbout(t *testing.T) {
	told := 0
	c := cache.New(cache.Options[*blob]{Negative: true, Size: (*blob).size, Copy: (*blob).copy, Notify: func(cache.Written) { told++ }})
	defer c.Close()
	if _, err := c.Delete(t.Context(), key, func(context.Context) (store.Version, error) { return version(2), nil }); err != nil {
		t.Fatal(err)
	}
	if told != 1 {
		t.Errorf("told of %d writes, want of the delete", told)
	}
	l := c.Begin("another", false)
	l.Load.End(cache.Loaded[*blob]{}, &store.Error{Kind: store.ErrNotFound})
	if got := c.Begin("another", false); !got.Held || !got.Absent {
		t.Errorf("got %+v, want the absence that is held", got)
	}
}

// TestCopyPanics: a write whose value cannot be copied is in doubt for the cache
// (R5f).
func TestCopyPanics(t *testing.T) {
	bad := false
	c := cache.New(cache.Options[int]{Copy: func(v int) int {
		if bad {
			panic("copy")
		}
		return v
	}})
	defer c.Close()
	c.Begin(key, false).Load.End(value(1), nil)
	bad = true
	panics(t, func() {
		c.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) { return value(2), nil })
	})
	bad = false
	if v, _, ok := c.Peek(key); ok {
		t.Errorf("version 2 is committed, and %d is served", v)
	}
}

// TestPanicsUnlock: whatever a user's function does, no lock stays held.
func TestPanicsUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(1), nil }
		broken := true
		c := cache.New(cache.Options[int]{
			Place: func(string) string {
				if broken {
					panic("place")
				}
				return ""
			},
			Size: func(int) int {
				if broken {
					panic("size")
				}
				return 1
			},
		})
		defer c.Close()
		panics(t, func() {
			c.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) { return value(1), nil })
		})
		c.Lose(cache.Loss{Max: "80"}) // Place is asked from here on
		panics(t, func() { c.Get(t.Context(), key, load) })
		broken = false
		if _, _, err := c.Get(t.Context(), key, load); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		table := cache.NewTable[int](cache.TableOptions{})
		load := func(context.Context, cache.Request) (cache.Derived[int], error) {
			return cache.Derived[int]{Value: 7, Sources: []cache.Source{{ID: "d", Version: version(1)}}}, nil
		}
		table.Get(t.Context(), key, nil, load)
		panics(t, func() { table.Get(t.Context(), key, func(int) bool { panic("match") }, load) })
		table.Observe("d", version(2))
		table.Close()
		if _, err := table.Get(t.Context(), key, nil, load); !errors.Is(err, store.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

func panics(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	do()
}
