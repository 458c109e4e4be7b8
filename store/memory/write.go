package memory

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// write is one change of one document that was asked for.
type write struct {
	op        store.Op
	id        string
	rev       string // the precondition; empty creates
	clusterID string
	ttl       time.Duration // of the document or of the tombstone; 0 is none

	body    []byte
	entries []view.Entry

	change *store.Change // Apply: the state to install as it is
}

// setBody copies body and finds its places in the views. That an unreadable
// document stands in fewer views does not keep it from being stored.
func (w *write) setBody(collection string, body []byte) {
	w.body = bytes.Clone(body)
	w.entries, _ = view.Entries(collection, w.id, w.body)
}

// outcome is what becomes of a write.
type outcome struct {
	version   store.Version
	err       error
	unchanged bool    // nothing to do
	next      *record // the new state; nil removes the document
}

// position is how far a store has come. Commits take their numbers from it.
type position struct {
	seq       uint64 // of the last commit
	committed int64  // its time, in Unix nanoseconds
	floor     uint64 // the highest generation of a document that is gone
}

// bury keeps r's generation from coming back when its id does.
func (p *position) bury(r *record) { p.floor = max(p.floor, r.generation()) }

// advance takes the number and the time of a commit over old. Times grow with
// every commit, and along the states of a document wherever they were
// committed: replicas that settle by time (see Apply) then agree with the order
// of each history.
func (p *position) advance(old *record, now time.Time) {
	p.seq++
	p.committed = max(now.UnixNano(), p.committed+1)
	if old != nil {
		p.committed = max(p.committed, old.committed+1)
	}
}

// decide settles w against old, the document's present state (nil when there is
// none), and takes a number for it from at when it is a commit.
func (s *Store) decide(at *position, old *record, w *write, now time.Time) outcome {
	live := old
	if live != nil && live.expired(now) {
		live = nil
	}
	if w.change != nil {
		return s.decideApply(at, old, live, w)
	}
	fail := func(kind store.Kind, cause error) outcome {
		return outcome{err: s.fail(w.op, w.id, kind, cause)}
	}
	exists := live != nil && !live.deleted
	switch {
	case w.op == store.OpDelete && !exists:
		return fail(store.ErrNotFound, nil)
	case w.rev == "" && exists:
		return fail(store.ErrConflict, errors.New("the document exists"))
	case w.rev != "" && !exists:
		return fail(store.ErrConflict, errors.New("the document does not exist"))
	case w.rev != "" && live.version.Rev != w.rev:
		return fail(store.ErrConflict, fmt.Errorf("asked for %s, the document is at %s", w.rev, live.version.Rev))
	}
	if w.op == store.OpDelete && w.ttl <= 0 {
		at.bury(old)
		return outcome{}
	}
	generation := at.floor + 1
	if old != nil {
		generation = old.generation() + 1
	}
	at.advance(old, now)
	next := &record{
		id:        w.id,
		body:      w.body,
		version:   store.Version{Rev: s.revision(generation, at.seq), Order: at.seq, Lineage: s.lineage},
		clusterID: w.clusterID,
		committed: at.committed,
		seq:       at.seq,
		seen:      old.seenWith(store.Version{}, s.lineage, s.lineage),
	}
	if w.ttl > 0 {
		next.expires = now.Add(time.Duration(store.WholeSeconds(w.ttl)) * time.Second).UnixNano()
	}
	if w.op == store.OpDelete {
		next.deleted, next.body = true, live.body
	} else {
		next.entries = w.entries
	}
	return outcome{version: next.version, next: next}
}
