package tworegions

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/route"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// region is one region: its replicas of the three collections and its nodes.
// Whisks and subjects are written in the primary region only, activations in
// every region.
type region struct {
	name    string // the cluster id, too
	primary bool
	stores  map[string]replicated

	bus    *cache.Bus // the region's invalidation topic
	pumps  []*pump
	links  map[string]*link // by collection, those that deliver to this region's replica
	behind time.Duration    // how far replicas are behind, where no link tells

	requests atomic.Int64
	served   served

	mu   sync.Mutex
	seen map[string]store.Version // newest state that a node of this region read of a foreign document
}

// replicated is a region's replica of a collection.
type replicated interface {
	store.ArtifactStore
	changes() store.ChangeFeed
}

// embedded is a replica that links deliver to.
type embedded struct{ *memory.Store }

func (e embedded) changes() store.ChangeFeed { return e.Feed() }

// regionNames are the regions; whisks and subjects are written in the first.
func regionNames() []string { return []string{"eu", "us"} }

func collections() []string {
	return []string{store.Whisks, store.Activations, store.Subjects}
}

func emptyRegion(name string, primary bool) *region {
	return &region{
		name: name, primary: primary, stores: map[string]replicated{}, links: map[string]*link{}, seen: map[string]store.Version{},
		bus: cache.NewBus(cache.BusOptions{Partitions: busPartitions}),
	}
}

// shown returns a time: every commit before it is in the region's replica. It is
// what a bridge has to know to vouch for anything.
func (r *region) shown(collection string) time.Time {
	if l := r.links[collection]; l != nil {
		return l.delivered()
	}
	return time.Now().Add(-r.behind)
}

// newRegion opens the region's stores, below dir unless that is empty. The region
// is returned with what is open when one fails.
func newRegion(name string, primary bool, dir string) (*region, error) {
	r := emptyRegion(name, primary)
	for _, c := range collections() {
		opts := memory.Options{Collection: c}
		if dir != "" {
			opts.Dir = filepath.Join(dir, name, c)
		}
		s, err := memory.New(opts)
		if err != nil {
			return r, fmt.Errorf("region %s: %w", name, err)
		}
		r.stores[c] = embedded{s}
	}
	return r, nil
}

// stack is what a node of the region uses for one collection: the whole chain
// over the region's own store, or for a collection that another region writes
// over that region's store and the local replica.
func (r *region) stack(cfg Config, collection string, primary *region, c *caches) (store.ArtifactStore, error) {
	own := &account{backend: r.stores[collection], requests: &r.requests}
	var backend store.ArtifactStore = own
	if collection != store.Activations && !r.primary {
		there := &account{backend: primary.stores[collection], requests: &primary.requests}
		if cfg.sabotage == noReadRouting {
			backend = &split{write: there, read: own}
		} else {
			routed, err := route.New(there, own, nil)
			if err != nil {
				return nil, err
			}
			backend = routed
		}
	}
	return r.chain(cfg, collection, backend, c)
}

// chain puts the decorators of a node over a backend.
func (r *region) chain(cfg Config, collection string, backend store.ArtifactStore, c *caches) (_ store.ArtifactStore, err error) {
	chain := store.Chain{Check: store.Check(&store.CheckOptions{Collection: collection, ID: store.CheckCosmosID})}
	if cfg.sabotage != noStamp {
		chain.Stamp = stamp.New(r.name)
	}
	if cfg.sabotage != noSoftDelete {
		if chain.SoftDelete, err = softdelete.New(cfg.TombstoneTTL); err != nil {
			return nil, err
		}
	}
	if documents := c.documents[collection]; documents != nil {
		cluster := r.name
		if chain.Stamp == nil {
			cluster = ""
		}
		chain.Cache = cache.Middleware(documents, cluster)
	}
	return chain.Over(backend), nil
}

func (r *region) seenVersion(id string) store.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[id]
}

func (r *region) sawVersion(id string, v store.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.seen[id]; !ok || v.Compare(old) == store.Newer {
		r.seen[id] = v
	}
}
