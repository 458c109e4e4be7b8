package cache

import (
	"math"

	"github.com/whiskstore/whiskstore/store"
)

// machine holds the constants of the state machine. It has no state, takes no
// lock, reads no clock and does no I/O.
type machine struct {
	lag          int64 // lag budget: the longest time a fence or a blind time stands
	maxAge       int64 // no value is served at this age or later (R9)
	maxStaleness int64 // nor at this one while a range is silent (R8)
	off          Rule  // rules switched off; only proofs set it
}

// bound is the age at which values are not served any more.
func (m machine) bound(silent bool) int64 {
	switch {
	case silent && !m.off.has(RuleSilence):
		return m.maxStaleness
	case m.off.has(RuleAge):
		return math.MaxInt64
	}
	return m.maxAge
}

// newGuard is the guard of a key about which nothing is known. Its generation is
// fresh: an operation that began in an earlier guard of the key must not fit it.
func (m machine) newGuard(next uint64) guard {
	if m.off.has(RuleGenerations) {
		next = 1
	}
	return guard{gen: next, forgot: next}
}

// step applies one event to a line. A zero guard is one about which nothing is
// known; step returns it when nothing stands or is in flight any more.
func (m machine) step(l line, s scope, ev event) (line, action) {
	if l.gen == 0 {
		l.guard = m.newGuard(ev.next)
	}
	m.settle(&l, ev)
	l, a := m.apply(l, s, ev)
	m.raise(&l, ev.now)
	if l.idle(ev.now) {
		l.guard = guard{}
	}
	return l, a
}

func (m machine) apply(l line, s scope, ev event) (line, action) {
	switch ev.kind {
	case evLookup:
		return m.lookup(l, s, ev)
	case evLoadEnd:
		return m.loadEnd(l, s, ev)
	case evMessage:
		return m.message(l, s, ev)
	case evWriteStart:
		l.writes++
		return l, action{op: op{forgot: l.forgot, losses: s.losses, start: ev.now, born: ev.age}}
	case evWriteEnd:
		return m.writeEnd(l, s, ev)
	case evEvict:
		a := action{dropped: l.present}
		l.held = held{}
		if l.writes > 0 {
			l.forgot = m.nextForgot(&l, ev)
		}
		return l, a
	case evShed:
		// What stood here goes to the scope (shed); operations in flight find
		// another generation when they end.
		l.guard = m.newGuard(ev.next)
		return l, action{}
	}
	return l, action{}
}

// settle ends fences and blind times whose time has come. Operations in flight
// were bound by them, so they lose their generation rather than the bond.
func (m machine) settle(l *line, ev event) {
	ended := false
	if l.until != 0 && ev.now >= l.until {
		l.fences, l.nfences, l.until = [maxFences]store.Version{}, 0, 0
		ended = true
	}
	if l.blind != 0 && ev.now >= l.blind {
		l.blind = 0
		ended = true
	}
	if l.fresh != 0 && ev.now >= l.fresh {
		l.fresh = 0
	}
	if ended && !m.off.has(RuleWholeOperation) {
		l.gen = m.nextGen(l, ev)
		l.forgot = m.nextForgot(l, ev)
	}
}

// raise observes the version of the value held, where fences stand that it is
// provably as new as: they then say no more than the value does, and whoever keeps
// the line need not keep versions beside the value's. It stands for the whole lag
// budget from here on, because the message about it will find it known. A fence of
// the same state may know its place in the order where the reply that brought the
// value did not (a write on Cosmos DB); the value learns it.
func (m machine) raise(l *line, now int64) {
	if !l.present || l.nfences == 0 {
		return
	}
	version, raised := l.version, false
	for i := range l.nfences {
		switch l.version.Compare(l.fences[i]) {
		case store.Newer:
			raised = true
		case store.Same:
			if version.Order == 0 {
				version = l.fences[i]
			}
		default:
			return
		}
	}
	l.version = version
	l.fences, l.nfences = [maxFences]store.Version{version}, 1
	if raised {
		l.until = now + m.lag
	}
}

func (m machine) lookup(l line, s scope, ev event) (line, action) {
	fresh := ev.fresh || l.fresh != 0
	seen := s
	if m.off.has(RuleSuspect) {
		seen.losses = 0
	}
	if !fresh && l.servable(seen, ev.age, ev.bound) {
		return l, action{verdict: verdictServe}
	}
	covers := ev.now < s.soft
	if l.load != 0 {
		current := l.load == l.gen && l.loadLosses == s.losses || m.off.has(RuleJoin)
		if current && (l.loadFresh || !fresh) {
			return l, action{verdict: verdictJoin, op: op{gen: l.load}}
		}
		// One joinable load per generation: the one in flight is void from here on.
		l.gen = m.nextGen(&l, ev)
	}
	l.load, l.loadLosses, l.loadFresh = l.gen, s.losses, fresh
	return l, action{verdict: verdictLoad, op: op{
		gen: l.gen, losses: s.losses, start: ev.now, born: ev.age, fresh: fresh, covers: covers,
	}}
}

func (m machine) loadEnd(l line, s scope, ev event) (line, action) {
	if l.load == ev.op.gen {
		l.load = 0
	}
	if ev.outcome != outcomeOK {
		return l, action{verdict: verdictPassed, reason: reasonReadFailed}
	}
	had := l.present
	why := m.refuses(&l, s, ev, false)
	if ev.op.fresh {
		l.fresh = 0
	}
	if m.off.has(RuleRevalidate) && l.present && m.compare(ev.version, l.version) == store.Same {
		l.losses, why = s.losses, reasonVoid
	}
	switch {
	case why == reasonNone:
		l.held = m.hold(s, ev)
	case ev.absent && ev.version.IsZero():
		l.held = held{}
	}
	if (why != reasonNone || l.writes > 0) && !ev.version.IsZero() && !m.off.has(RuleLateRead) {
		m.observe(&l, ev)
	}
	return l, ended(&l, had, why)
}

// hold is the value that the operation of ev stores. Its age and the losses it
// has seen count from the operation's beginning.
func (m machine) hold(s scope, ev event) held {
	h := held{present: true, absent: ev.absent, version: ev.version, born: ev.op.born, losses: ev.op.losses}
	if m.off.has(RuleLossVoid) {
		h.losses = s.losses
	}
	if m.off.has(RuleAge) {
		h.born = ev.age
	}
	return h
}

// ended makes the action of a load or write that placed its value, or did not.
func ended(l *line, had bool, why reason) action {
	if why == reasonNone {
		return action{verdict: verdictStored}
	}
	return action{verdict: verdictPassed, reason: why, dropped: had && !l.present}
}

func (m machine) message(l line, s scope, ev event) (line, action) {
	had := l.present
	if ev.version.IsZero() {
		m.forget(&l, ev)
		return l, messageAction(&l, had, true)
	}
	if m.off.has(RuleConfirm) && had && atLeast(m.compare(l.version, ev.version)) {
		l.losses = s.losses
	}
	raised := m.observe(&l, ev)
	return l, messageAction(&l, had, raised)
}

func messageAction(l *line, had, raised bool) action {
	switch {
	case had && !l.present:
		return action{verdict: verdictDropped, dropped: true}
	case had:
		return action{verdict: verdictKept}
	case raised:
		return action{verdict: verdictFenced}
	}
	return action{verdict: verdictKnown}
}

func (m machine) writeEnd(l line, s scope, ev event) (line, action) {
	l.writes = max(l.writes-1, 0)
	had := l.present
	switch {
	case ev.outcome == outcomeDoubt && m.off.has(RuleDoubt):
		return l, action{verdict: verdictPassed, reason: reasonDoubt}
	case ev.outcome == outcomeDoubt:
		m.forget(&l, ev)
		return l, ended(&l, had, reasonDoubt)
	case ev.outcome == outcomeConflict:
		// What was read led to a refusal: a lagging replica must not do so again.
		l.held = held{}
		l.fresh = ev.now + m.lag
		return l, ended(&l, had, reasonRejected)
	case ev.outcome != outcomeOK:
		return l, action{verdict: verdictPassed, reason: reasonRejected}
	case ev.version.IsZero():
		m.forget(&l, ev)
		return l, ended(&l, had, reasonUnversion)
	}
	if !m.off.has(RuleWriteGeneration) {
		l.gen = m.nextGen(&l, ev)
	}
	if !m.off.has(RuleWriteObserve) {
		m.observe(&l, ev)
	}
	why := m.refuses(&l, s, ev, true)
	switch {
	case why == reasonNone:
		l.held, l.fresh = m.hold(s, ev), 0
	case l.present && l.suspect(s):
		l.held = held{}
	}
	return l, ended(&l, had, why)
}

// observe is told of version ev.version of the document. It reports whether that
// was news to the fences. It never clears a suspicion: a message speaks of its
// own change, not of the one that was lost.
func (m machine) observe(l *line, ev event) bool {
	if l.present && l.version.IsZero() {
		l.held = held{} // an absence without a version stands against nothing
	}
	v := ev.version
	for i := range l.nfences {
		switch m.compare(l.fences[i], v) {
		case store.Same:
			if l.fences[i].Order == 0 {
				l.fences[i] = v
			}
			return false
		case store.Newer:
			return false
		}
	}
	l.gen = m.nextGen(l, ev)
	if l.present && !atLeast(m.compare(l.version, v)) {
		l.held = held{}
	}
	if m.off.has(RuleFence) || m.off.has(RuleFenceEmpty) && ev.kind == evMessage && !l.present && l.load == 0 && l.writes == 0 {
		return true
	}
	m.join(l, v, ev)
	return true
}

// join adds v to the fences and drops those that are provably older.
func (m machine) join(l *line, v store.Version, ev event) {
	n := uint8(0)
	for i := range l.nfences {
		if m.compare(l.fences[i], v) != store.Older && !m.off.has(RuleFenceReplace) {
			l.fences[n] = l.fences[i]
			n++
		}
	}
	clear(l.fences[n:])
	l.nfences = n
	switch {
	case n > 0 && m.off.has(RuleFenceKeep):
		return
	case n == maxFences:
		l.fences, l.nfences, l.until = [maxFences]store.Version{}, 0, 0
		l.forgot = m.nextForgot(l, ev)
		l.blind = ev.now + m.lag
		return
	}
	l.fences[n] = v
	l.nfences++
	l.until = ev.now + m.lag
}

// forget is told that the document changed, but not to what.
func (m machine) forget(l *line, ev event) {
	l.gen = m.nextGen(l, ev)
	l.forgot = m.nextForgot(l, ev)
	l.held = held{}
	if !m.off.has(RuleBlind) {
		l.blind = ev.now + m.lag
	}
}

// refuses is admit: it says why the value of ev.op must not be stored.
func (m machine) refuses(l *line, s scope, ev event, write bool) reason {
	o := ev.op
	switch {
	case ev.pass:
		return reasonPass
	case !write && l.fresh != 0 && !o.fresh:
		return reasonStale
	case o.losses != s.losses && !m.off.has(RuleLossVoid):
		return reasonVoid
	case write && o.forgot != l.forgot && !m.off.has(RuleForgot):
		return reasonVoid
	case !write && o.gen != l.gen && !m.off.has(RuleLease):
		return reasonVoid
	case ev.now < l.blind, m.stood(o, ev, s.blind), m.stood(o, ev, s.soft) && !o.covers:
		return reasonBlind
	}
	if !m.off.has(RuleAdmit) {
		if l.nfences > 0 && ev.version.IsZero() {
			if !m.off.has(RuleAbsence) {
				return reasonUnproved
			}
		} else {
			for i := range l.nfences {
				if !atLeast(m.compare(ev.version, l.fences[i])) {
					return reasonFence
				}
			}
		}
	}
	if l.present && m.compare(l.version, ev.version) == store.Newer && !m.off.has(RuleNewerHeld) {
		return reasonNewer
	}
	return reasonNone
}

// stood reports whether a time of the scope that ends at until stood at any
// moment of the operation. (Those of the line end by settle.)
func (m machine) stood(o op, ev event, until int64) bool {
	if m.off.has(RuleWholeOperation) {
		return ev.now < until
	}
	return o.start < until
}

// lose applies a loss to a scope (R7). With a position, loads that read at it are
// exempt from the blind time.
func (m machine) lose(s scope, now int64, position bool) scope {
	s.losses++
	switch {
	case m.off.has(RuleLossBlind):
	case position:
		s.soft = now + m.lag
	default:
		s.blind = now + m.lag
	}
	return s
}

// shed moves to the scope what stands in a guard that is being removed.
func (m machine) shed(s scope, g guard) scope {
	if !m.off.has(RuleFloor) {
		s.blind = max(s.blind, g.standsUntil())
	}
	return s
}

// compare is Version.Compare, unless proofs make it guess.
func (m machine) compare(a, b store.Version) store.Ordering {
	o := a.Compare(b)
	if o == store.Unknown && m.off.has(RuleUnknown) && !a.IsZero() && !b.IsZero() {
		return store.Newer
	}
	return o
}

func (m machine) nextGen(l *line, ev event) uint64 {
	if m.off.has(RuleGenerations) {
		return l.gen + 1
	}
	return ev.next
}

func (m machine) nextForgot(l *line, ev event) uint64 {
	if m.off.has(RuleGenerations) {
		return l.forgot + 1
	}
	return ev.next
}

func atLeast(o store.Ordering) bool { return o == store.Same || o == store.Newer }
