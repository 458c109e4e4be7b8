package cache

import (
	"github.com/whiskstore/whiskstore/store"
)

// A held value: what a line stores. The value itself lies beside it in the
// cache; the state machine needs only what decides whether it may be served.
type held struct {
	present bool
	absent  bool          // the value is "there is no such document"
	version store.Version // zero for an absence without a version
	born    int64         // age clock at the start of the load or write
	losses  uint64        // losses of the scope when that began (lossSeen)
}

// maxFences is the largest set of versions kept per line; one more turns the
// set into a blind time.
const maxFences = 2

// guard is what a line knows besides its value. A guard in which nothing is
// standing and nothing is in flight need not be kept: idle says so.
type guard struct {
	fences  [maxFences]store.Version // of which none is provably newer than another
	nfences uint8
	until   int64 // end of the fences
	blind   int64 // end of the time in which nothing is admitted
	fresh   int64 // reads are fresh until then: a write was refused

	gen    uint64 // generation; one counter, never reused
	forgot uint64 // the generation that began when knowledge was last lost

	load       uint64 // generation in which the joinable load began; 0 is none
	loadLosses uint64 // losses of the scope when it began
	loadFresh  bool   // it bypasses lagging replicas
	writes     int    // writes in flight
}

// line is the whole state of one key.
type line struct {
	held
	guard
}

// scope is the state that all lines of one range of the key space share.
type scope struct {
	losses uint64 // losses noticed so far; a line that has seen fewer is suspect
	blind  int64  // end of the time in which nothing is admitted
	soft   int64  // the same, except for loads that read at the position of the loss
}

// op is what a load or a write remembers from its beginning.
type op struct {
	gen    uint64
	forgot uint64
	losses uint64
	start  int64 // monotonic clock
	born   int64 // age clock
	fresh  bool  // the load must not be answered by a lagging replica
	covers bool  // the load must read at the position of the scope's last loss
}

// eventKind names what happens to a line.
type eventKind uint8

const (
	evLookup     eventKind = iota + 1 // a reader arrives
	evLoadEnd                         // a load ends
	evMessage                         // an invalidation, with or without a version
	evWriteStart                      // a write begins
	evWriteEnd                        // a write ends
	evEvict                           // the value is evicted
	evShed                            // the guard is removed though something stands in it
)

// outcome is how a load or write ended.
type outcome uint8

const (
	outcomeOK       outcome = iota // event.version and event.absent say what was read or written
	outcomeError                   // load: failed
	outcomeDoubt                   // write: may have happened, may still happen
	outcomeConflict                // write: refused with Conflict or NotFound
	outcomeRefused                 // write: refused for any other reason
)

// event is one event with the clocks read by the caller.
type event struct {
	kind    eventKind
	outcome outcome
	absent  bool
	fresh   bool // lookup: no hit, no lagging replica
	pass    bool // end of a load or write: its value is not to be stored

	now   int64  // monotonic clock
	age   int64  // age clock: the larger of monotonic and wall time
	bound int64  // lookup: values of this age or older are not served
	next  uint64 // a generation never used before

	version store.Version
	op      op // the one that ends
}

// verdict is the answer of step to the caller of the event.
type verdict uint8

const (
	verdictNone    verdict = iota
	verdictServe           // lookup: the value held
	verdictJoin            // lookup: wait for the load of action.op.gen
	verdictLoad            // lookup: start the load action.op
	verdictStored          // load or write: its value is now the line's
	verdictPassed          // load or write: its value goes to its callers only
	verdictKnown           // message: nothing newer than what is known
	verdictKept            // message: the value held is at least as new
	verdictDropped         // message: the value held is gone
	verdictFenced          // message: no value was held
)

// reason says why a load or write was passed by.
type reason uint8

const (
	reasonNone       reason = iota
	reasonVoid              // another generation or a loss began meanwhile
	reasonBlind             // nothing could be judged at some moment of it
	reasonFence             // older, or possibly older, than a fence
	reasonNewer             // the line holds something newer
	reasonUnproved          // an absence without a version met a fence
	reasonUnversion         // the reply named no version
	reasonDoubt             // the write may or may not have happened
	reasonRejected          // the write was refused
	reasonReadFailed        // the load failed
	reasonStale             // a write was refused; only a fresh load may be stored
	reasonPass              // the caller does not store such values
	reasons                 // number of reasons
)

var reasonNames = [reasons]string{
	"", "void", "blind", "fence", "newer-held", "absence-unproved", "unversioned", "in-doubt", "refused", "failed", "stale-suspected", "not-cacheable",
}

func (r reason) String() string { return reasonNames[r] }

// action is what the caller of step has to do.
type action struct {
	verdict verdict
	reason  reason
	dropped bool // the line's value is gone; remove it
	op      op   // of the load or write that begins
}

// suspect reports whether a loss was noticed since the value's load began.
func (h held) suspect(s scope) bool { return h.losses < s.losses }

// servable is the whole test of a hit: present, not suspect, young enough.
func (h held) servable(s scope, age, bound int64) bool {
	return h.present && h.losses >= s.losses && age-h.born < bound
}

// idle reports whether the guard may be forgotten at the time now: no operation
// is in flight that it could bind, and nothing in it still stands.
func (g *guard) idle(now int64) bool {
	return g.load == 0 && g.writes == 0 && now >= g.until && now >= g.blind && now >= g.fresh
}

// standsUntil is the end of everything that binds operations.
func (g *guard) standsUntil() int64 { return max(g.until, g.blind) }
