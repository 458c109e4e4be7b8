package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/whiskstore/whiskstore/store"
)

// folds reports whether the guard of a line can stand in its entry.
func (l *line) folds() bool {
	return l.present && l.single() && l.fences[0] == l.version
}

// record is what is known about a key besides its value: a fence alone, which is
// the usual case, or a whole guard.
type record[V any] struct {
	fence store.Version
	until int64
	more  *busy[V] // in place of the two above
}

// busy is a guard with what the cache needs to carry out its decisions.
type busy[V any] struct {
	guard
	flight *lineFlight[V] // the load of guard.load
}

// single reports whether one fence is all that the guard says. No operation is in
// flight then, so that its generation may be a new one when it is needed again.
func (g *guard) single() bool {
	return g.nfences == 1 && g.blind == 0 && g.fresh == 0 && g.load == 0 && g.writes == 0
}

// fenced is the guard that says no more than that a fence stands.
func fenced(fence store.Version, until int64, next uint64) guard {
	return guard{fences: [maxFences]store.Version{fence}, nfences: 1, until: until, gen: next, forgot: next}
}

func (r *record[V]) guard(next uint64) guard {
	if r.more != nil {
		return r.more.guard
	}
	return fenced(r.fence, r.until, next)
}

// standsUntil is the end of everything that binds operations.
func (r *record[V]) standsUntil() int64 {
	if r.more != nil {
		return r.more.standsUntil()
	}
	return r.until
}

func (r *record[V]) idle(now int64) bool {
	if r.more != nil {
		return r.more.idle(now)
	}
	return now >= r.until
}

// keep makes the record say what g says, in the smallest form.
func (r *record[V]) keep(g guard) {
	switch {
	case g.single():
		*r = record[V]{fence: g.fences[0], until: g.until}
	case r.more == nil:
		*r = record[V]{more: &busy[V]{guard: g}}
	default:
		r.more.guard = g
		if g.load == 0 {
			r.more.flight = nil
		}
	}
}

// shard is a part of the keys, with values and guards apart: a message about a
// key that is not held evicts nothing.
type shard[V any] struct {
	mu   sync.Mutex
	hits uint64 // beside the lock: most hits write nothing else that processors share
	c    *Cache[V]

	values *simplelru.LRU[string, entry[V]]
	names  lineages // of the values
	bytes  int64
	turns  uint16                             // see turn
	since  int                                // values added in this turn
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
	s.values, _ = simplelru.NewLRU[string, entry[V]](unbounded, nil)
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
// stores if it is admitted. What is returned besides is nil unless an operation is
// in flight, or more than a fence stands.
func (s *shard[V]) step(key string, ev event, value *V) (action, *busy[V]) {
	ev.now, ev.age = s.c.clock.read()
	ev.bound = s.c.limit.at(ev.age)
	s.gens++
	ev.next = s.gens
	if s.names.full() { // the step may need another one
		for _, held := range s.values.Keys() {
			s.evict(held)
		}
		s.names = nil
	}
	r, known := s.guards.Peek(key)
	e, found := s.values.Peek(key)
	l, before := line{}, int64(0)
	if found {
		l.held = s.held(&e)
	}
	switch {
	case known:
		l.guard, before = r.guard(ev.next), r.standsUntil()
	case found && ev.now < e.fenceUntil():
		l.guard = fenced(l.version, e.fenceUntil(), ev.next)
	}
	had := l.held
	l, a := s.c.machine.step(l, s.scope(key), ev)
	switch {
	case a.verdict == verdictStored && value != nil:
		s.store(key, l.held, *value)
	case found && !l.present:
		s.bytes -= e.size()
		s.values.Remove(key)
	case found && l.held != had: // it learned its place in the order, or a rule is off
		s.values.Add(key, newEntry(l.held, s.names.number(l.version.Lineage), e.value, e.size()))
	}
	if e, held := s.values.Peek(key); held {
		end, ok := uint32(0), l.folds() && s.c.machine.off == 0 // proofs want the rules alone
		if ok {
			end, ok = fenceEnd(l.until)
		}
		if ok {
			l.guard = guard{}
		} else {
			end = 0
		}
		if e.fence != end {
			e.fence = end
			s.values.Add(key, e)
		}
	}
	var more *busy[V]
	if l.guard == (guard{}) {
		s.guards.Remove(key)
	} else {
		if !known {
			r = &record[V]{}
		}
		r.keep(l.guard)
		more = r.more
		if !known || l.standsUntil() > before {
			s.guards.Add(key, r)
			s.boundGuards(ev.now)
		}
	}
	// Last: this very value may be evicted, and then its guard changes. One that is
	// too large for the bound goes alone.
	if a.verdict == verdictStored {
		if e, ok := s.values.Peek(key); ok && e.size() > s.maxBytes {
			s.evict(key)
		}
	}
	s.boundValues()
	return a, more
}

// scope is the cache's for the key, with what this shard had to forget.
func (s *shard[V]) scope(key string) scope {
	sc := s.c.scope(key).scope
	sc.blind = max(sc.blind, s.blind)
	return sc
}

// held and version are those of an entry of this shard.
func (s *shard[V]) held(e *entry[V]) held             { return e.held(s.names[e.lineage]) }
func (s *shard[V]) version(e *entry[V]) store.Version { return e.version(s.names[e.lineage]) }

// weigh is what is charged; there is no value to ask about in an absence.
func (s *shard[V]) weigh(key string, value V, absent bool) int64 {
	if absent {
		return int64(len(key))
	}
	return int64(len(key) + s.c.opts.Size(value))
}

func (s *shard[V]) store(key string, h held, value V) {
	e := newEntry(h, s.names.number(h.version.Lineage), value, s.weigh(key, value, h.absent))
	if old, ok := s.values.Peek(key); ok {
		s.bytes -= old.size()
	} else if s.since++; s.since > s.values.Len()/4 {
		s.turns, s.since = s.turns+1, 0
	}
	s.bytes += e.size()
	s.values.Add(key, e)
}

// boundValues evicts what there is no room for.
func (s *shard[V]) boundValues() {
	for s.values.Len() > s.maxEntries || s.bytes > s.maxBytes {
		oldest, _, ok := s.values.GetOldest()
		if !ok {
			return
		}
		s.evict(oldest)
	}
}

// turn is the one in which entries that are hit at that age move to the front of
// the LRU, once. One ends with time, and when a quarter of the values was added,
// so that what is hit more often than that does not get old. It comes again after
// 65,535 others.
func (s *shard[V]) turn(age int64) uint16 { return s.turns + uint16(age>>turnBits) }

// evict is the event of eviction.
func (s *shard[V]) evict(key string) {
	e, ok := s.values.Peek(key)
	if !ok {
		return
	}
	s.values.Remove(key)
	s.bytes -= e.size()
	s.stats.Evicted++
	now, age := s.c.clock.read()
	s.gens++
	if r, ok := s.guards.Peek(key); ok {
		l, _ := s.c.machine.step(line{held: s.held(&e), guard: r.guard(s.gens)}, s.scope(key), event{kind: evEvict, now: now, age: age, next: s.gens})
		if l.guard == (guard{}) {
			s.guards.Remove(key)
		} else {
			r.keep(l.guard)
		}
	} else if now < e.fenceUntil() { // fences outlive values
		s.guards.Add(key, &record[V]{fence: s.version(&e), until: e.fenceUntil()})
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
		s.blind = s.c.machine.shed(scope{blind: s.blind}, r.guard(s.gens)).blind
		s.stats.Shed++
		if before <= now && s.blind > now {
			s.c.opts.Logger.Warn("cache: too many fences; a part of the cache stores nothing until the oldest have ended",
				"fences", s.maxGuards)
		}
	}
}
