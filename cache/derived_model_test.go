package cache

import (
	"fmt"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// The model of derived entries: one key made of two documents, a subject and
// its limits; up to three commits in any order, a replica that follows them, a
// load that reads the two documents at two moments.
const derivedCommits = 3

type derivedWorld struct {
	log     [derivedCommits]uint8 // which document each commit was about
	newest  uint8                 // commits so far
	replica uint8
	sent    uint8 // commits whose message was published
	bus     [derivedCommits]bool

	table  tableState
	guards [2]guard
	need   [2]uint8 // commits when the guard was set

	flying  bool
	op      derivedOp
	reads   uint8    // 0 nothing, 1 the subject, 2 both
	seen    [2]uint8 // version of each that the load read
	held    bool
	value   derivedHeld
	version [2]uint8 // of what is held
	index   bool     // the key is indexed under its documents
	now     int64
	losses  uint8
	lost    bool
}

var derivedIDs = [2]string{"subject", "subject/limits"}

// at returns the version of document d after n commits; 0 is absence.
func (w *derivedWorld) at(d, n uint8) uint8 {
	v := uint8(0)
	for _, x := range w.log[:n] {
		if x == d {
			v++
		}
	}
	return v
}

func derivedVersion(v uint8) store.Version {
	if v == 0 {
		return store.Version{}
	}
	return store.Version{Rev: string(rune('0' + v)), Order: uint64(v), Lineage: "L"}
}

func (m machine) derivedExpand(w derivedWorld) (out []successor[derivedWorld]) {
	emit := func(name string, n derivedWorld) {
		n = n.canonical()
		out = append(out, successor[derivedWorld]{label{name: name}, n, m.derivedBroken(&n)})
	}
	names := [2]string{"S", "L"}
	if w.newest < derivedCommits {
		for d := range uint8(2) {
			n := w
			n.log[n.newest] = d
			n.newest++
			emit(fmt.Sprintf("C%s%d", names[d], n.at(d, n.newest)), n)
		}
	}
	if w.replica < w.newest {
		n := w
		n.replica++
		emit(fmt.Sprintf(">%d", n.replica), n)
	}
	if w.sent < w.newest {
		n := w
		n.bus[n.sent] = true
		n.sent++
		emit(fmt.Sprintf("P%d", n.sent), n)
	}
	for i := range w.bus {
		if !w.bus[i] {
			continue
		}
		n := w
		n.bus[i] = false
		d := n.log[i]
		v := derivedVersion(n.at(d, uint8(i)+1))
		n.table, n.guards[d] = m.sourceChanged(n.table, n.guards[d], v, n.now)
		n.need[d] = n.newest
		if n.held && n.index && !m.sourceKeeps(derivedVersion(n.version[d]), v) {
			n.held = false
		}
		emit(fmt.Sprintf("m%s%d", names[d], n.at(d, uint8(i)+1)), n)
		if w.losses > 0 {
			n := w
			n.bus[i] = false
			n.losses--
			n.lost = true
			emit("lost", n)
		}
	}
	if w.lost {
		n := w
		n.lost = false
		n.table.scope = m.lose(n.table.scope, n.now, false)
		n.need[0], n.need[1] = n.newest, n.newest
		emit("gap", n)
	}
	switch {
	case !w.flying:
		if !w.held || !m.derivedServable(w.table, w.value, modelAge, modelBound) {
			n := w
			n.flying, n.reads, n.op = true, 0, n.table.begin(n.now, modelAge)
			emit("Ls", n)
		}
	case w.reads < 2:
		n := w
		n.seen[n.reads] = n.at(n.reads, n.replica)
		n.reads++
		emit(fmt.Sprintf("Lr%s%d", names[n.reads-1], n.seen[n.reads-1]), n)
	default:
		n := w
		n.flying = false
		var sources []Source
		if n.seen[0] != 0 {
			for d := range 2 {
				sources = append(sources, Source{derivedIDs[d], derivedVersion(n.seen[d])})
			}
		}
		if m.admitDerived(n.table, n.op, sources, n.guards[:]) == reasonNone {
			n.held, n.version, n.index = true, n.seen, sources != nil
			n.value = derivedHeld{negative: sources == nil, born: n.op.born, losses: n.op.losses, changes: n.op.changes}
		}
		emit("Le", n)
	}
	if w.held {
		n := w
		n.held = false
		emit("E", n)
	}
	m.derivedTime(w, emit)
	return out
}

// derivedTime ends the next time, once the replica shows what it was set for.
func (m machine) derivedTime(w derivedWorld, emit func(string, derivedWorld)) {
	next := int64(0)
	for _, e := range [...]int64{w.guards[0].until, w.guards[1].until, w.table.until, w.table.blind} {
		if e > w.now && (next == 0 || e < next) {
			next = e
		}
	}
	if next == 0 || w.replica < w.need[0] && (next == w.guards[0].until || next == w.table.blind) ||
		w.replica < w.need[1] && (next == w.guards[1].until || next == w.table.blind) {
		return
	}
	w.now = next
	emit("F-", w)
}

// canonical counts times, generations and changes from the present.
func (w derivedWorld) canonical() derivedWorld {
	ends := []*int64{&w.guards[0].until, &w.guards[1].until, &w.table.until, &w.table.blind}
	if !w.flying {
		w.op, w.reads, w.seen = derivedOp{start: w.now, born: modelAge, losses: w.table.losses, changes: w.table.changes}, 0, [2]uint8{}
	}
	moments := []int64{w.now, w.op.start}
	for _, e := range ends {
		if *e <= w.op.start {
			*e = 0
		} else {
			moments = append(moments, *e)
		}
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	base := slices.Index(moments, w.now)
	rank := func(t int64) int64 { return modelNow + int64(slices.Index(moments, t)-base) }
	for _, e := range ends {
		if *e != 0 {
			*e = rank(*e)
		}
	}
	w.op.start, w.now = rank(w.op.start), modelNow
	for i := range w.guards {
		g := &w.guards[i]
		g.gen, g.forgot = 0, 0
		if g.until == 0 {
			*g = guard{}
		}
	}
	if !w.held {
		w.value, w.version, w.index = derivedHeld{}, [2]uint8{}, false
	}
	if w.op.changes != w.table.changes {
		w.op.changes = 0
	} else {
		w.op.changes = 1
	}
	if w.held && w.value.changes == w.table.changes {
		w.value.changes = 1
	} else {
		w.value.changes = 0
	}
	w.op.losses = sameLosses(w.op.losses, w.table.losses) + 1
	if w.held {
		w.value.losses = sameLosses(w.value.losses, w.table.losses) + 1
	}
	w.table.losses, w.table.changes = 2, 1
	return w
}

// derivedBroken checks I1 and I2.
func (m machine) derivedBroken(w *derivedWorld) string {
	if !w.held || !m.derivedServable(w.table, w.value, modelAge, modelBound) {
		return ""
	}
	for d := range w.guards {
		g := &w.guards[d]
		for i := range g.nfences {
			if !w.value.negative && w.now < g.until && !atLeast(derivedVersion(w.version[d]).Compare(g.fences[i])) {
				return "I1"
			}
		}
	}
	if w.replica < w.newest || w.sent < w.newest || w.lost || slices.Contains(w.bus[:], true) {
		return ""
	}
	for d := range uint8(2) {
		if w.version[d] != w.at(d, w.newest) && !(w.value.negative && d == 1) {
			return "I2"
		}
	}
	return ""
}

// searchDerived visits every state of the model of derived entries.
func searchDerived(off Rule) result {
	m := machine{lag: modelLag, off: off}
	first := derivedWorld{now: modelNow, losses: 1, table: tableState{scope: scope{losses: 2}, changes: 1}}.canonical()
	return breadthFirst(first, maxStates, m.derivedExpand)
}

// TestDerivedSearch visits every state of the model of derived entries.
func TestDerivedSearch(t *testing.T) {
	checkSearch(t, false, func() result { return searchDerived(0) })
}
