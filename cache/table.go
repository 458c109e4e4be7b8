package cache

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/whiskstore/whiskstore/store"
)

// DefaultMaxNegative is the default of TableOptions.MaxNegative.
const DefaultMaxNegative = 10_000

// TableOptions are the options of NewTable; every zero field has the default of
// Options.
type TableOptions struct {
	MaxEntries   int
	MaxNegative  int // negative results, which an attacker can make at will
	MaxFences    int
	MaxAge       time.Duration
	MaxStaleness time.Duration
	Lag          time.Duration
	LoadTimeout  time.Duration
	Clock        *Clock
	Without      Rule // for proofs only
}

// Derived is a value that was made of documents of one collection. No sources
// means that nothing was found.
type Derived[V any] struct {
	Value   V
	Sources []Source
}

// Table holds values derived from documents, by keys of the caller's choice, and
// is told of changes by the documents' ids (R11). All who get a value share it and
// must not modify it. It is safe for concurrent use.
type Table[V any] struct {
	opts    TableOptions
	machine machine
	clock   *Clock
	owned   bool
	limit   limit
	life    lifetime

	mu       sync.Mutex
	state    tableState
	positive *simplelru.LRU[string, *derivedEntry[V]]
	negative *simplelru.LRU[string, *derivedEntry[V]]
	index    map[string]map[string]struct{} // document -> keys of positive
	guards   *simplelru.LRU[string, guard]  // document -> guard, oldest end first
	flights  map[string]*derivedFlight[V]   // the joinable load of each key
	starts   map[*derivedFlight[V]]struct{} // every load in flight
	stats    Stats
}

type derivedEntry[V any] struct {
	derivedHeld
	value   V
	sources []Source
}

// newerThan reports whether the entry was made of a provably newer state of one of
// the documents.
func (e *derivedEntry[V]) newerThan(sources []Source) bool {
	for _, s := range sources {
		for _, o := range e.sources {
			if o.ID == s.ID && o.Version.Compare(s.Version) == store.Newer {
				return true
			}
		}
	}
	return false
}

type derivedFlight[V any] struct {
	*flight[Derived[V]]
	op derivedOp
}

// NewTable makes an empty table; the caller closes it.
func NewTable[V any](opts TableOptions) *Table[V] {
	o := Options[V]{
		MaxEntries: opts.MaxEntries, MaxFences: opts.MaxFences, MaxAge: opts.MaxAge, MaxStaleness: opts.MaxStaleness,
		Lag: opts.Lag, LoadTimeout: opts.LoadTimeout,
	}.withDefaults()
	def(&opts.MaxNegative, DefaultMaxNegative)
	opts.MaxEntries, opts.MaxNegative, opts.MaxFences, opts.Lag = max(1, o.MaxEntries), max(1, opts.MaxNegative), o.MaxFences, o.Lag
	t := &Table[V]{
		opts:    opts,
		clock:   opts.Clock,
		machine: newMachine(o.Lag, o.MaxAge, o.MaxStaleness, opts.Without),
		index:   map[string]map[string]struct{}{},
		flights: map[string]*derivedFlight[V]{},
		starts:  map[*derivedFlight[V]]struct{}{},
	}
	if t.clock == nil {
		t.clock, t.owned = NewClock(), true
	}
	// NewLRU fails only for sizes below one.
	t.positive, _ = simplelru.NewLRU(opts.MaxEntries, t.unindex)
	t.negative, _ = simplelru.NewLRU[string, *derivedEntry[V]](opts.MaxNegative, nil)
	t.guards, _ = simplelru.NewLRU[string, guard](unbounded, nil)
	t.life.open(o.LoadTimeout)
	t.limit.silent = t.machine.bound(true)
	t.SetHealth(Health{})
	return t
}

// Close ends the loads in flight and waits for them. Get fails with
// store.ErrClosed afterwards.
func (t *Table[V]) Close() {
	t.life.close()
	if t.owned {
		t.clock.Close()
	}
}

// unindex is called for every entry that leaves positive, so that the index
// changes in the same step.
func (t *Table[V]) unindex(key string, e *derivedEntry[V]) {
	for _, s := range e.sources {
		keys := t.index[s.ID]
		delete(keys, key)
		if len(keys) == 0 {
			delete(t.index, s.ID)
		}
	}
}

// Get returns the value held for key, or loads it. Nothing found is an error of
// kind store.ErrNotFound. No error shows the key, which may be made of a secret. match,
// when not nil, must accept a value held before it is served.
func (t *Table[V]) Get(ctx context.Context, key string, match func(V) bool, load func(context.Context, Request) (Derived[V], error)) (V, error) {
	var none V
	e, f, err := t.open(ctx, key, match, load)
	switch {
	case err != nil:
		return none, err
	case e != nil && e.negative:
		return none, errNothing
	case e != nil:
		return e.value, nil
	}
	if err := f.wait(ctx, &t.mu, func() { t.land(key, f); t.stats.Reasons[reasonReadFailed]++ }); err != nil {
		return none, err
	}
	if len(f.result.Sources) == 0 {
		return none, errNothing
	}
	return f.result.Value, nil
}

// open is begin with the load under way.
func (t *Table[V]) open(ctx context.Context, key string, match func(V) bool, load func(context.Context, Request) (Derived[V], error)) (*derivedEntry[V], *derivedFlight[V], error) {
	if !t.life.enter() {
		return nil, nil, errClosed
	}
	defer t.life.leave()
	t.mu.Lock()
	defer t.mu.Unlock() // match is the user's
	e, f, joined := t.begin(key, match)
	if e == nil && !joined {
		launch(&t.life, ctx, f.flight, load, func() { t.finish(key, f) })
	}
	return e, f, nil
}

// begin is the event of a lookup, with the table locked: it returns the entry to
// serve, or a load to wait for, which the caller has to run unless it was joined.
func (t *Table[V]) begin(key string, match func(V) bool) (e *derivedEntry[V], f *derivedFlight[V], joined bool) {
	now, age := t.clock.read()
	bound := t.limit.at(age)
	if e, ok := t.positive.Get(key); ok && t.machine.derivedServable(t.state, e.derivedHeld, age, bound) && (match == nil || match(e.value)) {
		t.stats.Hits++
		return e, nil, false
	}
	if e, ok := t.negative.Get(key); ok && t.machine.derivedServable(t.state, e.derivedHeld, age, bound) {
		t.stats.Hits++
		return e, nil, false
	}
	f = t.flights[key]
	if joined = f != nil && t.state.joinable(f.op); joined {
		t.stats.Hits++
		t.stats.Joined++
	} else {
		t.stats.Misses++
		f = &derivedFlight[V]{flight: newFlight[Derived[V]](Request{}), op: t.state.begin(now, age)}
		t.flights[key], t.starts[f] = f, struct{}{}
	}
	f.waiters++
	return nil, f, joined
}

var errNothing = &store.Error{Op: store.OpQuery, Kind: store.ErrNotFound}

// land ends a flight's part in the table.
func (t *Table[V]) land(key string, f *derivedFlight[V]) {
	delete(t.starts, f)
	if t.flights[key] == f {
		delete(t.flights, key)
	}
}

func (t *Table[V]) finish(key string, f *derivedFlight[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(f.done)
	if f.abandoned {
		return
	}
	defer t.land(key, f)
	sources := f.result.Sources
	switch {
	case store.KindOf(f.err) == store.ErrNotFound:
		f.err, sources = nil, nil
		f.result = Derived[V]{}
	case f.err != nil:
		t.stats.Reasons[reasonReadFailed]++
		return
	}
	guards := make([]guard, len(sources))
	for i, s := range sources {
		guards[i], _ = t.guards.Peek(s.ID)
	}
	why := t.machine.admitDerived(t.state, f.op, sources, guards)
	if old, ok := t.positive.Peek(key); ok && why == reasonNone && old.newerThan(sources) {
		why = reasonNewer // R5d
	}
	t.stats.Reasons[why]++
	if why == reasonNewer {
		return
	}
	t.positive.Remove(key)
	t.negative.Remove(key)
	if why != reasonNone {
		return
	}
	e := &derivedEntry[V]{
		derivedHeld: derivedHeld{negative: len(sources) == 0, born: f.op.born, losses: f.op.losses, changes: f.op.changes},
		value:       f.result.Value,
		sources:     sources,
	}
	if e.negative {
		if t.negative.Add(key, e) {
			t.stats.Evicted++
		}
		return
	}
	if t.positive.Add(key, e) {
		t.stats.Evicted++
	}
	for _, s := range sources {
		if t.index[s.ID] == nil {
			t.index[s.ID] = map[string]struct{}{}
		}
		t.index[s.ID][key] = struct{}{}
	}
}

// Observe tells the table that a document of the collection is in state v or a
// later one.
func (t *Table[V]) Observe(id string, v store.Version) Effect {
	now, _ := t.clock.read()
	t.mu.Lock()
	defer t.mu.Unlock()
	g, _ := t.guards.Peek(id)
	t.state, g = t.machine.sourceChanged(t.state, g, v, now)
	t.guards.Add(id, g)
	t.boundGuards(now)
	t.stats.Messages++
	effect := NotHeld
	for key := range t.index[id] {
		e, _ := t.positive.Peek(key)
		if effect == NotHeld {
			effect = Confirmed
		}
		for _, s := range e.sources {
			if s.ID == id && !t.machine.sourceKeeps(s.Version, v) {
				t.positive.Remove(key)
				effect = Repaired
				break
			}
		}
	}
	switch effect {
	case Confirmed:
		t.stats.Confirmed++
	case Repaired:
		t.stats.Repaired++
	}
	return effect
}

// Forget tells the table that a document changed, nobody knows to what.
func (t *Table[V]) Forget(id string) Effect { return t.Observe(id, store.Version{}) }

// boundGuards removes guards that bind no load any more, and the oldest of the
// others while there are too many: then the table is blind for as long.
func (t *Table[V]) boundGuards(now int64) {
	oldest := now
	for f := range t.starts {
		oldest = min(oldest, f.op.start)
	}
	for {
		_, g, ok := t.guards.GetOldest()
		switch {
		case !ok:
			return
		case g.standsUntil() <= oldest:
		case t.guards.Len() > t.opts.MaxFences:
			t.state.scope = t.machine.shed(t.state.scope, g)
			t.stats.Shed++
		default:
			return
		}
		t.guards.RemoveOldest()
	}
}

// Lose tells the table that messages were lost. An entry is made of documents of
// several ranges, so all are concerned; and a query cannot be asked for a
// position, so the table is blind in any case.
func (t *Table[V]) Lose(Loss) {
	now, _ := t.clock.read()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.scope = t.machine.lose(t.state.scope, now, false)
	t.stats.Losses++
}

// SetHealth bounds the age of what is served by the state.
func (t *Table[V]) SetHealth(h Health) { t.limit.set(t.machine, t.clock, h) }

// Stats returns the counters.
func (t *Table[V]) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Entries, s.Fences = t.positive.Len()+t.negative.Len(), t.guards.Len()
	return s
}
