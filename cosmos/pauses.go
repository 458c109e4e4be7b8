package cosmos

import (
	"context"
	"math/rand/v2"
	"time"
)

// pauses are the waits between attempts: they double from 10 ms to a second,
// each shortened at random so that many callers do not come at once, and end
// when the time for them is used up.
type pauses struct {
	left time.Duration
	step time.Duration
}

func newPauses(limit time.Duration) *pauses {
	return &pauses{left: limit, step: 10 * time.Millisecond}
}

// next waits. It is false when there is no time left or ctx has ended.
func (p *pauses) next(ctx context.Context) bool {
	if p.left <= 0 {
		return false
	}
	d := min(p.step/2+rand.N(p.step/2), p.left)
	p.left -= d
	p.step = min(2*p.step, time.Second)
	return wait(ctx, d) == nil
}

// patience is how long waits of one operation may take together.
func (s *Store) patience() time.Duration {
	return s.cfg.ConnectionPolicy.RetryOptions.MaxRetryWaitTime
}
