package cosmos

import (
	"container/heap"
	"context"
	"encoding/json"
	"iter"
	"math"
	"sync"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

const (
	// maxParallel bounds the requests that one query has in flight.
	maxParallel = 16

	// maxRestarts bounds how often one query starts again because ranges were
	// split or merged under it.
	maxRestarts = 10
)

// reached is how far a list query got: rows in order up to a value, and the
// documents of that very value.
type reached struct {
	count int             // documents so far
	order json.RawMessage // nil before the first
	value float64
	ids   []string // with that order
}

func (p *reached) passed(e *entry) {
	p.count++
	if p.order == nil || e.order != p.value {
		p.order, p.value, p.ids = e.orderRaw, e.order, p.ids[:0]
	}
	p.ids = append(p.ids, e.id)
}

// list returns the documents of a list view in the plan's order: one statement
// to every range, merged as they stream in. When a range goes away, the query
// starts again over the ranges that there are then, from where it stood.
func (s *Store) list(ctx context.Context, p *view.Plan, table string) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		var at reached
		more := true
		err := s.overRanges(ctx, store.OpQuery, table, func(ranges []keyRange) (bad page) {
			bad, more = s.merge(ctx, p, table, ranges, &at, yield)
			return bad
		})
		if err != nil && more {
			yield(store.Document{}, err)
		}
	}
}

// merge runs the query over ranges from where it got before. It returns what went
// wrong, and whether the caller wants more.
func (s *Store) merge(ctx context.Context, p *view.Plan, table string, ranges []keyRange, at *reached,
	yield func(store.Document, error) bool) (bad page, more bool) {
	ctx, cancel := context.WithCancel(ctx)
	f := &fan{s: s, ctx: ctx, slots: make(chan struct{}, maxParallel)}
	defer f.wait()
	defer cancel()
	f.req = pageRequest{op: store.OpQuery, table: table}
	need := wanted(p)
	if need > 0 {
		need = max(1, need-at.count) + len(at.ids)
	}
	f.req.stmt = listStatement(p, need, at.order)
	f.req.size = pageSize(need, len(ranges), p.IncludeDocs)
	f.ahead = need == 0

	h := &cursors{descending: p.Descending}
	for _, r := range ranges {
		h.list = append(h.list, f.begin(r))
	}
	live := h.list[:0]
	for _, c := range h.list {
		ok, bad := f.fill(c)
		if bad.err != nil {
			return bad, true
		}
		if ok {
			live = append(live, c)
		}
	}
	h.list = live
	heap.Init(h)
	resumed, last := at.order != nil, at.value
	before := make(map[string]bool, len(at.ids)) // handed out already, of order last
	for _, id := range at.ids {
		before[id] = true
	}
	for len(h.list) > 0 {
		c := h.list[0]
		e := &c.head
		if !resumed || e.order != last || !before[e.id] {
			at.passed(e)
			if !yield(f.document(p, e)) {
				return page{}, false
			}
		}
		ok, bad := f.fill(c)
		switch {
		case bad.err != nil:
			return bad, true
		case ok:
			heap.Fix(h, 0)
		default:
			heap.Pop(h)
		}
	}
	return page{}, true
}

// wanted is how many documents a plan can use, 0 for all.
func wanted(p *view.Plan) int {
	if p.Limit == 0 || p.Skip > math.MaxInt32-p.Limit {
		return 0
	}
	return p.Skip + p.Limit
}

// pageSize is how many rows to ask a range for at once: of a limited query what
// one range may well have among the first, so that a second round is rare; of an
// unlimited one so many that all ranges together fill a few thousand rows.
func pageSize(need, ranges int, docs bool) int {
	const most = 1000
	if need > 0 {
		if ranges == 1 {
			return min(need, most)
		}
		mean := float64(need) / float64(ranges)
		return min(need, most, int(math.Ceil(mean+4*math.Sqrt(mean)+3)))
	}
	total, least := 4096, 100
	if docs {
		total, least = 1024, 25
	}
	return max(least, min(most, total/max(1, ranges)))
}

// fan reads pages of several ranges at once. Its methods are called from one
// goroutine.
type fan struct {
	s     *Store
	ctx   context.Context
	req   pageRequest
	ahead bool // read the next page while the rows of this one are used
	slots chan struct{}
	wg    sync.WaitGroup
}

// cursor is a range of a fan.
type cursor struct {
	id      string
	head    entry
	rows    [][]byte
	next    string    // continuation, "" at the end
	pending chan page // a page on its way, or nil
}

func (f *fan) begin(r keyRange) *cursor {
	c := &cursor{id: r.ID}
	f.fetch(c)
	return c
}

// fetch sends for the next page of a range.
func (f *fan) fetch(c *cursor) {
	req := f.req
	req.rangeID, req.continuation = c.id, c.next
	reply := make(chan page, 1)
	c.pending = reply
	f.wg.Go(func() {
		select {
		case f.slots <- struct{}{}:
			defer func() { <-f.slots }()
			reply <- f.s.page(f.ctx, req)
		case <-f.ctx.Done():
			reply <- page{err: f.ctx.Err()}
		}
	})
}

// fill makes the next row the cursor's head. It is false at the end, or with
// what went wrong.
func (f *fan) fill(c *cursor) (ok bool, bad page) {
	for len(c.rows) == 0 {
		if c.pending == nil {
			if c.next == "" {
				return false, page{}
			}
			f.fetch(c)
		}
		var p page
		select {
		case p = <-c.pending:
		case <-f.ctx.Done():
			return false, page{err: f.ctx.Err()}
		}
		c.pending = nil
		if p.err != nil {
			return false, p
		}
		c.rows, c.next = p.rows, p.continuation
		if c.next != "" && (f.ahead || len(c.rows) == 0) {
			f.fetch(c)
		}
	}
	c.head = parseEntry(c.rows[0])
	c.rows[0] = nil // rows that were used must not keep memory
	c.rows = c.rows[1:]
	return true, page{}
}

// document is a row's document.
func (f *fan) document(p *view.Plan, e *entry) (store.Document, error) {
	if e.err == nil && p.IncludeDocs {
		var it item
		if it, e.err = decodeItem(e.doc); e.err == nil {
			doc := it.document(f.s.here(), 0)
			doc.Version.Lineage = "" // rows are states of any time
			return doc, nil
		}
	}
	if e.err != nil {
		return store.Document{}, f.s.fail(store.OpQuery, e.id, store.ErrUnreadable, e.err)
	}
	return store.Document{ID: e.id, Version: store.Version{Rev: e.etag}, Body: e.doc}, nil
}

func (f *fan) wait() { f.wg.Wait() }

// cursors is a heap by order and id of the heads.
type cursors struct {
	list       []*cursor
	descending bool
}

func (h *cursors) Len() int { return len(h.list) }

func (h *cursors) Less(i, j int) bool {
	a, b := &h.list[i].head, &h.list[j].head
	if h.descending {
		a, b = b, a
	}
	if a.order != b.order {
		return a.order < b.order
	}
	return a.id < b.id
}

func (h *cursors) Swap(i, j int) { h.list[i], h.list[j] = h.list[j], h.list[i] }

func (h *cursors) Push(x any) { h.list = append(h.list, x.(*cursor)) }

func (h *cursors) Pop() any {
	last := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return last
}
