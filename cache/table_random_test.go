package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// tableWorld drives a real Table at random: four documents, six keys derived from
// two of them each, replicas that lag by as much as the budget allows, tables with
// hardly any room. No hit may be made of a state older than what was announced,
// and no reader joins a load from before the last change.
type tableWorld struct {
	rand      *rand.Rand
	clock     *Clock
	now       time.Duration
	table     *Table[[2]int]
	commits   [4][]time.Duration
	announced [4]int
	pending   [4][]int
	loads     []*tableLoad
	changed   int // messages and losses so far
	hits      int
}

type tableLoad struct {
	load  *DerivedLoad[[2]int]
	key   int
	read  [2]int
	since int // changed when it began
}

const tableLag = 100 * time.Millisecond

func tableDocs(key int) [2]int { return [2]int{key % 4, (key + 1 + key/4) % 4} }

func (w *tableWorld) oldest(d int) int {
	v := 0
	for i, at := range w.commits[d] {
		if at+tableLag <= w.now {
			v = max(v, i+1)
		}
	}
	return v
}

func (w *tableWorld) reads(d int) int {
	old := w.oldest(d)
	return old + w.rand.IntN(len(w.commits[d])-old+1)
}

func (w *tableWorld) step() string {
	d := w.rand.IntN(4)
	switch n := w.rand.IntN(20); {
	case n < 6:
		k := w.rand.IntN(6)
		docs := tableDocs(k)
		got := w.table.Begin(fmt.Sprint(k))
		switch {
		case got.Absent:
			w.hits++
			if w.announced[docs[0]] > 0 {
				return fmt.Sprintf("key %d is served as absent, version %d of its document was announced", k, w.announced[docs[0]])
			}
		case got.Held:
			w.hits++
			for i, v := range got.Value {
				if v < w.announced[docs[i]] {
					return fmt.Sprintf("key %d is served, made of version %d of document %d; %d was announced", k, v, docs[i], w.announced[docs[i]])
				}
			}
		case got.Joined:
			i := slices.IndexFunc(w.loads, func(l *tableLoad) bool { return l.load.f == got.Load.f })
			if w.loads[i].since != w.changed {
				return fmt.Sprintf("a reader of key %d joins a load from before the last change", k)
			}
		default:
			w.loads = append(w.loads, &tableLoad{got.Load, k, [2]int{w.reads(docs[0]), w.reads(docs[1])}, w.changed})
		}
	case n < 10 && len(w.loads) > 0:
		i := w.rand.IntN(len(w.loads))
		l := w.loads[i]
		w.loads = slices.Delete(w.loads, i, i+1)
		switch docs := tableDocs(l.key); {
		case w.rand.IntN(10) == 0:
			l.load.End(Derived[[2]int]{}, &store.Error{Op: store.OpQuery, Kind: store.ErrUnavailable})
		case l.read[0] == 0:
			l.load.End(Derived[[2]int]{}, nil)
		default:
			s := []Source{{ID: fmt.Sprint("d", docs[0])}, {ID: fmt.Sprint("d", docs[1])}}
			for i, v := range l.read {
				s[i].Version = tableVersion(v)
			}
			l.load.End(Derived[[2]int]{Value: l.read, Sources: s}, nil)
		}
	case n < 11:
		w.commits[d] = append(w.commits[d], w.now)
		w.pending[d] = append(w.pending[d], len(w.commits[d]))
	case n < 14 && len(w.pending[d]) > 0:
		i := w.rand.IntN(len(w.pending[d]))
		v := w.pending[d][i]
		w.pending[d] = slices.Delete(w.pending[d], i, i+1)
		w.changed++
		if w.rand.IntN(6) == 0 {
			w.table.Forget(fmt.Sprint("d", d))
			v = len(w.commits[d])
		} else {
			w.table.Observe(fmt.Sprint("d", d), tableVersion(v))
		}
		w.announced[d] = max(w.announced[d], v)
	case n < 14 && w.rand.IntN(40) == 0:
		for d := range w.pending {
			w.pending[d], w.announced[d] = nil, len(w.commits[d])
		}
		w.changed++
		w.table.Lose(Loss{})
	default:
		w.now += time.Duration(w.rand.IntN(12000)) * time.Microsecond
		w.clock.Set(w.now, w.now)
	}
	return ""
}

func tableVersion(v int) store.Version {
	if v == 0 {
		return store.Version{}
	}
	return store.Version{Rev: fmt.Sprint(v), Order: uint64(v), Lineage: "L"}
}

func TestTableServesNothingAnnounced(t *testing.T) {
	for _, opts := range []TableOptions{{}, {MaxEntries: 3, MaxNegative: 1}, {MaxFences: 2}, {MaxEntries: 3, MaxFences: 3}} {
		hits := 0
		for seed := range uint64(60) {
			w := &tableWorld{rand: rand.New(rand.NewPCG(seed, 2)), clock: NewManualClock(time.Unix(0, 0))}
			opts.Clock, opts.Lag, opts.MaxAge, opts.MaxStaleness = w.clock, tableLag, 600*time.Millisecond, 600*time.Millisecond
			w.table = NewTable[[2]int](opts)
			for range 2000 {
				if bad := w.step(); bad != "" {
					t.Fatalf("%+v, seed %d: %s", opts, seed, bad)
				}
			}
			hits += w.hits
			w.table.Close()
		}
		if hits < 1000 {
			t.Errorf("%d hits: the run shows nothing", hits)
		}
	}
}
