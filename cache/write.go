package cache

import (
	"context"
	"errors"

	"github.com/whiskstore/whiskstore/store"
)

// Put runs write, which stores a new state of the document, and keeps its value
// if it may be kept. Other readers and writers of the key go on meanwhile; they
// see the new value only after write returned it (E2 of upstream).
//
// How an error is taken: in doubt (store.InDoubt) the cache forgets the key;
// Conflict and NotFound drop its value and make the next read fresh; any other
// refusal changes nothing.
func (c *Cache[V]) Put(ctx context.Context, key string, write func(context.Context) (Loaded[V], error)) (store.Version, error) {
	return c.write(ctx, key, false, write)
}

// Delete runs del, which deletes the document and returns the tombstone's
// version, or the zero Version of a physical delete.
func (c *Cache[V]) Delete(ctx context.Context, key string, del func(context.Context) (store.Version, error)) (store.Version, error) {
	return c.write(ctx, key, true, func(ctx context.Context) (Loaded[V], error) {
		v, err := del(ctx)
		return Loaded[V]{Version: v}, err
	})
}

func (c *Cache[V]) write(ctx context.Context, key string, deleted bool, write func(context.Context) (Loaded[V], error)) (store.Version, error) {
	s := c.shard(key)
	s.mu.Lock()
	if deleted {
		s.apply(key, event{kind: evEvict}) // reads go to the store from here on, as upstream (row CACHE-D7)
	}
	o := s.apply(key, event{kind: evWriteStart}).op
	s.stats.Writes++
	s.mu.Unlock()
	ended := false
	end := func(l Loaded[V], outcome Outcome) {
		ended = true
		c.writeEnd(s, key, o, l, deleted, outcome)
	}
	defer func() {
		if !ended { // a panic: nobody knows what happened
			end(Loaded[V]{}, InDoubt)
		}
	}()
	l, err := write(ctx)
	end(l, outcomeOf(err))
	return l.Version, err
}

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Committed
	case errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound):
		return Conflicted
	case store.InDoubt(err) || store.KindOf(err) == 0:
		return InDoubt
	}
	return Refused
}

func (c *Cache[V]) writeEnd(s *shard[V], key string, o op, l Loaded[V], deleted bool, outcome Outcome) {
	ev := event{kind: evWriteEnd, op: o, absent: deleted, version: l.Version, pass: l.Pass || deleted && !c.opts.Negative}
	value := new(V)
	switch outcome {
	case Committed:
		*value = c.copyOf(l.Value)
	case InDoubt:
		ev.outcome = outcomeDoubt
	case Conflicted:
		ev.outcome = outcomeConflict
	case Refused:
		ev.outcome = outcomeRefused
	}
	if outcome != Committed {
		ev.version = store.Version{}
	}
	s.mu.Lock()
	a, _ := s.step(key, ev, value)
	s.stats.Reasons[a.reason]++
	s.mu.Unlock()
	c.opts.Notify(Written{Key: key, Outcome: outcome, Version: ev.version, Deleted: deleted})
}
