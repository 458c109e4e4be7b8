package cache

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// Tick judges silence. It is called about every second.
func (t *Tracker) Tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.judge(now)
}

func (t *Tracker) judge(now time.Time) {
	for name, s := range t.sources {
		switch idle := now.Sub(s.heard); {
		case !s.durable && idle > t.opts.MaxSilence, s.durable && idle > 100*t.opts.MaxSilence:
			delete(t.sources, name)
		}
	}
	if t.conflict != "" && now.Sub(t.conflictAt) > 10*t.opts.MaxSilence {
		t.conflict = ""
	}
	for collection, lines := range t.opts.Lines {
		h := Health{State: Coherent, Since: now}
		reason, until := t.uncovered(collection, now)
		switch {
		case t.opts.LocalOnly:
			h.State, h.Reason = LocalOnly, "no bridge is configured"
		case t.conflict != "":
			h.State, h.Reason = Degraded, "two processes send as "+t.conflict
		case reason != "":
			h.State, h.Reason = Degraded, reason
		default:
			h.Until = until
		}
		if last := t.health[collection]; last.State == h.State && !last.Since.IsZero() {
			h.Since = last.Since
		} else {
			t.opts.Logger.Info("cache: state", "collection", collection, "state", h.State.String(), "reason", h.Reason)
		}
		t.health[collection] = h
		for _, l := range lines {
			l.SetHealth(h)
		}
	}
}

// uncovered says which part of a collection's key space nobody vouches for (R8),
// or until when all of it is vouched for. Silence is judged by what watermarks
// claim, not by when they arrive.
func (t *Tracker) uncovered(collection string, now time.Time) (reason string, until time.Time) {
	var live []wire.Range
	for _, s := range t.sources {
		if !s.durable || s.rng.Of != collection {
			continue
		}
		end := s.claim(t.partitions).Add(t.opts.MaxSilence + t.opts.Skew)
		if !now.Before(end) {
			continue
		}
		live = append(live, s.rng)
		if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	slices.SortFunc(live, func(a, b wire.Range) int { return strings.Compare(a.Min, b.Min) })
	reached := ""
	for _, r := range live {
		if r.Min == "" && r.Max == "" {
			return "", until // the only range of its collection
		}
		if r.Min > reached {
			break
		}
		reached = max(reached, r.Max)
	}
	switch {
	case reached == topOfRanges:
		return "", until
	case len(live) == 0:
		return fmt.Sprintf("no bridge vouches for %s", collection), time.Time{}
	}
	return fmt.Sprintf("no bridge vouches for %s from %q on", collection, reached), time.Time{}
}

// topOfRanges is the upper end of a key space that is split into ranges.
const topOfRanges = "FF"

// claim is the time up to which the source's range was vouched for in every
// partition, the zero time if one was never heard of.
func (s *source) claim(partitions map[int32]bool) time.Time {
	var oldest time.Time
	for p := range partitions {
		at, ok := s.vouched[p]
		if !ok {
			return time.Time{}
		}
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}
