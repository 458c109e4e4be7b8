package simulate

import (
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// took is how long the halves of an operation take, before and after the store
// has its turn: little, as a rule.
func (w *world) took(d *dice, s stimulus) (first, second time.Duration) {
	half := func() time.Duration {
		switch {
		case s.slow && d.chance(0.6) || d.chance(odds[slowOps]):
			return d.upTo(longest / 2)
		case d.chance(0.05):
			return d.upTo(100 * time.Millisecond)
		}
		return d.upTo(5 * time.Millisecond)
	}
	first, second = half(), half()
	switch {
	case !w.faults.has(slowOps):
		return min(first, 5*time.Millisecond), min(second, 5*time.Millisecond)
	case s.takes > 0:
		first, second = min(first, 5*time.Millisecond), s.takes
	}
	if s.asks > 0 {
		first = d.upTo(s.asks)
	}
	return first, second
}

// read is a client that reads on the node.
func (n *node) read(s stimulus) {
	w := n.w
	if w.now < n.stopped {
		return // clients go elsewhere
	}
	n.sync()
	d := roll(w.seed, s.name, 'r')
	if d.chance(0.1) {
		n.derive(s, &d)
		return
	}
	fresh := s.fresh || d.chance(0.01)
	found := n.cache.Begin(w.docs[s.doc].id, fresh)
	if found.Held {
		if fresh {
			w.judge.fail(n, s.doc, found.Value, "a fresh read is served what the cache holds")
		}
		w.judge.hit(n, s.doc, found.Value)
		return
	}
	w.judge.Misses++
	floor := n.ended[s.doc]
	if found.Joined {
		if fresh {
			floor = max(floor, n.told[s.doc])
		}
		for _, l := range n.loads[s.doc] {
			if l.Same(found.Load) {
				l.floor = max(l.floor, floor)
			}
		}
		w.note(s.doc, n.number, "read joins", floor)
		return
	}
	if fresh {
		floor = w.docs[s.doc].newest
	}
	w.note(s.doc, n.number, "load starts", 0)
	first, second := w.took(&d, s)
	l := &load{found.Load, floor}
	n.loads[s.doc] = append(n.loads[s.doc], l)
	life := n.life
	w.after(first, func() {
		v := n.see(s, life, l.Request, &d)
		w.note(s.doc, n.number, "load reads", v)
		n.after(life, second, func() { n.loaded(s.doc, l, v, d.chance(w.odds(loadFails)) || s.fails && w.faults.has(loadFails)) })
	})
}

// see is the version that a read of the store returns.
func (n *node) see(s stimulus, life int, r cache.Request, d *dice) int {
	w, doc := n.w, s.doc
	truth := &w.docs[doc]
	if r.Fresh {
		return truth.newest
	}
	v := n.r.shows(doc, w.now)
	if d.chance(w.odds(behind)) || s.late && w.odds(behind) > 0 {
		v = min(v, truth.asOf(w.now-d.upTo(realLag)+1))
	}
	if n.life == life {
		v = max(v, n.session[doc])
	}
	if r.After.Session != "" {
		at, _ := strconv.Atoi(string(r.After.Session))
		v = max(v, truth.at(at))
	}
	if d.chance(w.odds(jump)) && v < truth.newest {
		v += d.below(truth.newest - v + 1)
	}
	return v
}

// forgets is called before something may be stored: a node that is short of room
// and holds nothing may have evicted what it had shown.
func (n *node) forgets(doc int) {
	if n.roomy() {
		return
	}
	if _, _, held := n.cache.Peek(n.w.docs[doc].id); !held {
		n.shown[doc] = 0
	}
}

func (n *node) loaded(doc int, l *load, v int, fails bool) {
	w := n.w
	left := n.loads[doc][:0]
	for _, o := range n.loads[doc] {
		if o != l {
			left = append(left, o)
		}
	}
	n.loads[doc] = left
	truth := &w.docs[doc]
	n.forgets(doc)
	switch {
	case fails:
		w.note(doc, n.number, "load fails", v)
		l.End(cache.Loaded[int]{}, errUnavailable)
		return
	case truth.gone(v):
		w.note(doc, n.number, "load ends, absent", v)
		n.shown[doc] = 0 // nothing is promised across absences without a version
		l.End(cache.Loaded[int]{}, errAbsent)
	default:
		w.note(doc, n.number, "load ends", v)
		n.shown[doc] = max(n.shown[doc], v)
		l.End(cache.Loaded[int]{Value: v, Version: truth.version(v)}, nil)
	}
	if v < l.floor {
		w.judge.fail(n, doc, v, "a reader is given version "+strconv.Itoa(v)+" after its node had written "+strconv.Itoa(l.floor))
	}
}

// derive is a client whose identity is made of a document and of the one beside
// it, which need not exist.
func (n *node) derive(s stimulus, d *dice) {
	w := n.w
	doc := s.doc &^ 1
	found := n.table.Begin(w.docs[doc].id)
	switch {
	case found.Absent:
		w.judge.aged(n, doc, w.docs[doc].absence(), "derived hit, absent")
		return
	case found.Held:
		for i, v := range found.Value {
			w.judge.aged(n, doc+i, v, "derived hit")
		}
		return
	}
	w.judge.Misses++
	if found.Joined {
		return
	}
	first, second := w.took(d, s)
	life := n.life
	w.after(first, func() {
		var p pair
		for i := range p {
			p[i] = n.see(stimulus{doc: doc + i, late: s.late}, life, cache.Request{}, d)
			w.note(doc+i, n.number, "derived load reads", p[i])
		}
		n.after(life, second, func() { n.derived(doc, found.Load, p) })
	})
}

// derived ends the load of a derived entry.
func (n *node) derived(doc int, l *cache.DerivedLoad[pair], p pair) {
	truth := n.w.docs[doc : doc+2]
	n.w.note(doc, n.number, "derived load ends", p[0])
	if truth[0].gone(p[0]) {
		l.End(cache.Derived[pair]{}, errAbsent)
		return
	}
	sources := make([]cache.Source, len(p))
	for i := range sources {
		sources[i].ID = truth[i].id
		if !truth[i].gone(p[i]) {
			sources[i].Version = truth[i].version(p[i])
		}
	}
	l.End(cache.Derived[pair]{Value: p, Sources: sources}, nil)
}

// What loads return that read nothing.
var (
	errAbsent      = &store.Error{Op: store.OpGet, Kind: store.ErrNotFound}
	errUnavailable = &store.Error{Op: store.OpGet, Kind: store.ErrUnavailable}
)

// write is a client that writes on the node.
func (n *node) write(s stimulus) {
	w := n.w
	d := roll(w.seed, s.name, 'w')
	if w.now < n.stopped || d.chance(w.odds(scala)) {
		n.peer(s, d)
		return
	}
	n.sync()
	truth := &w.docs[s.doc]
	deleted := d.chance(0.05)
	if deleted {
		n.shown[s.doc] = 0 // the value goes at once
	}
	op := n.cache.BeginWrite(truth.id, deleted)
	life := n.life
	w.note(s.doc, n.number, "write starts", 0)
	end := func(d time.Duration, v int, kind store.Kind) {
		n.after(life, d, func() { n.wrote(s.doc, op, v, kind) })
	}
	first, second := w.took(&d, s)
	w.after(first, func() {
		switch {
		case deleted && truth.gone(truth.newest):
			end(0, 0, store.ErrNotFound)
		case d.chance(w.odds(refusal)):
			end(0, 0, store.ErrConflict)
		case d.chance(w.odds(inDoubt)): // timed out, and applied late
			end(0, 0, store.ErrInDoubt)
			w.after(d.upTo(lagBudget), func() { w.commit(s.doc, n.r.number, deleted, s.name) })
		default:
			v := w.commit(s.doc, n.r.number, deleted, s.name)
			kind := store.Kind(0)
			if d.chance(w.odds(inDoubt)) {
				kind = store.ErrInDoubt // the reply is lost
			}
			end(second, v, kind)
		}
	})
}

// wrote ends a write: of version v, or with an error of the kind.
func (n *node) wrote(doc int, op *cache.Write[int], v int, kind store.Kind) {
	w := n.w
	truth := &w.docs[doc]
	n.forgets(doc)
	switch kind {
	case 0:
		n.session[doc] = max(n.session[doc], v)
		n.ended[doc] = max(n.ended[doc], v)
		if truth.gone(v) {
			n.shown[doc] = 0
		} else {
			n.shown[doc] = max(n.shown[doc], v)
		}
		w.note(doc, n.number, "write ends", v)
		op.End(cache.Loaded[int]{Value: v, Version: truth.version(v)}, nil)
		return
	case store.ErrInDoubt:
		n.unsure[doc] = max(n.unsure[doc], v)
		w.note(doc, n.number, "write ends in doubt", v)
	default:
		n.session[doc] = truth.newest // the session knows the reply
		w.note(doc, n.number, "write is refused", 0)
	}
	op.End(cache.Loaded[int]{}, &store.Error{Op: store.OpPut, Kind: kind})
}

// peer is a Scala controller that writes. Its message has no version, and at
// times there is none.
func (n *node) peer(s stimulus, d dice) {
	v := n.w.commit(s.doc, n.r.number, false, s.name)
	if d.chance(0.3) {
		return
	}
	truth := &n.w.docs[s.doc]
	n.r.post(n.w, letter{doc: s.doc, version: v, kind: wire.Plain, partition: truth.partition, name: d}, plain(truth.id))
}
