package memory

import (
	"bytes"
	"context"
	"iter"
	"math"
	"time"

	"github.com/tidwall/btree"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// Query returns the rows of a view as they were at one moment, the start of the
// loop; joined documents are read when their row is reached.
func (s *Store) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		plan, err := s.plan(ctx, store.OpQuery, q)
		if err != nil {
			yield(store.Row{}, err)
			return
		}
		for row, err := range s.rows(ctx, plan, q.OnUnreadable) {
			if row.Doc != nil { // the store's own body until here
				row.Doc.Body = bytes.Clone(row.Doc.Body)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Count returns the number of rows of a view. For views with an order it costs
// no more in a large collection than in a small one, unless documents have
// expired since the last write: then it looks at each of the selection.
func (s *Store) Count(ctx context.Context, q *store.Query) (int64, error) {
	plan, err := s.plan(ctx, store.OpCount, q)
	if err != nil {
		return 0, err
	}
	count := *plan
	count.Limit = 0
	n := int64(0)
	if onePerDocument(plan.View) {
		sel := s.selection(&count, true)
		rows, stale, err := sel.snapshot(s, store.OpCount)
		if err != nil || rows == nil {
			return 0, err
		}
		if !stale {
			from, to := sel.bounds(rows)
			return int64(to - from), nil
		}
		sel.each(rows, stale, math.MaxInt, func(*record) bool {
			n++
			return ctx.Err() == nil || n%checkEvery != 0
		})
		return n, ctx.Err()
	}
	for _, err := range s.rows(ctx, &count, q.OnUnreadable) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// plan resolves q for this store.
func (s *Store) plan(ctx context.Context, op store.Op, q *store.Query) (*view.Plan, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	closed := s.closed
	s.mu.RUnlock()
	if closed {
		return nil, s.fail(op, q.Table, store.ErrClosed, nil)
	}
	plan, err := view.NewPlan(s.collection, q)
	if e, ok := err.(*store.Error); ok {
		return nil, s.fail(op, q.Table, e.Kind, e.Err)
	}
	return plan, err
}

// onePerDocument reports whether a view has exactly one row for each document
// that its index holds, so that positions in the index are positions of rows.
func onePerDocument(v view.View) bool {
	return v != view.Identities && v != view.BlockedNamespaces
}

// rows runs plan over the documents of its index.
func (s *Store) rows(ctx context.Context, plan *view.Plan, onUnreadable func(error)) iter.Seq2[store.Row, error] {
	sel := s.selection(plan, onUnreadable == nil)
	if sel.skip > 0 {
		rest := *plan
		rest.Skip = 0 // the index skips
		plan = &rest
	}
	return plan.Run(ctx, s.documents(ctx, sel), s.join, onUnreadable)
}

func (s *Store) join(_ context.Context, id string) (store.Document, error) {
	s.mu.RLock()
	r, closed := s.state.docs[id], s.closed
	s.mu.RUnlock()
	if closed {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrClosed, nil)
	}
	if r == nil || r.deleted || s.isGone(r) {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrNotFound, nil)
	}
	return r.shared(), nil
}

// selection is a stretch of one index.
type selection struct {
	key        treeKey
	min, max   float64
	descending bool
	skip       int
	need       int // as many documents are enough; 0 is all
	now        time.Time
}

// selection returns the documents that plan needs; exact says that each of them
// will become a row.
func (s *Store) selection(plan *view.Plan, exact bool) selection {
	v, path, min, max := plan.Range()
	sel := selection{key: treeKey{v, path}, min: min, max: max, descending: plan.Descending, now: s.now()}
	if onePerDocument(v) {
		sel.skip = plan.Skip
		if exact {
			sel.need = plan.Limit
		}
	}
	return sel
}

// bounds returns the positions in rows, after what is skipped.
func (sel *selection) bounds(rows *btree.BTreeG[entry]) (from, to int) {
	from, to = span(rows, sel.min, sel.max)
	if sel.skip >= to-from {
		return from, from
	}
	if sel.descending {
		return from, to - sel.skip
	}
	return from + sel.skip, to
}

// each visits the documents of the selection and reports whether it came to
// the end within budget documents. stale says that rows may hold documents which
// have expired; without, skipping costs nothing.
func (sel *selection) each(rows *btree.BTreeG[entry], stale bool, budget int, visit func(*record) bool) bool {
	skip := 0
	from, to := 0, 0
	if stale {
		from, to = span(rows, sel.min, sel.max)
		skip = sel.skip
	} else {
		from, to = sel.bounds(rows)
		if sel.need > 0 && sel.need < to-from {
			if sel.descending {
				from = to - sel.need
			} else {
				to = from + sel.need
			}
		}
		if to-from > budget {
			return false
		}
	}
	found, whole := 0, true
	walk(rows, from, to, sel.descending, func(r *record) bool {
		if budget--; budget < 0 {
			whole = false
			return false
		}
		if stale && r.expired(sel.now) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		found++
		return visit(r) && (sel.need == 0 || found < sel.need)
	})
	return whole
}

// snapshot returns the index as it is now, or nil when it is empty, and whether
// it may hold documents that have expired. It is a copy-on-write copy: making it
// costs the same for every size, and writes copy a node of it when they first
// touch it.
func (sel *selection) snapshot(s *Store, op store.Op) (rows *btree.BTreeG[entry], stale bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, s.fail(op, "", store.ErrClosed, nil)
	}
	t := s.state.views[sel.key]
	if t == nil {
		return nil, false, nil
	}
	return t.rows.IsoCopy(), s.state.anyExpired(sel.now), nil
}

const (
	// pageSize is how many documents are taken from an index while the lock is
	// held. It is upstream's largest page of a list and some more.
	pageSize = 256

	// checkEvery is after how many documents a long loop looks at its context.
	checkEvery = 256
)

// documents returns the documents of sel as they are when the loop starts: a
// short selection is copied under the lock, a long one read from a snapshot
// without it. Either way every document appears in its state of that moment, so
// none appears twice and none is missing because it moved. Bodies are shared.
func (s *Store) documents(ctx context.Context, sel selection) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		page, ok, err := s.page(&sel)
		if err != nil {
			yield(store.Document{}, err)
			return
		}
		if ok {
			for _, r := range page {
				if !yield(r.shared(), nil) {
					return
				}
			}
			return
		}
		rows, stale, err := sel.snapshot(s, store.OpQuery)
		if err != nil {
			yield(store.Document{}, err)
			return
		}
		if rows == nil {
			return
		}
		n := 0
		sel.each(rows, stale, math.MaxInt, func(r *record) bool {
			if n++; n%checkEvery == 0 && ctx.Err() != nil {
				yield(store.Document{}, ctx.Err())
				return false
			}
			return yield(r.shared(), nil)
		})
	}
}

// page returns the whole selection if it is short.
func (s *Store) page(sel *selection) (page []*record, whole bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, false, s.fail(store.OpQuery, "", store.ErrClosed, nil)
	}
	t := s.state.views[sel.key]
	if t == nil {
		return nil, true, nil
	}
	whole = sel.each(t.rows, s.state.anyExpired(sel.now), pageSize, func(r *record) bool {
		page = append(page, r)
		return true
	})
	return page, whole, nil
}
