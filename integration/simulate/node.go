package simulate

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// Nodes and where they are. Odd ones are short of room; the two in the middle
// read at positions. All but the last one know where documents lie in the key
// space.
const (
	regions = 2
	nodes   = 4
)

// What the nodes that are short of room hold. One has hardly any values, and its
// fences overflow at times; the fences of the other always do when there is
// traffic.
var (
	entries = [nodes]int{1: 16 * 3, 3: documents / 2}
	fences  = [nodes]int{1: 16 * 36, 3: 16}
)

// node is a control-plane process: the real cache and a real table of derived
// entries behind the real tracker, and the real announcer.
type node struct {
	w      *world
	r      *region
	number int
	life   int

	cache     *cache.Cache[int]
	table     *cache.Table[pair]
	clock     *cache.Clock
	tracker   *cache.Tracker
	announcer *cache.Announcer
	outbox    sent

	base    time.Duration // wall clock at boot
	mono    time.Duration // monotonic clock minus virtual time
	skew    time.Duration // wall clock minus virtual time
	stopped time.Duration // suspended until

	deafUntil, lossyUntil time.Duration
	heldUntil             time.Duration             // records wait until then
	stutterUntil          time.Duration             // records are repeated until then
	arrived               [partitions]time.Duration // when the last record in order arrives
	follows               int                       // subscriptions so far; what is on its way to an earlier one is lost

	session []int     // by document: the newest version that the store's session must show
	ended   []int     // by document: the newest write of this life that ended
	unsure  []int     // by document: the newest write that was committed and ended in doubt
	shown   []int     // by document: the newest version that a reader of this life was given
	told    []int     // by document: the newest version that this life was told of
	loads   [][]*load // by document
	state   cache.State
}

// pair is what a derived entry is made of: two documents' versions.
type pair [2]int

// sent is a record on its way to the bus.
type sent struct {
	partition int32
	record    wire.Record
}

// Partitions and Send make a node the announcer's way to the bus.
func (n *node) Partitions(context.Context) (int32, error) { return partitions, nil }

func (n *node) Send(_ context.Context, p int32, r wire.Record) error {
	n.outbox = sent{p, r}
	return nil
}

// load is a load under way, with what its readers are entitled to.
type load struct {
	*cache.Load[int]
	floor int
}

func (n *node) roomy() bool     { return n.number%2 == 0 }
func (n *node) positions() bool { return n.number == 1 || n.number == 2 }
func (n *node) name() string    { return "controller" + strconv.Itoa(n.number) }

// boot starts the process anew: nothing is left, and nothing that is on its way
// to the old one arrives.
func (n *node) boot() {
	w := n.w
	n.close()
	n.life++
	n.mono, n.stopped, n.base = -w.now, 0, w.now+n.skew
	for _, known := range []*[]int{&n.session, &n.ended, &n.unsure, &n.shown, &n.told} {
		*known = make([]int, documents)
	}
	n.loads = make([][]*load, documents)
	n.clock = cache.NewManualClock(wallStart.Add(n.base))
	opts := cache.Options[int]{
		MaxAge: maxAge, MaxStaleness: maxStaleness, Lag: lagBudget, Negative: true, Clock: n.clock,
		Notify: n.written, Without: w.off,
		Hash: func(key string) uint64 { return w.docs[number(key)].hash },
	}
	if !n.roomy() {
		opts.MaxEntries, opts.MaxFences = entries[n.number], fences[n.number]
	}
	if n.number < nodes-1 {
		opts.Place = func(key string) string { return w.docs[number(key)].place }
	}
	n.cache = cache.New(opts)
	n.table = cache.NewTable[pair](cache.TableOptions{
		MaxAge: maxAge, MaxStaleness: maxStaleness, Lag: lagBudget, Clock: n.clock, Without: w.off,
	})
	epoch := wire.Epoch(roll(w.seed, 'e', uint64(n.number), uint64(n.life)))
	n.announcer = cache.NewAnnouncer(n, cache.AnnouncerOptions{InstanceID: n.name(), Epoch: epoch})
	n.tracker = cache.NewTracker(cache.TrackerOptions{
		InstanceID: n.name(), Source: n.name(), Epoch: epoch,
		Lines:      map[string][]cache.Line{collection: {n.cache, n.table, (*witness)(n)}},
		MaxSilence: maxSilence, Skew: skew, Without: w.off,
		Position: n.positions(), DropsOwn: w.off&cache.RuleEcho != 0,
	})
	n.follow()
}

// follow begins to follow the topic from its end.
func (n *node) follow() {
	n.arrived = [partitions]time.Duration{}
	n.follows++
	n.tracker.Start([]int32{0, 1}, n.wall())
}

func (n *node) close() {
	if n.cache != nil {
		n.announcer.Close()
		n.table.Close()
		n.cache.Close()
	}
}

func number(id string) int {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		panic(fmt.Sprintf("simulate: no document %q", id))
	}
	return n
}

func (n *node) wall() time.Time { return wallStart.Add(n.w.now + n.skew) }

// after makes do happen on the node d from now, or when it is resumed; never in
// another life.
func (n *node) after(life int, d time.Duration, do func()) {
	n.w.add(timed{at: n.w.now + d, on: n, life: life, do: do})
}

// happen lets an event happen, unless its life is over. While the node is
// suspended it waits: records in order, operations in any order.
func (n *node) happen(e *timed) {
	life := n.life
	if e.letter != nil {
		life = n.follows
	}
	switch {
	case e.life != life:
	case n.w.now < n.stopped:
		d := roll(n.w.seed, 'a', n.w.n)
		if e.at = n.stopped + d.upTo(delivery); e.letter != nil {
			e.at = n.inOrder(e.letter.partition, n.stopped) + d.upTo(delivery/50)
			n.arrived[e.letter.partition] = e.at
		}
		n.w.add(*e)
	case e.letter != nil:
		n.sync()
		n.receive(e.letter)
	default:
		n.sync()
		e.do()
	}
}

// sync brings the node's clocks up to date.
func (n *node) sync() { n.clock.Set(n.w.now+n.mono, n.w.now+n.skew-n.base) }

// suspend stops the node and its monotonic clock.
func (n *node) suspend(d time.Duration) {
	if n.w.now >= n.stopped {
		n.stopped = n.w.now + d
		n.mono -= d
	}
}

func (n *node) tick() {
	if n.w.now >= n.stopped {
		n.sync()
		n.tracker.Tick(n.wall())
	}
	n.w.after(ticks, n.tick)
}

// written is the fast path.
func (n *node) written(c cache.Written) {
	w := n.w
	if c.Outcome == cache.Conflicted || c.Outcome == cache.Refused {
		return
	}
	doc := number(c.Key)
	d := roll(w.seed, 's', uint64(n.number), uint64(w.n))
	if d.chance(w.odds(silentEnd)) {
		return
	}
	if err := n.announcer.Send(collection, c); err != nil {
		panic(err) // nothing can fail
	}
	v := 0
	if !c.Version.IsZero() {
		v, _ = strconv.Atoi(c.Version.Rev)
	}
	n.r.post(w, letter{doc: doc, version: v, kind: wire.Write, partition: n.outbox.partition, name: d}, n.outbox.record)
}

// witness is a line that writes down what the tracker tells the others.
type witness node

func (n *witness) Observe(string, store.Version) cache.Effect { return cache.NotHeld }
func (n *witness) Forget(string) cache.Effect                 { return cache.NotHeld }
func (n *witness) Lose(loss cache.Loss) {
	what := "loss noticed"
	if loss.Max != "" {
		what += ", of " + loss.Min + " to " + loss.Max
	}
	if loss.Position != "" {
		what += ", reads at " + string(loss.Position)
	}
	n.w.note(noDocument, n.number, what, 0)
}

func (n *witness) SetHealth(h cache.Health) {
	if h.State != n.state {
		n.state = h.State
		n.w.note(noDocument, n.number, h.State.String(), 0)
	}
}
