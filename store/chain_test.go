package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/observe"
	"github.com/whiskstore/whiskstore/store/route"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
	"github.com/whiskstore/whiskstore/store/storetest"
)

const tombstoneTTL = 15 * time.Minute

// replica is the read store of a route over one backend, which the write store
// closes.
type replica struct{ store.ArtifactStore }

func (replica) Close() error { return nil }

// parts are the decorators of package store's module over a backend, without
// observe.
func parts(t testing.TB, collection string, backend store.ArtifactStore) (store.Chain, store.ArtifactStore) {
	t.Helper()
	soft, err := softdelete.New(tombstoneTTL)
	if err != nil {
		t.Fatal(err)
	}
	routed, err := route.New(backend, &replica{backend}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return store.Chain{
		Check:      store.Check(&store.CheckOptions{Collection: collection}),
		SoftDelete: soft,
		Stamp:      stamp.New("cluster-a"),
	}, routed
}

// whole is the stack of a deployment without a cache.
func whole(t testing.TB, collection string, backend store.ArtifactStore) store.ArtifactStore {
	t.Helper()
	chain, routed := parts(t, collection, backend)
	watch, err := observe.New(observe.Options{System: observe.Memory, Collection: collection})
	if err != nil {
		t.Fatal(err)
	}
	chain.Observe = watch
	return chain.Over(routed)
}

func TestChainForwards(t *testing.T) {
	forwardtest.Run(t, func(next store.ArtifactStore) store.ArtifactStore { return whole(t, store.Whisks, next) }, forwardtest.Want{
		Put: func(o *store.PutOptions) { o.ClusterID = "cluster-a" },
		Delete: func(o *store.DeleteOptions) {
			o.ClusterID = "cluster-a"
			o.Tombstone = tombstoneTTL
		},
	})
}

func TestChainSuite(t *testing.T) {
	suitetest.Run(t, whole, func(f *storetest.Features) {
		f.Stamp = "cluster-a"
		f.HardDelete = false
		f.TombstoneTTL = tombstoneTTL
	})
}

// kibibyte is an action's document of 1 KiB.
func kibibyte(id string) store.Document {
	body := `{"namespace":"guest","name":"hello","entityType":"action","updated":1700000000000,"version":"0.0.1","exec":{"kind":"nodejs:20","code":"`
	tail := `","binary":false}}`
	return store.Document{ID: id, Body: []byte(body + strings.Repeat("x", 1024-len(body)-len(tail)) + tail)}
}

// stack is a store with a name for output.
type stack struct {
	name string
	store.ArtifactStore
}

// stacks returns an embedded store alone and one behind the chain whose cost is
// bounded: check, softdelete, stamp and route.
func stacks(t testing.TB) [2]stack {
	t.Helper()
	open := func() store.ArtifactStore {
		s, err := memory.New(memory.Options{Collection: store.Whisks})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	chain, routed := parts(t, store.Whisks, open())
	both := [2]stack{{"bare", open()}, {"chain", chain.Over(routed)}}
	for _, s := range both {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return both
}

func TestChainAllocations(t *testing.T) {
	ctx := t.Context()
	var get, put [2]float64
	for i, s := range stacks(t) {
		doc := kibibyte("guest/hello")
		put[i] = testing.AllocsPerRun(500, func() {
			v, err := s.Put(ctx, doc, nil)
			if err != nil {
				t.Fatal(err)
			}
			doc.Version = v
		})
		get[i] = testing.AllocsPerRun(500, func() {
			if _, err := s.Get(ctx, doc.ID, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := get[1] - get[0]; got > 4 {
		t.Errorf("Get: got %v allocations added by the chain, want at most 4", got)
	}
	if got := put[1] - put[0]; got > 8 {
		t.Errorf("Put: got %v allocations added by the chain, want at most 8", got)
	}
}

func BenchmarkChainGet(b *testing.B) {
	for _, s := range stacks(b) {
		if _, err := s.Put(b.Context(), kibibyte("guest/hello"), nil); err != nil {
			b.Fatal(err)
		}
		b.Run(s.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Get(ctx, "guest/hello", nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkChainPut(b *testing.B) {
	for _, s := range stacks(b) {
		doc := kibibyte("guest/hello")
		b.Run(s.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				v, err := s.Put(ctx, doc, nil)
				if err != nil {
					b.Fatal(err)
				}
				doc.Version = v
			}
		})
	}
}
