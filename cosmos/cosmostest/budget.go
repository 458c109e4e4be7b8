package cosmostest

import (
	"net/http"
	"time"
)

// bucket is the throughput of a physical partition: tokens are request units, saved up to a bound. It may go below
// zero, because what an operation costs is known after it.
type bucket struct {
	tokens float64
	filled time.Time
}

// rate is a partition's throughput in request units per second; zero is unlimited. The caller holds c.mu.
func (c *container) rate() float64 {
	if c.limit > 0 {
		return c.limit / float64(len(c.parts))
	}
	o := c.offer
	if !c.server.opts.EnforceThroughput || o == nil {
		return 0
	}
	return float64(o.perSecond.Load()) / float64(len(c.parts))
}

// SetThroughput bounds a container to a number of request units per second, spread over its physical partitions, and
// starts it with nothing saved up but one second's worth. Zero removes the bound; what EnforceThroughput says then
// counts again.
func (s *Server) SetThroughput(database, containerID string, perSecond float64) {
	c := s.mustContainer(database, containerID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = perSecond
	for _, p := range c.parts {
		p.budget = bucket{tokens: perSecond / float64(len(c.parts)), filled: s.now()}
	}
}

// throttle refuses an operation when the partition's throughput is used up. The caller holds c.mu.
func (x *exchange) throttle(c *container, p *partition) *reply {
	rate := c.rate()
	if rate <= 0 {
		return nil
	}
	now := x.s.now()
	b := &p.budget
	if b.filled.IsZero() {
		b.tokens = rate
	} else {
		b.tokens = min(b.tokens+now.Sub(b.filled).Seconds()*rate, rate*x.s.opts.Burst)
	}
	b.filled = now
	if b.tokens > 0 {
		return nil
	}
	wait := int64(-b.tokens/rate*1000) + 1
	return x.tooMany(p, wait)
}

// tooMany is the answer of a partition that is out of throughput.
func (x *exchange) tooMany(p *partition, waitMillis int64) *reply {
	r := x.failure(http.StatusTooManyRequests, 3200, formErrors, "Request rate is large. More Request Units may be needed, so no changes were made. "+
		"Please retry this request later. Learn more: http://aka.ms/cosmosdb-error-429", 0.38)
	r.set("x-ms-retry-after-ms", itoa(max(waitMillis, 1)))
	if p != nil {
		r.lsn = p.currentLSN(x.region.primary, x.s.top.Load().multi)
		r.set("x-ms-cosmos-global-nregion-committed-glsn", itoa(r.lsn))
	}
	return r
}

// spend takes what an operation cost from its partition. The caller holds c.mu.
func (c *container) spend(p *partition, charge float64) {
	if c.rate() > 0 {
		p.budget.tokens -= charge
	}
}

// The charges of operations, fitted to the recorded ones: they grow with the number of indexed members and the size.
func writeCharge(raw string) float64 {
	n := float64(countMembers(raw))
	charge := 5.13 + 0.385*n
	if n > 4 {
		charge = 6.67 + 0.508*(n-4)
	}
	return charge + sizeCharge(len(raw), 0.45)
}

func sizeCharge(size int, perKB float64) float64 {
	return float64(max(0, size-1024)) / 1024 * perKB
}

func readCharge(raw string) float64 { return 1 + sizeCharge(len(raw), 0.1) }

const (
	extraReplace = 4.38
	extraUpsert  = 4
	extraPatch   = 4.75
)
