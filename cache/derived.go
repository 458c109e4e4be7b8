package cache

import "github.com/whiskstore/whiskstore/store"

// Source is one document that a derived entry was made of.
type Source struct {
	// ID is the document's id.
	ID string

	// Version is the state that was read: zero for a document that did not exist
	// and for reads that name no version. Two reads of a document that name
	// revisions but no order are told apart, not ordered.
	Version store.Version
}

// tableState is what the entries of one derived table share (R11).
type tableState struct {
	scope
	changes uint64 // messages about any document of the source collection
	until   int64  // end of the last fence or blind time of any of its documents
}

// derivedOp is what a load of a derived entry remembers from its beginning.
type derivedOp struct {
	start   int64
	born    int64
	losses  uint64
	changes uint64
}

// derivedHeld is what decides whether a derived entry may be served.
type derivedHeld struct {
	negative bool // nothing was found; no document answers for it
	born     int64
	losses   uint64
	changes  uint64 // negative entries are valid only while it stands
}

func (t *tableState) begin(now, age int64) derivedOp {
	return derivedOp{start: now, born: age, losses: t.losses, changes: t.changes}
}

// joinable reports whether a reader that arrives now may be given the result of
// the load o.
func (t *tableState) joinable(o derivedOp) bool {
	return o.losses == t.losses && o.changes == t.changes
}

// servable is the whole test of a hit.
func (m machine) derivedServable(t tableState, h derivedHeld, age, bound int64) bool {
	return h.losses >= t.losses && age-h.born < bound &&
		(!h.negative || h.changes == t.changes || m.off.has(RuleDerived))
}

// sourceChanged books a message about a document of the source collection. The
// guard g of that document is kept until no load that began before its end is
// in flight.
func (m machine) sourceChanged(t tableState, g guard, v store.Version, now int64) (tableState, guard) {
	if m.off.has(RuleDerived) {
		return t, guard{}
	}
	t.changes++
	t.until = max(t.until, now+m.lag)
	l := line{guard: g}
	ev := event{kind: evMessage, version: v, now: now, next: 1}
	if v.IsZero() {
		m.forget(&l, ev)
	} else {
		m.observe(&l, ev)
	}
	return t, l.guard
}

// sourceKeeps reports whether an entry that was made of version held stays when
// version v of that document is announced.
func (m machine) sourceKeeps(held, v store.Version) bool {
	return atLeast(m.compare(held, v))
}

// admitDerived says why the result of the load o must not be stored. sources are
// the documents that it was made of, each with its guard; none means that
// nothing was found.
func (m machine) admitDerived(t tableState, o derivedOp, sources []Source, guards []guard) reason {
	switch {
	case o.losses != t.losses:
		return reasonVoid
	case o.start < t.blind || o.start < t.soft:
		return reasonBlind
	case m.off.has(RuleDerived):
		return reasonNone
	case len(sources) == 0 && (o.changes != t.changes || o.start < t.until):
		return reasonUnproved
	}
	for i, s := range sources {
		g := &guards[i]
		if s.Version.IsZero() && o.changes != t.changes {
			return reasonUnproved
		}
		if o.start < g.blind {
			return reasonBlind
		}
		if o.start >= g.until {
			continue
		}
		for k := range g.nfences {
			if !atLeast(m.compare(s.Version, g.fences[k])) {
				return reasonFence
			}
		}
	}
	return reasonNone
}
