package cache

import (
	"math"
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

	ahead atomic.Int64 // the most that the wall clock was ahead of the monotonic one

	manual     bool
	mono, wall atomic.Int64 // of a manual clock, nanoseconds since base
}

// NewManualClock makes a clock that stands at base until Set moves it, for
// simulations.
func NewManualClock(base time.Time) *Clock {
	c := &Clock{base: base, stop: make(chan struct{}), manual: true}
	c.coarse.Store(1)
	return c
}

// Set moves a manual clock: how much time has passed since base by the monotonic
// and by the wall clock. The monotonic one never goes back.
func (c *Clock) Set(mono, wall time.Duration) {
	c.mono.Store(int64(mono))
	c.wall.Store(int64(wall))
	c.read()
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
	now, wall := c.times()
	for age = now; ; {
		old := c.ahead.Load()
		if wall-now <= old {
			age += old
			break
		}
		c.ahead.CompareAndSwap(old, wall-now)
	}
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

// times returns the monotonic and the wall clock.
func (c *Clock) times() (now, wall int64) {
	if c.manual {
		return c.mono.Load() + 1, c.wall.Load() + 1
	}
	t := time.Now()
	return int64(t.Sub(c.base)) + 1, int64(t.Round(0).Sub(c.base.Round(0))) + 1
}

// ageOf is what the age clock will show when the wall clock shows t.
func (c *Clock) ageOf(t time.Time) int64 {
	_, age := c.read()
	_, wall := c.times()
	left := int64(t.Round(0).Sub(c.base.Round(0)))
	if left >= math.MaxInt64-age { // and so is wall-left below
		return math.MaxInt64
	}
	return age + left + 1 - wall
}
