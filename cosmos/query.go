package cosmos

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"sync"

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
	pause := newPauses(s.patience())
	for range maxRestarts {
		ranges, err := s.here().ranges.get(ctx, s.reader)
		if err != nil {
			return 0, s.translate(ctx, store.OpCount, table, err)
		}
		n, bad := s.sum(ctx, countStatement(p), table, ranges)
		switch {
		case bad.err == nil:
			return p.Count(n), nil
		case !bad.gone:
			return 0, bad.err
		}
		if _, err := s.here().ranges.refresh(ctx, s.reader, ranges); err != nil {
			return 0, s.translate(ctx, store.OpCount, table, err)
		}
		if !pause.next(ctx) {
			return 0, s.translate(ctx, store.OpCount, table, bad.err)
		}
	}
	return 0, s.fail(store.OpCount, table, store.ErrUnavailable, errRangesMove)
}

// sum adds up what a counting statement returns for each range.
func (s *Store) sum(ctx context.Context, stmt statement, table string, ranges []keyRange) (int64, page) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu    sync.Mutex
		total int64
		bad   page
		wg    sync.WaitGroup
	)
	slots := make(chan struct{}, maxParallel)
	for _, r := range ranges {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			n, b := s.sumRange(ctx, pageRequest{op: store.OpCount, table: table, stmt: stmt, rangeID: r.ID})
			mu.Lock()
			defer mu.Unlock()
			total += n
			if b.err != nil && (bad.err == nil || b.gone) && (ctx.Err() == nil || bad.err == nil) {
				bad = b
				cancel()
			}
		})
	}
	wg.Wait()
	return total, bad
}

// sumRange adds up the pages of one range: a page may hold a part of the count,
// or nothing.
func (s *Store) sumRange(ctx context.Context, r pageRequest) (total int64, bad page) {
	for {
		p := s.page(ctx, r)
		if p.err != nil {
			return 0, p
		}
		for _, raw := range p.rows {
			n, err := strconv.ParseFloat(string(raw), 64)
			if err != nil {
				return 0, page{err: s.fail(r.op, r.table, store.ErrUnavailable, errors.New("the service's count is no number"))}
			}
			total += int64(n)
		}
		if p.continuation == "" {
			return total, page{}
		}
		r.continuation = p.continuation
	}
}
