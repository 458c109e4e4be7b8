package cosmostest

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// partition is one physical partition of a container: a range of effective partition keys. It is guarded by the
// container's mutex.
type partition struct {
	id       string
	rid      []byte
	min, max string
	parents  []string
	created  int64
	born     int64  // LSN of the master partition at which it appeared
	split    bool   // replaced by children
	gone1007 bool   // the next request to the split range is answered 410/1007
	guid     string // internal id in headers

	seq      *atomic.Int64 // last LSN of the write region; shared by the containers of a database with throughput
	origin   map[int]int64 // last write of each satellite region, with several write regions
	replicas map[*site]*replica
	log      []logEntry
	logBase  int64  // number of the first entry of log
	budget   bucket // of its part of the container's own throughput
}

// logEntry is one committed transaction on its way to the other sites.
type logEntry struct {
	at      time.Time
	region  int // of origin: 0 is the write region
	number  int64
	origin  *site
	changes []change
}

// change is one item of a transaction: it is the new version, or nil for a delete of the item that prev names.
type change struct {
	it   *item
	prev *item
	at   int64 // stamp of a delete
}

func (ch change) key() (pk, id string) {
	if ch.it != nil {
		return ch.it.pk, ch.it.id
	}
	return ch.prev.pk, ch.prev.id
}

func (p *partition) contains(epk string) bool { return epk >= p.min && epk < p.max }

// commit applies a transaction at the site that received it and queues it for the others. It returns its LSN there.
func (c *container) commit(p *partition, at *site, changes []change) int64 {
	top := c.server.top.Load()
	now := c.server.now()
	r := p.replicas[at]
	e := logEntry{at: now, origin: at, changes: changes}
	if top.multi {
		e.region = top.regionID(at.region)
		// The account may have been single-write before, when the write region's numbers were its LSNs.
		e.number = max(p.origin[e.region], r.vector[e.region]) + 1
		p.origin[e.region] = e.number
		r.lsn++
	} else {
		e.number = p.seq.Add(1)
		r.lsn = e.number
	}
	r.vector[e.region] = e.number
	for i := range changes {
		ch := &changes[i]
		if ch.it == nil {
			r.remove(c, ch.prev)
			if top.multi && len(p.replicas) > 1 {
				r.graves[ch.prev.pk+"\x00"+ch.prev.id] = ch.at
			}
			continue
		}
		ch.it.lsn = r.lsn
		if over := r.get(ch.it.pk, ch.it.id); over != ch.prev {
			r.remove(c, over) // an expired item whose id is taken by a rename
		}
		r.set(c, ch.prev, ch.it)
	}
	r.purge(c, now.Add(-c.server.opts.PurgeAfter).Unix(), 2)
	if len(p.replicas) > 1 {
		p.log = append(p.log, e)
		if len(p.log) > maxBacklog {
			for s := range p.replicas {
				c.catchUp(p, s, true)
			}
		}
		c.catchUp(p, at, false)
		if len(p.log)%catchUpEvery == 0 {
			// Sites that nobody reads would otherwise keep the log for ever.
			for s := range p.replicas {
				c.catchUp(p, s, false)
			}
		}
		p.trim()
	}
	return r.lsn
}

// catchUpEvery is the number of transactions after which a write brings all sites up to date.
const catchUpEvery = 256

// maxBacklog bounds the transactions that a paused site may miss; the next one makes it catch up.
const maxBacklog = 1 << 20

// trim forgets the log entries that every site has applied.
func (p *partition) trim() {
	low := p.logBase + int64(len(p.log))
	for _, r := range p.replicas {
		low = min(low, r.applied)
	}
	n := int(low - p.logBase)
	if n == len(p.log) {
		p.log = nil
		for _, r := range p.replicas {
			clear(r.graves)
		}
	} else {
		p.log = slices.Delete(p.log, 0, n)
	}
	p.logBase = low
}

// catchUp applies to a site what has reached it by now. With all, delays and pauses do not count.
func (c *container) catchUp(p *partition, at *site, all bool) *replica {
	r := p.replicas[at]
	now := c.server.now()
	delay, paused := at.lag()
	end := p.logBase + int64(len(p.log))
	for r.applied < end {
		e := p.log[r.applied-p.logBase]
		if e.origin != at {
			if !all && (paused || now.Sub(e.at) < delay) {
				break
			}
			c.apply(p, r, e)
		}
		r.applied++
	}
	return r
}

// apply replays a transaction at another site. With several write regions the newest version of an item wins, and an
// LSN is the site's own; with one, states and LSNs are the same everywhere.
func (c *container) apply(p *partition, r *replica, e logEntry) {
	multi := c.server.top.Load().multi
	if multi {
		r.lsn++
	} else {
		r.lsn = e.number
	}
	r.vector[e.region] = max(r.vector[e.region], e.number)
	for _, ch := range e.changes {
		pk, id := ch.key()
		have := r.get(pk, id)
		if ch.it == nil {
			if have != nil && (!multi || have.stamp <= ch.at) {
				r.remove(c, have)
			}
			if multi {
				grave := pk + "\x00" + id
				r.graves[grave] = max(r.graves[grave], ch.at)
			}
			continue
		}
		if multi && (have != nil && newer(have, ch.it) || r.graves[pk+"\x00"+id] > ch.it.stamp) {
			continue
		}
		if ch.prev != nil && ch.prev.id != id {
			r.remove(c, r.get(ch.prev.pk, ch.prev.id))
		}
		it := ch.it
		// The container's default TTL may have changed on the way.
		if expires := c.expiry(it.raw, it.ts); it.lsn != r.lsn || it.expires != expires {
			copied := *it
			copied.lsn, copied.expires = r.lsn, expires
			it = &copied
		}
		r.set(c, have, it)
	}
}

// newer orders two versions of an item for conflict resolution.
func newer(a, b *item) bool {
	if a.stamp != b.stamp {
		return a.stamp > b.stamp
	}
	return a.etag > b.etag
}

// behind reports whether the site still misses transactions.
func (p *partition) behind(at *site) bool {
	r := p.replicas[at]
	for i := r.applied; i < p.logBase+int64(len(p.log)); i++ {
		if p.log[i-p.logBase].origin != at {
			return true
		}
	}
	return false
}

// currentLSN is the LSN that a site shows. Containers that share throughput share the sequence, so a site that misses
// nothing is at its end.
func (p *partition) currentLSN(at *site, multi bool) int64 {
	r := p.replicas[at]
	if !multi && !p.behind(at) {
		r.lsn = max(r.lsn, p.seq.Load())
		r.vector[0] = r.lsn
	}
	return r.lsn
}

// token spells the session token of a site.
func (p *partition) token(top *topology, at *site) string {
	lsn := p.currentLSN(at, top.multi)
	if len(top.regions) == 1 || at.server.opts.Switches.SimpleRegionTokens {
		return p.id + ":-1#" + strconv.FormatInt(lsn, 10)
	}
	r := p.replicas[at]
	out := p.id + ":" + strconv.FormatInt(top.version, 10) + "#" + strconv.FormatInt(r.vector[0], 10)
	for _, reg := range top.regions {
		if reg == top.hub() {
			continue
		}
		local := int64(-1)
		if n, ok := r.vector[top.regionID(reg)]; ok && top.multi {
			local = n
		}
		out += "#" + strconv.Itoa(reg.id) + "=" + strconv.FormatInt(local, 10)
	}
	return out
}
