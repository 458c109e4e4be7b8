package cache

import (
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// The model of a subscriber: the real Tracker, and around it a collection whose
// changes bridges publish to a topic of two partitions. A bridge's epoch ends at
// any moment and another begins from the checkpoint, or from now where the lease
// was lost; the old one may go on as a zombie. The collection's range may be split
// in two, whose bridges are sources of their own. Time is counted in units, of
// which max-silence and the skew are half one each: what was claimed in an earlier
// unit than the present one vouches for nothing any more, and ages are new or old.

const (
	trackerCommits    = 3
	trackerPartitions = 2
	trackerLives      = 5
	trackerQueue      = 2
	trackerUnit       = time.Second
	trackerOld        = 1 // age of a unit and more, and of what was never claimed
	unseen            = 255
)

var trackerNow = time.Unix(1_000_000, 0)

// Sources by number: the whole range, its two children, a writer.
const (
	sourceWhole = iota
	sourceLow
	sourceHigh
	sourceWriter
	trackerSources
)

var (
	trackerNames  = [trackerSources]string{"whole", "low", "high", "writer"}
	trackerRanges = [trackerSources]wire.Range{
		{Max: topOfRanges, Of: "whisks"}, {Max: "7F", Of: "whisks"}, {Min: "7F", Max: topOfRanges, Of: "whisks"}, {},
	}
)

// holds reports whether the range of a durable source holds a half of the keys.
func holds(source, half uint8) bool {
	return source == sourceWhole || source-sourceLow == half
}

// trackerSetting bounds one search of the subscriber's model.
type trackerSetting struct {
	name, what string

	commits    uint8
	partitions uint8
	queue      uint8    // messages on their way in a partition
	epochs     [3]uint8 // lives that each durable source may have
	halves     bool     // commits may fall into the upper half as well
	split      bool
	grows      bool  // the second partition is made, and found, on the way
	writer     uint8 // epochs of a writer of this cluster
	dropsOwn   bool  // whose changes the bridges leave out
	position   bool  // losses are repaired by reading at a position

	trackerBudget
}

type trackerBudget struct {
	losses, repeats, swaps uint8 // of messages on the bus
	zombies                uint8 // epochs that go on after their end
	leases                 uint8 // take-overs without a checkpoint
	rebuilds               uint8 // of the subscription
	damages                uint8 // of messages
	silences               uint8 // long enough for sources to be forgotten
}

// trackerCommit is one change of the collection.
type trackerCommit struct {
	half, partition uint8
	age             uint8
	writer          uint8 // epoch of the writer; 0 is another cluster's
	settled         bool  // a message about it was handled, or a loss booked since
}

// trackerLife is one epoch of a durable source.
type trackerLife struct {
	state    uint8 // one of the states below
	from, at uint8 // commits at which it began, and up to which it has published
	seq      [trackerPartitions]uint8
	claim    uint8 // age of what its last completed poll lets it vouch for
	handover bool
	before   uint8 // epoch that is handed over
	last     [trackerPartitions]uint8
}

const (
	lifeNone = iota
	lifeCurrent
	lifeZombie
	lifeRetired // its range was split: nothing to publish, but watermarks that say so
	lifeOver
)

// trackerMessage is a message on its way.
type trackerMessage struct {
	life     uint8 // plus one; 0 is none; above trackerLives: of a writer's epoch
	mark     bool  // a watermark
	repeated bool
	damaged  uint8 // one of the damages below
	seq      uint8
	commit   uint8 // it is about; the position of a watermark
	claim    uint8 // age
}

const (
	damageValue = iota + 1
	damageRange
	damageSeq
)

var damageNames = [...]string{"", "value", "range", "sequence"}

// trackerSeen is what the node was told of a source, kept apart from the
// tracker's own books to judge them.
type trackerSeen struct {
	known, begun bool
	epoch        uint8
	last         [trackerPartitions]uint8 // unseen, or the highest sequence
	claim        [trackerPartitions]uint8 // age of what was vouched for
}

func newTrackerSeen() trackerSeen {
	return trackerSeen{last: [...]uint8{unseen, unseen}, claim: [...]uint8{trackerOld, trackerOld}}
}

// trackerCheckpoint is what a source's lease holds.
type trackerCheckpoint struct {
	epoch, at uint8
	last      [trackerPartitions]uint8
}

type trackerWorld struct {
	commits  [trackerCommits]trackerCommit
	ncommits uint8
	lives    [trackerLives]trackerLife
	leases   [3]trackerCheckpoint
	split    bool
	writer   uint8 // its epoch
	wseq     [trackerPartitions]uint8
	made     uint8 // partitions that exist, and that the node follows
	followed uint8
	bus      [trackerPartitions][trackerQueue]trackerMessage
	seen     [trackerSources]trackerSeen
	tracker  trackerState
	budget   trackerBudget
}

// trackerModel drives one real tracker through all states.
type trackerModel struct {
	set     trackerSetting
	off     Rule
	defect  defect
	tracker *Tracker
	node    trackerNode
	records map[trackerRecord]wire.Record
	out     []successor[trackerWorld]
}

// trackerRecord is all that a record on the bus depends on.
type trackerRecord struct {
	trackerMessage
	life trackerLife
}

// trackerNode is the line that the tracker tells of messages: it books them on
// the commits of the world that is being expanded.
type trackerNode struct {
	m      *trackerModel
	w      *trackerWorld
	booked int
	health Health
}

func (n *trackerNode) Observe(key string, _ store.Version) Effect {
	n.w.commits[key[0]-'0'].settled = true
	return NotHeld
}

func (n *trackerNode) Forget(key string) Effect { return n.Observe(key, store.Version{}) }

func (n *trackerNode) SetHealth(h Health) { n.health = h }

// Lose: what was committed before a loss, in its range, needs no message any
// more. With a position that is only what a read at it shows.
func (n *trackerNode) Lose(loss Loss) {
	n.booked++
	if n.m.defect.deafTo != "" && n.m.tracker.stats.Losses[n.m.defect.deafTo] > 0 {
		return
	}
	for i := range n.w.ncommits {
		c := &n.w.commits[i]
		at := trackerRanges[sourceLow+c.half].Min
		concerns := at >= loss.Min && (loss.Max == "" || at < loss.Max)
		if concerns && (loss.Position == "" || i < loss.Position[0]-'0') {
			c.settled = true
		}
	}
}

// defect is a fault planted in the tracker, to see that the search finds it.
type defect struct {
	deafTo  string // losses with this reason are not booked
	zombies bool   // a zombie's watermark vouches
	cover   bool   // one live range is taken for all
	trust   bool   // every hand-over is believed
	arrival bool   // a watermark vouches for the time of its arrival
}

func newTrackerModel(set trackerSetting, off Rule, d defect) *trackerModel {
	m := &trackerModel{set: set, off: off, defect: d, records: map[trackerRecord]wire.Record{}}
	m.node.m = m
	m.tracker = NewTracker(TrackerOptions{
		InstanceID: "node", Source: "node", Epoch: 1, Lines: map[string][]Line{"whisks": {&m.node}},
		MaxSilence: trackerUnit / 2, Skew: trackerUnit / 2, Position: set.position, DropsOwn: set.dropsOwn, Without: off,
	})
	return m
}

func (m *trackerModel) initial() trackerWorld {
	w := trackerWorld{budget: m.set.trackerBudget, made: m.set.partitions, followed: m.set.partitions}
	if m.set.grows {
		w.made, w.followed = 1, 1
	}
	for i := range w.lives {
		w.lives[i].claim = trackerOld
	}
	w.tracker = newTrackerState()
	m.begin(&w, sourceWhole, 1, 0)
	if m.set.writer > 0 {
		w.writer = 1
	}
	m.act(&w, func() { m.start(&w) })
	return m.canonical(w)
}

// life is the index of an epoch of a durable source, and owner its reverse.
func (m *trackerModel) life(source, epoch uint8) uint8 {
	for s := range source {
		epoch += m.set.epochs[s]
	}
	return epoch - 1
}

func (m *trackerModel) owner(life uint8) (source, epoch uint8) {
	for life >= m.set.epochs[source] {
		life -= m.set.epochs[source]
		source++
	}
	return source, life + 1
}

// begin begins an epoch of a source from a commit on.
func (m *trackerModel) begin(w *trackerWorld, source, epoch, from uint8) *trackerLife {
	l := &w.lives[m.life(source, epoch)]
	*l = trackerLife{state: lifeCurrent, from: from, at: from, claim: trackerOld}
	return l
}

// publishes reports whether a bridge publishes a commit of its range.
func (m *trackerModel) publishes(source uint8, c *trackerCommit) bool {
	return holds(source, c.half) && (c.writer == 0 || !m.set.dropsOwn)
}

// act lets the tracker of a state do something.
func (m *trackerModel) act(w *trackerWorld, do func()) {
	m.node.w, m.node.booked = w, 0
	m.restore(&w.tracker)
	do()
	w.tracker = m.snapshot(trackerNow)
}

func (m *trackerModel) start(w *trackerWorld) {
	var partitions []int32
	for p := range w.followed {
		partitions = append(partitions, int32(p))
	}
	m.tracker.Start(partitions, trackerNow)
	w.seen = [trackerSources]trackerSeen{}
	for s := range w.seen {
		w.seen[s] = newTrackerSeen()
	}
}

// record is the message as the bus carries it.
func (m *trackerModel) record(w *trackerWorld, msg trackerMessage) wire.Record {
	key := trackerRecord{trackerMessage: msg}
	key.repeated = false
	if msg.life <= trackerLives {
		l := w.lives[msg.life-1]
		key.life = trackerLife{handover: l.handover, before: l.before, last: l.last}
	}
	if r, ok := m.records[key]; ok {
		return r
	}
	r := wire.Encode(m.message(msg, key.life))
	damage(&r, msg.damaged)
	m.records[key] = r
	return r
}

func damage(r *wire.Record, what uint8) {
	damaged := map[string]uint8{"whiskstore-range": damageRange, "whiskstore-seq": damageSeq}
	for i := range r.Headers {
		if h := &r.Headers[i]; what > 0 && damaged[h.Key] == what {
			h.Value = []byte("99999999999999999999")
		}
	}
	if what == damageValue {
		r.Value = []byte("{")
	}
}

func (m *trackerModel) message(msg trackerMessage, l trackerLife) wire.Message {
	out := wire.Message{InstanceID: wire.BridgeInstance, Seq: uint64(msg.seq), Kind: wire.Change}
	if !msg.mark {
		out.Key = wire.Key{MainID: string('0' + rune(msg.commit))}
		out.Version = store.Version{Rev: "1", Order: 1, Lineage: "L"}
		out.Position = store.Session('0' + rune(msg.commit) + 1)
	}
	if msg.life > trackerLives {
		out.InstanceID, out.Kind, out.Source, out.Epoch, out.Position = "peer", wire.Write, trackerNames[sourceWriter], wire.Epoch(msg.life-trackerLives), ""
		out.Range = &wire.Range{Of: "whisks"}
		return out
	}
	source, epoch := m.owner(msg.life - 1)
	out.Source, out.Epoch, out.Range = trackerNames[source], wire.Epoch(epoch), &trackerRanges[source]
	if msg.mark {
		out.Kind, out.Position = wire.Watermark, store.Session('0'+rune(msg.commit))
		out.Vouched = aged(msg.claim)
	}
	if l.handover && (msg.mark || msg.seq == 1) {
		out.Handover = &wire.Handover{Epoch: wire.Epoch(l.before), Last: map[int32]uint64{}}
		for p, last := range l.last {
			if last > 0 {
				out.Handover.Last[int32(p)] = uint64(last)
			}
		}
	}
	return out
}

// emit judges the tracker once more, as it is about every second, checks what it
// says, and records the successor.
func (m *trackerModel) emit(name string, w trackerWorld, bad string) {
	m.act(&w, func() {
		m.tracker.Tick(trackerNow)
		if bad == "" {
			bad = m.vouchers(&w)
		}
	})
	m.forgotten(&w)
	if bad == "" {
		bad = m.heals(&w)
	}
	m.out = append(m.out, successor[trackerWorld]{label{name: name}, m.canonical(w), bad})
}

// vouchers checks V and C: while the tracker says Coherent, every commit before
// what that claims was handled or a loss booked since, and live bridges cover the
// key space.
func (m *trackerModel) vouchers(w *trackerWorld) string {
	h := m.node.health
	if m.defect.cover {
		h = m.anyOf(h)
	}
	mach := machine{maxAge: 2, maxStaleness: 1, off: m.off}
	if mach.bound(h.State == Degraded) < 2 {
		return ""
	}
	claim := h.Until.Add(-trackerUnit)
	if h.Until.IsZero() { // R8 is off: as if it were all well
		claim = trackerNow
	}
	for i := range w.ncommits {
		c := &w.commits[i]
		if !c.settled && aged(c.age).Before(claim) && !(m.set.dropsOwn && c.writer > 0) {
			return "V"
		}
	}
	for half := range uint8(2) {
		if !w.covers(half) {
			return "C"
		}
	}
	return ""
}

// anyOf is the state of a tracker that takes one live range for all of them.
func (m *trackerModel) anyOf(h Health) Health {
	for _, s := range m.tracker.sources {
		if at := s.claim(m.tracker.partitions); trackerNow.Sub(at) < trackerUnit {
			h.State, h.Until = Coherent, at.Add(trackerUnit)
		}
	}
	return h
}

// covers reports whether a bridge has vouched for a half of the keys, in every
// partition that the node follows and in the newest epoch it heard of.
func (w *trackerWorld) covers(half uint8) bool {
	for s := range uint8(sourceWriter) {
		live := w.seen[s].known && holds(s, half)
		for p := range w.followed {
			live = live && w.seen[s].claim[p] < trackerOld
		}
		if live {
			return true
		}
	}
	return false
}

// forgotten books the sources that the tracker forgot, which it may after a long
// silence only.
func (m *trackerModel) forgotten(w *trackerWorld) {
	for s := range w.seen {
		if !w.tracker.sources[s].known {
			w.seen[s] = newTrackerSeen()
		}
	}
}

// heals checks H: whatever happened, the tracker says Coherent once a fresh
// watermark of every bridge has come in every partition.
func (m *trackerModel) heals(w *trackerWorld) string {
	covered := [2]bool{}
	for i := range w.lives {
		if w.lives[i].state == lifeCurrent {
			source, _ := m.owner(uint8(i))
			for half := range uint8(2) {
				covered[half] = covered[half] || holds(source, half)
			}
		}
	}
	if covered != [2]bool{true, true} || w.made != w.followed || w.tracker.conflict {
		return ""
	}
	probe := *w
	m.node.w = &probe
	m.restore(&probe.tracker)
	for i := range w.lives {
		if l := &w.lives[i]; l.state == lifeCurrent {
			for p := range w.followed {
				msg := trackerMessage{life: uint8(i) + 1, mark: true, seq: l.seq[p], commit: l.at}
				m.tracker.Handle(int32(p), m.record(w, msg), trackerNow)
			}
		}
	}
	m.tracker.Tick(trackerNow)
	if m.node.health.State != Coherent {
		return "H"
	}
	return ""
}
