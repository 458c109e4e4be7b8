// Package cachebench measures the cache beside golang-lru, which does no more
// than hold values, in the same process and the same run.
package cachebench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/integration/bench"
	"github.com/whiskstore/whiskstore/store"
)

const collection = "whisks"

func names(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "namespace/action-" + strconv.Itoa(i)
	}
	return keys
}

func load(context.Context, cache.Request) (cache.Loaded[*int], error) {
	return cache.Loaded[*int]{Value: new(int), Version: store.Version{Rev: "1-a", Order: 1, Lineage: collection}}, nil
}

// sides are the cache and golang-lru, filled with keys, and how to get one.
func sides(ctx context.Context, keys []string) (c *cache.Cache[*int], cached, plain func(key string) error, err error) {
	c = cache.New(cache.Options[*int]{MaxEntries: 2 * len(keys), MaxBytes: 1 << 40, MaxAge: 24 * time.Hour})
	l, err := lru.New[string, *int](2 * len(keys))
	if err != nil {
		return nil, nil, nil, err
	}
	for _, k := range keys {
		if _, _, err := c.Get(ctx, k, load); err != nil {
			return nil, nil, nil, err
		}
		l.Add(k, new(int))
	}
	cached = func(key string) error {
		_, _, err := c.Get(ctx, key, load)
		return err
	}
	plain = func(key string) error {
		if _, ok := l.Get(key); !ok {
			return fmt.Errorf("lru misses %q", key)
		}
		return nil
	}
	return c, cached, plain, nil
}

// Hit compares a hit with lru.Get on one goroutine, over that many keys in an
// order that neither side can foresee.
func Hit(ctx context.Context, keys int, opts *bench.Options) (bench.Result, error) {
	all := names(keys)
	c, cached, plain, err := sides(ctx, all)
	if err != nil {
		return bench.Result{}, err
	}
	defer c.Close()
	// A short order that came again would be the order of golang-lru's list, whose
	// next element is then the next to be got.
	order := make([]string, max(1<<16, 2*keys))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range order {
		order[i] = all[rng.IntN(keys)]
	}
	run := func(get func(string) error) func(context.Context, int) error {
		next := 0 // samples go on where the last one ended
		return func(_ context.Context, n int) error {
			for range n {
				if err := get(order[next]); err != nil {
					return err
				}
				if next++; next == len(order) {
					next = 0
				}
			}
			return nil
		}
	}
	return bench.Compare(ctx, fmt.Sprintf("hit, %d keys, one goroutine", keys),
		bench.Side{Name: "golang-lru", Run: run(plain)}, bench.Side{Name: "cache", Run: run(cached)}, opts)
}

// Zipf compares hits on that many goroutines under a Zipf load.
func Zipf(ctx context.Context, keys, goroutines int, opts *bench.Options) (bench.Result, error) {
	all := names(keys)
	c, cached, plain, err := sides(ctx, all)
	if err != nil {
		return bench.Result{}, err
	}
	defer c.Close()
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(keys-1))
	order := make([]string, 1<<16)
	for i := range order {
		order[i] = all[z.Uint64()]
	}
	run := func(get func(string) error) func(context.Context, int) error {
		return func(_ context.Context, n int) error {
			var wg sync.WaitGroup
			errs := make([]error, goroutines)
			for g := range goroutines {
				wg.Go(func() {
					for i := g * 7919; i < g*7919+n/goroutines; i++ {
						if errs[g] = get(order[i&(len(order)-1)]); errs[g] != nil {
							return
						}
					}
				})
			}
			wg.Wait()
			for _, err := range errs {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return bench.Compare(ctx, fmt.Sprintf("hit, Zipf over %d keys, %d goroutines, GOMAXPROCS=%d", keys, goroutines, runtime.GOMAXPROCS(0)),
		bench.Side{Name: "golang-lru", Run: run(plain)}, bench.Side{Name: "cache", Run: run(cached)}, opts)
}

// Apply returns how many records per second, as bytes and headers, become applied
// lines on one goroutine. Every record is about a held value of another document.
func Apply(ctx context.Context, records int) (perSecond bench.Interval, err error) {
	keys := names(10_000)
	c, _, _, err := sides(ctx, keys)
	if err != nil {
		return bench.Interval{}, err
	}
	defer c.Close()
	t := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{collection: {c}}})
	encoded := make([]wire.Record, 100_000)
	for i := range encoded {
		encoded[i] = wire.Encode(wire.Message{
			InstanceID: wire.BridgeInstance, Key: wire.Key{MainID: keys[i%len(keys)]}, Kind: wire.Change, Source: "east/whisks/0",
			Epoch: 1, Seq: uint64(i + 1), Version: store.Version{Rev: strconv.Itoa(i) + "-a", Order: uint64(i + 2), Lineage: collection},
			Range: &wire.Range{Of: collection},
		})
	}
	const rounds = 20
	var rates []float64
	for round := range rounds {
		start := time.Now()
		for i := round * records / rounds; i < (round+1)*records/rounds; i++ {
			t.Handle(0, encoded[i%len(encoded)], start)
		}
		rates = append(rates, float64(records/rounds)/time.Since(start).Seconds())
	}
	return bench.Median(rates), nil
}

// Footprint is what a cache's memory goes to, in bytes beyond key and value.
type Footprint struct {
	Entry      float64 // an entry with its version, whose revision is a string of its own
	OwnFence   float64 // more, while a fence of that version stands
	OlderFence float64 // more, while a fence of another version stands, that of a late message
	Alone      float64 // a fence of a key that is not held
}

// Memory measures the footprint over that many entries. Revisions are as long as
// Cosmos DB's etags.
func Memory(ctx context.Context, entries int) (f Footprint, err error) {
	keys := names(entries)
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	value := new(int)
	at := func(i, order int) store.Version {
		return store.Version{Rev: fmt.Sprintf("\"%08x-0000-%04x-0000-6925a1de0000\"", i, order), Order: uint64(order), Lineage: collection}
	}
	grow := func(do func(i int, key string) error) (float64, error) {
		before := heap()
		for i, k := range keys {
			if err := do(i, k); err != nil {
				return 0, err
			}
		}
		return (heap() - before) / float64(entries), nil
	}
	filled := func() *cache.Cache[*int] {
		return cache.New(cache.Options[*int]{MaxEntries: 2 * entries, MaxFences: 2 * entries, MaxBytes: 1 << 40, MaxAge: time.Hour, Lag: time.Hour})
	}
	observe := func(c *cache.Cache[*int], order int) func(int, string) error {
		return func(i int, k string) error {
			c.Observe(k, at(i, order))
			return nil
		}
	}
	c := filled()
	defer c.Close()
	if f.Entry, err = grow(func(i int, k string) error {
		_, _, err := c.Get(ctx, k, func(context.Context, cache.Request) (cache.Loaded[*int], error) {
			return cache.Loaded[*int]{Value: value, Version: at(i, 2)}, nil
		})
		return err
	}); err != nil {
		return f, err
	}
	if f.OlderFence, err = grow(observe(c, 1)); err != nil {
		return f, err
	}
	if f.OwnFence, err = grow(observe(c, 2)); err != nil {
		return f, err
	}
	f.OwnFence += f.OlderFence // they stand one after the other
	if s := c.Stats(); s.Entries != entries || s.Repaired != 0 {
		return f, fmt.Errorf("%d of %d entries are left", s.Entries, entries)
	}
	alone := filled()
	defer alone.Close()
	f.Alone, err = grow(observe(alone, 1))
	if got := alone.Stats().Fences; got != entries {
		return f, fmt.Errorf("%d of %d fences are left", got, entries)
	}
	runtime.KeepAlive(keys)
	return f, err
}
