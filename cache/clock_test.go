package cache_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

// Values age by the larger of both clocks: a machine that was suspended stops the
// monotonic one, a correction turns the wall clock back.
func TestAgeByEitherClock(t *testing.T) {
	for _, tt := range []struct {
		name       string
		mono, wall time.Duration
	}{
		{"both", time.Minute, time.Minute},
		{"the wall clock turned back", time.Minute, -time.Hour},
		{"the monotonic clock stood", 0, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := cache.NewManualClock(time.Unix(1_700_000_000, 0))
			c := cache.New(cache.Options[int]{MaxAge: time.Minute, Clock: clock})
			defer c.Close()
			c.Begin(key, false).Load.End(value(1), nil)
			if !c.Begin(key, false).Held {
				t.Fatal("the value is not held")
			}
			clock.Set(tt.mono, tt.wall)
			if c.Begin(key, false).Held {
				t.Error("the value is served at its greatest age")
			}
		})
	}
}
