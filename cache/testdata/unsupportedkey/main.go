// Program unsupportedkey does not compile: its last line has a key that is no
// document id.
package main

import (
	"context"

	"github.com/whiskstore/whiskstore/cache"
)

func main() {
	c := cache.New(cache.Options[int]{})
	defer c.Close()
	load := func(context.Context, cache.Request) (cache.Loaded[int], error) { return cache.Loaded[int]{}, nil }
	c.Get(context.Background(), "guest/hello", load)
	c.Get(context.Background(), 42, load)
}
