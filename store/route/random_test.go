package route_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/route"
)

// TestRandomHistories runs one client of a routed store beside another writer of
// the primary, with a replica whose lag wanders below MaxLag, and holds each
// answer against the primary's log: no read is older than the client's own
// writes, nor than what it read before.
func TestRandomHistories(t *testing.T) {
	for _, c := range []struct {
		name     string
		recent   int
		ordered  bool
		monotone bool // while the table overflows, only own writes are kept
	}{
		{"ordered", 100, true, true},
		{"without order", 100, false, true},
		{"a table that overflows", 3, true, false},
		{"a table of one, without order", 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(150) {
				synctest.Test(t, func(t *testing.T) { history(t, seed, c.recent, c.ordered, c.monotone) })
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func history(t *testing.T, seed uint64, recent int, ordered, monotone bool) {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := newPrimary()
	p.ordered = ordered
	r := newReplica(p, lag)
	s := over(t, p, r, &route.Policy{Recent: recent, MaxLag: maxLag})
	w := step{t: t, p: p}
	floor := map[string]int{} // by id, the index in p.log below which no answer may be
	for range 300 {
		id := fmt.Sprintf("doc-%d", rng.IntN(6))
		current, live := p.docs[id]
		live = live && !current.Meta.Deleted
		to := store.ArtifactStore(s)
		own := rng.IntN(3) > 0
		if !own {
			to = p
		}
		tombstone := time.Duration(rng.IntN(2)) * time.Hour
		switch n := rng.IntN(10); {
		case n < 2 && live:
			w.deletes(to, id, current.Version.Rev, tombstone)
		case n < 4 && live:
			w.puts(to, id, current.Version.Rev)
		case n < 4:
			w.puts(to, id, "")
		case n < 6:
			r.lag = time.Duration(rng.Int64N(int64(maxLag)))
			time.Sleep(time.Duration(rng.Int64N(int64(lag))))
			continue
		default:
			doc, err := s.Get(t.Context(), id, nil)
			if err != nil && store.KindOf(err) != store.ErrNotFound {
				t.Fatal(err)
			}
			at := shown(p, id, doc, floor[id])
			if at < 0 {
				t.Errorf("Get %s: got %q, older than entry %d of the log", id, doc.Version.Rev, floor[id])
				return
			}
			if monotone {
				floor[id] = at
			}
			continue
		}
		if own {
			floor[id] = len(p.log)
		}
	}
}

// shown returns the first position from floor on at which the log had doc (its
// zero value: nothing) as the state of id, -1 when there is none. Position n is
// the state after n commits.
func shown(p *primary, id string, doc store.Document, floor int) int {
	var state commit
	for n := 0; n <= len(p.log); n++ {
		if n > 0 && p.log[n-1].id == id {
			state = p.log[n-1]
		}
		absent := state.doc.ID == "" || state.doc.Meta.Deleted
		if n >= floor && (absent && doc.ID == "" || !absent && state.revision() == doc.Version.Rev) {
			return n
		}
	}
	return -1
}

func (c commit) revision() string { return c.doc.Version.Rev }
