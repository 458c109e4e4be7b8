package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Call is one call of a store, as rules see it.
type Call struct {
	Op    store.Op
	ID    string // of a Get, Put or Delete
	Rev   string // that a Put or Delete names, or GetOptions.Rev
	Table string // of a Query or Count
}

// Rule makes the calls that it matches fail. A call is matched when every
// condition that is set holds for it, and when the fault can happen to it (see
// Fault). Of the calls that it matches, Nth, Probability and Times choose.
type Rule struct {
	// Name names the rule in counters and errors. It is required and unique.
	Name string

	// Ops, IDs and Tables list what is matched; empty matches all.
	Ops    []store.Op
	IDs    []string
	Tables []string

	// Match is a further condition; nil is true. It is called from the goroutines
	// of the calls.
	Match func(Call) bool

	// Nth chooses only the nth matching call, counted from 1; 0 chooses every one.
	Nth int

	// Probability chooses calls by chance, from above 0 to 1; 0 is 1.
	Probability float64

	// Times is how often the rule fires at most; 0 is without limit.
	Times int

	// Off is a rule that is switched off until Injector.Enable.
	Off bool

	// Fault is what happens. It is required.
	Fault Fault
}

// Counts is what a rule did.
type Counts struct {
	Matched  int // calls that the conditions hold for, while the rule was on
	Injected int // of these, the ones that were chosen

	// Surfaced counts those of which a caller saw the effect. A cut does not
	// surface when the loop ends before it, a delay when the context does.
	Surfaced int
}

// Fault is what happens to a call: the result of Fail, Delay, LoseReply or Cut.
type Fault struct {
	kind   kind
	err    error
	delay  time.Duration
	jitter time.Duration
	rows   int
}

type kind uint8

const (
	fail kind = iota + 1
	delay
	loseReply
	cut
)

// Fail returns err without asking the store: nothing is read or written. A
// store.Kind becomes a store.Error that names the call and whose cause is an
// *Injected; a nil err is store.ErrUnavailable; any other error is returned as
// it is.
func Fail(err error) Fault {
	if err == nil {
		err = store.ErrUnavailable
	}
	return Fault{kind: fail, err: err}
}

// Delay makes the call wait before it reaches the store, for d and an evenly
// distributed part of jitter. The wait ends with the call's context, and then the
// store is not asked. Delays of several rules add up, and a rule that fails the
// call fails it after them.
func Delay(d, jitter time.Duration) Fault {
	return Fault{kind: delay, delay: d, jitter: jitter}
}

// LoseReply lets the store finish a Put or Delete and returns err, made as by
// Fail, in place of what it answered. err must be in doubt (store.InDoubt), or of
// no kind; nil is store.ErrInDoubt. It does not happen to other calls.
func LoseReply(err error) Fault {
	if err == nil {
		err = store.ErrInDoubt
	}
	return Fault{kind: loseReply, err: err}
}

// Cut ends the loop of a Query with err, made as by Fail, after that many rows.
// A shorter loop ends as it would. It does not happen to other calls.
func Cut(rows int, err error) Fault {
	if err == nil {
		err = store.ErrUnavailable
	}
	return Fault{kind: cut, err: err, rows: rows}
}

// hits reports whether the fault can happen to a call of op.
func (f Fault) hits(op store.Op) bool {
	switch f.kind {
	case loseReply:
		return op == store.OpPut || op == store.OpDelete
	case cut:
		return op == store.OpQuery
	}
	return true
}

// Injected is the cause of an injected error.
type Injected struct {
	Rule string // the rule's name
}

// Error names the rule.
func (e *Injected) Error() string { return "injected by " + e.Rule }

// failure makes the error that c returns.
func (r *rule) failure(c Call) error {
	k, ok := r.Fault.err.(store.Kind)
	if !ok {
		return r.Fault.err
	}
	id := c.ID
	if id == "" {
		id = c.Table
	}
	return &store.Error{Op: c.Op, ID: id, Kind: k, Err: &Injected{Rule: r.Name}}
}

func (r *Rule) check() error {
	switch f := r.Fault; {
	case r.Name == "":
		return errors.New("fault: a rule without a name")
	case f.kind == 0:
		return fmt.Errorf("fault: rule %q has no fault", r.Name)
	case r.Nth < 0 || r.Times < 0:
		return fmt.Errorf("fault: rule %q has Nth %d and Times %d", r.Name, r.Nth, r.Times)
	case !(r.Probability >= 0 && r.Probability <= 1):
		return fmt.Errorf("fault: rule %q has probability %v", r.Name, r.Probability)
	case f.delay < 0 || f.jitter < 0 || f.rows < 0:
		return fmt.Errorf("fault: rule %q has a negative delay or number of rows", r.Name)
	case f.kind == loseReply && !store.InDoubt(f.err) && store.KindOf(f.err) != 0:
		return fmt.Errorf("fault: rule %q loses a reply with the definite error %v", r.Name, f.err)
	}
	return nil
}

// rule is a Rule with its state.
type rule struct {
	Rule

	mu     sync.Mutex
	rng    *rand.Rand
	on     bool
	counts Counts
}

// chosen reports whether the rule fires for c, and how long a delay is.
func (r *rule) chosen(c Call) (time.Duration, bool) {
	if !r.Fault.hits(c.Op) || !among(c.Op, r.Ops) || !among(c.ID, r.IDs) || !among(c.Table, r.Tables) ||
		r.Match != nil && !r.Match(c) {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.on {
		return 0, false
	}
	r.counts.Matched++
	// Both numbers are drawn for every call, so that no choice moves a later one.
	dice, part := r.rng.Float64(), r.rng.Float64()
	if r.Nth != 0 && r.Nth != r.counts.Matched ||
		r.Probability != 0 && dice >= r.Probability ||
		r.Times != 0 && r.counts.Injected >= r.Times {
		return 0, false
	}
	r.counts.Injected++
	return r.Fault.delay + time.Duration(part*float64(r.Fault.jitter)), true
}

func (r *rule) surfaced() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Surfaced++
}

func among[T comparable](v T, list []T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}
