package tworegions

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// served counts what the nodes of a region were served from their caches.
type served struct {
	mu      sync.Mutex
	judged  int64
	stale   int64 // within the bound
	worst   time.Duration
	beyond  int64
	late    int64            // beyond it, but the replica was later than the lag budget
	byState map[string]int64 // reads by the state of the cache
}

// cached is a cache as a read through it sees it.
type cached interface {
	Stats() cache.Stats
}

// reading is one read through a cache.
type reading struct {
	n      *node
	probe  probe
	cache  cached
	state  func() cache.State
	began  time.Time
	before cache.State
	joined uint64
}

// begin looks at a cache before it is read through.
func (n *node) begin(c cached, state func() cache.State) *reading {
	return &reading{n: n, cache: c, state: state, joined: c.Stats().Joined, before: state(), began: time.Now()}
}

// hit reports whether what was read was held. A reader who may have waited for
// another's load was given what the store said.
func (r *reading) hit() bool {
	return !r.probe.loaded.Load() && r.cache.Stats().Joined == r.joined
}

// judge holds a hit to the promise: while coherent it misses nothing that was
// committed before now minus the lag budget, while degraded nothing that is older
// than max-staleness and the lag budget together. It returns what the truth knows.
func (r *reading) judge(seen sighting) found {
	n := r.n
	f := n.truth.look(seen, r.began)
	bound := n.cfg.LagBudget
	if r.before == cache.Degraded || r.state() == cache.Degraded {
		bound += n.cfg.maxStaleness() + 2*clockSkew
	}
	s := &n.region.served
	s.mu.Lock()
	s.judged++
	switch {
	case f.stale > bound && f.late:
		s.late++
	case f.stale > bound:
		s.beyond++
	case f.stale > 0:
		s.stale++
	}
	s.worst = max(s.worst, f.stale)
	s.mu.Unlock()
	n.ledger.check(NoStaleHit, f.stale <= bound || f.late, "%s is served %s at %s, %v after that was replaced; %v is allowed while %v",
		n.name, seen.id, seen.mark, f.stale.Round(time.Millisecond), bound, r.before)
	return f
}

// done counts the read.
func (r *reading) done() {
	s := &r.n.region.served
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byState == nil {
		s.byState = map[string]int64{}
	}
	s.byState[r.before.String()]++
}

// get reads a document through the node's stack and judges what it is given.
func (n *node) get(ctx context.Context, collection, id string) (store.Document, error) {
	c := n.caches.documents[collection]
	if c == nil {
		return n.stacks[collection].Get(ctx, id, nil)
	}
	p := place{collection, id}
	own := n.truth.own(p, n)
	r := n.begin(c, n.state(collection))
	doc, err := n.stacks[collection].Get(r.probe.context(ctx), id, nil)
	r.done()
	if err != nil || collection == store.Subjects {
		return doc, err // what a subject shows is judged by its identities
	}
	seen := sighting{p, doc.Version.Rev}
	var f found
	if r.hit() {
		f = r.judge(seen)
	} else {
		f = n.truth.look(seen, r.began)
	}
	n.ledger.check(ReadYourWrites, f.n == 0 || f.n >= own, "%s reads state %d of %s, after it had written state %d", n.name, f.n, id, own)
	return doc, nil
}

func (n *node) state(collection string) func() cache.State {
	return func() cache.State { return n.caches.documents[collection].Health().State }
}

// identify looks an identity of a subject up, by its namespace or, with uuid, by
// its credentials, and judges what it is given.
func (n *node) identify(ctx context.Context, subject place, uuid string, ask func(context.Context) (entity.Identity, error)) error {
	own := n.truth.own(subject, n)
	r := n.begin(n.caches.identities.Table(), n.state(store.Subjects))
	id, err := ask(r.probe.context(ctx))
	r.done()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !r.hit() {
		return nil
	}
	switch {
	case err != nil && uuid == "":
		r.judge(sighting{subject, absenceMark})
		return nil
	case err != nil:
		now := n.truth.newest(subject)
		n.ledger.check(NoStaleHit, now.mark != uuid || r.began.Sub(now.at) <= n.cfg.LagBudget+n.cfg.maxStaleness()+2*clockSkew,
			"%s does not find credentials of %s, which are there since %v", n.name, subject.id, r.began.Sub(now.at))
		return nil
	}
	f := r.judge(sighting{subject, id.AuthKey.UUID})
	n.ledger.check(ReadYourWrites, f.n == 0 || f.n >= own, "%s finds the identity of state %d of %s, after it had written state %d", n.name, f.n, subject.id, own)
	if limits := id.Limits.InvocationsPerMinute; limits != nil {
		p := place{store.Subjects, entity.LimitsID(id.Namespace.Name)}
		own := n.truth.own(p, n)
		f := r.judge(sighting{p, strconv.Itoa(*limits)})
		n.ledger.check(ReadYourWrites, f.n == 0 || f.n >= own, "%s finds limits of state %d in %s, after it had written state %d", n.name, f.n, p.id, own)
	}
	return nil
}
