package memory

import (
	"math"
	"sort"
	"time"

	"github.com/tidwall/btree"

	"github.com/whiskstore/whiskstore/store/view"
)

// state is what a store holds. All indexes are kept in step by replace.
type state struct {
	at        position
	replica   bool      // a state of another store was applied
	inventory inventory // of the records on disk
	docs      map[string]*record
	views     map[treeKey]*tree
	bySeq     *btree.BTreeG[*record] // the change feed
	byExpiry  *btree.BTreeG[*record] // documents that expire, soonest first
}

func newState() state {
	return state{
		docs:  map[string]*record{},
		views: map[treeKey]*tree{},
		bySeq: newTree(func(a, b *record) bool { return a.seq < b.seq }),
		byExpiry: newTree(func(a, b *record) bool {
			if a.expires != b.expires {
				return a.expires < b.expires
			}
			return a.id < b.id
		}),
	}
}

// newTree returns a tree without locks of its own: the store's lock guards it.
func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

// replace installs next in place of old; either may be nil.
func (st *state) replace(old, next *record) {
	if old != nil {
		for _, p := range old.places {
			p.tree.rows.Delete(entry{p.order, old})
			if p.tree.rows.Len() == 0 {
				delete(st.views, p.tree.key)
			}
		}
		st.bySeq.Delete(old)
		if old.expires != 0 {
			st.byExpiry.Delete(old)
		}
	}
	if next == nil {
		delete(st.docs, old.id)
		return
	}
	st.docs[next.id] = next
	st.bySeq.Set(next)
	if next.expires != 0 {
		st.byExpiry.Set(next)
	}
	if len(next.entries) > 0 {
		next.places = make([]place, len(next.entries))
	}
	for i, e := range next.entries {
		key := treeKey{e.View, e.Path}
		t := st.views[key]
		if t == nil {
			t = &tree{key: key, rows: newTree(entryLess)}
			st.views[key] = t
		}
		t.rows.Set(entry{e.Order, next})
		next.places[i] = place{t, e.Order}
	}
	next.entries = nil
}

// due returns up to limit documents that have expired, soonest first.
func (st *state) due(now time.Time, limit int) []*record {
	var due []*record
	st.byExpiry.Scan(func(r *record) bool {
		if len(due) == limit || !r.expired(now) {
			return false
		}
		due = append(due, r)
		return true
	})
	return due
}

// anyExpired reports whether documents have expired that are not swept yet.
func (st *state) anyExpired(now time.Time) bool {
	first, ok := st.byExpiry.Min()
	return ok && first.expired(now)
}

// treeKey names an index: the documents of one view below one path. One tree
// each keeps what a query costs independent of all other paths.
type treeKey struct {
	view view.View
	path string
}

type tree struct {
	key  treeKey
	rows *btree.BTreeG[entry]
}

// entry is a document in a tree, which is sorted by order and id.
type entry struct {
	order float64
	r     *record
}

// beforeAll and afterAll stand before and after every document of one order.
var (
	beforeAll = new(record)
	afterAll  = new(record)
)

func entryLess(a, b entry) bool {
	switch {
	case a.order != b.order:
		return a.order < b.order
	case a.r == afterAll:
		return false
	case b.r == afterAll:
		return true
	}
	return a.r.id < b.r.id // the id of beforeAll is empty
}

// span returns the positions [from, to) in rows of the orders from min to max,
// both included. The tree counts its nodes, so this walks nothing.
func span(rows *btree.BTreeG[entry], min, max float64) (from, to int) {
	rank := func(pivot entry) int {
		return sort.Search(rows.Len(), func(i int) bool {
			at, _ := rows.GetAt(i)
			return !entryLess(at, pivot)
		})
	}
	to = rows.Len()
	if !math.IsInf(min, -1) {
		from = rank(entry{min, beforeAll})
	}
	if !math.IsInf(max, 1) {
		to = rank(entry{max, afterAll})
	}
	return from, to
}

// walk calls visit with the documents of rows at the positions [from, to), in
// reverse when descending, until it returns false.
func walk(rows *btree.BTreeG[entry], from, to int, descending bool, visit func(*record) bool) {
	left := to - from
	if left <= 0 {
		return
	}
	next := func(e entry) bool {
		left--
		return visit(e.r) && left > 0
	}
	if descending {
		last, _ := rows.GetAt(to - 1)
		rows.Descend(last, next)
		return
	}
	first, _ := rows.GetAt(from)
	rows.Ascend(first, next)
}
