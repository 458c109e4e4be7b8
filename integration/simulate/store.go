package simulate

import (
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// What is known of a document's past: at least so many versions, and all of the
// last seconds, which is longer than an operation takes or a bound allows.
const (
	remembered = 64
	memory     = 2 * longest
)

// document is the truth about one document. Versions count from 1; version 0
// says that it never existed.
type document struct {
	id        string
	hash      uint64
	place     string // in the key space
	partition int32
	coarse    bool // versions of one instant have one order
	leaves    bool // changes of it are published without a version
	newest    int
	past      []made        // the newest versions, the last one is newest
	forgotten time.Duration // when the newest version came to be that is not in past
}

// made is how a version came to be.
type made struct {
	at      time.Duration
	order   uint64
	index   int // in the store's history
	deleted bool
}

// of is version v, nil if it is not remembered.
func (d *document) of(v int) *made {
	if i := v - 1 - d.newest + len(d.past); i >= 0 {
		return &d.past[i]
	}
	return nil
}

// add adds a version.
func (d *document) add(m made) {
	if len(d.past) >= 2*remembered && m.at-d.past[remembered].at > memory {
		d.forgotten = d.past[remembered-1].at
		d.past = append(d.past[:0], d.past[remembered:]...)
	}
	d.newest++
	d.past = append(d.past, m)
}

// gone reports whether a reader of version v is told that there is no document.
func (d *document) gone(v int) bool {
	m := d.of(v)
	return v == 0 || m != nil && m.deleted
}

// older reports whether version v is provably older than version w.
func (d *document) older(v, w int) bool {
	return v < w && (!d.coarse || d.of(v) == nil || d.of(v).order < d.of(w).order)
}

// superseded is when version v ceased to be the newest one, at the latest.
func (d *document) superseded(v int) (time.Duration, bool) {
	if v >= d.newest {
		return 0, false
	}
	if next := d.of(v + 1); next != nil {
		return next.at, true
	}
	return d.forgotten, true
}

// absence is the version that "there is no document" can have been at best: the
// newest one that is a tombstone.
func (d *document) absence() int {
	v := d.newest
	for v > 0 && d.of(v) != nil && !d.of(v).deleted {
		v--
	}
	return v
}

// version names version v as the store does.
func (d *document) version(v int) store.Version {
	m := d.of(v)
	if m == nil {
		return store.Version{}
	}
	return store.Version{Rev: strconv.Itoa(v), Order: m.order, Lineage: "lineage"}
}

// at is the newest version within the first n commits of the history.
func (d *document) at(n int) int {
	v := d.newest
	for v > 0 && d.of(v) != nil && d.of(v).index >= n {
		v--
	}
	return v
}

// asOf is the newest version at a time.
func (d *document) asOf(t time.Duration) int {
	v := d.newest
	for v > 0 && d.of(v) != nil && d.of(v).at > t {
		v--
	}
	return v
}

// commit is one entry of the store's history.
type commit struct {
	doc, version int
	region       int // whose cluster wrote it
	name         uint64
}

// replica is what the reads of one region see: the history in order, later.
type replica struct {
	visible []int // by document
	applied int   // commits
	last    time.Duration
	coming  []arrival // those on their way, the first at head
	head    int
}

type arrival struct {
	at           time.Duration
	doc, version int
}

// newDocuments makes documents that exist, except some.
func newDocuments() []document {
	docs := make([]document, documents)
	for i := range docs {
		id := "guest/action-" + strconv.Itoa(i)
		docs[i] = document{id: id, hash: hashOf(i), place: placeOf(i), partition: cache.PartitionOf(id, partitions), coarse: i%4 == 1, leaves: i%16 == 6}
	}
	return docs
}

// commit adds a version to the store; the replicas show it later.
func (w *world) commit(doc, region int, deleted bool, name uint64) int {
	d := &w.docs[doc]
	m := made{at: w.now, order: uint64(d.newest + 1), index: w.end(), deleted: deleted}
	if d.coarse {
		m.order = uint64(w.now/(400*time.Millisecond)) + 1
	}
	d.add(m)
	w.log = append(w.log, commit{doc: doc, version: d.newest, region: region, name: name})
	w.note(doc, nowhere, "commit", d.newest)
	for i, r := range w.regions {
		dice := roll(w.seed, name, 'l', uint64(i))
		lag := dice.around(realLag / 10)
		switch {
		case dice.chance(0.1), w.lags(i):
			lag = dice.upTo(realLag)
		case i == 0:
			lag /= 5 // the primary is near
		}
		r.last = max(r.last, w.now+min(lag, realLag-1))
		r.coming = append(r.coming, arrival{at: r.last, doc: doc, version: d.newest})
	}
	return d.newest
}

// lags reports whether the replica of a region has a bad time now.
func (w *world) lags(region int) bool {
	d := roll(w.seed, 'L', uint64(region), uint64(w.now/(4*time.Second)))
	return d.chance(0.25)
}

// shows is the version of a document that the replica shows now.
func (r *replica) shows(doc int, now time.Duration) int {
	r.catchUp(now)
	return r.visible[doc]
}

func (r *replica) catchUp(now time.Duration) {
	for r.head < len(r.coming) && r.coming[r.head].at <= now {
		a := r.coming[r.head]
		r.visible[a.doc] = a.version
		r.applied++
		r.head++
	}
	if r.head > 4096 {
		r.coming = append(r.coming[:0], r.coming[r.head:]...)
		r.head = 0
	}
}

// end is the length of the store's history.
func (w *world) end() int { return w.base + len(w.log) }

// trim forgets the history that every bridge has published.
func (w *world) trim() {
	if len(w.log) < 20_000 {
		return
	}
	least := w.end()
	for _, r := range w.regions {
		r.catchUp(w.now)
		least = min(least, r.applied)
		for _, b := range r.bridges {
			least = min(least, b.checkpoint, b.at)
		}
	}
	w.log = append(w.log[:0], w.log[least-w.base:]...)
	w.base = least
}
