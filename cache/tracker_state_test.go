package cache

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// trackerState is all that a Tracker knows, as one comparable value. Times are
// ages in units.
type trackerState struct {
	sources    [trackerSources]trackerSource
	partitions uint8 // as bits
	conflict   bool  // about the writer's name
}

type trackerSource struct {
	known, durable, begun bool
	epoch                 uint8
	older                 uint8 // as bits
	rng                   uint8 // index in trackerBounds
	wider                 uint8 // the same plus one; 0 is none
	last, vouched         [trackerPartitions]uint8
	since, heard          uint8
}

// trackerBounds are the ranges that a source can be taken to have: none, and
// those of the model and of a damaged header.
var trackerBounds = append([]wire.Range{{}, {Of: "whisks"}}, trackerRanges[:sourceWriter]...)

// trackerFields are the fields that snapshot and restore know of.
var trackerFields = map[reflect.Type][]string{
	// health is what was said last, stats are counters: nothing is decided by them.
	reflect.TypeFor[Tracker](): {"opts", "mu", "sources", "partitions", "health", "conflict", "conflictAt", "stats"},
	reflect.TypeFor[source]():  {"durable", "epoch", "last", "older", "begun", "rng", "wider", "vouched", "since", "heard"},
}

// TestTrackerFields holds that a field added to the tracker is added to what the
// search takes for its state.
func TestTrackerFields(t *testing.T) {
	for typ, known := range trackerFields {
		for i := range typ.NumField() {
			if name := typ.Field(i).Name; !slices.Contains(known, name) {
				t.Errorf("%v.%s is not part of the searched state: add it to snapshot and restore", typ, name)
			}
		}
	}
}

func newTrackerState() trackerState {
	var s trackerState
	for i := range s.sources {
		s.sources[i] = newTrackerSource()
	}
	return s
}

func newTrackerSource() trackerSource {
	return trackerSource{last: [...]uint8{unseen, unseen}, vouched: [...]uint8{trackerOld, trackerOld}}
}

func age(now, at time.Time) uint8 {
	return uint8(min(now.Sub(at)/trackerUnit, trackerOld))
}

// aged is a time of an age.
func aged(age uint8) time.Time { return trackerNow.Add(-time.Duration(age) * trackerUnit) }

// snapshot reads the tracker's state at a time.
func (m *trackerModel) snapshot(now time.Time) trackerState {
	t, s := m.tracker, newTrackerState()
	for p := range t.partitions {
		s.partitions |= 1 << p
	}
	s.conflict = t.conflict != ""
	for i, name := range trackerNames {
		from := t.sources[name]
		if from == nil {
			continue
		}
		x := &s.sources[i]
		x.known, x.durable, x.begun, x.epoch = true, from.durable, from.begun, uint8(from.epoch)
		x.since = age(now, from.since)
		if !x.durable { // a bridge is forgotten after a silence that the model has as one event
			x.heard = age(now, from.heard)
		}
		for e := range from.older {
			x.older |= 1 << e
		}
		x.rng = uint8(slices.Index(trackerBounds, from.rng))
		if from.wider != nil {
			x.wider = uint8(slices.Index(trackerBounds, *from.wider)) + 1
		}
		for p, last := range from.last {
			x.last[p] = uint8(last)
		}
		for p, at := range from.vouched {
			x.vouched[p] = age(now, at)
		}
	}
	return s
}

// restore puts the tracker into a state.
func (m *trackerModel) restore(s *trackerState) {
	t := m.tracker
	clear(t.sources)
	clear(t.partitions)
	clear(t.health)
	clear(t.stats.Losses)
	for p := range int32(trackerPartitions) {
		if s.partitions&(1<<p) != 0 {
			t.partitions[p] = true
		}
	}
	t.conflict, t.conflictAt = "", time.Time{}
	if s.conflict { // only a long silence ends it
		t.conflict, t.conflictAt = trackerNames[sourceWriter], trackerNow
	}
	for i := range s.sources {
		x := &s.sources[i]
		if !x.known {
			continue
		}
		to := &source{
			durable: x.durable, begun: x.begun, rng: trackerBounds[x.rng], epoch: wire.Epoch(x.epoch), since: aged(x.since), heard: aged(x.heard),
			last: map[int32]uint64{}, older: map[wire.Epoch]bool{}, vouched: map[int32]time.Time{},
		}
		if x.wider > 0 {
			to.wider = &trackerBounds[x.wider-1]
		}
		for e := range wire.Epoch(8) {
			if x.older&(1<<e) != 0 {
				to.older[e] = true
			}
		}
		for p := range x.last {
			if x.last[p] != unseen {
				to.last[int32(p)] = uint64(x.last[p])
			}
			if x.vouched[p] < trackerOld {
				to.vouched[int32(p)] = aged(x.vouched[p])
			}
		}
		t.sources[trackerNames[i]] = to
	}
}

// older makes everything a unit older.
func (s *trackerState) older() {
	for i := range s.sources {
		x := &s.sources[i]
		for _, a := range [...]*uint8{&x.since, &x.heard, &x.vouched[0], &x.vouched[1]} {
			grow(a)
		}
		if x.durable {
			x.heard = 0
		}
	}
}

func grow(age *uint8) {
	if *age < trackerOld {
		*age++
	}
}

// canonical maps a state to the one that stands for all that behave alike.
func (m *trackerModel) canonical(w trackerWorld) trackerWorld {
	var flying [trackerLives]bool
	for p := range w.bus {
		for i := range w.bus[p] {
			if l := w.bus[p][i].life; l > 0 && l <= trackerLives {
				flying[l-1] = true
			}
		}
	}
	for i := range w.lives {
		l := &w.lives[i]
		if l.state == lifeCurrent || l.state == lifeZombie {
			source, _ := m.owner(uint8(i))
			for l.at < w.ncommits && !m.publishes(source, &w.commits[l.at]) {
				l.at++
			}
		}
		if l.state == lifeOver {
			if !flying[i] {
				*l = trackerLife{state: lifeOver}
			}
			l.at, l.seq, l.claim = 0, [trackerPartitions]uint8{}, trackerOld
		}
	}
	for i := range w.ncommits {
		if c := &w.commits[i]; c.settled {
			c.age = trackerOld
		}
	}
	for i := range w.tracker.sources {
		x := &w.tracker.sources[i]
		if !x.durable {
			continue
		}
		x.since, x.heard, x.older = 0, 0, 0 // of writers alone are they looked at
		if !slices.Contains(x.last[:m.set.partitions], unseen) {
			x.begun, w.seen[i].begun = true, true
		}
		for e := uint8(1); x.known && i < sourceWriter && e <= m.set.epochs[i]; e++ {
			l := &w.lives[m.life(uint8(i), e)]
			if l.handover && (e <= x.epoch || l.before < x.epoch) {
				l.before, l.last = 0, [trackerPartitions]uint8{} // fits nothing any more
			}
		}
	}
	return w
}
