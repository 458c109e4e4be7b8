package tworegions

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

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

	requests atomic.Int64

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

// newRegion opens the region's stores, below dir unless that is empty. The region
// is returned with what is open when one fails.
func newRegion(name string, primary bool, dir string) (*region, error) {
	r := &region{name: name, primary: primary, stores: map[string]replicated{}, seen: map[string]store.Version{}}
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
func (r *region) stack(cfg Config, collection string, primary *region) (store.ArtifactStore, error) {
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
	return r.chain(cfg, collection, backend)
}

// chain puts the decorators of a node over a backend.
func (r *region) chain(cfg Config, collection string, backend store.ArtifactStore) (_ store.ArtifactStore, err error) {
	chain := store.Chain{Check: store.Check(&store.CheckOptions{Collection: collection, ID: store.CheckCosmosID})}
	if cfg.sabotage != noStamp {
		chain.Stamp = stamp.New(r.name)
	}
	if cfg.sabotage != noSoftDelete {
		if chain.SoftDelete, err = softdelete.New(cfg.TombstoneTTL); err != nil {
			return nil, err
		}
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
