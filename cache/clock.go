package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how far the coarse clock may be behind. Ages are compared with a bound
// that is shorter by it.
const tick = 20 * time.Millisecond

// Clock tells the time of several caches. Hits read a coarse copy of it, which a
// goroutine keeps up to date until Close.
//
// Fences use the monotonic clock, ages the larger of monotonic and wall time: a
// suspended machine stops the one and a corrected wall clock turns back the
// other, and neither may keep a value longer.
type Clock struct {
	base   time.Time
	coarse atomic.Int64
	stop   chan struct{}
	done   sync.WaitGroup
	once   sync.Once
}

// NewClock starts a clock; the caller closes it after the caches that use it.
func NewClock() *Clock {
	c := &Clock{base: time.Now(), stop: make(chan struct{})}
	c.coarse.Store(1)
	c.done.Go(func() {
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				c.read()
			case <-c.stop:
				return
			}
		}
	})
	return c
}

// Close stops the clock and waits for its goroutine.
func (c *Clock) Close() {
	c.once.Do(func() { close(c.stop) })
	c.done.Wait()
}

// read returns monotonic and age clock, both in nanoseconds and at least 1, and
// brings the coarse clock up to date.
func (c *Clock) read() (now, age int64) {
	t := time.Now()
	now = int64(t.Sub(c.base)) + 1
	age = max(now, int64(t.Round(0).Sub(c.base.Round(0)))+1)
	for {
		old := c.coarse.Load()
		if age <= old {
			return now, old
		}
		if c.coarse.CompareAndSwap(old, age) {
			return now, age
		}
	}
}
