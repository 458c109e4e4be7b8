package cache_test

import (
	"context"
	"fmt"
	"log"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/memory"
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

func ExampleActions() {
	ctx := context.Background()
	whisks, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		log.Fatal(err)
	}
	chain := store.Chain{Cache: cache.Middleware(cache.New(cache.DocumentOptions()), "")}.Over(whisks)
	defer chain.Close()
	attacher := attach.New(chain, memory.NewAttachments(memory.AttachmentOptions{}), nil)
	actions := cache.NewActions(attacher, cache.ActionOptions{MaxBytes: 1 << 30})
	if _, err := actions.Put(ctx, action("hello", "main = () => 1"), nil, nil); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		hello, err := actions.Get(ctx, "guest/hello", nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(hello.Exec.Code.Inline)
	}
	s := actions.Stats()
	fmt.Println("assembled:", s.Misses, "served as it was:", s.Hits)
	// Output:
	// main = () => 1
	// main = () => 1
	// main = () => 1
	// assembled: 1 served as it was: 2
}
