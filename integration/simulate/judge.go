package simulate

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

const (
	nowhere    = -1 // a moment that concerns no node
	noDocument = -1
)

// Moment is one event of a history.
type Moment struct {
	At      time.Duration `json:"at"`
	Node    int           `json:"node"` // -1 is the store
	Doc     int           `json:"-"`
	What    string        `json:"what"`
	Version int           `json:"version,omitempty"`
}

// Violation is a promise that was broken.
type Violation struct {
	At      time.Duration `json:"at"` // virtual time
	Node    int           `json:"node"`
	Doc     int           `json:"document"`
	Version int           `json:"version"` // the one that was served
	Text    string        `json:"text"`
}

// judge compares what readers are served with the truth.
type judge struct {
	w *world
	Figures

	ring      [1 << 13]Moment
	n         int
	violation *Violation
}

func (w *world) note(doc, node int, what string, v int) {
	j := &w.judge
	j.ring[j.n%len(j.ring)] = Moment{At: w.now, Node: node, Doc: doc, What: what, Version: v}
	j.n++
}

func (j *judge) fail(n *node, doc, v int, text string) {
	if j.violation == nil {
		j.violation = &Violation{At: j.w.now, Node: n.number, Doc: doc, Version: v, Text: text}
	}
}

// hit judges a version served from the cache; 0 is an absence without a version.
func (j *judge) hit(n *node, doc, v int) {
	truth := &j.w.docs[doc]
	what, absent := "hit", v == 0
	if absent {
		what, v = "hit, absent", truth.absence()
	}
	j.aged(n, doc, v, what)
	switch {
	case v < n.ended[doc]:
		j.fail(n, doc, v, fmt.Sprintf("a %s gives version %d after its node had written %d", what, v, n.ended[doc]))
	case v < n.unsure[doc]:
		j.fail(n, doc, v, fmt.Sprintf("a %s gives version %d after a write of %d had ended in doubt on its node", what, v, n.unsure[doc]))
	case absent:
	case truth.older(v, n.told[doc]):
		j.fail(n, doc, v, fmt.Sprintf("a %s gives version %d after its node was told of %d", what, v, n.told[doc]))
	case truth.older(v, n.shown[doc]):
		j.fail(n, doc, v, fmt.Sprintf("hits go back, from version %d to %d", n.shown[doc], v))
	}
	if !truth.gone(v) {
		n.shown[doc] = max(n.shown[doc], v)
	}
}

// aged judges how stale version v of a document is that was served without a load.
func (j *judge) aged(n *node, doc, v int, what string) {
	j.w.note(doc, n.number, what, v)
	truth := &j.w.docs[doc]
	state := n.cache.Health().State
	j.Hits++
	j.ByState[state]++
	since, stale := truth.superseded(v)
	if !stale || truth.gone(v) && truth.gone(truth.newest) {
		return
	}
	age := j.w.now - since
	j.Stale++
	j.Staleness[min(len(j.Staleness)-1, bits.Len64(uint64(age/granule)))]++
	bound := coherentBound
	if state == cache.Degraded {
		bound = degradedBound
		j.WorstDegraded = max(j.WorstDegraded, age)
	} else {
		j.WorstCoherent = max(j.WorstCoherent, age)
	}
	if age > bound {
		j.fail(n, doc, v, fmt.Sprintf("a %s gives version %d of %d, %v stale while %v; the bound is %v",
			what, v, truth.newest, age.Round(time.Millisecond), state, bound))
	}
}

// atRest judges whatever may be served after repair.
func (w *world) atRest() {
	w.judge.Rests++
	for _, n := range w.nodes {
		n.sync()
		for doc := range w.docs {
			truth := &w.docs[doc]
			found := n.cache.Begin(truth.id, false)
			switch {
			case found.Held:
				v := found.Value
				if v == 0 {
					v = truth.absence()
				}
				w.note(doc, n.number, "hit at rest", v)
				if v != truth.newest && !(truth.gone(v) && truth.gone(truth.newest)) {
					w.judge.fail(n, doc, v, fmt.Sprintf("after repair version %d of %d may be served", v, truth.newest))
				}
			case !found.Joined:
				found.Load.End(cache.Loaded[int]{}, errUnavailable)
			}
		}
		for doc := 0; doc < documents; doc += 2 {
			n.atRest(doc)
		}
	}
}

// atRest judges a derived entry after repair.
func (n *node) atRest(doc int) {
	w := n.w
	found := n.table.Begin(w.docs[doc].id)
	switch {
	case found.Absent:
		if truth := &w.docs[doc]; !truth.gone(truth.newest) {
			w.judge.fail(n, doc, truth.absence(), "after repair a derived absence may be served though the document exists")
		}
	case found.Held:
		for i, v := range found.Value {
			if truth := &w.docs[doc+i]; v != truth.newest && !(truth.gone(v) && truth.gone(truth.newest)) {
				w.judge.fail(n, doc+i, v, fmt.Sprintf("after repair an entry derived from version %d of %d may be served", v, truth.newest))
			}
		}
	case !found.Joined:
		found.Load.End(cache.Derived[pair]{}, errUnavailable)
	}
}
