package cosmostest

import (
	"slices"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// counted adds the rows of a complete result after those of earlier pages.
func (q *pageRun) counted(all []cosql.Value) error {
	from := min(int64(len(all)), q.cur.rows)
	for i, v := range all[from:] {
		more, err := q.add(v)
		if err != nil {
			return err
		}
		if !more {
			q.full = !q.done && i+1 < len(all[from:])
			q.last = &position{}
			return nil
		}
	}
	return nil
}

// folded computes aggregates, groups and distinct rows, which need every row of the partition.
func (q *pageRun) folded(src source) error {
	var failed error
	if q.b.IsAggregate() {
		a := q.b.NewAggregation()
		src.each(nil, func(it *item) bool {
			if it.visible(q.now, q.x.s.opts.Switches.TTLEdgeInclusive) {
				failed = a.Add(document{q.c, it})
			}
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		return q.values(a)
	}
	seen := map[string]bool{}
	var rows []cosql.Row
	failed = q.rows(src, nil, func(row cosql.Row, _ *position) (bool, error) {
		if key := cosql.DistinctKey(row.Out); !seen[key] {
			seen[key] = true
			rows = append(rows, row)
		}
		return true, nil
	})
	slices.SortStableFunc(rows, q.b.CompareRows)
	all := make([]cosql.Value, len(rows))
	for i, row := range rows {
		all[i] = row.Out
	}
	if failed != nil {
		return failed
	}
	return q.counted(all)
}

// sorted collects the rows of a partition, orders them and adds those after the cursor.
func (q *pageRun) sorted(src source) error {
	type placed struct {
		row cosql.Row
		pos *position
	}
	compare := func(a, b placed) int {
		if c := q.b.CompareRows(a.row, b.row); c != 0 {
			return c
		}
		// As an index read in that direction: the next page may be read from one.
		if len(q.b.OrderBy) == 1 && q.b.OrderBy[0].Desc {
			return comparePlaces(b.pos, a.pos)
		}
		return comparePlaces(a.pos, b.pos)
	}
	var all []placed
	from := q.last
	err := q.rows(src, nil, func(row cosql.Row, pos *position) (bool, error) {
		one := placed{row, pos}
		if from == nil || compare(placed{cosql.Row{Keys: from.keys}, from}, one) < 0 {
			all = append(all, one)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, compare)
	for _, one := range all {
		q.last = one.pos
		more, err := q.add(one.row.Out)
		if err != nil {
			return err
		}
		if !more {
			q.full = !q.done
			return nil
		}
	}
	return nil
}

func comparePlaces(a, b *position) int {
	switch {
	case a.rid != b.rid && a.rid < b.rid:
		return -1
	case a.rid != b.rid:
		return 1
	}
	return a.seq - b.seq
}
