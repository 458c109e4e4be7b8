package cosmostest

import (
	"net/http"
	"sync"
	"time"
)

// bucket is the throughput of a physical partition: tokens are request units, saved up to a bound. It may go below
// zero, because what an operation costs is known after it.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// start sets what is saved up.
func (b *bucket) start(tokens float64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens, b.filled = tokens, now
}

func (b *bucket) saved() (tokens float64, filled time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens, b.filled
}

// wait refills the bucket and returns how many milliseconds an operation has to wait, zero for none.
func (b *bucket) wait(rate, burst float64, now time.Time) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filled.IsZero() {
		b.tokens = rate
	} else {
		b.tokens = min(b.tokens+now.Sub(b.filled).Seconds()*rate, rate*burst)
	}
	b.filled = now
	if b.tokens > 0 {
		return 0
	}
	return int64(-b.tokens/rate*1000) + 1
}

func (b *bucket) spend(charge float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens -= charge
}

// throughput returns the bucket that an operation on a partition draws from and its rate in request units per second;
// zero is unlimited. The caller holds c.mu.
func (c *container) throughput(p *partition) (*bucket, float64) {
	switch {
	case c.limit > 0:
		return &p.budget, c.limit / float64(len(c.parts))
	case !c.server.opts.EnforceThroughput:
	case c.offer != nil:
		return &p.budget, float64(c.offer.perSecond.Load()) / float64(len(c.parts))
	case c.db.offer != nil:
		return &c.db.budget, float64(c.db.offer.perSecond.Load())
	}
	return nil, 0
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
		p.budget.start(perSecond/float64(len(c.parts)), s.now())
	}
}

// throttle refuses an operation when the partition's throughput is used up. The caller holds c.mu.
func (x *exchange) throttle(c *container, p *partition) *reply {
	b, rate := c.throughput(p)
	if rate <= 0 {
		return nil
	}
	if wait := b.wait(rate, x.s.opts.Burst, x.s.now()); wait > 0 {
		return x.tooMany(p, wait)
	}
	return nil
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
	if b, rate := c.throughput(p); rate > 0 {
		b.spend(charge)
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
