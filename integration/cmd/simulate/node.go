package main

import (
	"strconv"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// node is a control-plane process: the real cache behind the real tracker.
type node struct {
	r       *region
	number  int
	cache   *cache.Cache[int]
	clock   *cache.Clock
	tracker *cache.Tracker
	life    int

	base      time.Duration // wall clock at boot
	mono      time.Duration // monotonic clock minus virtual time
	skew      time.Duration // wall clock minus virtual time
	frozen    time.Duration // suspended until
	deafUntil time.Duration
	lossy     float64
	arrived   [partitions]time.Duration // when the last record of a partition arrives

	epoch   wire.Epoch
	seq     [partitions]uint64
	session []int // by document: the newest version the store's session must show
	floor   []int // by document: the newest write of this node that ended
	shown   []int // by document: the newest version any reader of this life was given
	loads   map[int][]*load
}

// load is a load under way with what its readers are entitled to.
type load struct {
	*cache.Load[int]
	floor int
}

func newNode(r *region, number int) *node { return &node{r: r, number: number, life: 0} }

func (n *node) name() string { return strconv.Itoa(n.r.number) + "/" + strconv.Itoa(n.number) }

// boot starts the process anew: nothing is left, and nothing that is on its way
// to the old one arrives.
func (n *node) boot() {
	w := n.r.w
	n.life++
	n.mono, n.frozen = -w.now, 0
	n.epoch++
	n.seq = [partitions]uint64{}
	n.session, n.floor, n.shown = make([]int, documents), make([]int, documents), make([]int, documents)
	n.loads = map[int][]*load{}
	if n.cache != nil {
		n.cache.Close()
	}
	n.base = w.now + n.skew
	n.clock = cache.NewManualClock(epochStart.Add(n.base))
	opts := cache.Options[int]{
		MaxAge: maxAge, MaxStaleness: maxStaleness, Lag: lagBudget, Clock: n.clock, Notify: n.announce, Without: w.off,
		Hash: func(key string) uint64 { return uint64(cache.PartitionOf(key, 1<<20)) }, // the same in every run
	}
	if opts.Negative = n.number == 0; n.number == 1 { // the other is short of room
		opts.MaxEntries, opts.MaxFences = documents/2, documents/4
	}
	n.cache = cache.New(opts)
	n.tracker = cache.NewTracker(cache.TrackerOptions{
		InstanceID: n.name(), Source: n.name(), Epoch: n.epoch,
		Lines:      map[string][]cache.Line{collection: {n.cache, unseen{n}}},
		MaxSilence: maxSilence, Skew: skew, Without: w.off,
		Position: n.number == 0,
	})
	n.tracker.Start([]int32{0, 1}, n.wall())
}

func (n *node) wall() time.Time { return epochStart.Add(n.r.w.now + n.skew) }

// sync brings the node's clocks up to date.
func (n *node) sync() {
	w := n.r.w
	n.clock.Set(w.now+n.mono, w.now+n.skew-n.base)
}

// awake runs do on the node: now, or when it is resumed.
func (n *node) awake(do func()) {
	w, life := n.r.w, n.life
	if w.now < n.frozen {
		w.after(n.frozen-w.now, func() {
			if n.life == life {
				n.awake(do)
			}
		})
		return
	}
	n.sync()
	do()
}

// suspend stops the node and its monotonic clock.
func (n *node) suspend(d time.Duration) {
	w := n.r.w
	if w.now < n.frozen {
		return
	}
	n.frozen = w.now + d
	n.mono -= d
}

func (n *node) tick() {
	w := n.r.w
	w.after(tick, n.tick)
	if w.now >= n.frozen {
		n.sync()
		n.tracker.Tick(n.wall())
	}
}

// broadcast appends a record to a partition of the region's topic: every node
// but the one left out gets it in order, unless something goes wrong.
func (r *region) broadcast(p int32, rec wire.Record, except *node) {
	w := r.w
	lost := w.chance(0.00005) // by the broker
	for _, n := range r.nodes {
		if n == except || lost || w.now < n.deafUntil || w.chance(0.00005) || n.lossy > 0 && w.chance(n.lossy) {
			continue
		}
		late := time.Duration(w.rng.Int64N(int64(delivery)))
		if w.chance(0.0001) { // out of order
			late *= 4
		} else {
			n.arrived[p] = max(n.arrived[p], w.now+late)
			late = n.arrived[p] - w.now
		}
		n.deliver(p, rec, late)
		if w.chance(0.02) { // a repeat, at times much later
			n.deliver(p, rec, late+w.between(time.Second))
		}
	}
}

func (n *node) deliver(p int32, rec wire.Record, late time.Duration) {
	life := n.life
	n.r.w.after(late, func() {
		if n.life == life {
			n.awake(func() { n.tracker.Handle(p, rec, n.wall()) })
		}
	})
}

// announce is the fast path. A process that dies at this moment sends nothing.
func (n *node) announce(c cache.Written) {
	w := n.r.w
	if c.Outcome == cache.Conflicted || c.Outcome == cache.Refused || w.chance(0.01) {
		return
	}
	p := cache.PartitionOf(c.Key, partitions)
	n.seq[p]++
	n.r.broadcast(p, wire.Encode(wire.Message{
		InstanceID: n.name(), Key: wire.Key{MainID: c.Key}, Kind: wire.Write, Source: n.name(), Epoch: n.epoch, Seq: n.seq[p],
		Version: c.Version, Deleted: c.Deleted,
	}), nil)
}

// took is how long an operation takes: usually little, at times longer than a
// fence stands.
func (n *node) took() time.Duration {
	w := n.r.w
	switch {
	case w.chance(0.02):
		return lagBudget/2 + w.between(lagBudget)
	case w.chance(0.05):
		return w.between(200 * time.Millisecond)
	}
	return w.between(10 * time.Millisecond)
}

// read is a reader on the node.
func (n *node) read(doc int) {
	w := n.r.w
	if w.now < n.frozen {
		return // its clients go elsewhere
	}
	n.sync()
	found := n.cache.Begin(w.docs[doc].id, false)
	if found.Absent {
		w.check.absent(w, n, doc)
		return
	}
	if found.Held {
		w.check.hit(w, n, doc, found.Value)
		n.shown[doc] = max(n.shown[doc], found.Value)
		return
	}
	w.check.misses++
	if found.Joined {
		for _, l := range n.loads[doc] {
			if l.Same(found.Load) {
				l.floor = max(l.floor, n.floor[doc])
			}
		}
		return
	}
	l := &load{found.Load, n.floor[doc]}
	n.loads[doc] = append(n.loads[doc], l)
	life := n.life
	w.after(n.took(), func() {
		version, gone := n.see(doc, life, l.Request)
		w.check.note(w.now, doc, n.id(), "load reads", version)
		w.after(n.took(), func() {
			if n.life == life {
				n.awake(func() { n.ended(doc, l, version, gone) })
			}
		})
	})
}

// storm is readers who ask for what was written lately.
func (n *node) storm() {
	for _, doc := range n.r.w.recent {
		n.read(doc)
	}
}

// see is what a read of the store returns.
func (n *node) see(doc, life int, r cache.Request) (version int, gone bool) {
	w := n.r.w
	d := &w.docs[doc]
	at, _ := strconv.Atoi(string(r.After.Session))
	if r.Fresh || at > n.r.applied || n.life == life && n.session[doc] > n.r.visible[doc] {
		return d.newest, d.deleted
	}
	return n.r.visible[doc], n.r.gone[doc]
}

func (n *node) ended(doc int, l *load, version int, gone bool) {
	w := n.r.w
	kept := n.loads[doc][:0]
	for _, x := range n.loads[doc] {
		if x != l {
			kept = append(kept, x)
		}
	}
	n.loads[doc] = kept
	if version < l.floor {
		w.check.fail(w, n, doc, version, "a writer does not read its own write")
	}
	switch {
	case w.chance(0.001):
		w.check.note(w.now, doc, n.id(), "load fails", version)
		l.End(cache.Loaded[int]{}, &store.Error{Op: store.OpGet, Kind: store.ErrUnavailable})
	case gone:
		l.End(cache.Loaded[int]{}, &store.Error{Op: store.OpGet, Kind: store.ErrNotFound})
	default:
		n.shown[doc] = max(n.shown[doc], version)
		w.check.note(w.now, doc, n.id(), "load ends", version)
		l.End(cache.Loaded[int]{Value: version, Version: w.version(doc, version)}, nil)
	}
}

func (n *node) id() int { return n.r.number*nodes + n.number }

// write is a writer on the node.
func (n *node) write(doc int) {
	w := n.r.w
	if w.now < n.frozen {
		w.commit(doc, n.r.number, false)
		return
	}
	n.sync()
	deleted := w.chance(0.1) && !w.docs[doc].deleted
	op := n.cache.BeginWrite(w.docs[doc].id, deleted)
	life := n.life
	end := func(v int, err error) {
		if n.life != life {
			return // it died before it told anybody
		}
		n.awake(func() {
			l := cache.Loaded[int]{}
			if err == nil {
				n.session[doc] = max(n.session[doc], v)
				n.floor[doc] = max(n.floor[doc], v)
				n.shown[doc] = max(n.shown[doc], v)
				l = cache.Loaded[int]{Value: v, Version: w.version(doc, v)}
			}
			if store.KindOf(err) == store.ErrConflict {
				n.shown[doc] = 0 // the value goes, and nothing is known
			}
			w.check.note(w.now, doc, n.id(), "write ends", v)
			op.End(l, err)
		})
	}
	inDoubt := &store.Error{Op: store.OpPut, Kind: store.ErrInDoubt}
	w.after(n.took(), func() {
		switch {
		case w.chance(0.01):
			end(0, &store.Error{Op: store.OpPut, Kind: store.ErrConflict})
		case w.chance(0.01): // timed out, and applied late
			end(0, inDoubt)
			w.after(w.between(lagBudget), func() { w.commit(doc, n.r.number, deleted) })
		default:
			v := w.commit(doc, n.r.number, deleted)
			var err error
			if w.chance(0.01) {
				err = inDoubt // the reply is lost
			}
			w.after(n.took(), func() { end(v, err) })
		}
	})
}

// unseen forgets what readers were shown where the protocol does not promise
// that hits do not go back: across losses and messages without a version.
type unseen struct{ n *node }

func (u unseen) Observe(key string, v store.Version) cache.Effect {
	if v.IsZero() {
		return u.Forget(key)
	}
	return cache.NotHeld
}

func (u unseen) Forget(key string) cache.Effect {
	doc, _ := strconv.Atoi(key[len("guest/action-"):])
	u.n.shown[doc] = 0
	return cache.NotHeld
}

func (u unseen) Lose(store.Session)     { clear(u.n.shown) }
func (u unseen) SetHealth(cache.Health) {}
