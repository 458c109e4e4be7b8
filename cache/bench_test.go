package cache_test

import (
	"context"
	"strconv"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/whiskstore/whiskstore/cache"
)

func BenchmarkHit(b *testing.B) {
	const n = 1000
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "namespace/action-" + strconv.Itoa(i)
	}
	b.Run("cache", func(b *testing.B) {
		c := cache.New(cache.Options[*int]{})
		defer c.Close()
		load := func(context.Context, cache.Request) (cache.Loaded[*int], error) {
			return cache.Loaded[*int]{Value: new(int), Version: version(1)}, nil
		}
		for _, k := range keys {
			c.Get(b.Context(), k, load)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, _, err := c.Get(b.Context(), keys[i%n], load); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("lru", func(b *testing.B) {
		c, _ := lru.New[string, *int](n)
		for _, k := range keys {
			c.Add(k, new(int))
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, ok := c.Get(keys[i%n]); !ok {
				b.Fatal("miss")
			}
			i++
		}
	})
}
