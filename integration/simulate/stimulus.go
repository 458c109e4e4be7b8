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
	slow  bool          // one of many that take long
	takes time.Duration // not 0: the store is asked at once, and its answer takes so long
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
var messageFaults = []fault{lossy, lossy, deaf, deaf, deaf, blink, rebuild, suspend, bridgeUnsaved, leaseLost}

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
		if g.dice.chance(0.4) {
			g.crowd()
		} else {
			g.episode()
		}
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
	if g.dice.chance(0.5) {
		g.longOne(node, docs)
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

// script collects the stimuli of an episode in any order.
type script struct {
	g   *generator
	all []stimulus
}

func (s *script) add(at time.Duration, st stimulus) {
	st.at = at
	s.all = append(s.all, st)
}

func (s *script) fail(at time.Duration, node int, f fault) {
	s.add(at, stimulus{kind: stFault, fault: f, node: node})
}

func (s *script) maybeFail(at time.Duration, node int) {
	if s.g.dice.chance(0.35) {
		s.fail(at, node, messageFaults[s.g.dice.below(len(messageFaults))])
	}
}

func (s *script) play() {
	slices.SortStableFunc(s.all, func(a, b stimulus) int { return cmp.Compare(a.at, b.at) })
	for _, st := range s.all {
		if st.kind == stWrite {
			s.g.write(st)
		} else {
			s.g.add(st)
		}
	}
	s.g.now = s.all[len(s.all)-1].at
}

// longOne is about a read that ends after fences and blind times that began
// during it, when all else is quiet.
func (g *generator) longOne(node int, docs []int) {
	start := g.now + lagBudget + g.dice.upTo(lagBudget/2)
	doc, other := docs[0], docs[len(docs)-1]
	anyone := func() int { return g.dice.below(nodes) }
	long := func() time.Duration { return lagBudget + g.dice.upTo(longest-lagBudget) }
	s := script{g: g}
	switch kind := g.dice.below(10); {
	case kind < 3: // during a write of its own node, with one elsewhere
		s.maybeFail(start-g.dice.upTo(lagBudget/2), node)
		s.add(start, stimulus{kind: stWrite, node: node, doc: doc, takes: lagBudget/2 + g.dice.upTo(lagBudget/3)})
		s.add(start+g.dice.upTo(lagBudget/8), stimulus{kind: stWrite, node: anyone(), doc: doc})
		s.add(start+g.dice.upTo(lagBudget/3), stimulus{kind: stRead, node: node, doc: doc, takes: lagBudget/2 + g.dice.upTo(lagBudget)})
		for range 3 {
			s.add(start+lagBudget/2+g.dice.upTo(2*lagBudget/3), stimulus{kind: stRead, node: node, doc: doc})
		}
	case kind < 5: // between two losses, of which the first can be repaired by position
		node = 1 + g.dice.below(2)
		written := start + lagBudget/2 + g.dice.upTo(lagBudget)
		s.fail(start-lagBudget/3-g.dice.upTo(lagBudget/4), node, leaseLost)
		s.fail(written-1, node, blink)
		s.add(start, stimulus{kind: stRead, node: node, doc: doc, takes: long()})
		s.add(written, stimulus{kind: stWrite, node: anyone(), doc: doc})
	case kind < 6: // by a node that is deaf
		s.fail(start-g.dice.upTo(lagBudget/8), node, deaf)
		s.add(start, stimulus{kind: stRead, node: node, doc: doc, takes: long()})
		s.add(start+g.dice.upTo(lagBudget/8), stimulus{kind: stWrite, node: (node + nodes/2) % nodes, doc: doc})
		for range 4 {
			s.add(start+2*lagBudget+g.dice.upTo(2*lagBudget), stimulus{kind: stRead, node: node, doc: doc})
		}
	case kind < 7: // of a line that is forgotten meanwhile
		node = nodes - 1
		s.add(start, stimulus{kind: stRead, node: node, doc: doc, takes: longest - g.dice.upTo(lagBudget)})
		s.add(start+5*time.Millisecond+g.dice.upTo(lagBudget/8), stimulus{kind: stWrite, node: g.dice.below(nodes / 2), doc: doc})
		s.add(start+3*lagBudget/2+g.dice.upTo(lagBudget/4), stimulus{kind: stRead, node: node, doc: doc, takes: longest})
		s.add(start+7*lagBudget/4+g.dice.upTo(lagBudget/4), stimulus{kind: stRead, node: node, doc: other, takes: lagBudget})
	case kind < 8: // of a write across one elsewhere
		s.add(start, stimulus{kind: stWrite, node: node, doc: doc, takes: long()})
		s.add(start+5*time.Millisecond+g.dice.upTo(lagBudget/4), stimulus{kind: stWrite, node: anyone(), doc: doc})
	default: // across a write elsewhere
		if g.dice.chance(0.4) {
			node = nodes - 1
		}
		written := start + g.dice.upTo(lagBudget/4)
		if g.dice.chance(0.3) {
			written = start + g.dice.upTo(2*lagBudget)
		}
		s.maybeFail(start-g.dice.upTo(lagBudget/2), node)
		s.maybeFail(written-1, node)
		s.add(start, stimulus{kind: stRead, node: node, doc: doc, takes: long()})
		s.add(written, stimulus{kind: stWrite, node: anyone(), doc: doc})
		s.add(start+lagBudget+g.dice.upTo(longest-lagBudget), stimulus{kind: stRead, node: node, doc: other, slow: true})
	}
	s.add(start+longest+g.dice.upTo(lagBudget), stimulus{kind: stRead, node: node, doc: doc})
	s.play()
}

// crowd is about many readers of a few documents that are being written while
// the connection of their node is bad and others write other documents.
func (g *generator) crowd() {
	const node = 2
	s := script{g: g}
	s.fail(g.now, node, blip)
	for range 20 {
		s.add(g.now+g.dice.upTo(200*time.Millisecond), stimulus{kind: stWrite, node: g.dice.below(nodes), doc: g.document()})
	}
	for range 5 {
		doc, start := g.dice.below(documents), g.now+g.dice.upTo(150*time.Millisecond)
		s.add(start, stimulus{kind: stWrite, node: g.dice.below(nodes), doc: doc})
		for range 12 {
			s.add(start+g.dice.upTo(200*time.Millisecond), stimulus{kind: stRead, node: node, doc: doc})
		}
	}
	s.play()
}

func hashOf(doc int) uint64 {
	d := roll(0, uint64(doc))
	return d.next()
}
