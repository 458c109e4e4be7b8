package cache

import (
	"math"
	"unique"

	"github.com/whiskstore/whiskstore/store"
)

// entry is a value as the LRU holds it, in as few bytes as it takes: there are as
// many as documents held. It lies in the LRU's own element, so that a hit follows
// one pointer less.
type entry[V any] struct {
	value   V
	rev     string
	order   uint64
	lineage unique.Handle[string] // one string for all entries
	born    int64

	seen   uint32 // losses, see held
	weight uint32 // bytes as charged, and absent

	// fence is the end of a fence of this very version that is all there is to know
	// about the key besides the value: the usual case after a write or its echo,
	// and not worth a record of its own. It is in units of 17 ms, rounded up; zero is
	// none.
	fence uint32

	// used is the turn in which a hit last moved the entry to the front of the LRU.
	// Once per turn is enough, and keeps hits of several processors on one key from
	// writing the list each time.
	used uint32
}

const (
	fenceBits = 24 // of a time that the unit of entry.fence leaves out
	turnBits  = 30 // a turn is about a second
)

// turn is the one of a time.
func turn(t int64) uint32 { return uint32(t >> turnBits) }

// fenceEnd is the end of a fence as an entry says it. It refuses what that cannot
// say, two years after the start of the process.
func fenceEnd(until int64) (end uint32, ok bool) {
	units := (until + 1<<fenceBits - 1) >> fenceBits
	return uint32(units), units <= math.MaxUint32
}

// fenceUntil is the end of the fence, zero without one.
func (e *entry[V]) fenceUntil() int64 { return int64(e.fence) << fenceBits }

const absentBit = 1 << 31

func newEntry[V any](h held, value V, size int64) entry[V] {
	e := entry[V]{
		value: value, rev: h.version.Rev, order: h.version.Order, lineage: unique.Make(h.version.Lineage), born: h.born,
		weight: uint32(min(size, absentBit-1)),
	}
	if h.absent {
		e.weight |= absentBit
	}
	e.saw(h.losses)
	return e
}

func (e *entry[V]) absent() bool { return e.weight&absentBit != 0 }

// size is what is charged for the entry, at most 2 GiB.
func (e *entry[V]) size() int64 { return int64(e.weight &^ absentBit) }

func (e *entry[V]) version() store.Version {
	return store.Version{Rev: e.rev, Order: e.order, Lineage: e.lineage.Value()}
}

// saw books that none of that many losses concerned the entry.
func (e *entry[V]) saw(losses uint64) {
	e.seen = max(e.seen, uint32(min(losses, math.MaxUint32)))
}

// held is the entry as the state machine sees it.
func (e *entry[V]) held() held {
	return held{present: true, absent: e.absent(), version: e.version(), born: e.born, losses: uint64(e.seen)}
}
