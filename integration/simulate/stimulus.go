package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// kind says what a stimulus is.
type kind uint8

const (
	stWrite kind = iota + 1
	stRead
	stFault
	stCalm  // no faults from here on
	stCheck // whatever may be served is the newest
	stStorm // faults again
)

// stimulus is something that comes from outside: a client's request or a fault.
// Stimuli do not depend on what the world does with them, so any of them can be
// left out.
type stimulus struct {
	name  uint64
	at    time.Duration
	kind  kind
	fault fault
	node  int
	doc   int
	slow  bool // one of many that take long
	long  bool // a read that ends long after the store was read
}

func (s stimulus) String() string {
	switch s.kind {
	case stWrite:
		return fmt.Sprintf("%v write of document %d on node %d", s.at, s.doc, s.node)
	case stRead:
		return fmt.Sprintf("%v read of document %d on node %d", s.at, s.doc, s.node)
	case stFault:
		return fmt.Sprintf("%v %v, node %d", s.at, s.fault, s.node)
	}
	return fmt.Sprintf("%v rest", s.at)
}

// stimulusFaults are the faults that are stimuli, as often as they stand here.
var stimulusFaults = []fault{
	crash, crash, suspend, suspend, deaf, deaf, blink, blink, lossy, lossy, lossy, cutOff, clockStep, rebuild, rebuild,
	bridgeDies, bridgeDies, bridgeUnsaved, bridgeZombie, leaseLost,
}

// messageFaults are those that an episode's node suffers.
var messageFaults = []fault{lossy, lossy, lossy, deaf, blink, rebuild, suspend, bridgeUnsaved, leaseLost}

// generator makes the stimuli of a run, in order.
type generator struct {
	dice   dice
	budget int // writes still to be made
	now    time.Duration
	names  uint64

	sinceRest   int
	nextFault   time.Duration
	nextEpisode time.Duration
	queue       []stimulus // ready, in order
	done        bool
}

func newGenerator(seed uint64, writes int) *generator {
	return &generator{dice: roll(seed, 'g'), budget: writes, now: 2 * time.Second}
}

// next returns the next stimulus; false is the end.
func (g *generator) next() (stimulus, bool) {
	for len(g.queue) == 0 {
		if g.done {
			return stimulus{}, false
		}
		g.more()
	}
	s := g.queue[0]
	g.queue = g.queue[1:]
	return s, true
}

func (g *generator) add(s stimulus) {
	g.names += 16 // what follows from a stimulus has the names in between
	s.name = g.names
	g.queue = append(g.queue, s)
}

func (g *generator) more() {
	g.queue = g.queue[:0]
	switch {
	case g.budget == 0, g.sinceRest >= restEvery:
		g.sinceRest = 0
		g.add(stimulus{at: g.now, kind: stCalm})
		g.now += rest
		g.add(stimulus{at: g.now, kind: stCheck})
		g.done = g.budget == 0
		g.add(stimulus{at: g.now, kind: stStorm})
	case g.now >= g.nextFault:
		g.nextFault = g.now + g.dice.upTo(2*time.Second)
		g.add(stimulus{at: g.now, kind: stFault, fault: stimulusFaults[g.dice.below(len(stimulusFaults))], node: g.dice.below(nodes)})
	case g.now >= g.nextEpisode:
		g.episode()
		g.nextEpisode = g.now + g.dice.upTo(2*episodeEvery)
	default:
		g.now += g.dice.around(pace)
		g.write(stimulus{at: g.now, kind: stWrite, node: g.dice.below(nodes), doc: g.document()})
	}
}

func (g *generator) write(s stimulus) {
	if g.budget == 0 {
		return
	}
	g.budget--
	g.sinceRest++
	g.add(s)
}

// document picks one; some are asked for far more often than others.
func (g *generator) document() int {
	x := g.dice.float()
	return int(x * x * x * documents)
}

// episode is a time in which hardly anything happens, except to a few documents
// that lie in one part of the caches: many slow operations of few nodes.
func (g *generator) episode() {
	first := g.dice.below(documents)
	if g.dice.chance(0.25) {
		first = first&^15 | 6 // of those whose changes are published without a version
	}
	docs := []int{first}
	for d := first + 1; len(docs) < 3 && d < first+documents; d++ {
		if hashOf(d%documents)%16 == hashOf(first)%16 {
			docs = append(docs, d%documents)
		}
	}
	node := g.dice.below(nodes)
	if g.dice.chance(0.4) {
		g.longRead(node, docs)
		return
	}
	every, slow := longest/30, 0.5
	if g.dice.chance(0.6) { // all at once
		every, slow, docs = longest/300, 0.2, docs[:1]
	}
	for i := range 50 {
		if i%12 == 1 && g.dice.chance(0.4) {
			g.add(stimulus{at: g.now, kind: stFault, fault: messageFaults[g.dice.below(len(messageFaults))], node: node})
		}
		g.now += g.dice.around(every)
		s := stimulus{at: g.now, kind: stRead, node: node, doc: docs[g.dice.below(8)%5%len(docs)], slow: g.dice.chance(slow)}
		if g.dice.chance(0.2) {
			s.node = g.dice.below(nodes)
		}
		if g.dice.chance(0.35) {
			s.kind = stWrite
			if g.dice.chance(0.6) {
				s.node = g.dice.below(nodes)
			}
			g.write(s)
			continue
		}
		g.add(s)
	}
}

// longRead is a read that ends after fences and blind times that began during
// it, with a write elsewhere and perhaps losses, when all else is quiet.
func (g *generator) longRead(node int, docs []int) {
	start := g.now + lagBudget + g.dice.upTo(lagBudget/2)
	var all []stimulus
	fail := func(at time.Duration) {
		if g.dice.chance(0.5) {
			all = append(all, stimulus{at: at, kind: stFault, fault: messageFaults[g.dice.below(len(messageFaults))], node: node})
		}
	}
	written := start + g.dice.upTo(lagBudget/4)
	if g.dice.chance(0.5) {
		written = start + g.dice.upTo(2*lagBudget)
	}
	fail(start - g.dice.upTo(lagBudget/2))
	fail(written - 1)
	all = append(all,
		stimulus{at: start, kind: stRead, node: node, doc: docs[0], long: true},
		stimulus{at: written, kind: stWrite, node: g.dice.below(nodes), doc: docs[0]},
		stimulus{at: start + g.dice.upTo(longest), kind: stRead, node: node, doc: docs[len(docs)-1], slow: true},
		stimulus{at: start + longest + g.dice.upTo(lagBudget), kind: stRead, node: node, doc: docs[0]})
	slices.SortStableFunc(all, func(a, b stimulus) int { return cmp.Compare(a.at, b.at) })
	for _, s := range all {
		if s.kind == stWrite {
			g.write(s)
		} else {
			g.add(s)
		}
	}
	g.now = all[len(all)-1].at
}

func hashOf(doc int) uint64 {
	d := roll(0, uint64(doc))
	return d.next()
}
