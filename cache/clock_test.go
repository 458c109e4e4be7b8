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

// TestAgeAfterAGlitch: the wall clock was an hour ahead for a moment. What came
// after it ages as everything does.
func TestAgeAfterAGlitch(t *testing.T) {
	clock := cache.NewManualClock(time.Unix(1_700_000_000, 0))
	c := cache.New(cache.Options[int]{Clock: clock, MaxAge: time.Minute})
	defer c.Close()
	clock.Set(time.Second, time.Hour)
	clock.Set(2*time.Second, 2*time.Second)
	c.Begin(key, false).Load.End(value(1), nil)
	clock.Set(30*time.Second, 30*time.Second)
	if !c.Begin(key, false).Held {
		t.Error("the value is not served within its age")
	}
	clock.Set(2*time.Minute, 2*time.Minute)
	if c.Begin(key, false).Held {
		t.Error("a value of two minutes is served, the greatest age is one")
	}
}

// TestHealthByTheWallClock: until when a cache is coherent is a time of the wall
// clock, whatever that did since the start.
func TestHealthByTheWallClock(t *testing.T) {
	base := time.Unix(1_700_000_000, 0)
	for _, step := range []time.Duration{-30 * time.Second, 0, time.Hour} {
		clock := cache.NewManualClock(base)
		c := cache.New(cache.Options[int]{Clock: clock})
		defer c.Close()
		for _, mono := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			wall := mono + step
			clock.Set(mono, wall)
			c.SetHealth(cache.Health{State: cache.Coherent, Until: base.Add(wall + 7*time.Second)})
			for _, at := range []struct {
				later time.Duration
				want  cache.State
			}{{0, cache.Coherent}, {6 * time.Second, cache.Coherent}, {7 * time.Second, cache.Degraded}} {
				clock.Set(mono+at.later, wall+at.later)
				if h := c.Health(); h.State != at.want {
					t.Errorf("%v after the start and %v, the wall clock set by %v: %v (%s), want %v", mono, at.later, step, h.State, h.Reason, at.want)
				}
			}
		}
	}
	c := cache.New(cache.Options[int]{})
	defer c.Close()
	c.SetHealth(cache.Health{State: cache.Coherent, Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)})
	if h := c.Health(); h.State != cache.Coherent {
		t.Errorf("until the year 9999: %v, want coherent", h.State)
	}
}
