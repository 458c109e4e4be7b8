package cache

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// The model: one key of one node, the store behind it, the change feed and the
// bus around it. It drives the real machine; everything in this file is
// environment. What one run may do is bounded by setting.

const (
	modelNow   = 100  // canonical present
	modelLag   = 1000 // further away than any canonical moment
	modelAge   = 100
	modelBound = 50
	modelNext  = 50 // above every canonical generation
	versions   = 3
)

// setting bounds one search.
type setting struct {
	name string
	what string

	absentFirst bool // nothing exists at the beginning
	equalOrder  bool // v2 and v3 have one order
	unversioned bool // deletes are physical: neither reply nor message has a version
	scala       bool // a peer sends unversioned messages of its own
	jumping     bool // reads see any state between replica and primary
	position    bool // losses are repaired by reading at a position
	firstStart  bool // begins with a start-up while changes are under way
	overlap     bool // the writer may have a second write in flight
	monotonic   bool // I5h is checked

	loads  int   // in flight at once
	newest uint8 // versions that may exist

	budget
}

// budget is how often each kind of event may still happen; unlimited is not spent.
type budget struct {
	remote, remoteX uint8 // puts and deletes elsewhere
	writes, deletes uint8 // local ones
	doubts          uint8 // of them, how many end in doubt
	refusals        uint8 // and how many are refused
	peerDies        uint8 // peers of this cluster that commit and die
	losses          uint8
	takeover        uint8
	repeats         uint8
	rewinds         uint8
	evicts          uint8
	sheds           uint8
	jumps           uint8 // of the age clock
	restarts        uint8
}

const unlimited = 255

func spend(budget *uint8) {
	if *budget != unlimited {
		*budget--
	}
}

type modelMessage struct {
	version  uint8 // 0: unversioned
	of       uint8 // the version it is about
	repeated bool
}

type modelLoad struct {
	op    op
	state uint8 // 1 started, 2 read
	read  uint8
	floor uint8
}

type modelWrite struct {
	op      op
	state   uint8 // 1 started, 2 committed, 3 in doubt and not applied
	version uint8
}

type world struct {
	line  line
	scope scope
	now   int64
	truth uint8 // what the held value really is

	newest, replica, session, published, floor, seen, position uint8
	deleted                                                    [versions + 1]bool
	own                                                        [versions + 1]bool
	lost, offAir                                               bool
	needs                                                      [4]uint8 // versions committed when fence, blind, scope blind, scope soft were set

	bus    [3]modelMessage
	nbus   uint8
	loads  [2]modelLoad
	puts   [2]modelWrite
	del    modelWrite
	budget budget
}

// succ is one possible next state. bad is the invariant that the event itself
// broke, if any.
type succ struct {
	label label
	w     world
	bad   string
}

// model is a setting with the rules that are on.
type model struct {
	machine
	set  setting
	vers [versions + 1]store.Version
	out  []succ
}

func newModel(set setting, off Rule) *model {
	m := &model{machine: machine{lag: modelLag, off: off}, set: set}
	for i := 1; i <= versions; i++ {
		m.vers[i] = store.Version{Rev: string(rune('0' + i)), Order: uint64(i), Lineage: "L"}
	}
	if set.equalOrder {
		m.vers[3].Order = 2
	}
	return m
}

func (m *model) initial() world {
	w := world{now: modelNow, newest: 1, replica: 1, published: 1, budget: m.set.budget}
	w.deleted[1] = m.set.absentFirst
	if m.set.firstStart {
		w.offAir = true
	}
	m.canonical(&w)
	return w
}

// label names an event and the version it is about; %d stands for the version.
type label struct {
	name string
	v    uint8
}

func (l label) String() string {
	if strings.Contains(l.name, "%d") {
		return fmt.Sprintf(l.name, l.v)
	}
	return l.name
}

// apply makes one real step and books what the environment must remember of it.
func (m *model) apply(w *world, ev event) action {
	ev.now, ev.age, ev.bound, ev.next = w.now, modelAge, modelBound, modelNext
	before := w.line
	l, a := m.step(w.line, w.scope, ev)
	w.line = l
	if l.until != before.until {
		w.needs[0] = w.newest
	}
	if l.blind != before.blind {
		w.needs[1] = w.newest
	}
	if !l.present {
		w.truth = 0
	}
	return a
}

// emit records a successor.
func (m *model) emit(l label, w *world, bad string) {
	if bad == "" {
		bad = m.stateInvariants(w)
	}
	m.canonical(w)
	m.out = append(m.out, succ{l, *w, bad})
}

// servable is the test of a hit with the rules that are on.
func (m *model) servable(w *world) bool {
	s := w.scope
	if m.off.has(RuleSuspect) {
		s.losses = 0
	}
	return w.line.fresh == 0 && w.line.servable(s, modelAge, modelBound)
}

// stateInvariants checks I1 and I2.
func (m *model) stateInvariants(w *world) string {
	if w.offAir || !m.servable(w) {
		return ""
	}
	// I1, with an order that does not guess, whatever the rules do.
	if w.now < w.line.until {
		for i := range w.line.nfences {
			if o := w.line.version.Compare(w.line.fences[i]); !atLeast(o) {
				return "I1"
			}
		}
	}
	if w.lost || w.replica < w.newest || w.published < w.newest {
		return ""
	}
	for i := range w.nbus {
		if !w.bus[i].repeated {
			return ""
		}
	}
	for _, p := range w.puts {
		if p.state == 3 {
			return ""
		}
	}
	// A write that is under way and that no message will tell of is not at rest.
	untold := m.off.has(RuleEcho) && (w.puts[0].state == 2 || w.puts[1].state == 2 || w.del.state == 2)
	if w.del.state == 3 || m.set.unversioned && w.del.state == 2 || untold {
		return ""
	}
	if w.truth != w.newest && !(w.deleted[w.truth] && w.deleted[w.newest]) {
		return "I2"
	}
	return ""
}

// shown checks what a reader is given: I4, and I5h for hits.
func (m *model) shown(w *world, truth, floor uint8, hit bool) string {
	switch {
	case truth < floor:
		return "I4"
	case hit && m.set.monotonic && truth < w.seen:
		return "I5h"
	}
	w.seen = max(w.seen, truth)
	return ""
}

// canonical maps a state to the one that stands for all states that behave alike.
func (m *model) canonical(w *world) {
	m.canonicalTime(w)
	if !m.off.has(RuleGenerations) {
		canonicalGenerations(w)
	}
	if w.line.present {
		w.line.losses = sameLosses(w.line.losses, w.scope.losses)
	} else {
		w.line.held, w.truth = held{}, 0
	}
	if w.line.load != 0 {
		w.line.loadLosses = sameLosses(w.line.loadLosses, w.scope.losses)
	} else {
		w.line.loadLosses, w.line.loadFresh = 0, false
	}
	for i := range w.loads {
		w.loads[i].op.losses = sameLosses(w.loads[i].op.losses, w.scope.losses)
		if w.loads[i].state == 0 {
			w.loads[i] = modelLoad{}
		}
	}
	for _, p := range [...]*modelWrite{&w.puts[0], &w.puts[1], &w.del} {
		p.op.losses = sameLosses(p.op.losses, w.scope.losses)
		if p.state == 0 || p.state == 3 {
			p.op = op{}
		}
	}
	w.scope.losses = 1
	if w.line.nfences == 2 && w.line.fences[0].Rev > w.line.fences[1].Rev {
		w.line.fences[0], w.line.fences[1] = w.line.fences[1], w.line.fences[0]
	}
	for i := range w.needs {
		if w.needs[i] <= w.replica {
			w.needs[i] = 0
		}
	}
	if w.session <= w.replica {
		w.session = 0
	}
	if w.position <= w.replica {
		w.position = 0
	}
	if !m.set.monotonic {
		w.seen = 0
	}
	if m.off&RuleEcho == 0 {
		clear(w.own[:])
	}
	slices.SortFunc(w.bus[:w.nbus], func(a, b modelMessage) int {
		return int(messageKey(a)) - int(messageKey(b))
	})
	if loadKey(w.loads[0]) < loadKey(w.loads[1]) {
		w.loads[0], w.loads[1] = w.loads[1], w.loads[0]
	}
}

func sameLosses(seen, losses uint64) uint64 {
	if seen == losses {
		return 1
	}
	return 0
}

func canonicalGenerations(w *world) {
	var gens, forgots [8]uint64
	number := func(t *[8]uint64, g uint64) uint64 {
		if g == 0 {
			return 0
		}
		for i := range t {
			if t[i] == g || t[i] == 0 {
				t[i] = g
				return uint64(i + 1)
			}
		}
		panic("too many generations")
	}
	w.line.gen = number(&gens, w.line.gen)
	w.line.load = number(&gens, w.line.load)
	for i := range w.loads {
		l := &w.loads[i]
		if l.state != 0 && l.op.gen != 0 {
			switch g := number(&gens, l.op.gen); {
			case g == w.line.gen, g == w.line.load:
				l.op.gen = g
			default:
				l.op.gen = 9 // void; which one does not matter
			}
		}
		l.op.forgot = 0
	}
	w.line.forgot = number(&forgots, w.line.forgot)
	for _, p := range [...]*modelWrite{&w.puts[0], &w.puts[1], &w.del} {
		if p.state == 1 || p.state == 2 {
			if p.op.forgot = number(&forgots, p.op.forgot); p.op.forgot != w.line.forgot {
				p.op.forgot = 9
			}
		}
	}
}

// canonicalTime keeps of all moments only what the machine can tell apart: the
// order of the ends that are still to come, and whether an operation began
// before an end of its scope.
func (m *model) canonicalTime(w *world) {
	var starts []*int64
	for i := range w.loads {
		if w.loads[i].state != 0 {
			starts = append(starts, &w.loads[i].op.start)
		}
	}
	for i := range 3 {
		if p := w.write(i); p.state == 1 || p.state == 2 {
			starts = append(starts, &p.op.start)
		}
	}
	var future, past []int64
	ends := [...]*int64{&w.line.until, &w.line.blind, &w.line.fresh, &w.scope.blind, &w.scope.soft}
	for _, e := range ends {
		switch {
		case *e > w.now:
			if !slices.Contains(future, *e) {
				future = append(future, *e)
			}
		case !slices.ContainsFunc(starts, func(s *int64) bool { return *s < *e }):
			*e = 0 // binds nothing any more
		case !slices.Contains(past, *e):
			past = append(past, *e)
		}
	}
	slices.Sort(future)
	slices.Sort(past)
	for _, s := range starts {
		n := len(past)
		for n > 0 && *s < past[n-1] {
			n--
		}
		*s = modelNow - 1 - 2*int64(len(past)-n)
	}
	for _, e := range ends {
		if i := slices.Index(future, *e); i >= 0 {
			*e = modelNow + 1 + int64(i)
		} else if i := slices.Index(past, *e); i >= 0 {
			*e = modelNow - 2*int64(len(past)-i)
		}
	}
	w.now = modelNow
}

func (w *world) write(i int) *modelWrite {
	if i == 2 {
		return &w.del
	}
	return &w.puts[i]
}
