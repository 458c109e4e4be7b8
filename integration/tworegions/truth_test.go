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
		tr := newTruth()
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
