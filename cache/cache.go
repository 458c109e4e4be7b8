package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Defaults of Options.
const (
	DefaultMaxEntries   = 100_000
	DefaultMaxBytes     = 256 << 20
	DefaultMaxFences    = 65_536
	DefaultMaxAge       = 5 * time.Minute
	DefaultMaxStaleness = 30 * time.Second
	DefaultLag          = 10 * time.Second
	DefaultLoadTimeout  = 60 * time.Second
)

// Options are the options of New; every zero field has a default.
type Options[V any] struct {
	// MaxEntries and MaxBytes bound what is held; the least recently used values
	// go first. Bytes are those of keys and of what Size says. Keys are spread over
	// 16 parts, of which each may hold a sixteenth, and at least one value; a value
	// larger than that is not held.
	MaxEntries int
	MaxBytes   int64

	// MaxFences bounds the keys about which something is known besides a value.
	// Beyond it the oldest is forgotten and a part of the cache is blind for as
	// long as its fence would have stood.
	MaxFences int

	// MaxAge is the time after the start of its load or write at which a value
	// expires; access does not prolong it (row CACHE-D16, DIFFERS). MaxStaleness,
	// at most MaxAge, takes its place while the cache is degraded.
	MaxAge       time.Duration
	MaxStaleness time.Duration

	// Lag is the lag budget: no read of this region is further behind the primary.
	Lag time.Duration

	// LoadTimeout ends loads; nothing that the protocol promises holds for
	// operations without end.
	LoadTimeout time.Duration

	// Negative caches the absence of a document. Entity caches do not (row
	// CACHE-D2), those of identities do (row CACHE-D15).
	Negative bool

	// Size is the number of bytes charged for a value, never asked about absences;
	// nil charges none.
	Size func(V) int

	// Copy makes the copy that a caller is handed, and the one that is kept of
	// what a caller hands in; nil shares values, which must then never be modified.
	Copy func(V) V

	// Notify is told of every write that ended, whatever its outcome, before the
	// writer's own call returns (rows CACHE-01, CACHE-D6 and CACHE-D8). It must not
	// block.
	Notify func(Written)

	// Clock may be shared by caches; nil makes one that Close closes.
	Clock *Clock

	// Hash spreads keys over the parts of the cache; nil is a hash with a random
	// seed. Simulations set it, so that a run can be repeated.
	Hash func(key string) uint64

	// Place is where a document lies in the key space that store.Range divides. Nil
	// is for collections of one range, and where it is not known: a loss of a part
	// then concerns all. It must be quick and always answer the same.
	Place func(key string) string

	// Logger is told of overflowing fences; nil is silent.
	Logger *slog.Logger

	// Without switches rules of the protocol off. It is for proofs only.
	Without Rule
}

// Outcome is how a write ended.
type Outcome uint8

// The outcomes of a write.
const (
	Committed  Outcome = iota // the document is in state Version
	InDoubt                   // it may have changed, or may still change
	Conflicted                // refused with Conflict or NotFound; nothing changed
	Refused                   // refused otherwise; nothing changed
)

// Written tells of a write that ended.
type Written struct {
	Key     string
	Outcome Outcome
	Version store.Version // of a committed write; zero if the reply named none
	Deleted bool
}

// Loaded is a value with the version of the document state it was made of.
type Loaded[V any] struct {
	Value   V
	Version store.Version

	// Pass keeps the value out of the cache.
	Pass bool

	// Unmodified says that the document is in state Request.Held: the value that
	// was held stands for Value (R1: revalidation is a load).
	Unmodified bool
}

// Request says what a load has to reflect.
type Request struct {
	Key string

	// Fresh asks that no lagging replica answer.
	Fresh bool

	// After is a state or position that the answer must reflect, where one is known.
	After store.Freshness

	// Held is the state of a value that is held but must not be served, as it is
	// suspect or too old; zero without one. A load that finds the document still in
	// that state may return Loaded.Unmodified with its Version, and save making the
	// value again.
	Held store.Version
}

// Loader reads a value from the store. An absent document is an error of kind
// store.ErrNotFound. Its context belongs to all who wait for it: it ends when the
// last of them has gone.
type Loader[V any] = func(context.Context, Request) (Loaded[V], error)

// Cache holds values of one type by document id, coherently. It is safe for
// concurrent use.
type Cache[V any] struct {
	opts    Options[V]
	machine machine
	clock   *Clock
	owned   bool
	seed    maphash.Seed
	shards  [shards]*shard[V]
	limit   limit         // age at which values are not served
	losses  atomic.Uint64 // of scopes; what hits look at

	mu     sync.Mutex // held while scopes is replaced
	scopes atomic.Pointer[scopes]

	state atomic.Pointer[Health]
	life  lifetime
}

const shards = 16

// New makes an empty cache; the caller closes it. It is LocalOnly until a
// subscriber says otherwise; a subscriber begins with Lose, because messages may
// have been missed before it heard any (R7).
func New[V any](opts Options[V]) *Cache[V] {
	o := opts.withDefaults()
	c := &Cache[V]{
		opts:    o,
		clock:   o.Clock,
		seed:    maphash.MakeSeed(),
		machine: newMachine(o.Lag, o.MaxAge, o.MaxStaleness, o.Without),
	}
	if c.clock == nil {
		c.clock, c.owned = NewClock(), true
	}
	c.life.open(o.LoadTimeout)
	for i := range c.shards {
		c.shards[i] = newShard[V](c)
	}
	c.scopes.Store(&scopes{})
	c.limit.silent = c.machine.bound(true)
	c.SetHealth(Health{State: LocalOnly, Reason: "no bus is attached"})
	return c
}

// newMachine takes from the ages what the coarse clock may be behind.
func newMachine(lag, maxAge, maxStaleness time.Duration, off Rule) machine {
	return machine{lag: int64(lag), maxAge: int64(maxAge - tick), maxStaleness: int64(maxStaleness - tick), off: off}
}

func (o Options[V]) withDefaults() Options[V] {
	def(&o.MaxEntries, DefaultMaxEntries)
	def(&o.MaxBytes, DefaultMaxBytes)
	def(&o.MaxFences, DefaultMaxFences)
	def(&o.MaxAge, DefaultMaxAge)
	def(&o.MaxStaleness, min(DefaultMaxStaleness, o.MaxAge))
	o.MaxStaleness = min(o.MaxStaleness, o.MaxAge) // R9
	def(&o.Lag, DefaultLag)
	def(&o.LoadTimeout, DefaultLoadTimeout)
	if o.Size == nil {
		o.Size = func(V) int { return 0 }
	}
	if o.Notify == nil {
		o.Notify = func(Written) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// copyOf is the copy that is handed out or kept.
func (c *Cache[V]) copyOf(v V) V {
	if c.opts.Copy == nil {
		return v
	}
	return c.opts.Copy(v)
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Close ends the loads in flight and waits for them. Lookups fail with
// store.ErrClosed afterwards.
func (c *Cache[V]) Close() {
	c.life.close()
	c.limit.shut()
	if c.owned {
		c.clock.Close()
	}
}

func (c *Cache[V]) shard(key string) *shard[V] {
	if c.opts.Hash != nil {
		return c.shards[c.opts.Hash(key)&(shards-1)]
	}
	return c.shards[maphash.String(c.seed, key)&(shards-1)]
}

// Observe tells the cache that the document is in state v or a later one: a
// message with a version (R3). A zero v is Forget.
func (c *Cache[V]) Observe(key string, v store.Version) Effect {
	return c.message(key, v)
}

// Forget tells the cache that the document changed, nobody knows to what.
func (c *Cache[V]) Forget(key string) Effect { return c.message(key, store.Version{}) }

// Effect is what a message did to a line.
type Effect uint8

// The effects of a message.
const (
	NotHeld   Effect = iota // no value was held
	Confirmed               // the value held is at least as new
	Repaired                // the value held was, or may have been, older: it is gone
)

func (c *Cache[V]) message(key string, v store.Version) Effect {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apply(key, event{kind: evMessage, version: v})
	s.stats.Messages++
	switch a.verdict {
	case verdictDropped:
		s.stats.Repaired++
		return Repaired
	case verdictKept:
		s.stats.Confirmed++
		return Confirmed
	}
	return NotHeld
}

// Lose tells the cache that messages were lost (R7): what it holds is suspect,
// what is in flight is void, and nothing is stored for the lag budget; all that
// only where Options.Place puts the key into the range of the loss. With a
// position, loads read at it for that long and may be stored, unless another
// loss stands that named another position: two positions cannot be compared.
func (c *Cache[V]) Lose(loss Loss) {
	if c.opts.Place == nil {
		loss.Min, loss.Max = "", ""
	}
	now, _ := c.clock.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	after := c.scopes.Load().lose(c.machine, now, loss)
	c.scopes.Store(after)
	if !c.machine.off.has(RuleSuspect) {
		c.losses.Store(after.total)
	}
}

// scope is the one of a key.
func (c *Cache[V]) scope(key string) rangeScope {
	s := c.scopes.Load()
	if len(s.ranges) == 0 {
		return s.all
	}
	return s.at(c.opts.Place(key))
}

var errClosed = &store.Error{Op: store.OpGet, Kind: store.ErrClosed, Err: errors.New("cache is closed")}
