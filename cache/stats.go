package cache

import (
	"math"
	"sync/atomic"
	"time"
)

// Stats counts what happened since the cache was made.
type Stats struct {
	Hits   uint64 // lookups answered without a load of their own
	Misses uint64 // lookups that began a load
	Joined uint64 // hits that waited for another's load
	Writes uint64

	Messages  uint64 // Observe and Forget
	Confirmed uint64 // of them, those that found a value at least as new
	Repaired  uint64 // and those that removed one

	Evicted uint64 // values removed for room
	Shed    uint64 // guards removed for room
	Losses  uint64 // Lose

	Reasons [reasons]uint64 // ends of loads and writes by reason; 0 counts the stored ones

	Entries int // now
	Fences  int // keys now about which something is known besides a value; what has ended goes with the next ones
	Bytes   int64
}

// Passed returns, by reason, how many loads and writes ended without their value
// being stored.
func (s *Stats) Passed() map[string]uint64 {
	m := map[string]uint64{}
	for r := reasonNone + 1; r < reasons; r++ {
		if s.Reasons[r] > 0 {
			m[r.String()] = s.Reasons[r]
		}
	}
	return m
}

func (s *Stats) add(o *Stats) {
	s.Hits += o.Hits
	s.Misses += o.Misses
	s.Joined += o.Joined
	s.Writes += o.Writes
	s.Messages += o.Messages
	s.Confirmed += o.Confirmed
	s.Repaired += o.Repaired
	s.Evicted += o.Evicted
	s.Shed += o.Shed
	for i := range s.Reasons {
		s.Reasons[i] += o.Reasons[i]
	}
}

// Stats returns the counters, a shard at a time.
func (c *Cache[V]) Stats() Stats {
	var sum Stats
	for _, s := range c.shards {
		s.mu.Lock()
		sum.add(&s.stats)
		sum.Hits += s.hits
		sum.Entries += s.values.Len()
		sum.Fences += s.guards.Len()
		sum.Bytes += s.bytes
		s.mu.Unlock()
	}
	sum.Losses = c.losses.Load()
	return sum
}

// State says how far the cache can be relied on.
type State uint8

// The states.
const (
	// LocalOnly: no bus is attached; only the age of values bounds how stale they
	// are.
	LocalOnly State = iota

	// Suspect: messages were lost a moment ago; nothing that was held then is
	// served, and nothing new is held until the lag budget is over.
	Suspect

	// Degraded: some part of the key space is silent; only young values are served.
	Degraded

	// Coherent: everything is as the protocol promises.
	Coherent
)

// String returns the state's name.
func (s State) String() string {
	return [...]string{"local-only", "suspect", "degraded", "coherent"}[s]
}

// Health is a state with its reason, for people, and since when it has been that state.
type Health struct {
	State  State
	Reason string
	Since  time.Time

	// Until is when Coherent ends by itself, unless it is set again: a process that
	// was suspended must not go on as if nothing had happened. Zero is never.
	Until time.Time
}

// Health returns the state that was set, or Suspect while a loss makes the cache
// blind.
func (c *Cache[V]) Health() Health {
	h := *c.state.Load()
	now, age := c.clock.read()
	if h.State == Coherent && age >= c.limit.until.Load() {
		h.State, h.Reason = Degraded, "no sign of life since"
	}
	if h.State == Coherent && now < c.scopes.Load().standsUntil() {
		h.State, h.Reason = Suspect, "messages were lost within the lag budget"
	}
	return h
}

// SetHealth sets the state: LocalOnly, Degraded or Coherent, as the subscriber
// finds it. It does nothing once the cache is closed.
func (c *Cache[V]) SetHealth(h Health) {
	if !c.life.enter() {
		return
	}
	defer c.life.leave()
	c.limit.set(c.machine, c.clock, h)
	c.state.Store(&h)
}

// limit is the age at which values are not served, as the state has it.
type limit struct {
	bound  atomic.Int64
	until  atomic.Int64 // on the age clock; after it bound is silent
	silent int64        // set once
}

func (l *limit) set(m machine, c *Clock, h Health) {
	l.bound.Store(m.bound(h.State == Degraded))
	l.until.Store(math.MaxInt64)
	if !h.Until.IsZero() {
		l.until.Store(c.ageOf(h.Until))
	}
}

// shut makes every value too old. The clock may stand still from here on.
func (l *limit) shut() {
	l.bound.Store(math.MinInt64)
	l.until.Store(math.MaxInt64)
}

// at is the limit at an age.
func (l *limit) at(age int64) int64 {
	if age >= l.until.Load() {
		return l.silent
	}
	return l.bound.Load()
}
