package cosmos

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

var errRangesMove = errors.New("the ranges of the container keep changing")

// Query implements store.Querier. List views are asked of every range at once,
// at most maxParallel, and merged; rows with equal order fields come by id as
// far as the ranges return them so.
func (s *Store) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		table := ""
		if q != nil {
			table = q.Table
		}
		if err := s.begin(ctx, store.OpQuery, table); err != nil {
			yield(store.Row{}, err)
			return
		}
		p, err := s.planOf(store.OpQuery, q)
		if err != nil {
			yield(store.Row{}, err)
			return
		}
		docs, join := s.list(ctx, p, table), view.Join(nil)
		if isSubjects(p) {
			docs, join = s.subjects(ctx, p, table)
		}
		for row, err := range p.Run(ctx, docs, join, q.OnUnreadable) {
			if !yield(row, err) {
				return
			}
		}
	}
}

// Count implements store.Counter: one request for each range.
func (s *Store) Count(ctx context.Context, q *store.Query) (int64, error) {
	table := ""
	if q != nil {
		table = q.Table
	}
	if err := s.begin(ctx, store.OpCount, table); err != nil {
		return 0, err
	}
	p, err := s.planOf(store.OpCount, q)
	if err != nil {
		return 0, err
	}
	if isSubjects(p) {
		items, err := s.gather(ctx, store.OpCount, p, table)
		if err != nil {
			return 0, err
		}
		n := 0
		for _, it := range items {
			n += p.RowCount(it.id, it.body)
		}
		return p.Count(int64(n)), nil
	}
	var total atomic.Int64
	err = s.overRanges(ctx, store.OpCount, table, func(ranges []keyRange) page {
		total.Store(0)
		requests := make([]pageRequest, len(ranges))
		for i, r := range ranges {
			requests[i] = pageRequest{op: store.OpCount, table: table, stmt: countStatement(p), rangeID: r.ID}
		}
		// A page may hold a part of a range's count, or nothing.
		return s.each(ctx, requests, func(raw []byte) error {
			n, err := strconv.ParseFloat(string(raw), 64)
			if err != nil {
				return s.fail(store.OpCount, table, store.ErrUnavailable, errors.New("the service's count is no number"))
			}
			total.Add(int64(n))
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return p.Count(total.Load()), nil
}

// overRanges calls do with the ranges of the container, again with newer ones
// when it comes back with a range that is gone.
func (s *Store) overRanges(ctx context.Context, op store.Op, table string, do func([]keyRange) page) error {
	pause := newPauses(s.patience())
	ranges, err := s.here().ranges.get(ctx, s.reader)
	for range maxRestarts {
		if err != nil {
			return s.translate(ctx, op, table, err)
		}
		bad := do(ranges)
		if !bad.gone {
			return bad.err
		}
		if !pause.next(ctx) {
			return s.translate(ctx, op, table, bad.err)
		}
		ranges, err = s.here().ranges.refresh(ctx, s.reader, ranges)
	}
	return s.fail(op, table, store.ErrUnavailable, errRangesMove)
}

// each reads all pages of several requests, at most maxParallel at a time, and
// hands their rows on, from several goroutines. It returns what went wrong; a
// range that is gone goes before what that did to the others.
func (s *Store) each(ctx context.Context, requests []pageRequest, row func([]byte) error) page {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu  sync.Mutex
		bad page
		wg  sync.WaitGroup
	)
	slots := make(chan struct{}, maxParallel)
	for _, r := range requests {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for more := true; more && ctx.Err() == nil; {
				p := s.page(ctx, r)
				for _, raw := range p.rows {
					if p.err == nil {
						p.err = row(raw)
					}
				}
				if p.err != nil {
					mu.Lock()
					if bad.err == nil || p.gone && !bad.gone {
						bad = page{gone: p.gone, err: p.err}
					}
					mu.Unlock()
					cancel()
				}
				r.continuation, more = p.continuation, p.continuation != ""
			}
		})
	}
	wg.Wait()
	if bad.err == nil && ctx.Err() != nil {
		bad.err = ctx.Err()
	}
	return bad
}
