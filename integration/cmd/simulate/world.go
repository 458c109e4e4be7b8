package main

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// What the simulated deployment is configured with, and what really happens in
// it. The protocol's assumptions hold: the real lag stays below the budget, and
// clocks differ by less than the skew.
const (
	lagBudget    = 3 * time.Second
	realLag      = 1500 * time.Millisecond
	maxSilence   = time.Second
	maxStaleness = 2 * time.Second
	maxAge       = 30 * time.Second
	skew         = 100 * time.Millisecond
	watermarks   = 200 * time.Millisecond
	poll         = 100 * time.Millisecond
	delivery     = 100 * time.Millisecond // usually; a late message takes four times that
	tick         = 100 * time.Millisecond

	regions    = 2
	nodes      = 2 // per region
	partitions = 2
	documents  = 1000
	collection = "whisks"

	// While coherent no hit is staler than the lag budget; while degraded none is
	// staler than the age allowed plus what the replica lags.
	coherentBound = lagBudget
	degradedBound = max(maxSilence+skew+poll+4*delivery, maxStaleness+realLag) + 2*tick
)

// commit is one entry of the store's history.
type commit struct {
	doc     int
	version int
	region  int // of the cluster that wrote it
	at      time.Duration
	deleted bool
}

// document is the truth about one document.
type document struct {
	id      string
	coarse  bool // versions within one instant have one order
	newest  int
	deleted bool
	gone    time.Duration     // when it was last absent, if it is not
	since   [64]time.Duration // commit times of the newest versions, by number
	orders  [64]uint64
}

// region is a replica of the store with a bus and a bridge.
type region struct {
	w       *world
	number  int
	visible []int  // by document: the version that reads see
	gone    []bool // and whether it is a tombstone
	applied int    // commits applied
	last    time.Duration
	nodes   []*node
	bridge  bridge
}

type world struct {
	loop
	rng     *rand.Rand
	off     cache.Rule
	docs    []document
	log     []commit // commits since base
	base    int
	regions []*region
	check   checker

	writes, budget int
	pace           time.Duration // between bursts of writes
	recent         [40]int       // documents written lately
	calm           bool          // no faults any more
	stop           bool
}

var epochStart = time.Unix(1_700_000_000, 0)

func newWorld(seed uint64, writes int, off cache.Rule) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0x5eed)), off: off, budget: writes, pace: 8 * time.Millisecond}
	w.now = time.Second
	w.docs = make([]document, documents)
	for i := range w.docs {
		w.docs[i] = document{id: "guest/action-" + strconv.Itoa(i), coarse: i%3 == 0}
	}
	for i := range regions {
		r := &region{w: w, number: i, visible: make([]int, documents), gone: make([]bool, documents)}
		w.regions = append(w.regions, r)
		for range nodes {
			r.nodes = append(r.nodes, newNode(r, len(r.nodes)))
		}
		r.bridge = bridge{r: r, epoch: 1, lastPage: make([]int, documents)}
	}
	for i := range w.docs {
		w.commit(i, i%regions, false)
	}
	for _, r := range w.regions {
		r.bridge.poll(1)
		r.bridge.vouch(1)
		for _, n := range r.nodes {
			n.boot()
			n.tick()
		}
	}
	w.after(w.pace, w.traffic)
	w.after(w.between(time.Second), w.faults)
	return w
}

// between is a random time around d.
func (w *world) between(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(2*d))) + 1
}

// chance is true with probability p, and never once the world is calm.
func (w *world) chance(p float64) bool { return !w.calm && w.rng.Float64() < p }

func (w *world) node() *node { return w.regions[w.rng.IntN(regions)].nodes[w.rng.IntN(nodes)] }

// traffic is a few writes of one document and reads of it, soon and later.
func (w *world) traffic() {
	if w.writes >= w.budget {
		if !w.calm {
			w.calm = true
			for _, r := range w.regions {
				for _, n := range r.nodes {
					n.deafUntil = 0
				}
			}
			w.after(6*lagBudget, w.repaired)
		}
		return
	}
	doc := w.rng.IntN(documents)
	w.recent[w.writes%len(w.recent)] = doc
	for range 1 + w.rng.IntN(3) {
		w.writes++
		w.after(w.between(200*time.Millisecond), func() { w.write(doc) })
	}
	n := w.node()
	read := func() { n.read(doc) }
	for range 4 { // while the replicas lag
		w.after(w.between(400*time.Millisecond), read)
	}
	for range 4 { // and when they should have caught up
		w.after(lagBudget+w.between(lagBudget), read)
	}
	w.after(w.between(w.pace), w.traffic)
}

// write is a write by a node, by a Scala peer, or by one that dies before it
// tells anybody.
func (w *world) write(doc int) {
	switch {
	case w.chance(0.02):
		r := w.regions[w.rng.IntN(regions)]
		w.commit(doc, r.number, false)
		if w.chance(0.7) {
			plain := wire.Encode(wire.Message{InstanceID: "controller9", Key: wire.Key{MainID: w.docs[doc].id}})
			r.broadcast(cache.PartitionOf(w.docs[doc].id, partitions), plain, nil)
		}
	default:
		w.node().write(doc)
	}
}

// commit adds a version to the primary; the replicas show it later, in order.
func (w *world) commit(doc, byRegion int, deleted bool) int {
	d := &w.docs[doc]
	d.newest++
	if d.deleted || d.newest == 1 {
		d.gone = w.now
	}
	d.deleted = deleted
	slot := d.newest % len(d.since)
	d.since[slot], d.orders[slot] = w.now, uint64(d.newest)
	if d.coarse {
		d.orders[slot] = uint64(w.now/(50*time.Millisecond)) + 1
	}
	c := commit{doc: doc, version: d.newest, region: byRegion, at: w.now, deleted: deleted}
	w.log = append(w.log, c)
	w.check.note(w.now, doc, -1, "commit", d.newest)
	for _, r := range w.regions {
		lag := time.Duration(w.rng.ExpFloat64() * float64(realLag) / 3)
		if r.number == 0 {
			lag /= 10
		}
		r.last = max(r.last, w.now+min(lag, realLag-time.Millisecond))
		w.after(r.last-w.now, func() {
			r.visible[c.doc], r.gone[c.doc] = c.version, c.deleted
			r.applied++
		})
	}
	return d.newest
}

// version is how version n of a document is named.
func (w *world) version(doc, n int) store.Version {
	d := &w.docs[doc]
	return store.Version{Rev: strconv.Itoa(n), Order: d.orders[n%len(d.orders)], Lineage: "whisks"}
}

// position is the newest position of the store's history.
func (w *world) position() store.Session { return store.Session(strconv.Itoa(w.base + len(w.log))) }

// trim forgets the history that every bridge has published.
func (w *world) trim() {
	least := w.base + len(w.log)
	for _, r := range w.regions {
		least = min(least, r.bridge.checkpoint, r.bridge.at)
	}
	if n := least - w.base; n > 10_000 {
		w.log = append(w.log[:0], w.log[n:]...)
		w.base = least
	}
}

// faults lets something go wrong every other second or so.
func (w *world) faults() {
	if w.calm {
		return
	}
	n := w.node()
	switch w.rng.IntN(10) {
	case 0, 1:
		n.boot()
		n.storm()
	case 2:
		d := w.between(2 * time.Second)
		n.suspend(d)
		w.after(d, n.storm)
	case 3:
		n.deafUntil = w.now + w.between(4*time.Second)
		n.storm()
	case 4:
		n.r.bridge.crash()
	case 5: // clocks are corrected
		n.skew = time.Duration(w.rng.Int64N(int64(skew/2))) - skew/4
	case 6:
		n.lossy = 0.3
		w.after(w.between(time.Second), func() { n.lossy = 0 })
	case 7: // a whole region is cut off
		until := w.now + w.between(time.Second)
		for _, x := range n.r.nodes {
			x.deafUntil = until
		}
	case 8, 9: // a node misses the last words of a bridge
		d := 2*poll + w.between(poll)
		n.deafUntil = w.now + d
		w.after(d-poll/2, func() {
			n.r.bridge.crash()
			n.storm()
		})
	}
	w.after(w.between(2*time.Second), w.faults)
}

// repaired is the check at the end: whatever may be served is the newest.
func (w *world) repaired() {
	for _, r := range w.regions {
		for _, n := range r.nodes {
			n.sync()
			for doc := range w.docs {
				found := n.cache.Begin(w.docs[doc].id, false)
				if found.Held && (found.Absent && !w.docs[doc].deleted || !found.Absent && found.Value != w.docs[doc].newest) {
					w.check.fail(w, n, doc, found.Value, "after repair a stale value may be served")
				}
			}
		}
	}
	w.stop = true
}

// run lets the world go on until the writes are done or something is violated.
func (w *world) run() {
	for !w.stop && w.check.violation == "" && w.step() {
	}
	for _, r := range w.regions {
		for _, n := range r.nodes {
			n.cache.Close()
		}
	}
}
