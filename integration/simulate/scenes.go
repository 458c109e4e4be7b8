package simulate

import (
	"cmp"
	"slices"
	"time"
)

// messageFaults are those that an episode's node suffers.
var messageFaults = []fault{lossy, lossy, deaf, deaf, deaf, blink, held, rebuild, suspend, bridgeUnsaved, leaseLost}

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

// episode is a time in which hardly anything happens, except to a few documents
// that lie in one part of the caches.
func (g *generator) episode() {
	first := g.dice.below(documents)
	if g.dice.chance(0.15) {
		first = first&^15 | 6 // of those whose changes are published without a version
	}
	docs := []int{first}
	for d := first + 1; len(docs) < 5 && d < first+documents; d++ {
		if hashOf(d%documents)%16 == hashOf(first)%16 {
			docs = append(docs, d%documents)
		}
	}
	s := scene{
		script: script{g: g}, node: g.dice.below(nodes), docs: docs, doc: docs[0], other: docs[len(docs)-1],
		start: g.now + lagBudget + g.dice.upTo(lagBudget/2), // what stood before has ended
	}
	scenes[g.dice.below(len(scenes))](&s)
	s.play()
}

// scene is a few operations on one document of a node while all else is quiet,
// around the moments that matter to a line: the times in it are about them.
type scene struct {
	script
	node       int
	docs       []int
	doc, other int // the first and the last of docs
	start      time.Duration
}

// scenes are equally likely; those that seldom come to their point stand here more
// often.
var scenes = []func(*scene){
	(*scene).readAcrossWrite, (*scene).readAcrossWrite,
	(*scene).joinAfterWrite, (*scene).joinAfterWrite, (*scene).joinAfterWrite,
	(*scene).readDuringWrite, (*scene).readDuringWrite,
	(*scene).writeAcrossWrite,
	(*scene).lateRepeat, (*scene).lateRepeat, (*scene).lateRepeat,
	(*scene).readAgain, (*scene).readAgain, (*scene).readAgain,
	(*scene).betweenLosses,
	(*scene).backAtPosition, (*scene).backAtPosition, (*scene).backAtPosition,
	(*scene).deafReader,
	(*scene).forgottenLine, (*scene).forgottenLine, (*scene).forgottenLine,
	(*scene).evicted, (*scene).evicted,
	(*scene).bustle, (*scene).bustle,
	(*scene).crowd,
}

func (s *scene) upTo(d time.Duration) time.Duration { return s.g.dice.upTo(d) }

// between is a moment, counted from the start.
func (s *scene) between(from, to time.Duration) time.Duration {
	return s.start + from + s.upTo(to-from)
}

func (s *scene) read(at time.Duration, st stimulus) {
	st.kind, st.node, st.doc = stRead, s.node, s.doc
	s.add(at, st)
}

// fault is one that lasts for a time.
func (s *scene) fault(at time.Duration, f fault, lasts time.Duration) {
	s.add(at, stimulus{kind: stFault, node: s.node, fault: f, takes: lasts})
}

func (s *scene) write(at time.Duration, st stimulus) {
	st.kind, st.doc = stWrite, s.doc
	s.add(at, st)
}

// beside is another node of the same region, or any other one.
func (s *scene) beside() int {
	if s.g.dice.chance(0.7) {
		return s.node ^ 1
	}
	return (s.node + 1 + s.g.dice.below(nodes-1)) % nodes
}

// readAcrossWrite: a read ends after the fences of a write elsewhere, and after
// whatever else began meanwhile.
func (s *scene) readAcrossWrite() {
	if s.g.dice.chance(0.4) {
		s.node = nodes - 1
	}
	written := s.between(0, lagBudget/4)
	switch s.g.dice.below(3) {
	case 0:
		written = s.between(0, 2*lagBudget)
	case 1: // its message comes before the read
		written = s.between(-lagBudget/4, -lagBudget/20)
	}
	s.maybeFail(s.between(-lagBudget/2, 0), s.node)
	s.maybeFail(written-1, s.node)
	s.read(s.start, stimulus{takes: lagBudget + s.upTo(longest-lagBudget)})
	s.write(written, stimulus{node: s.g.dice.below(nodes), alone: s.g.dice.chance(0.5)})
	s.add(s.between(lagBudget, longest), stimulus{kind: stRead, node: s.node, doc: s.other, slow: true})
	s.read(s.between(longest, longest+lagBudget), stimulus{})
}

// joinAfterWrite: readers come after a write has ended, while a read is under way
// that began during it, after a write elsewhere was heard of.
func (s *scene) joinAfterWrite() {
	s.maybeFail(s.between(-lagBudget/2, 0), s.node)
	ends := lagBudget/8 + s.upTo(lagBudget/2)
	s.write(s.start, stimulus{node: s.node, takes: ends, alone: true})
	s.write(s.between(0, lagBudget/12), stimulus{node: s.beside(), alone: s.g.dice.chance(0.7)})
	s.read(s.between(lagBudget/24, max(lagBudget/8, ends/2)), stimulus{takes: ends + s.upTo(lagBudget/2), late: s.g.dice.chance(0.4)})
	for range 4 {
		s.read(s.between(ends, ends+lagBudget/3), stimulus{fresh: s.g.dice.chance(0.1)})
	}
	s.read(s.between(2*lagBudget, 3*lagBudget), stimulus{})
}

// readDuringWrite: a read sees what was written elsewhere during a write of its
// node, and ends before or after it.
func (s *scene) readDuringWrite() {
	ends := lagBudget/60 + s.upTo(lagBudget/15)
	s.write(s.start, stimulus{node: s.node, asks: time.Millisecond, takes: ends, alone: true})
	s.write(s.between(lagBudget/600, ends), stimulus{node: (s.node + nodes/2) % nodes, asks: time.Millisecond, alone: true})
	s.read(s.between(-lagBudget/100, lagBudget/100), stimulus{asks: ends, takes: s.upTo(ends), fresh: s.g.dice.chance(0.8)})
	for range 8 {
		s.read(s.between(ends, ends+lagBudget/20), stimulus{})
	}
	s.read(s.between(2*lagBudget, 3*lagBudget), stimulus{})
}

// lateRepeat: what a node holds is confirmed by a repeated message after the loss
// of a later one.
func (s *scene) lateRepeat() {
	s.fault(s.start, stutter, lagBudget/12)
	s.write(s.between(0, lagBudget/50), stimulus{node: s.beside(), alone: true})
	s.read(s.between(lagBudget/12, lagBudget/6), stimulus{fresh: s.g.dice.chance(0.5)})
	s.fault(s.start+lagBudget/5, blink, lagBudget/8)
	s.write(s.between(lagBudget/5, lagBudget/4), stimulus{node: s.beside(), alone: true})
	for range 3 {
		s.read(s.between(3*lagBudget/2, 4*lagBudget), stimulus{})
	}
}

// readAgain: what a node holds is read again after a loss, by a replica that has
// not heard of the lost change either.
func (s *scene) readAgain() {
	s.read(s.start, stimulus{fresh: s.g.dice.chance(0.5)})
	s.fault(s.start+lagBudget/12, blink, lagBudget/12)
	s.write(s.between(lagBudget/12, lagBudget/8), stimulus{node: (s.node + nodes/2) % nodes, asks: time.Millisecond, alone: true})
	for range 3 {
		s.read(s.between(lagBudget/6, lagBudget/3), stimulus{asks: time.Millisecond, takes: time.Millisecond, late: s.g.dice.chance(0.6), fails: s.g.dice.chance(0.3)})
	}
	for range 2 {
		s.read(s.between(3*lagBudget/2, 4*lagBudget), stimulus{})
	}
}

// backAtPosition: a node that holds what it was not told of yet notices a loss,
// and reads at the position of that.
func (s *scene) backAtPosition() {
	s.node = 2
	s.fault(s.start, blink, lagBudget/10)
	part := placeOf(s.doc) // losses elsewhere do not concern it
	heard := lagBudget/12 + s.upTo(lagBudget/15)
	for n := 0; n < 3; {
		doc := s.g.dice.below(documents)
		if placeOf(doc) == part {
			s.add(s.between(0, lagBudget/8), stimulus{kind: stWrite, node: s.g.dice.below(nodes), doc: doc, alone: true})
			n++
		}
	}
	s.write(s.start+heard, stimulus{node: (s.node + nodes/2) % nodes, asks: time.Millisecond, alone: true})
	s.read(s.start+heard+2*time.Millisecond, stimulus{asks: time.Millisecond, takes: time.Millisecond, fresh: true})
	for range 16 {
		s.read(s.between(heard+4*time.Millisecond, heard+lagBudget/12), stimulus{asks: time.Millisecond, takes: time.Millisecond, late: s.g.dice.chance(0.3)})
	}
}

// writeAcrossWrite: a write ends after the fences of one elsewhere.
func (s *scene) writeAcrossWrite() {
	s.write(s.start, stimulus{node: s.node, takes: lagBudget + s.upTo(longest-lagBudget), alone: true})
	s.write(s.between(lagBudget/100, lagBudget/4), stimulus{node: s.beside(), alone: true})
	for range 2 {
		s.read(s.between(longest, longest+lagBudget), stimulus{})
	}
}

// betweenLosses: a read begins after a loss that can be repaired by position, and
// ends after another one.
func (s *scene) betweenLosses() {
	s.node = 1 + s.g.dice.below(2)
	written := s.between(lagBudget/2, 3*lagBudget/2)
	s.fail(s.between(-lagBudget/2, -lagBudget/3), s.node, leaseLost)
	s.fault(written-1, blink, lagBudget/3)
	s.read(s.start, stimulus{takes: 3*lagBudget/2 + s.upTo(lagBudget)})
	s.write(written, stimulus{node: s.g.dice.below(nodes), alone: true})
	for range 2 {
		s.read(s.between(longest, longest+lagBudget), stimulus{})
	}
}

// deafReader: a node that hears nothing reads, slowly.
func (s *scene) deafReader() {
	takes := lagBudget + s.upTo(longest-lagBudget)
	s.fault(s.between(-lagBudget/8, 0), deaf, 3*lagBudget+s.upTo(2*lagBudget))
	s.read(s.start, stimulus{takes: takes})
	s.write(s.between(0, lagBudget/8), stimulus{node: (s.node + nodes/2) % nodes})
	for range 4 {
		s.read(s.between(takes, takes+3*lagBudget/2), stimulus{})
	}
}

// forgottenLine: a read ends when its line had to go for others meanwhile.
func (s *scene) forgottenLine() {
	s.node = nodes - 1
	s.read(s.start, stimulus{takes: longest - s.upTo(lagBudget)})
	s.write(s.between(lagBudget/200, lagBudget/8), stimulus{node: s.g.dice.below(nodes / 2), alone: s.g.dice.chance(0.7)})
	s.read(s.between(3*lagBudget/2, 7*lagBudget/4), stimulus{takes: longest}) // finds that the fence has ended
	s.add(s.between(7*lagBudget/4, 2*lagBudget), stimulus{kind: stRead, node: s.node, doc: s.other, takes: lagBudget})
	for range 2 {
		s.read(s.between(longest, longest+lagBudget), stimulus{})
	}
}

// bustle: many slow operations of few nodes, in no order.
func (s *scene) bustle() {
	d := &s.g.dice
	every, slow, docs := longest/30, 0.5, s.docs
	if d.chance(0.6) { // all at once
		every, slow, docs = longest/300, 0.2, docs[:1]
	}
	at := s.g.now
	for i := range 50 {
		if i%12 == 1 && d.chance(0.4) {
			s.fail(at, s.node, messageFaults[d.below(len(messageFaults))])
		}
		at += d.around(every)
		st := stimulus{kind: stRead, node: s.node, doc: docs[d.below(8)%5%len(docs)], slow: d.chance(slow)}
		if d.chance(0.2) {
			st.node = d.below(nodes)
		}
		if d.chance(0.35) {
			st.kind = stWrite
			if d.chance(0.6) {
				st.node = d.below(nodes)
			}
		}
		s.add(at, st)
	}
}

// evicted: a value goes for others soon after it was written, and is read again by
// a replica that has not heard of it.
func (s *scene) evicted() {
	s.node = 1
	s.write(s.start, stimulus{node: s.g.dice.below(nodes), asks: time.Millisecond, alone: true})
	s.read(s.between(lagBudget/50, lagBudget/10), stimulus{fresh: s.g.dice.chance(0.7)})
	for _, doc := range s.docs[1:] {
		s.add(s.between(lagBudget/10, lagBudget/7), stimulus{kind: stRead, node: s.node, doc: doc})
	}
	for range 3 {
		s.read(s.between(lagBudget/7, lagBudget/3), stimulus{asks: time.Millisecond, takes: time.Millisecond, late: s.g.dice.chance(0.5)})
	}
	s.read(s.between(3*lagBudget/2, 2*lagBudget), stimulus{})
}

// crowd: many read a few documents that are being written while the connection of
// their node is bad and others write other documents.
func (s *scene) crowd() {
	const bad = 200 * time.Millisecond
	d, now := &s.g.dice, s.g.now
	s.node &^= 1
	s.fail(now, s.node, blip)
	for range 20 {
		s.add(now+s.upTo(bad), stimulus{kind: stWrite, node: d.below(nodes), doc: s.g.document()})
	}
	for range 5 {
		doc, first := d.below(documents), now+s.upTo(bad)
		for i := range 2 {
			s.add(first+time.Duration(i)*s.upTo(bad), stimulus{kind: stWrite, node: d.below(nodes), doc: doc, alone: true})
		}
		for range 12 {
			s.add(first+s.upTo(bad), stimulus{kind: stRead, node: s.node, doc: doc, fresh: d.chance(0.1)})
		}
	}
}
