package cosmostest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// maxCandidates is how many items equalities may select before walking an ordered tree is taken to be cheaper.
const maxCandidates = 4096

// source yields the items of one partition that may match, from just before a position.
type source struct {
	ordered bool // in the order of ORDER BY
	each    func(from *position, yield func(*item) bool)
}

// source chooses how to find the items of a statement. It copies the trees that it needs, which costs nothing until
// somebody writes, so that the rows are made without the container's mutex. The caller holds it.
func (q *pageRun) source(r *replica) source {
	switch {
	case q.prefix:
		return fromPrefix(r.inKey, q.pk)
	case q.pk != "":
		return fromKey(r.inKey.Copy(), q.pk)
	}
	candidates, selective := q.candidates(r)
	if selective {
		return fromList(candidates)
	}
	if path, desc, ok := q.b.OrderPath(); ok && !q.x.s.opts.Switches.OrderByKeepsUndefined && path != "_rid" {
		if index := r.index(q.c, path); index != nil {
			return fromIndex(index.tree.Copy(), q.b.BoundsOf(path), desc)
		}
	}
	return fromRIDs(r.byRID.Copy())
}

// candidates collects the items that the statement's equalities select; false is none or too many.
func (q *pageRun) candidates(r *replica) ([]*item, bool) {
	lookups := q.b.Lookups()
	if lookups == nil {
		return nil, false
	}
	var out []*item
	for _, l := range lookups {
		index := r.index(q.c, l.Path)
		if index == nil {
			return nil, false
		}
		for _, v := range l.Values {
			many, start := false, entryOf(v, &item{})
			index.tree.Ascend(start, func(e indexEntry) bool {
				if compareValues(e, start) != 0 {
					return false
				}
				out = append(out, e.it)
				many = len(out) > maxCandidates
				return !many
			})
			if many {
				return nil, false
			}
		}
	}
	slices.SortFunc(out, compareRIDs)
	return slices.Compact(out), true
}

// fromList yields collected items in the order of their creation.
func fromList(items []*item) source {
	return source{each: func(from *position, yield func(*item) bool) {
		for _, it := range items {
			if from != nil && it.rid < from.rid {
				continue
			}
			if !yield(it) {
				return
			}
		}
	}}
}

func compareRIDs(a, b *item) int { return cmp.Compare(a.rid, b.rid) }

// fromKey yields the items of one logical partition.
func fromKey(tree *btree.BTreeG[*item], pk string) source {
	return source{each: func(from *position, yield func(*item) bool) {
		start := &item{pk: pk}
		if from != nil {
			start.rid = from.rid
		}
		tree.Ascend(start, func(it *item) bool { return it.pk == pk && yield(it) })
	}}
}

// fromPrefix yields the items of all logical partitions whose keys begin with some components.
func fromPrefix(tree *btree.BTreeG[*item], prefix string) source {
	var items []*item
	tree.Ascend(&item{pk: prefix}, func(it *item) bool {
		if !strings.HasPrefix(it.pk, prefix) {
			return false
		}
		items = append(items, it)
		return true
	})
	slices.SortFunc(items, compareRIDs)
	return fromList(items)
}

func fromRIDs(tree *btree.BTreeG[*item]) source {
	return source{each: func(from *position, yield func(*item) bool) {
		if from == nil {
			tree.Scan(yield)
			return
		}
		tree.Ascend(&item{rid: from.rid}, yield)
	}}
}

// fromIndex walks an index in the direction of ORDER BY within what WHERE leaves of it.
func fromIndex(tree *btree.BTreeG[indexEntry], limits cosql.Bounds, desc bool) source {
	return source{ordered: true, each: func(from *position, yield func(*item) bool) {
		if desc {
			descend(tree, limits, from, yield)
			return
		}
		start := indexEntry{it: &item{}}
		if limits.Low != nil {
			start = entryOf(*limits.Low, start.it)
		}
		if from != nil && len(from.keys) == 1 {
			start = entryOf(from.keys[0], &item{rid: from.rid})
		}
		var end *indexEntry
		if limits.High != nil {
			e := entryOf(*limits.High, nil)
			end = &e
		}
		tree.Ascend(start, func(e indexEntry) bool {
			return (end == nil || compareValues(e, *end) <= 0) && yield(e.it)
		})
	}}
}

func descend(tree *btree.BTreeG[indexEntry], limits cosql.Bounds, from *position, yield func(*item) bool) {
	var end *indexEntry
	if limits.Low != nil {
		e := entryOf(*limits.Low, nil)
		end = &e
	}
	visit := func(e indexEntry) bool {
		return (end == nil || compareValues(e, *end) >= 0) && yield(e.it)
	}
	const last = ^uint64(0)
	switch {
	case from != nil && len(from.keys) == 1:
		tree.Descend(entryOf(from.keys[0], &item{rid: from.rid}), visit)
	case limits.High != nil:
		tree.Descend(entryOf(*limits.High, &item{rid: last}), visit)
	default:
		tree.Reverse(visit)
	}
}
