package route

import (
	"container/list"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// table remembers what the primary is known to hold of recently written ids. It
// holds at most max of them.
//
// A state may be recorded late: a write returns, and before it is written down
// another write or a read of the same id is. Nothing is guessed then. Where
// versions do not tell which of two is newer, the id becomes unknown and its next
// read asks the primary.
type table struct {
	max    int
	maxLag time.Duration

	mu    sync.Mutex
	ids   map[string]*list.Element // of *state
	order list.List                // front: recorded longest ago
	seq   uint64
	last  time.Time // of the last write

	// Until then, an id that is missing may be one that was evicted too early.
	overflow time.Time
}

// state is what is known of one id.
type state struct {
	id      string
	version store.Version // zero unless a version is known
	absent  bool          // the primary had no document, and no tombstone to wait for
	at      time.Time     // when it was recorded
	seq     uint64        // never the same for two records
}

// place is where a Get has to look.
type place uint8

const (
	atReplica  place = iota // nothing is known
	toCompare               // the replica may answer if it shows this state or a newer one
	atPrimary               // a version is not known
	overflowed              // the id may have been evicted
)

func newTable(max int, maxLag time.Duration) *table {
	return &table{max: max, maxLag: maxLag, ids: map[string]*list.Element{}}
}

// look returns what is known of id, and where to read it.
func (t *table) look(id string) (state, place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.ids[id]
	if e != nil {
		s := e.Value.(*state)
		switch {
		case s.version.Rev != "":
			return *s, toCompare
		case !s.absent || time.Since(s.at) < t.maxLag:
			return *s, atPrimary
		}
		t.remove(e)
	}
	if !t.overflow.IsZero() {
		if time.Now().Before(t.overflow) {
			return state{}, overflowed
		}
		t.overflow = time.Time{}
	}
	return state{}, atReplica
}

// wrote records a write of id over the state base that made it v: the zero
// Version for a physical delete.
func (t *table) wrote(id, base string, v store.Version) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	next := state{version: v, absent: v.Rev == ""}
	if e := t.ids[id]; e != nil {
		s := e.Value.(*state)
		if base == "" || s.version.Rev != base {
			next = merge(*s, next)
		}
	}
	t.record(id, next)
}

// doubted records that the primary's state of id is not known any more.
func (t *table) doubted(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	t.record(id, state{})
}

// saw records that the primary answered a Get, which began when seen was what
// the table held, with the version v, or the zero Version for none.
func (t *table) saw(id string, seen state, from place, v store.Version) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := state{version: v, absent: v.Rev == ""}
	e := t.ids[id]
	if e == nil {
		if from == overflowed {
			return // remembering reads would evict writes, and never end
		}
		t.record(id, next)
		return
	}
	s := e.Value.(*state)
	switch {
	case s.seq != seen.seq:
		next = merge(*s, next)
	case s.absent && next.absent:
		return // absent since then, not since now
	default:
		if c := v.Compare(s.version); c == store.Same || c == store.Older {
			return
		}
	}
	t.record(id, next)
}

// merge returns the newer one of two states of one id, or an unknown state where
// that cannot be told.
func merge(a, b state) state {
	if a.absent && b.absent {
		return b
	}
	switch b.version.Compare(a.version) {
	case store.Newer, store.Same:
		return b
	case store.Older:
		return a
	}
	return state{}
}

// record puts s at the back of the table, and evicts the front when there is no
// room.
func (t *table) record(id string, s state) {
	t.seq++
	s.id, s.at, s.seq = id, time.Now(), t.seq
	if e := t.ids[id]; e != nil {
		*e.Value.(*state) = s
		t.order.MoveToBack(e)
		return
	}
	if len(t.ids) >= t.max {
		front := t.order.Front()
		if until := front.Value.(*state).at.Add(t.maxLag); until.After(t.overflow) && until.After(s.at) {
			t.overflow = until
		}
		t.remove(front)
	}
	t.ids[id] = t.order.PushBack(&s)
}

// forget drops id, which the replica has been seen to show, unless something was
// recorded since.
func (t *table) forget(id string, seen state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.ids[id]; e != nil && e.Value.(*state).seq == seen.seq {
		t.remove(e)
	}
}

func (t *table) remove(e *list.Element) {
	t.order.Remove(e)
	delete(t.ids, e.Value.(*state).id)
}

// lately reports whether anything was written within maxLag.
func (t *table) lately() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.last.IsZero() && time.Since(t.last) < t.maxLag
}
