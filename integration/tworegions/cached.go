package tworegions

import (
	"context"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// caches are those of one node: documents of whisks and subjects, and identities,
// behind one subscriber to the region's topic.
type caches struct {
	cfg        Config
	name       string
	epoch      wire.Epoch
	clock      *cache.Clock
	documents  map[string]*cache.Cache[store.Document] // by collection
	identities *cache.Identities
	announcer  *cache.Announcer
	tracker    *cache.Tracker
}

// Times that only the relations between matter of.
const (
	cacheTick = 40 * time.Millisecond // how often silence is judged
	clockSkew = 20 * time.Millisecond // the nodes have one clock, and read it at different moments

	identitiesView = "subjects.v2.0.0/identities"
)

// cachedCollections are those that are read through caches.
func cachedCollections() []string { return []string{store.Whisks, store.Subjects} }

// newCaches makes the caches of a node's documents. Writes are announced to the
// region's other nodes at once, and to the node's own identities before the writer
// goes on.
func newCaches(r *region, name string, cfg Config) *caches {
	c := &caches{
		cfg: cfg, name: name, epoch: wire.Epoch(time.Now().UnixNano()),
		clock: cache.NewClock(), documents: map[string]*cache.Cache[store.Document]{},
	}
	c.announcer = cache.NewAnnouncer(r.bus.Sender(), cache.AnnouncerOptions{InstanceID: name, Epoch: c.epoch})
	for _, collection := range cachedCollections() {
		opts := cache.DocumentOptions()
		opts.Lag, opts.MaxStaleness, opts.MaxAge, opts.Clock = cfg.LagBudget, cfg.maxStaleness(), cfg.maxAge(), c.clock
		announce := c.announcer.Notify(collection)
		opts.Notify = announce
		if collection == store.Subjects {
			opts.Notify = func(w cache.Written) {
				c.identities.Table().Observe(w.Key, w.Version)
				announce(w)
			}
		}
		if ranged, ok := r.stores[collection].(interface{ Place(id string) string }); ok {
			opts.Place = ranged.Place
		}
		if cfg.sabotage == lossIgnored {
			opts.Without = cache.RuleSuspect
		}
		c.documents[collection] = cache.New(opts)
	}
	return c
}

// complete adds what needs the node's own stack of subjects.
func (c *caches) complete(subjects store.Querier) {
	c.identities = cache.NewIdentities(subjects, identitiesView, cache.TableOptions{
		Lag: c.cfg.LagBudget, MaxStaleness: c.cfg.maxStaleness(), MaxAge: c.cfg.maxAge(), Clock: c.clock,
	})
	lines := map[string][]cache.Line{
		store.Whisks:   {c.documents[store.Whisks]},
		store.Subjects: {c.documents[store.Subjects], c.identities.Table()},
	}
	if c.cfg.sabotage == deafCaches {
		for _, of := range lines {
			for i := range of {
				of[i] = deaf{of[i]}
			}
		}
	}
	c.tracker = cache.NewTracker(cache.TrackerOptions{
		InstanceID: c.name, Source: c.name, Epoch: c.epoch, Lines: lines, MaxSilence: c.cfg.maxSilence(), Skew: clockSkew,
	})
}

// run follows the region's topic until ctx ends. It calls ready once the caches
// may be served from.
func (c *caches) run(ctx context.Context, topic cache.Topic, ready func()) error {
	return cache.Subscribe(ctx, topic, c.tracker, &cache.SubscriberOptions{Tick: cacheTick, Backoff: cacheTick, Ready: ready})
}

// close ends what the node's stacks do not own.
func (c *caches) close() {
	c.announcer.Close()
	if c.identities != nil {
		c.identities.Close()
	}
	c.clock.Close()
}

// restedAt reports whether the caches have heard of everything that was committed
// before a time.
func (c *caches) restedAt(t time.Time) bool {
	for _, documents := range c.documents {
		if h := documents.Health(); h.Until.Before(t.Add(c.cfg.maxSilence() + clockSkew)) {
			return false
		}
	}
	return true
}

// deaf is a line that is told of changes in vain. Only tests use it.
type deaf struct{ cache.Line }

func (deaf) Observe(string, store.Version) cache.Effect { return cache.NotHeld }
