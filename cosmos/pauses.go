package cosmos

import (
	"context"
	"math/rand/v2"
	"time"
)

// pauses are the waits between attempts: they double from 10 ms to a second,
// each shortened at random so that many callers do not come at once. None ends
// after the time for them, that of the attempts included.
type pauses struct {
	end  time.Time
	step time.Duration
}

func newPauses(limit time.Duration) *pauses {
	return &pauses{end: time.Now().Add(limit), step: 10 * time.Millisecond}
}

// next waits. It is false when there is no time left or ctx has ended.
func (p *pauses) next(ctx context.Context) bool {
	left := time.Until(p.end)
	if left <= 0 {
		return false
	}
	d := min(p.step/2+rand.N(p.step/2), left)
	p.step = min(2*p.step, time.Second)
	return wait(ctx, d) == nil
}

// patience is how long one operation may wait and repeat after its first failure.
func (s *Store) patience() time.Duration {
	return s.cfg.ConnectionPolicy.RetryOptions.MaxRetryWaitTime
}
