package cache

import (
	"fmt"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// expand lists every event that may happen in w.
func (m *trackerModel) expand(w trackerWorld) []successor[trackerWorld] {
	m.out = m.out[:0]
	m.changes(&w)
	for i := range w.lives {
		m.bridge(&w, uint8(i))
	}
	m.takeOvers(&w)
	m.splits(&w)
	for p := range w.followed {
		m.deliveries(&w, p)
	}
	m.subscription(&w)
	m.time(&w)
	return m.out
}

// changes: commits elsewhere, and by a writer of this cluster, who tells of them.
func (m *trackerModel) changes(w *trackerWorld) {
	if w.ncommits < m.set.commits {
		for half := range uint8(2) {
			for p := range w.made {
				if half == 1 && !m.set.halves || w.ncommits == 0 && half+p > 0 && !m.set.grows {
					continue // halves and partitions are alike: the first commit may choose
				}
				n := *w
				n.commits[n.ncommits] = trackerCommit{half: half, partition: p}
				n.ncommits++
				m.emit(fmt.Sprintf("C%d%s", n.ncommits, place(half, p)), n, "")
				if w.writer > 0 {
					n.commits[w.ncommits].writer = w.writer
					n.wseq[p]++
					m.send(n, p, fmt.Sprintf("W%d%s", n.ncommits, place(half, p)), trackerMessage{life: trackerLives + w.writer, seq: n.wseq[p], commit: w.ncommits})
				}
			}
		}
	}
	if w.writer > 0 && w.writer < m.set.writer {
		n := *w
		n.writer++
		n.wseq = [trackerPartitions]uint8{}
		m.emit("writer restarts", n, "")
	}
}

func place(half, p uint8) string {
	return [...]string{"", "h"}[half] + [...]string{"", "'"}[p]
}

// send is what may become of a message: it is on its way, whole or damaged, or
// lost.
func (m *trackerModel) send(w trackerWorld, p uint8, name string, msg trackerMessage) {
	if n := w; n.push(m.set.queue, p, msg) {
		m.emit(name, n, "")
	}
	if w.budget.losses > 0 {
		n := w
		spend(&n.budget.losses)
		m.emit(name+" lost", n, "")
	}
	if w.budget.damages > 0 {
		for damage := uint8(damageValue); damage <= damageSeq; damage++ {
			n := w
			spend(&n.budget.damages)
			if msg.damaged = damage; n.push(m.set.queue, p, msg) {
				m.emit(name+" with a damaged "+damageNames[damage], n, "")
			}
		}
	}
}

// marked reports whether a watermark of an epoch is on its way.
func (w *trackerWorld) marked(p, life uint8) bool {
	for _, msg := range w.bus[p] {
		if msg.mark && msg.life == life+1 {
			return true
		}
	}
	return false
}

// push appends to a partition; it reports whether there was room.
func (w *trackerWorld) push(room, p uint8, msg trackerMessage) bool {
	for i := range room {
		if w.bus[p][i].life == 0 {
			w.bus[p][i] = msg
			return true
		}
	}
	return false
}

// bridge: one epoch publishes, vouches and writes its checkpoint.
func (m *trackerModel) bridge(w *trackerWorld, life uint8) {
	l := &w.lives[life]
	if l.state != lifeCurrent && l.state != lifeZombie && l.state != lifeRetired {
		return
	}
	source, epoch := m.owner(life)
	name := fmt.Sprintf("%s.%d", trackerNames[source], epoch)
	if l.state != lifeRetired && l.at < w.ncommits {
		n := *w
		x, c := &n.lives[life], &w.commits[l.at]
		x.at++
		x.seq[c.partition]++
		m.send(n, c.partition, fmt.Sprintf("%s P%d", name, x.at), trackerMessage{life: life + 1, seq: x.seq[c.partition], commit: l.at})
	}
	for p := range w.made {
		n := *w
		x := &n.lives[life]
		if !n.marked(p, life) && n.push(m.set.queue, p, trackerMessage{life: life + 1, mark: true, seq: x.seq[p], commit: x.at, claim: x.claim}) {
			m.emit(name+" marks"+place(0, p), n, "")
		}
	}
	if l.state != lifeRetired && l.at == w.ncommits && l.claim > 0 {
		n := *w
		n.lives[life].claim = 0 // a poll has found nothing more
		m.emit(name+" polls", n, "")
	}
	if at := (trackerCheckpoint{epoch, l.at, l.seq}); l.state == lifeCurrent && epoch < m.set.epochs[source] && w.leases[source] != at {
		n := *w
		n.leases[source] = at
		m.emit(name+" checkpoint", n, "")
	}
}

// takeOvers: an epoch ends, or goes on as a zombie, and another begins.
func (m *trackerModel) takeOvers(w *trackerWorld) {
	for source, epochs := range m.set.epochs {
		source := uint8(source)
		for epoch := uint8(1); epoch < epochs; epoch++ {
			life := m.life(source, epoch)
			if w.lives[life].state != lifeCurrent {
				continue
			}
			lease := w.leases[source]
			n := *w
			n.lives[life].state = lifeOver
			x := m.begin(&n, source, epoch+1, lease.at)
			x.handover, x.before, x.last = true, lease.epoch, lease.last
			name := fmt.Sprintf("%s take-over", trackerNames[source])
			m.emit(name, n, "")
			if w.budget.zombies > 0 {
				z := n
				spend(&z.budget.zombies)
				z.lives[life].state = lifeZombie
				m.emit(name+" from a zombie", z, "")
			}
			if w.budget.leases > 0 {
				z := n
				spend(&z.budget.leases)
				m.begin(&z, source, epoch+1, w.ncommits)
				z.leases[source] = trackerCheckpoint{at: w.ncommits}
				m.emit(name+" without a lease", z, "")
			}
		}
	}
}

// splits: the whole range ends once all of it is published, its children begin,
// each at a time of its own.
func (m *trackerModel) splits(w *trackerWorld) {
	if !m.set.split {
		return
	}
	for epoch := uint8(1); epoch <= m.set.epochs[sourceWhole] && !w.split; epoch++ {
		if l := &w.lives[m.life(sourceWhole, epoch)]; l.state == lifeCurrent && l.at == w.ncommits {
			n := *w
			n.split = true
			n.lives[m.life(sourceWhole, epoch)].state = lifeRetired
			n.leases[sourceLow].at, n.leases[sourceHigh].at = l.at, l.at
			m.emit("split", n, "")
		}
	}
	if !w.split {
		return
	}
	for source := uint8(sourceLow); source <= sourceHigh; source++ {
		if w.lives[m.life(source, 1)].state == lifeNone {
			n := *w
			m.begin(&n, source, 1, w.leases[source].at)
			m.emit(trackerNames[source]+" begins", n, "")
		}
	}
}

// deliveries: what may happen to the messages of one partition.
func (m *trackerModel) deliveries(w *trackerWorld, p uint8) {
	for i := range w.bus[p] {
		msg := w.bus[p][i]
		if msg.life == 0 {
			break
		}
		if i == 0 || w.budget.swaps > 0 {
			n := *w
			if i > 0 {
				spend(&n.budget.swaps)
			}
			n.take(p, i)
			m.deliver(n, p, msg, "m")
		}
		if i == 0 && !msg.repeated && w.budget.repeats > 0 {
			n := *w
			spend(&n.budget.repeats)
			n.bus[p][i].repeated = true
			m.deliver(n, p, msg, "m again")
		}
	}
}

func (w *trackerWorld) take(p uint8, i int) {
	copy(w.bus[p][i:], w.bus[p][i+1:])
	w.bus[p][trackerQueue-1] = trackerMessage{}
}

func (m *trackerModel) name(msg trackerMessage, p uint8) string {
	name := "writer"
	if msg.life <= trackerLives {
		source, epoch := m.owner(msg.life - 1)
		name = fmt.Sprintf("%s.%d", trackerNames[source], epoch)
	}
	if msg.mark {
		return fmt.Sprintf("%s mark%s of %d", name, place(0, p), msg.seq)
	}
	return fmt.Sprintf("%s %d%s", name, msg.commit+1, place(0, p))
}

// deliver has the tracker handle a message, and judges what it made of it.
func (m *trackerModel) deliver(w trackerWorld, p uint8, msg trackerMessage, verb string) {
	bad := ""
	m.act(&w, func() {
		source, epoch := uint8(sourceWriter), msg.life-trackerLives
		if msg.life <= trackerLives {
			source, epoch = m.owner(msg.life - 1)
		}
		zombie := source != sourceWriter && w.seen[source].known && epoch < w.seen[source].epoch
		unreadable := msg.damaged == damageSeq || msg.damaged > 0 && msg.seq == 0 // what it is about nobody knows
		due := m.due(&w, source, epoch, p, msg)
		vouched := w.tracker.sources[source].vouched
		if m.defect.arrival && msg.mark {
			msg.claim = 0
		}
		record := m.record(&w, msg)
		if source != sourceWriter && m.defect.trust {
			l := w.lives[msg.life-1]
			l.before, l.last = w.seen[source].epoch, [trackerPartitions]uint8{}
			record = wire.Encode(m.message(msg, l))
		}
		m.tracker.Handle(int32(p), record, trackerNow)
		after := m.snapshot(trackerNow).sources[source].vouched
		switch {
		case zombie && m.defect.zombies && msg.mark && msg.claim < trackerOld:
			m.tracker.sources[trackerNames[source]].vouched[int32(p)] = aged(msg.claim)
		case zombie && msg.damaged == 0 && (m.node.booked > 0 || after != vouched):
			bad = "Z"
		case m.node.booked > 0 && !due && msg.damaged == 0:
			bad = "N"
		case !zombie && !unreadable && !m.proven(&w, source, epoch, p, msg):
			bad = "L"
		}
		if !zombie && !unreadable {
			m.book(&w, source, epoch, p, msg)
		}
	})
	m.emit(verb+" "+m.name(msg, p), w, bad)
}

// due reports whether a loss may be booked for a message: it is the first of its
// source, or in its partition, or of an epoch that is not handed over; or a
// number is missing before it.
func (m *trackerModel) due(w *trackerWorld, source, epoch, p uint8, msg trackerMessage) bool {
	s := &w.seen[source]
	prior := msg.seq
	if !msg.mark {
		prior--
	}
	if source == sourceWriter {
		return m.set.dropsOwn && s.known && s.epoch == epoch && s.last[p] != unseen && s.last[p] < prior
	}
	switch {
	case !s.known:
		return true
	case epoch == s.epoch && s.last[p] != unseen:
		return s.last[p] < prior
	case epoch == s.epoch:
		return !s.begun || prior > 0
	}
	return !m.handedOver(w, source, msg) || prior > 0
}

// handedOver reports whether a message hands its epoch over to a node that has
// seen everything that came before.
func (m *trackerModel) handedOver(w *trackerWorld, source uint8, msg trackerMessage) bool {
	s, l := &w.seen[source], &w.lives[msg.life-1]
	handed := l.handover && l.before == s.epoch && (msg.mark || msg.seq == 1) && msg.damaged == 0
	for p, last := range l.last {
		handed = handed && (last == 0 || s.last[p] != unseen && s.last[p] >= last)
	}
	return handed
}

// proven checks L: everything that a message shows to have been sent before was
// handled, or a loss booked since it was committed.
func (m *trackerModel) proven(w *trackerWorld, source, epoch, p uint8, msg trackerMessage) bool {
	seq := uint8(0)
	if source == sourceWriter {
		s := &w.seen[source]
		if !m.set.dropsOwn || !s.known || s.epoch != epoch || s.last[p] == unseen {
			return true
		}
		for i := range w.ncommits {
			if c := &w.commits[i]; c.writer == epoch && c.partition == p {
				if seq++; seq > s.last[p] && seq <= msg.seq && !c.settled {
					return false
				}
			}
		}
		return true
	}
	l := &w.lives[msg.life-1]
	for i := range w.ncommits {
		c := &w.commits[i]
		if !m.publishes(source, c) {
			continue
		}
		if i >= l.from {
			if c.partition != p {
				continue
			}
			if seq++; seq > msg.seq {
				return true
			}
		}
		if !c.settled {
			return false
		}
	}
	return true
}

// book is the model's own account of what was seen.
func (m *trackerModel) book(w *trackerWorld, source, epoch, p uint8, msg trackerMessage) {
	s := &w.seen[source]
	if !s.known || epoch != s.epoch {
		begun := s.known && source != sourceWriter && m.handedOver(w, source, msg)
		*s = newTrackerSeen()
		s.known, s.epoch, s.begun = true, epoch, begun
	}
	if s.last[p] == unseen || s.last[p] < msg.seq {
		s.last[p] = msg.seq
	}
	if msg.mark && msg.damaged == 0 {
		s.claim[p] = min(s.claim[p], msg.claim)
	}
}

// subscription: it is built anew, and finds new partitions.
func (m *trackerModel) subscription(w *trackerWorld) {
	if w.budget.rebuilds > 0 {
		n := *w
		spend(&n.budget.rebuilds)
		n.bus = [trackerPartitions][trackerQueue]trackerMessage{}
		n.followed = n.made
		m.act(&n, func() { m.start(&n) })
		m.emit("rebuilt", n, m.missed(&n))
	}
	if w.made < m.set.partitions {
		n := *w
		n.made++
		m.emit("partition made", n, "")
	}
	if w.followed < w.made {
		n := *w
		n.followed++
		m.act(&n, func() { m.tracker.Discovered(int32(w.followed), trackerNow) })
		m.emit("partition found", n, "")
	}
}

// missed checks L for a subscription that begins: nothing comes any more of what
// was published before.
func (m *trackerModel) missed(w *trackerWorld) string {
	for _, l := range w.lives {
		for i := range l.at {
			if !w.commits[i].settled {
				return "L"
			}
		}
	}
	return ""
}

// time passes. Partitions are found before it does: a node looks for them more
// often than it takes a range to fall silent.
func (m *trackerModel) time(w *trackerWorld) {
	if w.followed < w.made {
		return
	}
	n := *w
	n.older()
	if n != *w {
		m.emit("-", n, "")
	}
	if w.budget.silences > 0 {
		n := *w
		spend(&n.budget.silences)
		n.older()
		m.act(&n, func() { m.tracker.Tick(trackerNow.Add(101 * trackerUnit)) })
		m.emit("long silence", n, "")
	}
}

func (w *trackerWorld) older() {
	for i := range w.ncommits {
		grow(&w.commits[i].age)
	}
	for i := range w.lives {
		grow(&w.lives[i].claim)
	}
	for p := range w.bus {
		for i := range w.bus[p] {
			if msg := &w.bus[p][i]; msg.mark {
				grow(&msg.claim)
			}
		}
	}
	for s := range w.seen {
		for p := range w.seen[s].claim {
			grow(&w.seen[s].claim[p])
		}
	}
	w.tracker.older()
}
