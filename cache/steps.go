package cache

import (
	"github.com/whiskstore/whiskstore/store"
)

// Get, Put and Delete, and the Get of a table, run the store's operation for their
// caller. What follows are their two halves, for callers that run operations
// themselves: the simulation, which has one event loop and no goroutines.

// Send announces a write at once, for callers that do not use Notify.
func (a *Announcer) Send(collection string, w Written) error {
	return a.publish(announcement{collection, w})
}

// Lookup is the first half of a Get.
type Lookup[V any] struct {
	Value   V
	Version store.Version
	Held    bool // Value and Version were served; otherwise Load is set
	Absent  bool // what was served is that there is no such document
	Load    *Load[V]
	Joined  bool // the load is another's, who ends it
}

// Load is a load under way.
type Load[V any] struct {
	Request Request

	c *Cache[V]
	s *shard[V]
	f *lineFlight[V]
}

// Begin looks key up. Whoever is given a Load that is not joined must end it.
func (c *Cache[V]) Begin(key string, fresh bool) Lookup[V] {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, f, joined := c.begin(s, key, fresh)
	if f == nil {
		if !e.absent {
			e.value = c.copyOf(e.value)
		}
		return Lookup[V]{Value: e.value, Version: e.version, Held: true, Absent: e.absent}
	}
	return Lookup[V]{Load: &Load[V]{Request: f.request, c: c, s: s, f: f}, Joined: joined}
}

// End ends the load with what a Loader would have returned.
func (l *Load[V]) End(loaded Loaded[V], err error) {
	l.f.result, l.f.err = loaded, err
	l.c.finish(l.s, l.f)
}

// Same reports whether two lookups wait for one load.
func (l *Load[V]) Same(other *Load[V]) bool { return l.f == other.f }

// DerivedLookup is the first half of a Get of a table.
type DerivedLookup[V any] struct {
	Value  V
	Held   bool // Value was served; otherwise Load is set
	Absent bool // what was served is that nothing was found
	Load   *DerivedLoad[V]
	Joined bool // the load is another's, who ends it
}

// DerivedLoad is a load of a derived value under way.
type DerivedLoad[V any] struct {
	t   *Table[V]
	key string
	f   *derivedFlight[V]
}

// Begin looks key up. Whoever is given a load that is not joined must end it.
func (t *Table[V]) Begin(key string) DerivedLookup[V] {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, f, joined := t.begin(key, nil)
	if e != nil {
		return DerivedLookup[V]{Value: e.value, Held: true, Absent: e.negative}
	}
	return DerivedLookup[V]{Load: &DerivedLoad[V]{t: t, key: key, f: f}, Joined: joined}
}

// End ends the load with what the load function of Get would have returned.
func (l *DerivedLoad[V]) End(d Derived[V], err error) {
	l.f.result, l.f.err = d, err
	l.t.finish(l.key, l.f)
}

// Write is a write under way.
type Write[V any] struct {
	c       *Cache[V]
	key     string
	op      op
	deleted bool
	ended   bool
}

// BeginWrite begins a write or, with deleted, a delete.
func (c *Cache[V]) BeginWrite(key string, deleted bool) *Write[V] {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if deleted {
		s.apply(key, event{kind: evEvict}) // reads go to the store from here on, as upstream (row CACHE-D7)
	}
	s.stats.Writes++
	return &Write[V]{c: c, key: key, op: s.apply(key, event{kind: evWriteStart}).op, deleted: deleted}
}

// End ends the write with what the store returned, and tells Notify. Only the
// first call counts.
func (w *Write[V]) End(l Loaded[V], err error) {
	if w.ended {
		return
	}
	c, outcome, value := w.c, outcomeOf(err), new(V)
	if outcome == Committed && !w.deleted {
		*value = c.copyOf(l.Value) // if it panics, the write has not ended
	}
	w.ended = true
	ev := event{kind: evWriteEnd, op: w.op, absent: w.deleted, pass: l.Pass || w.deleted && !c.opts.Negative}
	switch outcome {
	case Committed:
		ev.version = l.Version
	case InDoubt:
		ev.outcome = outcomeDoubt
	case Conflicted:
		ev.outcome = outcomeConflict
	case Refused:
		ev.outcome = outcomeRefused
	}
	s := c.shard(w.key)
	func() {
		s.mu.Lock()
		defer s.mu.Unlock() // Size and Place are the user's
		a, _ := s.step(w.key, ev, value)
		s.stats.Reasons[a.reason]++
	}()
	c.opts.Notify(Written{Key: w.key, Outcome: outcome, Version: ev.version, Deleted: w.deleted})
}
