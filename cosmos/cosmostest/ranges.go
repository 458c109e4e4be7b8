package cosmostest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// readRanges serves the list of physical partitions, plain or as a feed of its changes.
func (x *exchange) readRanges(c *container) *reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	sw := x.s.opts.Switches
	list := slices.Clone(c.parts)
	if sw.RangesWithParents {
		list = append(slices.Clone(c.retired), list...)
	}
	last := int64(0)
	for _, p := range list {
		last = max(last, p.born)
	}
	etag := strconv.Quote(itoa(last))
	if sw.RangesPlainETag {
		etag = itoa(last)
	}
	r := &reply{status: http.StatusOK, charge: -1}
	if sw.RangesCharge {
		r.charge = 1
	}
	if x.Header.Get("A-IM") != "" {
		r.set("etag", etag)
		since, err := strconv.ParseInt(strings.Trim(x.Header.Get("If-None-Match"), `"`), 10, 64)
		if err == nil {
			list = slices.DeleteFunc(list, func(p *partition) bool { return p.born <= since })
		}
		if len(list) == 0 {
			r.status = http.StatusNotModified
			r.set("x-ms-item-count", "0")
			return x.master(r)
		}
	}
	body := []byte(`{"_rid":"` + ridText(c.rid) + `","PartitionKeyRanges":[`)
	for i, p := range list {
		if i > 0 {
			body = append(body, ',')
		}
		body = c.appendRange(body, p)
	}
	r.body = append(body, `],"_count":`+itoa(int64(len(list)))+`}`...)
	r.set("x-ms-item-count", itoa(int64(len(list))))
	return x.master(r)
}

func (c *container) appendRange(dst []byte, p *partition) []byte {
	status := "online"
	if p.split {
		status = "splitting"
	}
	parents := "[]"
	if len(p.parents) > 0 {
		quoted := make([]string, len(p.parents))
		for i, id := range p.parents {
			quoted[i] = jsonraw.Quote(id)
		}
		parents = "[" + strings.Join(quoted, ",") + "]"
	}
	etag := etagText(uint64(p.born), p.created)
	return fmt.Appendf(dst, `{"_rid":"%s","id":"%s","_etag":%s,"minInclusive":"%s","maxExclusive":"%s","ridPrefix":%s,"_self":"%spkranges/%s/",`+
		`"throughputFraction":%s,"status":"%s","parents":%s,"ownedArchivalPKRangeIds":[],"_ts":%d,"lsn":%d}`, ridText(p.rid), p.id,
		jsonraw.Quote(etag), p.min, p.max, p.id, c.self, ridText(p.rid), string(jsonraw.AppendNumber(nil, 1/float64(max(1, len(c.parts))))),
		status, parents, p.created, p.born)
}

// mustContainer finds a container for the methods of Server that name one.
func (s *Server) mustContainer(database, container string) *container {
	c := s.findContainer(database, container)
	if c == nil {
		panic(fmt.Sprintf("cosmostest: there is no container %q in database %q", container, database))
	}
	return c
}

// RangeInfo describes a physical partition. Min is inclusive, Max exclusive; Items counts what is stored in the write
// region, expired items that are not purged included.
type RangeInfo struct {
	ID       string
	Min, Max string
	Parents  []string
	Items    int
}

// Ranges lists the live physical partitions of a container, in order of their keys. Like every method that names a
// container it panics when there is none of that name.
func (s *Server) Ranges(database, container string) []RangeInfo {
	c := s.mustContainer(database, container)
	hub := s.top.Load().hub().primary
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []RangeInfo
	for _, p := range c.parts {
		out = append(out, RangeInfo{p.id, p.min, p.max, slices.Clone(p.parents), p.replicas[hub].byKey.Len()})
	}
	return out
}

// Split replaces a physical partition by two, each with half of its logical partitions, and returns their ids. It
// panics when the id is not that of a live range. Requests in flight see the state before or after.
func (s *Server) Split(database, container, rangeID string) []string {
	c := s.mustContainer(database, container)
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.parts, func(p *partition) bool { return p.id == rangeID })
	if i < 0 {
		panic(fmt.Sprintf("cosmostest: container %q has no live range %q", container, rangeID))
	}
	parent := c.parts[i]
	for st := range parent.replicas {
		c.catchUp(parent, st, false)
	}
	middle := c.middle(parent)
	children := []*partition{c.newPartition(parent.min, middle, []string{rangeID}), c.newPartition(middle, parent.max, []string{rangeID})}
	for _, child := range children {
		c.inherit(child, parent)
	}
	parent.split = true
	parent.gone1007 = s.opts.Switches.Gone1007
	parent.replicas, parent.log = nil, nil
	c.retired = append(c.retired, parent)
	c.parts = slices.Replace(c.parts, i, i+1, children...)
	return []string{children[0].id, children[1].id}
}

// epk is an item's effective partition key.
func (c *container) epk(it *item) string {
	return effectiveKey(c.keyOf(it.raw), c.props.version, c.props.multi)
}

// middle finds a boundary that halves the logical partitions of a range, or its keys when it has too few.
func (c *container) middle(p *partition) string {
	hub := c.server.top.Load().hub().primary
	var keys []string
	p.replicas[hub].byRID.Scan(func(it *item) bool {
		keys = append(keys, c.epk(it))
		return true
	})
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) > 1 && keys[len(keys)/2] > p.min {
		return keys[len(keys)/2]
	}
	low, high := p.min, p.max
	if c.props.version != 2 {
		low = strings.TrimPrefix(low, "05")
		return "05" + hexMiddle(low, strings.TrimPrefix(high, "05"))
	}
	if high == "FF" {
		high = "40"
	}
	return hexMiddle(low, high)
}

// hexMiddle returns a text halfway between two hexadecimal texts.
func hexMiddle(low, high string) string {
	const digits = 14
	number := func(s string) uint64 {
		n, _ := strconv.ParseUint((s + strings.Repeat("0", digits))[:digits], 16, 64)
		return n
	}
	return strings.ToUpper(fmt.Sprintf("%0*x", digits, number(low)+(number(high)-number(low))/2))
}

// inherit gives a child what its range of the parent has: items with their LSNs, and replication in flight.
func (c *container) inherit(child, parent *partition) {
	mine := func(it *item) bool { return child.contains(c.epk(it)) }
	child.seq = &atomic.Int64{}
	child.seq.Store(parent.seq.Load())
	for k, v := range parent.origin {
		child.origin[k] = v
	}
	child.logBase = parent.logBase
	for _, e := range parent.log {
		kept := e
		kept.changes = slices.DeleteFunc(slices.Clone(e.changes), func(ch change) bool {
			if ch.it != nil {
				return !mine(ch.it)
			}
			return !mine(ch.prev)
		})
		child.log = append(child.log, kept)
	}
	for st, r := range parent.replicas {
		child.replicas[st] = r.clone(c, mine)
	}
	child.budget.start(parent.budget.saved())
}

// byRange finds the live partition that the range id header names.
func (x *exchange) byRange(c *container) (*partition, *reply) {
	p, gone := c.live(x.RangeID)
	if p != nil {
		return p, nil
	}
	sub := 1002
	if gone != nil && gone.gone1007 {
		gone.gone1007 = false
		sub = 1007
	}
	r := x.failure(http.StatusGone, sub, formErrors, "PartitionKeyRange with id '"+x.RangeID+"' in collection '"+ridText(c.rid)+"' doesn't exist.", 0)
	r.kinds |= noLSN
	return nil, r
}
