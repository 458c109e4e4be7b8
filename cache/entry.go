package cache

import (
	"math"
	"slices"

	"github.com/whiskstore/whiskstore/store"
)

// entry is a value as the LRU holds it, in as few bytes as it takes: there are as
// many as documents held. It lies in the LRU's own element, so that a hit follows
// one pointer less. With a pointer for a value it takes 56 bytes, and the element
// 128, which are two lines of a processor's cache.
type entry[V any] struct {
	value V
	born  int64
	rev   string
	order uint64
	seen  uint32 // losses, see held

	// used is the shard's turn in which a hit last moved the entry to the front of
	// the LRU. Once per turn is enough: most hits write neither the entry nor those
	// beside it in the list.
	used uint16

	lineage uint16 // its number in the shard's lineages
	weight  uint32 // bytes as charged, and absent

	// fence is the end of a fence of this very version that is all there is to know
	// about the key besides the value: the usual case after a write or its echo,
	// and not worth a record of its own. It is in units of 17 ms, rounded up; zero is
	// none.
	fence uint32
}

const (
	fenceBits = 24 // of a time that the unit of entry.fence leaves out
	turnBits  = 35 // a turn is at most 34 seconds
)

// fenceEnd is the end of a fence as an entry says it. It refuses what that cannot
// say, two years after the start of the process.
func fenceEnd(until int64) (end uint32, ok bool) {
	units := (until + 1<<fenceBits - 1) >> fenceBits
	return uint32(units), units <= math.MaxUint32
}

// fenceUntil is the end of the fence, zero without one.
func (e *entry[V]) fenceUntil() int64 { return int64(e.fence) << fenceBits }

const absentBit = 1 << 31

// newEntry makes an entry of a version whose lineage has that number.
func newEntry[V any](h held, lineage uint16, value V, size int64) entry[V] {
	e := entry[V]{
		value: value, born: h.born, lineage: lineage, rev: h.version.Rev, order: h.version.Order,
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

// version takes the name of its lineage.
func (e *entry[V]) version(lineage string) store.Version {
	return store.Version{Rev: e.rev, Order: e.order, Lineage: lineage}
}

// saw books that none of that many losses concerned the entry.
func (e *entry[V]) saw(losses uint64) {
	e.seen = max(e.seen, uint32(min(losses, math.MaxUint32)))
}

// held is the entry as the state machine sees it; it takes the name of its lineage.
func (e *entry[V]) held(lineage string) held {
	return held{present: true, absent: e.absent(), version: e.version(lineage), born: e.born, losses: uint64(e.seen)}
}

// lineages are the ones of a shard's entries, by number. A cache meets one, and
// another when a container is made anew.
type lineages []string

const maxLineages = 256

// full reports whether there may be no room for another one.
func (l lineages) full() bool { return len(l) >= maxLineages }

// number is the one of a lineage, which gets one if it has none.
func (l *lineages) number(name string) uint16 {
	i := slices.Index(*l, name)
	if i < 0 {
		i = len(*l)
		*l = append(*l, name)
	}
	return uint16(i)
}
