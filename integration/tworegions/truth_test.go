package tworegions

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// TestLateReplicationExcusesForAWhile: what a replica showed too late, caches may
// have served too late, but only until they heard of it.
func TestLateReplicationExcusesForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = time.Second / 2
		tr := newTruth(20 * budget)
		p := place{store.Whisks, "a/b"}
		tr.committed(p, state{mark: "1"})
		tr.committed(p, state{mark: "2"})
		tr.replicated(p, 2*budget, budget)
		<-time.After(2 * budget)
		if f := tr.look(sighting{p, "1"}, time.Now()); f.stale != 2*budget || !f.late {
			t.Errorf("soon after: got %+v, want late", f)
		}
		<-time.After(time.Hour)
		tr.committed(p, state{mark: "3"})
		tr.replicated(p, budget, budget)
		<-time.After(2 * budget)
		if f := tr.look(sighting{p, "2"}, time.Now()); f.stale != 2*budget || f.late {
			t.Errorf("an hour after: got %+v, want not late", f)
		}
		if n := tr.tooLate(); n != 1 {
			t.Errorf("got %d documents, want one", n)
		}
	})
}

// TestAllowedStaleStatesAreRemembered, however large the lag budget is.
func TestAllowedStaleStatesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := Config{LagBudget: time.Minute}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		stale := cfg.LagBudget + cfg.maxStaleness() + 2*clockSkew // in a degraded cache
		tr := newTruth(cfg.remembered())
		p := place{store.Whisks, "a/b"}
		tr.committed(p, state{mark: "1"})
		tr.committed(p, state{mark: "2"})
		<-time.After(stale)
		tr.committed(p, state{mark: "3"})
		if f := tr.look(sighting{p, "1"}, time.Now()); f.stale != stale || len(tr.unwritten()) != 0 {
			t.Errorf("got %+v and %v that nobody wrote, want one that was replaced %v ago", f, tr.unwritten(), stale)
		}
	})
}
