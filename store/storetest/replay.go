package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// ReplayOptions are the options of Replay; nil is the zero value.
type ReplayOptions struct {
	// Seed decides the log; 0 takes one from the clock. It is printed on failure.
	Seed uint64

	// Operations is the length of the log; 0 is 300.
	Operations int

	// Collection is what both stores hold; "" is store.Whisks.
	Collection string

	// A and B are what the stores promise. Where they differ the answers are
	// compared without what only one of them has.
	A, B Features

	// Lost returns how many answers to writes were lost so far, or replaced by one
	// that says nothing, between the stores and what keeps their documents. Only if
	// it grew meanwhile a write may be in doubt, and a physical delete succeed where
	// there was nothing; nil: never.
	Lost func() int

	// Late returns when all writes that were in doubt and may still happen have
	// happened, and reads show them; nil: they do as soon as the store answers.
	Late func()

	// Settles: a write that nothing stands against is not in doubt, however often
	// its answer is lost: the stores repeat it and find out. A tombstone stands
	// against a creation: somebody may have deleted what was created.
	Settles bool
}

// Replay runs one random log of operations over a and b and holds that both
// answer alike, but for revisions: creations, updates, stale updates, deletes,
// re-creations, reads, queries and counts over all views of the collection. It
// works in fresh namespaces and leaves no live document behind.
//
// A write that was refused must have left its document as it was, which is read
// to find out. So is what became of a write in doubt (see ReplayOptions.Lost): it
// has happened or has changed nothing, and where the other store has done it and
// this one has not it is made once more.
//
// On failure the log is cut down to the operations that are needed for the
// difference and printed with its seed.
func Replay(t testing.TB, opts *ReplayOptions, a, b store.ArtifactStore) {
	t.Helper()
	var o ReplayOptions
	if opts != nil {
		o = *opts
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	if o.Operations == 0 {
		o.Operations = 300
	}
	if o.Collection == "" {
		o.Collection = store.Whisks
	}
	log := newLog(o)
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	compare := func(log []step) *difference { return compareOver(ctx, o, log, a, b) }
	d := compare(log)
	if d == nil {
		return
	}
	short := minimize(log[:d.at+1], func(log []step) bool { return ctx.Err() == nil && compare(log) != nil })
	if again := compare(short); again != nil && ctx.Err() == nil {
		d = again
	} else {
		short = log[:d.at+1] // it does not happen every time, or time is up
	}
	var text strings.Builder
	for i, s := range short[:d.at+1] {
		fmt.Fprintf(&text, "%3d  %s\n", i, s)
	}
	t.Errorf("seed %d: the stores differ in the last of %d operations (of %d), ns is a fresh namespace:\n%sa: %s\nb: %s",
		o.Seed, d.at+1, len(log), text.String(), d.a, d.b)
}

// difference is the first step whose answers differ.
type difference struct {
	at   int
	a, b string
}

// compareOver runs the log over both stores.
func compareOver(ctx context.Context, o ReplayOptions, log []step, a, b store.ArtifactStore) *difference {
	ns := unique("replay")
	as, bs := newPlayer(ns, a, o), newPlayer(ns, b, o)
	defer as.clear(ctx)
	defer bs.clear(ctx)
	for i, s := range log {
		x, y := both(ctx, s, as, bs)
		// Views that lag are given the time their features ask for.
		for _, wait := range append(o.A.Retry, o.B.Retry...) {
			if !x.differs(y) || s.writes() || ctx.Err() != nil {
				break
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			x, y = both(ctx, s, as, bs)
		}
		if x.differs(y) {
			return &difference{i, x.text, y.text}
		}
	}
	return nil
}

// minimize removes what it can from a log that fails, by ddmin: first large
// pieces, then smaller ones, down to single steps.
func minimize(log []step, fails func([]step) bool) []step {
	for n := 2; len(log) > 1; {
		size := (len(log) + n - 1) / n
		shorter := false
		for from := 0; from < len(log); from += size {
			rest := append(append([]step{}, log[:from]...), log[min(from+size, len(log)):]...)
			if len(rest) > 0 && fails(rest) {
				log, n, shorter = rest, max(n-1, 2), true
				break
			}
		}
		if shorter {
			continue
		}
		if size == 1 {
			break
		}
		n = min(2*n, len(log))
	}
	return log
}

// step is one operation of a log. It names documents and revisions by what they
// are to the log, so that it means something over every store and in every
// shorter log.
type step struct {
	op  store.Op
	doc int // which document

	rev       which // of put, get and delete
	variant   int   // of put: what the body says
	updated   int64 // of put: the order field
	tombstone bool  // of delete

	query *store.Query // of query and count: paths are relative to the namespace
}

// which says which revision of a document a step names.
type which uint8

const (
	none    which = iota // no revision
	current              // the last one that a write returned
	stale                // the one before
	foreign              // one of another document
)

var whichTexts = [...]string{none: "none", current: "current", stale: "stale", foreign: "foreign"}

func (s step) writes() bool { return s.op == store.OpPut || s.op == store.OpDelete }

func (s step) String() string {
	switch s.op {
	case store.OpPut:
		return fmt.Sprintf("put(doc: %d, rev: %s, variant: %d, updated: %d)", s.doc, whichTexts[s.rev], s.variant, s.updated)
	case store.OpGet:
		return fmt.Sprintf("get(doc: %d, rev: %s)", s.doc, whichTexts[s.rev])
	case store.OpDelete:
		return fmt.Sprintf("delete(doc: %d, rev: %s, tombstone: %v)", s.doc, whichTexts[s.rev], s.tombstone)
	}
	return fmt.Sprintf("%s(%v, docs: %v, descending: %v)", s.op, s.query, s.query.IncludeDocs, s.query.Descending)
}

// docs is how many documents a log is about.
const docs = 12

func newLog(o ReplayOptions) []step {
	rng := rand.New(rand.NewPCG(o.Seed, 3))
	log := make([]step, o.Operations)
	recent := []step{{updated: 1000}} // the last puts, for queries that hit one
	for i := range log {
		s := step{doc: rng.IntN(docs)}
		switch n := rng.IntN(20); {
		case n < 5: // creations, over live documents, tombstones and nothing
			s.op = store.OpPut
		case n < 9:
			s.op, s.rev = store.OpPut, which(1+rng.IntN(3))
			if rng.IntN(3) > 0 {
				s.rev = current
			}
		case n < 12:
			s.op, s.rev, s.tombstone = store.OpDelete, current, rng.IntN(2) == 0
			if rng.IntN(4) == 0 {
				s.rev = which(2 + rng.IntN(2))
			}
		case n < 15:
			s.op, s.rev = store.OpGet, which(rng.IntN(4))
		case n < 19:
			s.op, s.query = store.OpQuery, newQuery(rng, o.Collection, recent)
		default:
			s.op, s.query = store.OpCount, newQuery(rng, o.Collection, recent)
		}
		s.variant = rng.IntN(4)
		s.updated = int64(1000 + 10*i) // no two alike: equal order fields have no order
		if log[i] = s; s.op == store.OpPut {
			recent = append(recent, s)
			recent = recent[max(0, len(recent)-docs):]
		}
	}
	return log
}

// newQuery returns a query with paths relative to the namespace: "" and "/p".
func newQuery(rng *rand.Rand, collection string, recent []step) *store.Query {
	q := &store.Query{IncludeDocs: rng.IntN(2) == 0, Descending: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 {
		q.Skip = rng.IntN(3)
	}
	if rng.IntN(2) == 0 {
		q.Limit = rng.IntN(4)
	}
	var tables, paths []string
	switch collection {
	case store.Subjects:
		q.Table, q.IncludeDocs, q.Skip = identitiesTable, true, 0
		i := rng.IntN(docs)
		q.StartKey = store.Key{identityOf("", i).name}
		if rng.IntN(2) == 0 {
			q.StartKey = store.Key{identityOf("", i).uuid, identityOf("", i).key}
		}
		q.EndKey = q.StartKey
		return q
	case store.Activations:
		tables, paths = []string{activationsTable, filtersTable}, []string{"", "/act0", "/p/act1"}
	default:
		tables = []string{actionsTable, packagesTable, publicTable, rulesTable, triggersTable}
		paths = []string{"", "", "/p"}
	}
	one, other := recent[rng.IntN(len(recent))], recent[rng.IntN(len(recent))]
	q.Table = tables[rng.IntN(len(tables))]
	if collection == store.Whisks && rng.IntN(3) > 0 {
		q.Table = []string{actionsTable, packagesTable, rulesTable, triggersTable, actionsTable}[one.doc%5]
	}
	path := paths[rng.IntN(len(paths))]
	since, upto := int(one.updated), int(other.updated)
	switch rng.IntN(4) {
	case 0, 1:
		q.StartKey, q.EndKey = store.Key{path, 0}, store.Key{path, store.Top, store.Top}
	case 2:
		q.StartKey, q.EndKey = store.Key{path, since}, store.Key{path, store.Top, store.Top}
	default:
		q.StartKey, q.EndKey = store.Key{path, min(since, upto)}, store.Key{path, max(since, upto), store.Top}
	}
	return q
}
