package simulate

import (
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// remembered is how many of a document's newest versions are known by time.
const remembered = 64

// document is the truth about one document. Versions count from 1; version 0
// says that it never existed.
type document struct {
	id        string
	hash      uint64
	partition int32
	coarse    bool // versions of one instant have one order
	leaves    bool // changes of it are published without a version
	newest    int
	made      [remembered]made
}

// made is how a version came to be.
type made struct {
	at      time.Duration
	order   uint64
	index   int // in the store's history
	deleted bool
}

func (d *document) of(v int) *made { return &d.made[v%remembered] }

// gone reports whether a reader of version v is told that there is no document.
func (d *document) gone(v int) bool { return v == 0 || d.newest-v < remembered && d.of(v).deleted }

// superseded is when version v ceased to be the newest one; versions that are
// not remembered any more count as the oldest that is.
func (d *document) superseded(v int) (time.Duration, bool) {
	if v >= d.newest {
		return 0, false
	}
	return d.of(max(v+1, d.newest-remembered+1)).at, true
}

// absence is the version that "there is no document" can have been at best: the
// newest one that is a tombstone.
func (d *document) absence() int {
	for v := d.newest; v > 0 && d.newest-v < remembered; v-- {
		if d.of(v).deleted {
			return v
		}
	}
	if d.newest < remembered {
		return 0
	}
	return d.newest - remembered
}

// version names version v as the store does.
func (d *document) version(v int) store.Version {
	if v == 0 || d.newest-v >= remembered {
		return store.Version{}
	}
	return store.Version{Rev: strconv.Itoa(v), Order: d.of(v).order, Lineage: "lineage"}
}

// at is the newest version within the first n commits of the history.
func (d *document) at(n int) int {
	v := d.newest
	for v > 0 && d.newest-v < remembered-1 && d.of(v).index >= n {
		v--
	}
	return v
}

// asOf is the newest version at a time.
func (d *document) asOf(t time.Duration) int {
	v := d.newest
	for v > 0 && d.newest-v < remembered-1 && d.of(v).at > t {
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
		h := roll(0, uint64(i))
		docs[i] = document{id: id, hash: h.next(), partition: cache.PartitionOf(id, partitions), coarse: i%4 == 1, leaves: i%16 == 6}
	}
	return docs
}

// commit adds a version to the store; the replicas show it later.
func (w *world) commit(doc, region int, deleted bool, name uint64) int {
	d := &w.docs[doc]
	d.newest++
	m := d.of(d.newest)
	*m = made{at: w.now, order: uint64(d.newest), index: w.base + len(w.log), deleted: deleted}
	if d.coarse {
		m.order = uint64(w.now/(400*time.Millisecond)) + 1
	}
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
