package cosmostest

import (
	"math"
	"slices"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// pageRun is the state of a page under construction.
type pageRun struct {
	x        *exchange
	c        *container
	b        *cosql.Bound
	limit    int
	pk       string // of the logical partition that the request names, or how its key begins
	prefix   bool
	cur      cursor
	now      int64
	scanLeft int
	part     *partition // that is being read
	last     *position  // of the rows added from it
	wide     bool

	left  int64 // rows that TOP and LIMIT leave, negative for no bound
	skip  int64 // rows that OFFSET still drops
	body  []byte
	count int
	spent float64 // of the page's charge, by the partitions before
	full  bool    // the page ended before the rows did
	done  bool    // no more rows, whatever is stored
	empty bool    // the page is empty on purpose
}

// bound works out what TOP, OFFSET and LIMIT leave of the rows after those of earlier pages.
func (q *pageRun) bound() {
	q.left = -1
	for _, n := range []int64{q.b.TopN, q.b.Max} {
		if n >= 0 && (q.left < 0 || n < q.left) {
			q.left = n
		}
	}
	if q.left >= 0 {
		q.left = max(0, q.left-q.cur.rows)
		q.done = q.left == 0
	}
	if q.x.Header.Get("X-Ms-Continuation") == "" || len(q.cur.segments) > 0 && q.cur.segments[0].last == nil {
		q.skip = max(0, q.b.Skip)
	}
	first := q.x.Header.Get("X-Ms-Continuation") == ""
	q.empty = first && q.x.s.opts.Switches.EmptyPages && !q.b.IsAggregate() && len(q.b.From) > 0 && !q.done
}

// add appends a row to the page; false ends it.
func (q *pageRun) add(out cosql.Value) (bool, error) {
	if q.skip > 0 {
		q.skip--
		return true, nil
	}
	if q.count > 0 {
		q.body = append(q.body, ',')
	}
	body, err := out.AppendJSON(q.body)
	if err != nil {
		return false, err
	}
	q.body = body
	q.count++
	q.cur.rows++
	if q.left > 0 {
		q.left--
		q.done = q.left == 0
	}
	return !q.done && !q.isFull(), nil
}

func (q *pageRun) isFull() bool {
	return q.limit >= 0 && q.count >= q.limit || len(q.body) >= q.x.s.opts.PageBytes
}

// fill adds the rows of a partition.
func (q *pageRun) fill(p *partition, src source) error {
	q.part, q.last = p, q.cur.position(p)
	if q.empty {
		q.full = true
		return nil
	}
	if q.done {
		return nil
	}
	var err error
	switch {
	case len(q.b.From) == 0:
		err = q.constant()
	case q.b.IsAggregate() || q.b.Distinct:
		err = q.folded(src)
	case len(q.b.OrderBy) > 0 && !src.ordered:
		err = q.sorted(src)
	default:
		err = q.streamed(src)
	}
	if q.full && q.x.RangeID != "" && q.x.s.opts.Switches.NoTrailingToken && q.limit != 1<<31 {
		probe := *q
		probe.cur.segments = []segment{{p.min, p.max, q.last}}
		probe.body, probe.count, probe.full, probe.limit = nil, 0, false, 1<<31
		if err := probe.fill(p, src); err == nil && probe.count == 0 {
			q.full = false
		}
	}
	return err
}

func (q *pageRun) constant() error {
	q.done = true
	if q.b.IsAggregate() {
		a := q.b.NewAggregation()
		return q.values(a)
	}
	var failed error
	err := q.b.Rows(nil, func(row cosql.Row) bool {
		_, failed = q.add(row.Out)
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	return err
}

func (q *pageRun) values(a *cosql.Aggregation) error {
	all, err := a.Values()
	if err != nil {
		return err
	}
	return q.counted(all)
}

// rows calls yield for the rows of a source, items in its order.
func (q *pageRun) rows(src source, from *position, yield func(cosql.Row, *position) (bool, error)) error {
	var failed error
	src.each(from, func(it *item) bool {
		if !it.visible(q.now, q.x.s.opts.Switches.TTLEdgeInclusive) {
			return true
		}
		seq, more := 0, true
		err := q.b.Rows(document{q.c, it}, func(row cosql.Row) bool {
			pos := &position{keys: row.Keys, rid: it.rid, seq: seq}
			seq++
			if !q.x.s.opts.Switches.OrderByKeepsUndefined && slices.ContainsFunc(row.Keys, func(v cosql.Value) bool { return v.Kind == cosql.Undefined }) {
				return true
			}
			more, failed = yield(row, pos)
			return more && failed == nil
		})
		if failed == nil {
			failed = err
		}
		return more && failed == nil
	})
	return failed
}

// streamed adds rows in the order of the source.
func (q *pageRun) streamed(src source) error {
	from := q.last
	return q.rows(scanLimit(src, q), from, func(row cosql.Row, pos *position) (bool, error) {
		if from != nil && pos.rid == from.rid && pos.seq <= from.seq {
			return true, nil
		}
		q.last = pos
		more, err := q.add(row.Out)
		if !more && !q.done {
			q.full = true
		}
		return more, err
	})
}

// scanLimit makes a source end after Options.ScanItems items of the page. Where order or OFFSET need what lies between, it does not.
func scanLimit(src source, q *pageRun) source {
	if src.ordered || q.skip > 0 {
		return src
	}
	each := src.each
	src.each = func(from *position, yield func(*item) bool) {
		each(from, func(it *item) bool {
			if from != nil && it.rid == from.rid {
				return yield(it) // it was looked at on the page before
			}
			if q.scanLeft == 0 {
				q.full = true
				q.last = &position{rid: it.rid - 1, seq: math.MaxInt32}
				return false
			}
			q.scanLeft--
			return yield(it)
		})
	}
	return src
}
