package cosmostest

import (
	"net/http"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// page serves one page of a statement, beginning at a cursor. The container is locked while a partition is looked up, not
// while its rows are made.
func (x *exchange) page(c *container, b *cosql.Bound, cur cursor, limit int) *reply {
	run, targets, bad := x.openPage(c, b, cur, limit)
	if bad != nil {
		return bad
	}
	r := &reply{}
	for i, target := range targets {
		p, src, bad := run.open(target, r)
		if bad != nil {
			return bad
		}
		if run.fill(p, src) != nil {
			f := x.notRepresentable()
			f.lsn, f.token, f.rangeID = r.lsn, r.token, r.rangeID
			return f
		}
		run.spend(p)
		if run.full || run.done || i == len(targets)-1 {
			break
		}
	}
	return run.finish(r)
}

// openPage finds what a page reads.
func (x *exchange) openPage(c *container, b *cosql.Bound, cur cursor, limit int) (*pageRun, []func() (*partition, *reply), *reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	targets, pk, prefix, bad := x.queryTargets(c, cur)
	if bad == nil && prefix && len(targets) > 1 && b.NeedsMerge() {
		bad = x.firstChance(b)
	}
	if bad != nil {
		return nil, nil, bad
	}
	run := &pageRun{x: x, c: c, b: b, limit: limit, pk: pk, prefix: prefix, cur: cur, now: x.s.now().Unix(), scanLeft: x.s.opts.ScanItems}
	run.bound()
	return run, targets, nil
}

// open finds a partition and how to read it, and makes r the answer of its replica.
func (q *pageRun) open(target func() (*partition, *reply), r *reply) (*partition, source, *reply) {
	x, c := q.x, q.c
	c.mu.Lock()
	defer c.mu.Unlock()
	p, at, bad := x.readSite(c, target)
	if bad == nil {
		bad = x.throttle(c, p)
	}
	if bad != nil {
		return nil, source{}, bad
	}
	*r = *x.at(&reply{status: http.StatusOK, backend: true}, c, p, at)
	r.set("x-ms-resource-quota", quotaText)
	r.set("x-ms-resource-usage", usageOf(at, []*partition{p}))
	r.set("x-ms-alt-content-path", "dbs/"+c.db.id+"/colls/"+c.id)
	r.set("x-ms-content-path", ridText(c.rid))
	q.wide = c.wide
	return p, q.source(p.replicas[at]), nil
}

// spend charges a partition for what it added to the page.
func (q *pageRun) spend(p *partition) {
	q.c.mu.Lock()
	defer q.c.mu.Unlock()
	q.c.spend(p, q.charge()-q.spent)
	q.spent = q.charge()
}

// queryTargets returns how to find each partition that a statement reads, in order of their keys, and the text of the
// partition key or of its prefix. The caller holds c.mu.
func (x *exchange) queryTargets(c *container, cur cursor) (targets []func() (*partition, *reply), pk string, prefix bool, bad *reply) {
	low, high := "", "FF"
	switch {
	case x.PartitionKey != "":
		components, bad := x.keyComponents(c)
		if bad != nil {
			return nil, "", false, bad
		}
		if len(components) == len(c.props.paths) {
			return append(targets, func() (*partition, *reply) { return c.route(components), nil }), keyText(components), false, nil
		}
		if !c.props.multi || len(components) == 0 || !x.s.opts.Switches.KeyPrefixServed {
			return nil, "", false, x.fewComponents()
		}
		low = effectiveKey(components, c.props.version, true)
		high = low + "FF"
		pk, prefix = keyText(components)+",", true
	case x.RangeID != "":
		return append(targets, func() (*partition, *reply) { return x.byRange(c) }), "", false, nil
	}
	for _, p := range c.parts {
		if p.max > max(low, cur.begin()) && p.min < high {
			from := max(low, p.min)
			targets = append(targets, func() (*partition, *reply) { return c.routeEPK(from), nil })
		}
	}
	return targets, pk, prefix, nil
}

func (q *pageRun) charge() float64 {
	return 2.25 + 0.013*float64(q.count) + sizeCharge(len(q.body), 0.05)
}

// finish makes the answer of a filled page.
func (q *pageRun) finish(r *reply) *reply {
	if q.wide {
		q.body = []byte(jsonraw.QueryForm(string(q.body)))
	}
	member := `{"_rid":"` + ridText(q.c.rid) + `","Documents":[`
	r.body = make([]byte, 0, len(member)+len(q.body)+20)
	r.body = append(append(append(r.body, member...), q.body...), `],"_count":`+itoa(int64(q.count))+`}`...)
	r.charge = q.charge()
	r.set("x-ms-item-count", itoa(int64(q.count)))
	if q.full && !q.done {
		q.cur.pages++
		rest := q.cur.after(q.part)
		if q.x.RangeID != "" || q.pk != "" && !q.prefix {
			rest = nil // the request names all that it reads
		}
		q.cur.segments = append([]segment{{q.part.min, q.part.max, q.last}}, rest...)
		r.set("x-ms-continuation", q.cur.text(q.c, q.x.s.opts.Switches.OpaqueOrderTokens))
	}
	return r
}
