package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/whiskstore/whiskstore/store"
)

// entry is a value as the LRU holds it. Its held part and value are never
// changed, only replaced.
type entry[V any] struct {
	held
	value V
	size  int64

	// fence is the end of a fence of this very version that is all there is to know
	// about the key besides the value: the usual case after a write or its echo,
	// and not worth a record of its own. Zero is none.
	fence int64
}

// fenced is the guard that entry.fence stands for. No operation is in flight
// when there is no record, so its generation may be a new one.
func (e *entry[V]) fenced(next uint64) guard {
	return guard{fences: [maxFences]store.Version{e.version}, nfences: 1, until: e.fence, gen: next, forgot: next}
}

// folds reports whether the guard of a line can stand in its entry.
func (l *line) folds() bool {
	return l.present && l.nfences == 1 && l.fences[0] == l.version && l.blind == 0 && l.fresh == 0 && l.load == 0 && l.writes == 0
}

// record is a guard with what the cache needs to carry out its decisions.
type record[V any] struct {
	guard
	flight *lineFlight[V] // the load of guard.load
}

// shard is a part of the keys, with values and guards apart: a message about a
// key that is not held evicts nothing.
type shard[V any] struct {
	c  *Cache[V]
	mu sync.Mutex

	values *simplelru.LRU[string, *entry[V]]
	bytes  int64
	guards *simplelru.LRU[string, *record[V]] // the one whose fence ends first is the oldest
	blind  int64                              // what stood in guards that had to go
	gens   uint64
	stats  Stats

	maxEntries, maxGuards int
	maxBytes              int64
}

// unbounded is the size given to simplelru; the shard itself removes what is over
// its bounds, because it has to know.
const unbounded = 1 << 40

func newShard[V any](c *Cache[V]) *shard[V] {
	s := &shard[V]{
		c:          c,
		maxEntries: max(1, c.opts.MaxEntries/shards),
		maxGuards:  max(1, c.opts.MaxFences/shards),
		maxBytes:   max(1, c.opts.MaxBytes/shards),
	}
	// NewLRU fails only for sizes below one.
	s.values, _ = simplelru.NewLRU[string, *entry[V]](unbounded, nil)
	s.guards, _ = simplelru.NewLRU[string, *record[V]](unbounded, nil)
	return s
}

// apply makes one step of a line that needs nothing besides the line: messages,
// and the ends of writes that store no value.
func (s *shard[V]) apply(key string, ev event) action {
	a, _ := s.step(key, ev, nil)
	return a
}

// step makes one step and carries out what it asks for. value is what the event
// stores if it is admitted. The record returned is nil when nothing is left to
// be known about the key.
func (s *shard[V]) step(key string, ev event, value *V) (action, *record[V]) {
	ev.now, ev.age = s.c.clock.read()
	ev.bound = s.c.limit.at(ev.age)
	s.gens++
	ev.next = s.gens
	r, known := s.guards.Peek(key)
	if !known {
		r = &record[V]{}
	}
	e, found := s.values.Peek(key)
	l := line{guard: r.guard}
	if found {
		l.held = e.held
		if !known && ev.now < e.fence {
			l.guard = e.fenced(ev.next)
		}
	}
	before := r.guard.standsUntil()
	l, a := s.c.machine.step(l, s.scope(), ev)
	switch {
	case a.verdict == verdictStored && value != nil:
		s.store(key, l.held, *value)
	case found && !l.present:
		s.bytes -= e.size
		s.values.Remove(key)
	case found && l.held != e.held: // only a rule that is off does this
		s.values.Add(key, &entry[V]{held: l.held, value: e.value, size: e.size})
	}
	if r.flight != nil && l.load == 0 {
		r.flight = nil
	}
	if e, ok := s.values.Peek(key); ok {
		e.fence = 0
		if l.folds() && s.c.machine.off == 0 { // proofs want the rules alone
			e.fence, l.guard = l.until, guard{}
		}
	}
	r.guard = l.guard
	switch {
	case l.guard == guard{}:
		s.guards.Remove(key)
		return a, nil
	case !known || l.standsUntil() > before:
		s.guards.Add(key, r)
		s.boundGuards(ev.now)
	}
	return a, r
}

// scope is the cache's, with what this shard had to forget.
func (s *shard[V]) scope() scope {
	sc, _ := s.c.currentScope()
	sc.blind = max(sc.blind, s.blind)
	return sc
}

func (s *shard[V]) store(key string, h held, value V) {
	size := int64(len(key) + s.c.opts.Size(value))
	if old, ok := s.values.Peek(key); ok {
		s.bytes -= old.size
	}
	s.bytes += size
	s.values.Add(key, &entry[V]{held: h, value: value, size: size})
	for s.values.Len() > s.maxEntries || s.bytes > s.maxBytes {
		s.evictOldest()
	}
}

// evictOldest is the event of eviction, for the least recently used value.
func (s *shard[V]) evictOldest() {
	key, e, ok := s.values.RemoveOldest()
	if !ok {
		return
	}
	s.bytes -= e.size
	s.stats.Evicted++
	now, age := s.c.clock.read()
	s.gens++
	if r, ok := s.guards.Peek(key); ok {
		l, _ := s.c.machine.step(line{held: e.held, guard: r.guard}, s.scope(), event{kind: evEvict, now: now, age: age, next: s.gens})
		if r.guard = l.guard; r.guard == (guard{}) {
			s.guards.Remove(key)
		}
	} else if now < e.fence { // fences outlive values
		s.guards.Add(key, &record[V]{guard: e.fenced(s.gens)})
		s.boundGuards(now)
	}
}

// boundGuards removes guards that have served their time, and the oldest of the
// others while there are too many. What still stood in one of those becomes the
// shard's blind time.
func (s *shard[V]) boundGuards(now int64) {
	for range 2 {
		key, r, ok := s.guards.GetOldest()
		if !ok {
			return
		}
		if r.idle(now) {
			s.guards.Remove(key)
		} else if now >= r.standsUntil() {
			s.guards.Get(key) // held by an operation in flight only: look at it later
		}
	}
	for s.guards.Len() > s.maxGuards {
		_, r, _ := s.guards.RemoveOldest()
		before := s.blind
		s.blind = s.c.machine.shed(scope{blind: s.blind}, r.guard).blind
		s.stats.Shed++
		if before <= now && s.blind > now {
			s.c.opts.Logger.Warn("cache: too many fences; a part of the cache stores nothing until the oldest have ended",
				"fences", s.maxGuards)
		}
	}
}
