package simulate

import (
	"fmt"
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
	slow  bool          // one of many that take long
	fresh bool          // a read that no lagging replica may answer
	late  bool          // a read that a replica answers that has not heard of what is new
	fails bool          // a read whose load fails
	alone bool          // a write that brings no readers
	asks  time.Duration // not 0: when the store is asked, at the latest
	takes time.Duration // not 0: how long the store's answer takes, or the fault lasts
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
	crash, crash, suspend, suspend, deaf, deaf, blink, blink, held, held, stutter, lossy, lossy, lossy, cutOff, clockStep, rebuild, rebuild,
	bridgeDies, bridgeDies, bridgeUnsaved, bridgeZombie, leaseLost,
}

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

func hashOf(doc int) uint64 {
	d := roll(0, uint64(doc))
	return d.next()
}

// placeOf is where a document lies in the key space.
func placeOf(doc int) string {
	if hashOf(doc)>>40&1 == 1 {
		return "C0"
	}
	return "40"
}
