package cosmostest

import (
	"cmp"
	"strings"

	"github.com/tidwall/btree"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// replica is the state of one physical partition at one site. It is guarded by its container's mutex; queries read
// copies of its trees, which share nodes until one side writes.
type replica struct {
	byKey    *btree.BTreeG[*item]
	inKey    *btree.BTreeG[*item] // by logical partition, in it by creation
	byRID    *btree.BTreeG[*item]
	byLSN    *btree.BTreeG[*item]
	expiring *btree.BTreeG[*item]
	indexes  map[string]*pathIndex

	lsn     int64         // last LSN given to a change here
	vector  map[int]int64 // writes applied, by region of origin; 0 is the account's write region
	applied int64         // entries of the partition's log that have been applied
	graves  map[string]int64
	bytes   int64 // of the stored items
}

// maxIndexes bounds the number of indexes that queries make a replica keep.
const maxIndexes = 16

// indexEntry is one value of one item in an index. It holds the value in pieces because there are millions.
type indexEntry struct {
	kind cosql.Kind
	num  float64 // a number, or 1 for true
	str  string
	it   *item
}

// entryOf makes the entry of a value. Arrays and objects keep their kind only: nothing looks them up.
func entryOf(v cosql.Value, it *item) indexEntry {
	e := indexEntry{kind: v.Kind, it: it}
	switch v.Kind {
	case cosql.Number:
		e.num = v.Num
	case cosql.Bool:
		if v.Bool {
			e.num = 1
		}
	case cosql.String:
		e.str = v.Str
	}
	return e
}

// compareValues orders entries as ORDER BY does, without regard to their items.
func compareValues(a, b indexEntry) int {
	if c := cmp.Compare(a.kind, b.kind); c != 0 {
		return c
	}
	if c := cmp.Compare(a.num, b.num); c != 0 {
		return c
	}
	return strings.Compare(a.str, b.str)
}

type pathIndex struct {
	steps []string
	tree  *btree.BTreeG[indexEntry]
}

func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

func lessKey(a, b *item) bool {
	if c := strings.Compare(a.pk, b.pk); c != 0 {
		return c < 0
	}
	return a.id < b.id
}

func lessInKey(a, b *item) bool {
	if c := strings.Compare(a.pk, b.pk); c != 0 {
		return c < 0
	}
	return a.rid < b.rid
}

func lessRID(a, b *item) bool { return a.rid < b.rid }

func lessLSN(a, b *item) bool {
	if a.lsn != b.lsn {
		return a.lsn < b.lsn
	}
	return a.rid < b.rid
}

func lessExpires(a, b *item) bool {
	if a.expires != b.expires {
		return a.expires < b.expires
	}
	return a.rid < b.rid
}

func compareEntries(a, b indexEntry) int {
	if c := compareValues(a, b); c != 0 {
		return c
	}
	return cmp.Compare(a.it.rid, b.it.rid)
}

func lessEntry(a, b indexEntry) bool { return compareEntries(a, b) < 0 }

func newReplica() *replica {
	return &replica{byKey: newTree(lessKey), inKey: newTree(lessInKey), byRID: newTree(lessRID), byLSN: newTree(lessLSN), expiring: newTree(lessExpires),
		indexes: map[string]*pathIndex{}, vector: map[int]int64{}, graves: map[string]int64{}}
}

// get returns the stored version of an item, expired or not.
func (r *replica) get(pk, id string) *item {
	it, _ := r.byKey.Get(&item{pk: pk, id: id})
	return it
}

// set stores a version in place of old, which may be nil.
func (r *replica) set(c *container, old, it *item) {
	r.remove(c, old)
	r.byKey.Set(it)
	r.inKey.Set(it)
	r.byRID.Set(it)
	r.byLSN.Set(it)
	if it.expires != 0 {
		r.expiring.Set(it)
	}
	r.bytes += int64(len(it.raw))
	for _, x := range r.indexes {
		x.add(c, it)
	}
}

// remove takes a version out of the replica; nil is none.
func (r *replica) remove(c *container, it *item) {
	if it == nil {
		return
	}
	r.byKey.Delete(it)
	r.inKey.Delete(it)
	r.byRID.Delete(it)
	r.byLSN.Delete(it)
	if it.expires != 0 {
		r.expiring.Delete(it)
	}
	r.bytes -= int64(len(it.raw))
	for _, x := range r.indexes {
		x.each(c, it, func(e indexEntry) { x.tree.Delete(e) })
	}
}

// purge removes a few items that expired before a time; a write calls it so that the cost is spread.
func (r *replica) purge(c *container, before int64, limit int) int {
	n := 0
	for ; n < limit; n++ {
		it, ok := r.expiring.Min()
		if !ok || it.expires > before {
			break
		}
		r.remove(c, it)
	}
	return n
}

func (x *pathIndex) add(c *container, it *item) {
	x.each(c, it, func(e indexEntry) { x.tree.Set(e) })
}

func (x *pathIndex) each(c *container, it *item, yield func(indexEntry)) {
	document{c, it}.lookupPath(x.steps, func(raw string) {
		yield(entryOf(cosql.FromRaw(raw), it))
	})
}

// index returns the index of a path and makes it when it is new; nil when there are too many.
func (r *replica) index(c *container, path string) *pathIndex {
	if x := r.indexes[path]; x != nil {
		return x
	}
	if len(r.indexes) >= maxIndexes {
		return nil
	}
	x := &pathIndex{steps: strings.Split(path, "/"), tree: newTree(lessEntry)}
	r.byRID.Scan(func(it *item) bool {
		x.add(c, it)
		return true
	})
	r.indexes[path] = x
	return x
}

// clone returns a copy with the items that keep accepts. Indexes are left to be made again.
func (r *replica) clone(c *container, keep func(*item) bool) *replica {
	n := newReplica()
	r.byRID.Scan(func(it *item) bool {
		if keep(it) {
			n.set(c, nil, it)
		}
		return true
	})
	n.lsn, n.applied = r.lsn, r.applied
	for k, v := range r.vector {
		n.vector[k] = v
	}
	for k, v := range r.graves {
		n.graves[k] = v
	}
	return n
}
