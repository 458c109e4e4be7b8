package cache

// expand lists every event that may happen in w, with the state it leads to.
func (m *model) expand(w *world) []succ {
	m.out = m.out[:0]
	if w.offAir {
		m.offAir(w)
		return m.out
	}
	m.store(w)
	m.bus(w)
	m.readers(w)
	m.writers(w)
	m.local(w)
	return m.out
}

// offAir is the time before start-up: the world goes on, the node hears nothing.
func (m *model) offAir(w *world) {
	m.store(w)
	if w.published < w.newest {
		n := *w
		n.published++
		m.emit(label{"P%d", n.published}, &n, "")
	}
	n := *w
	n.offAir = false
	m.start(&n)
	m.emit(label{"start", 0}, &n, "")
}

// start is the start-up of a subscriber: a loss, unless the rule is off.
func (m *model) start(w *world) {
	w.line, w.truth, w.loads = line{}, 0, [2]modelLoad{}
	w.scope = scope{losses: 1}
	if !m.off.has(RuleStart) {
		w.scope = m.lose(w.scope, w.now, m.set.position)
		w.position, w.needs[2], w.needs[3] = w.newest, w.newest, w.newest
	}
	w.nbus, w.bus, w.lost = 0, [3]modelMessage{}, false
	w.session, w.floor, w.seen = 0, 0, 0
}

// commit adds a version to the primary.
func (m *model) commit(w *world, deleted, own bool) {
	w.newest++
	w.deleted[w.newest], w.own[w.newest] = deleted, own
}

// store: commits elsewhere, replication, feed.
func (m *model) store(w *world) {
	if w.newest < m.set.newest {
		if w.budget.remote > 0 {
			n := *w
			spend(&n.budget.remote)
			m.commit(&n, false, m.set.scala)
			if m.set.scala {
				m.send(&n, modelMessage{of: n.newest})
			}
			m.emit(label{"C%d", n.newest}, &n, "")
		}
		if w.budget.remoteX > 0 && !w.deleted[w.newest] {
			n := *w
			spend(&n.budget.remoteX)
			m.commit(&n, true, false)
			m.emit(label{"C%dx", n.newest}, &n, "")
		}
		if w.budget.peerDies > 0 {
			n := *w
			spend(&n.budget.peerDies)
			m.commit(&n, false, true)
			m.emit(label{"peer C%d, dies", n.newest}, &n, "")
		}
	}
	if w.replica < w.newest {
		n := *w
		n.replica++
		m.emit(label{">%d", n.replica}, &n, "")
	}
}

// send puts a message on the bus; it reports whether there was room.
func (m *model) send(w *world, msg modelMessage) bool {
	if int(w.nbus) == len(w.bus) {
		return false
	}
	w.bus[w.nbus] = msg
	w.nbus++
	return true
}

// message is what the bridge makes of a change.
func (m *model) changeMessage(w *world, v uint8) modelMessage {
	return modelMessage{version: v, of: v}
}

// bus: publications, deliveries, losses.
func (m *model) bus(w *world) {
	for v := w.published + 1; v <= w.newest; v++ {
		n := *w
		n.published = v
		if w.own[v] && m.off.has(RuleEcho) {
			m.emit(label{"P%d dropped as own", v}, &n, "")
			continue
		}
		if m.set.unversioned && w.deleted[v] {
			m.emit(label{"P%d: a physical delete is in no feed", v}, &n, "")
			continue
		}
		if m.send(&n, m.changeMessage(w, v)) {
			m.emit(label{"P%d", v}, &n, "")
		}
	}
	if w.budget.rewinds > 0 {
		for v := uint8(1); v <= w.published; v++ {
			n := *w
			spend(&n.budget.rewinds)
			if m.send(&n, m.changeMessage(w, v)) {
				m.emit(label{"P%d(repeat)", v}, &n, "")
			}
		}
	}
	for i := range w.nbus {
		m.deliver(w, i)
	}
	if w.budget.takeover > 0 && w.nbus > 0 {
		n := *w
		spend(&n.budget.takeover)
		n.nbus, n.bus = 0, [3]modelMessage{}
		n.lost = !m.off.has(RuleEpoch)
		m.emit(label{"take-over", 0}, &n, "")
	}
	if w.lost {
		n := *w
		n.lost = false
		n.scope = m.lose(n.scope, n.now, m.set.position)
		n.needs[2], n.needs[3] = n.newest, n.newest
		n.position = n.published
		m.emit(label{"gap", 0}, &n, "")
	}
}

func (m *model) deliver(w *world, i uint8) {
	msg := w.bus[i]
	handle := func(n *world) {
		ev := event{kind: evMessage}
		if msg.version != 0 {
			ev.version = m.vers[msg.version]
		}
		m.apply(n, ev)
	}
	name := label{"m%d", msg.version}
	if msg.version == 0 {
		name = label{"mU", 0}
	}
	n := *w
	n.remove(i)
	handle(&n)
	m.emit(name, &n, "")
	if !msg.repeated && w.budget.repeats > 0 {
		n := *w
		spend(&n.budget.repeats)
		n.bus[i].repeated = true
		handle(&n)
		m.emit(name, &n, "")
	}
	if msg.repeated {
		n := *w
		n.remove(i)
		m.emit(label{"repeat of m%d lost", msg.of}, &n, "")
	} else if w.budget.losses > 0 {
		n := *w
		spend(&n.budget.losses)
		n.remove(i)
		n.lost = true
		m.emit(label{"m%d lost", msg.of}, &n, "")
	}
}

func (w *world) remove(i uint8) {
	copy(w.bus[i:], w.bus[i+1:w.nbus])
	w.nbus--
	w.bus[w.nbus] = modelMessage{}
}

// readers: lookups, reads of the store, ends of loads.
func (m *model) readers(w *world) {
	m.lookup(w, false)
	for i := range w.loads {
		l := w.loads[i]
		switch l.state {
		case 1:
			lo, hi := max(w.replica, w.session), max(w.replica, w.session)
			if m.set.jumping {
				hi = w.newest
			}
			if l.op.fresh {
				lo, hi = w.newest, w.newest
			} else if l.op.covers {
				lo = max(lo, w.position)
				hi = max(hi, lo)
			}
			for v := lo; v <= hi; v++ {
				n := *w
				n.loads[i].state, n.loads[i].read = 2, v
				m.emit(label{"L" + mark(i) + "r%d", v}, &n, "")
			}
		case 2:
			n := *w
			n.loads[i] = modelLoad{}
			bad := m.shown(&n, l.read, l.floor, false)
			ev := event{kind: evLoadEnd, op: l.op, absent: w.deleted[l.read]}
			if !ev.absent {
				ev.version = m.vers[l.read] // reads show no tombstones: an absence has no version
			}
			if a := m.apply(&n, ev); a.verdict == verdictStored {
				n.truth = l.read
			}
			m.emit(label{"L" + mark(i) + "e", 0}, &n, bad)
		}
	}
}

func mark(i int) string { return [...]string{"", "'"}[i] }

func (m *model) lookup(w *world, fresh bool) {
	n := *w
	a := m.apply(&n, event{kind: evLookup, fresh: fresh})
	switch a.verdict {
	case verdictServe:
		bad := m.shown(&n, n.truth, n.floor, true)
		m.emit(label{"H%d", n.truth}, &n, bad)
	case verdictJoin:
		for i := range n.loads {
			if l := &n.loads[i]; l.state != 0 && l.op.gen == a.op.gen {
				l.floor = max(l.floor, n.floor)
				m.emit(label{"J", 0}, &n, "")
				break
			}
		}
	case verdictLoad:
		for i := range m.set.loads {
			if n.loads[i].state == 0 {
				n.loads[i] = modelLoad{op: a.op, state: 1, floor: n.floor}
				m.emit(label{"L" + mark(i) + "s", 0}, &n, "")
				break
			}
		}
	}
}

// writers: local puts and deletes.
func (m *model) writers(w *world) {
	if w.budget.writes > 0 {
		for i := range w.puts {
			if w.puts[i].state == 0 && (i == 0 || m.set.overlap) {
				n := *w
				spend(&n.budget.writes)
				n.puts[i] = modelWrite{op: m.apply(&n, event{kind: evWriteStart}).op, state: 1}
				m.emit(label{"W" + mark(i) + "s", 0}, &n, "")
				break
			}
		}
	}
	if w.budget.deletes > 0 && w.del.state == 0 {
		n := *w
		spend(&n.budget.deletes)
		n.del = modelWrite{op: m.apply(&n, event{kind: evWriteStart}).op, state: 1}
		m.emit(label{"Ds", 0}, &n, "")
	}
	for i := range w.puts {
		m.writing(w, "W"+mark(i), i, false)
	}
	m.writing(w, "D", 2, true)
}

func (m *model) writing(w *world, name string, i int, del bool) {
	p := *w.write(i)
	commits := w.newest < m.set.newest && !(del && w.deleted[w.newest])
	end := func(n *world, o outcome, v uint8) {
		*n.write(i) = modelWrite{}
		ev := event{kind: evWriteEnd, outcome: o, op: p.op, absent: del}
		if v != 0 && !(del && m.set.unversioned) {
			ev.version = m.vers[v]
		}
		if a := m.apply(n, ev); a.verdict == verdictStored {
			n.truth = v
		}
	}
	switch p.state {
	case 1:
		if commits {
			n := *w
			m.commit(&n, del, true)
			n.write(i).state, n.write(i).version = 2, n.newest
			m.emit(label{name + "c%d", n.newest}, &n, "")
		}
		if w.budget.refusals > 0 {
			n := *w
			spend(&n.budget.refusals)
			n.session = max(n.session, n.newest)
			end(&n, outcomeConflict, 0)
			m.emit(label{name + " refused", 0}, &n, "")
		}
		if w.budget.doubts > 0 {
			n := *w
			spend(&n.budget.doubts)
			end(&n, outcomeDoubt, 0)
			n.write(i).state = 3
			m.emit(label{name + "?", 0}, &n, "")
		}
	case 2:
		n := *w
		n.session = max(n.session, p.version)
		n.floor = max(n.floor, p.version)
		end(&n, outcomeOK, p.version)
		m.emit(label{name + "e", 0}, &n, "")
		if w.budget.doubts > 0 {
			n := *w
			spend(&n.budget.doubts)
			end(&n, outcomeDoubt, 0)
			m.emit(label{name + "?", 0}, &n, "")
		}
	case 3: // applied late, or never
		if commits {
			n := *w
			*n.write(i) = modelWrite{}
			m.commit(&n, del, true)
			m.emit(label{"late%d", n.newest}, &n, "")
		}
		n := *w
		*n.write(i) = modelWrite{}
		m.emit(label{"never", 0}, &n, "")
	}
}

// local: eviction, ends of fences, clocks, restart.
func (m *model) local(w *world) {
	if w.line.present && w.budget.evicts > 0 {
		n := *w
		spend(&n.budget.evicts)
		m.apply(&n, event{kind: evEvict})
		n.seen = 0 // no promise across misses
		m.emit(label{"E", 0}, &n, "")
	}
	if w.line.gen != 0 && w.budget.sheds > 0 {
		n := *w
		spend(&n.budget.sheds)
		blind := n.scope.blind
		n.scope = m.shed(n.scope, n.line.guard)
		if n.scope.blind != blind {
			n.needs[2] = max(n.needs[0], n.needs[1])
		}
		m.apply(&n, event{kind: evShed})
		n.seen = 0
		m.emit(label{"EL", 0}, &n, "")
	}
	m.passTime(w)
	if w.line.present && w.line.born != 0 && w.budget.jumps > 0 {
		n := *w
		spend(&n.budget.jumps)
		n.line.born = 0
		for i := range n.loads {
			n.loads[i].op.born = 0
		}
		for i := range 3 {
			n.write(i).op.born = 0
		}
		m.emit(label{"jump", 0}, &n, "")
	}
	if w.budget.restarts > 0 {
		n := *w
		spend(&n.budget.restarts)
		for i := range 3 {
			p := n.write(i)
			if p.state == 1 || p.state == 2 {
				*p = modelWrite{}
			}
		}
		m.start(&n)
		m.emit(label{"restart", 0}, &n, "")
	}
}

// passTime moves the clock to the next end. A1: not before the replica shows
// what was committed when that time was set.
func (m *model) passTime(w *world) {
	ends := [...]int64{w.line.until, w.line.blind, w.scope.blind, w.scope.soft, w.line.fresh}
	next := int64(0)
	for _, e := range ends {
		if e > w.now && (next == 0 || e < next) {
			next = e
		}
	}
	if next == 0 {
		return
	}
	for i, e := range ends[:4] {
		if e == next && w.replica < w.needs[i] {
			return
		}
	}
	n := *w
	n.now = next
	m.settle(&n.line, event{now: n.now, next: modelNext})
	if n.line.idle(n.now) {
		n.line.guard = guard{}
	}
	m.emit(label{"F-", 0}, &n, "")
}
