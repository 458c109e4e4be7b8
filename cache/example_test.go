package cache_test

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

func Example() {
	c := cache.New(cache.Options[string]{})
	defer c.Close()
	loads := 0
	load := func(context.Context, cache.Request) (cache.Loaded[string], error) {
		loads++
		v := store.Version{Rev: fmt.Sprint(loads), Order: uint64(loads), Lineage: "whisks"}
		return cache.Loaded[string]{Value: fmt.Sprint("state ", loads), Version: v}, nil
	}
	get := func() string {
		v, _, _ := c.Get(context.Background(), "guest/hello", load)
		return v
	}
	fmt.Println(get(), "/", get(), "/ loads:", loads)

	// A message says that the document is in a newer state.
	c.Observe("guest/hello", store.Version{Rev: "2", Order: 2, Lineage: "whisks"})
	fmt.Println(get(), "/", get(), "/ loads:", loads)
	// Output:
	// state 1 / state 1 / loads: 1
	// state 2 / state 2 / loads: 2
}
