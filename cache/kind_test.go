package cache_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// caused is an error of one kind that another one led to.
func caused(kind, cause store.Kind) error {
	return &store.Error{Op: store.OpPut, ID: key, Kind: kind, Err: fmt.Errorf("408; later: %w", &store.Error{Op: store.OpPut, ID: key, Kind: cause})}
}

// TestDoubtCausedByRefusal: the outermost error says how a write ended. A create
// that is in doubt because nothing is found any more may have happened.
func TestDoubtCausedByRefusal(t *testing.T) {
	for _, cause := range []store.Kind{store.ErrNotFound, store.ErrConflict} {
		var told []cache.Written
		c := cache.New(cache.Options[int]{Notify: func(w cache.Written) { told = append(told, w) }})
		defer c.Close()
		l := c.Begin(key, false)
		c.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
			return cache.Loaded[int]{}, caused(store.ErrInDoubt, cause)
		})
		if len(told) != 1 || told[0].Outcome != cache.InDoubt {
			t.Errorf("doubt caused by %v: told of %+v, want one write in doubt", cause, told)
		}
		l.Load.End(value(1), nil)
		if v, _, ok := c.Peek(key); ok {
			t.Errorf("doubt caused by %v: value %d was stored within its lag budget (R5e)", cause, v)
		}
	}
}

// TestOutageCausedByAbsence: what could not be read is not absent.
func TestOutageCausedByAbsence(t *testing.T) {
	outage := caused(store.ErrUnavailable, store.ErrNotFound)
	c := cache.New(cache.Options[int]{Negative: true})
	defer c.Close()
	table := cache.NewTable[int](cache.TableOptions{})
	defer table.Close()
	for name, get := range map[string]func(err error) (int, error){
		"cache": func(err error) (int, error) {
			v, _, err := c.Get(t.Context(), key, func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(7), err })
			return v, err
		},
		"table": func(err error) (int, error) {
			return table.Get(t.Context(), key, nil, func(context.Context, cache.Request) (cache.Derived[int], error) {
				return cache.Derived[int]{Value: 7, Sources: []cache.Source{{ID: key, Version: version(1)}}}, err
			})
		},
	} {
		if _, err := get(outage); store.KindOf(err) != store.ErrUnavailable {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
		if v, err := get(nil); v != 7 || err != nil {
			t.Errorf("%s after the outage: got %d, %v; want 7", name, v, err)
		}
	}
}
