package simulate

import (
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// wallStart is the wall time at which virtual time begins.
var wallStart = time.Unix(1_700_000_000, 0)

// world is one run.
type world struct {
	loop
	seed    uint64
	off     cache.Rule
	faults  faultSet
	docs    []document
	log     []commit // the store's history from base on
	base    int
	regions []*region
	nodes   []*node
	judge   judge

	calm   bool
	writes int
	keep   func(stimulus) bool // nil keeps all
	taken  []stimulus          // those that were let in, when keep is set
}

// newWorld makes a world whose processes start at the time from.
func newWorld(seed uint64, off cache.Rule, with faultSet, from time.Duration) *world {
	w := &world{seed: seed, off: off, faults: with, docs: newDocuments()}
	w.judge.w = w
	w.now = from
	for i := range regions {
		w.regions = append(w.regions, &region{number: i, replica: replica{visible: make([]int, documents)}})
	}
	for i := range w.docs {
		if i%10 != 9 { // the others do not exist yet
			w.commit(i, i%regions, false, uint64(i))
		}
	}
	for _, r := range w.regions {
		w.bridges(r)
		for _, b := range r.bridges {
			b.start()
		}
	}
	for i := range nodes {
		r := w.regions[i/(nodes/regions)]
		n := &node{w: w, r: r, number: i}
		r.nodes = append(r.nodes, n)
		w.nodes = append(w.nodes, n)
		n.boot()
		n.tick()
	}
	return w
}

// bridges gives a region its bridges: the first has one for all ranges, the
// second one for each of two.
func (w *world) bridges(r *region) {
	add := func(source, low, high string, owns func(int) bool) {
		r.bridges = append(r.bridges, &bridge{
			w: w, r: r, source: source, owns: owns, rng: wire.Range{Min: low, Max: high, Of: collection}, page: make([]int, documents),
		})
	}
	if r.number == 0 {
		add("bridge-all", "", "", func(int) bool { return true })
		return
	}
	add("bridge-low", "", "80", func(doc int) bool { return w.docs[doc].place < "80" })
	add("bridge-high", "80", "FF", func(doc int) bool { return w.docs[doc].place >= "80" })
}

func (w *world) close() {
	for _, n := range w.nodes {
		n.close()
	}
}

// take lets a stimulus happen, unless it is left out.
func (w *world) take(s stimulus) {
	if w.keep != nil {
		if !w.keep(s) {
			return
		}
		if s.kind <= stFault {
			w.taken = append(w.taken, s)
		}
	}
	n := w.nodes[s.node]
	switch s.kind {
	case stWrite:
		w.writes++
		n.write(s)
		if !s.alone {
			w.readers(s)
		}
	case stRead:
		n.read(s)
	case stFault:
		if w.faults.has(s.fault) {
			w.goWrong(n, s)
		}
	case stCalm:
		w.calm = true
		for _, n := range w.nodes {
			n.deafUntil, n.lossyUntil, n.heldUntil, n.stutterUntil = 0, 0, 0, 0
		}
	case stCheck:
		w.atRest()
	case stStorm:
		w.calm = false
	}
}

// readers are the clients that come with a write: some want other documents,
// some the one that is being written, on its node and elsewhere.
func (w *world) readers(s stimulus) {
	d := roll(w.seed, s.name, 'R')
	for i := range uint64(4) {
		r := stimulus{name: s.name + 1 + i, kind: stRead, node: d.below(nodes), doc: s.doc, at: w.now, slow: s.slow && d.chance(0.5)}
		switch {
		case i < 2:
			r.doc = d.below(documents)
		case i == 2:
			r.at += d.around(30 * time.Millisecond)
			r.node = s.node
			if s.slow {
				r.at += d.upTo(longest)
			}
		default:
			r.at += d.around(lagBudget / 3)
		}
		w.after(r.at-w.now, func() { w.take(r) })
	}
	if d.chance(0.06) { // a second writer at the same time
		o := stimulus{name: s.name + 8, kind: stWrite, node: d.below(nodes), doc: s.doc, at: w.now + d.around(10*time.Millisecond), slow: s.slow}
		if d.chance(0.5) {
			o.node = s.node
		}
		w.after(o.at-w.now, func() {
			if w.keep == nil || w.keep(o) {
				w.writes++
				w.nodes[o.node].write(o)
				if w.keep != nil {
					w.taken = append(w.taken, o)
				}
			}
		})
	}
}

func (w *world) goWrong(n *node, s stimulus) {
	d := roll(w.seed, s.name, 'f')
	b := n.r.bridges[d.below(len(n.r.bridges))]
	lasts := func(most time.Duration) time.Duration {
		if s.takes > 0 {
			return s.takes
		}
		return d.upTo(most)
	}
	w.note(noDocument, n.number, s.fault.String(), 0)
	switch s.fault {
	case crash:
		n.boot()
	case suspend:
		n.suspend(d.upTo(3 * time.Second))
	case deaf:
		n.deafUntil = w.now + lasts(6*time.Second)
	case blink:
		n.deafUntil = max(n.deafUntil, w.now+lasts(300*time.Millisecond))
	case stutter:
		n.stutterUntil = max(n.stutterUntil, w.now+lasts(time.Second))
	case held:
		n.heldUntil = max(n.heldUntil, w.now+lasts(3*time.Second))
	case lossy:
		n.lossyUntil = w.now + d.upTo(time.Second)
	case blip:
		n.lossyUntil = max(n.lossyUntil, w.now+d.upTo(150*time.Millisecond))
	case cutOff:
		until := w.now + d.upTo(2*time.Second)
		for _, o := range n.r.nodes {
			o.deafUntil = max(o.deafUntil, until)
		}
	case clockStep:
		n.skew = d.upTo(skew) - skew/2
		b.skew = d.upTo(skew) - skew/2
	case rebuild: // whatever was sent in between is never read
		n.deafUntil = w.now + d.upTo(300*time.Millisecond)
		life := n.life
		n.after(life, n.deafUntil-w.now, n.follow)
		if again := w.now + lagBudget/4 + d.upTo(lagBudget/2); d.chance(0.5) { // they come in pairs
			w.after(again-w.now, func() {
				if w.calm || n.life != life {
					return
				}
				n.deafUntil = w.now + d.upTo(300*time.Millisecond)
				n.after(life, n.deafUntil-w.now, n.follow)
			})
		}
	case bridgeDies, bridgeUnsaved, bridgeZombie, leaseLost:
		b.die(d, s.fault == bridgeUnsaved, s.fault == bridgeZombie, s.fault == leaseLost)
	}
}

func plain(id string) wire.Record {
	return wire.Encode(wire.Message{InstanceID: "controller9", Key: wire.Key{MainID: id}})
}
