package cache

import (
	"context"
	"errors"

	"github.com/whiskstore/whiskstore/store"
)

// Get returns the value of key: the one held, or the result of load, which all
// readers share that arrive while it may be joined (row CACHE-D1). An absence is
// an error of kind store.ErrNotFound, from the store or from the cache. The end
// of ctx ends the wait of this reader only.
func (c *Cache[V]) Get(ctx context.Context, key string, load Loader[V]) (value V, v store.Version, err error) {
	s := c.shard(key)
	s.mu.Lock()
	age := c.clock.coarse.Load()
	e, ok := s.values.Peek(key)
	if ok && uint64(e.seen) >= c.losses.Load() && age-e.born < c.limit.at(age) && c.machine.off == 0 {
		if now := s.turn(age); e.used != now {
			e.used = now
			s.values.Add(key, e)
		}
		s.hits++
		v.Rev, v.Order, v.Lineage = e.rev, e.order, s.names[e.lineage]
		s.mu.Unlock()
		if c.opts.Copy == nil && !e.absent() { // the rest of serve costs a call
			return e.value, v, nil
		}
		return c.serve(key, found[V]{e.value, v, e.absent()})
	}
	return c.lookup(ctx, s, key, false, load)
}

// GetFresh is Get without a hit: the value is loaded so that no lagging replica
// answers (R4b), and held afterwards if it may be.
func (c *Cache[V]) GetFresh(ctx context.Context, key string, load Loader[V]) (V, store.Version, error) {
	s := c.shard(key)
	s.mu.Lock()
	return c.lookup(ctx, s, key, true, load)
}

// Peek returns the value that a Get would serve without a load.
func (c *Cache[V]) Peek(key string) (V, store.Version, bool) { return c.peek(key, nil) }

// peek is Peek of a value whose version want accepts, which is then a hit.
func (c *Cache[V]) peek(key string, want func(store.Version) bool) (V, store.Version, bool) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, age := c.clock.read()
	e, ok := s.values.Peek(key)
	if !ok || e.absent() || !s.held(&e).servable(s.scope(key), age, c.limit.at(age)) {
		var none V
		return none, store.Version{}, false
	}
	v := s.version(&e)
	switch {
	case want == nil:
	case want(v):
		s.hits++
		s.values.Get(key) // moves it to the front
	default:
		var none V
		return none, store.Version{}, false
	}
	return c.copyOf(e.value), v, true
}

// found is a value held that may be served.
type found[V any] struct {
	value   V
	version store.Version
	absent  bool
}

// serve hands out a value held. The shard is not locked.
func (c *Cache[V]) serve(key string, e found[V]) (V, store.Version, error) {
	if e.absent {
		var none V
		return none, e.version, absent(key)
	}
	return c.copyOf(e.value), e.version, nil
}

func absent(key string) error {
	return &store.Error{Op: store.OpGet, ID: key, Kind: store.ErrNotFound}
}

// lookup is called with the shard locked and unlocks it.
func (c *Cache[V]) lookup(ctx context.Context, s *shard[V], key string, fresh bool, load Loader[V]) (V, store.Version, error) {
	var none V
	e, f, err := c.open(ctx, s, key, fresh, load)
	switch {
	case err != nil:
		return none, store.Version{}, err
	case f == nil:
		return c.serve(key, e)
	}
	abandon := func() {
		s.apply(key, event{kind: evLoadEnd, outcome: outcomeError, op: f.op})
		s.stats.Reasons[reasonReadFailed]++
	}
	if err := f.wait(ctx, &s.mu, abandon); err != nil {
		return none, store.Version{}, err
	}
	return c.copyOf(f.result.Value), f.result.Version, nil
}

// open is begin with the load under way. It unlocks the shard, whatever Place does.
func (c *Cache[V]) open(ctx context.Context, s *shard[V], key string, fresh bool, load Loader[V]) (found[V], *lineFlight[V], error) {
	defer s.mu.Unlock()
	if !c.life.enter() {
		return found[V]{}, nil, errClosed
	}
	defer c.life.leave()
	e, f, joined := c.begin(s, key, fresh)
	if f != nil && !joined {
		launch(&c.life, ctx, f.flight, load, func() { c.finish(s, f) })
	}
	return e, f, nil
}

// lineFlight is a load with what its line has to be told at its end.
type lineFlight[V any] struct {
	*flight[Loaded[V]]
	op   op
	held V    // the value of request.Held, which may turn out to be unmodified
	pass bool // begun during a write: not stored, as upstream (rows CACHE-D4 and CACHE-D7)
}

// begin is the event of a lookup, with the shard locked: it returns what to
// serve, or a load to wait for, which the caller has to run unless it was joined.
func (c *Cache[V]) begin(s *shard[V], key string, fresh bool) (e found[V], f *lineFlight[V], joined bool) {
	lost := c.scopes.Load().total
	a, b := s.step(key, event{kind: evLookup, fresh: fresh}, nil)
	switch a.verdict {
	case verdictServe:
		e, _ := s.values.Peek(key)
		e.saw(lost) // none of those concerned it
		s.values.Add(key, e)
		s.hits++
		return found[V]{e.value, s.version(&e), e.absent()}, nil, false
	case verdictJoin:
		s.hits++ // upstream counts a coalesced read as a hit
		s.stats.Joined++
		b.flight.waiters++
		return found[V]{}, b.flight, true
	}
	s.stats.Misses++
	request := Request{Key: key, Fresh: a.op.fresh}
	if a.op.fresh && b.nfences > 0 {
		request.After.Version = b.fences[b.nfences-1]
	}
	if a.op.covers {
		request.After.Session = c.scope(key).after
	}
	f = &lineFlight[V]{
		op:   a.op,
		pass: b.writes > 0 && c.machine.off == 0, // proofs want the rules alone
	}
	if e, ok := s.values.Peek(key); ok && !e.absent() {
		f.held, request.Held = e.value, s.version(&e)
	}
	f.flight = newFlight[Loaded[V]](request)
	f.waiters = 1
	b.flight = f
	return found[V]{}, f, false
}

var errNotHeld = errors.New("the load calls a value unmodified that is not held")

// finish is the event of a load's end.
func (c *Cache[V]) finish(s *shard[V], f *lineFlight[V]) {
	ev := event{kind: evLoadEnd, op: f.op, version: f.result.Version, pass: f.pass || f.result.Pass}
	value := new(V)
	switch {
	case f.err == nil && f.result.Unmodified && f.request.Held.Compare(ev.version) != store.Same:
		f.err = f.failed(store.ErrUnavailable, errNotHeld)
		ev.outcome = outcomeError
	case f.err == nil:
		if f.result.Unmodified {
			f.result.Value = f.held
		}
		*value = c.copyOf(f.result.Value)
	case store.KindOf(f.err) == store.ErrNotFound:
		ev.absent, ev.version, ev.pass = true, store.Version{}, !c.opts.Negative
	default:
		ev.outcome = outcomeError
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	if f.panicked != nil {
		c.opts.Logger.Error("cache: load panicked", "key", f.request.Key, "panic", f.panicked)
	}
	if f.abandoned {
		return
	}
	a, _ := s.step(f.request.Key, ev, value)
	s.stats.Reasons[a.reason]++
}
