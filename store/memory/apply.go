package memory

import (
	"context"
	"errors"

	"github.com/whiskstore/whiskstore/store"
)

// Apply installs a state that another store committed, as a change of its feed
// gave it, and keeps its version, cluster id, commit time and expiry. It is how
// replicas of one collection follow each other, in any topology:
//
//   - a state that is here already, or that a newer one replaced, is success and
//     changes nothing, so changes may be repeated and may arrive in any order;
//   - states of one lineage are ordered by Version.Compare;
//   - where Compare does not know, the later commit time wins, then the greater
//     revision, so that two masters which exchange their changes end up equal.
//
// An applied state appears in this store's feed, at this store's own position.
// Physical deletes and expiry have no change and are not replicated: let
// tombstones live longer than the longest outage of a replica, or an old state
// that is delivered again after its tombstone expired comes back.
//
// A change without document or version is ErrInvalid.
func (s *Store) Apply(ctx context.Context, change store.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case change.Doc == nil:
		return s.fail(opApply, change.ID, store.ErrInvalid, errors.New("the change has no document"))
	case change.Version.Rev == "":
		return s.fail(opApply, change.ID, store.ErrInvalid, errors.New("the change has no version"))
	}
	w := write{op: opApply, id: change.ID, change: &change}
	w.setBody(s.collection, change.Doc.Body)
	_, err := s.write(ctx, &w)
	return err
}

const opApply store.Op = "apply"

// decideApply is decide for a state of another replica.
func (s *Store) decideApply(at *position, old, live *record, w *write) outcome {
	c := w.change
	same := outcome{version: c.Version, unchanged: true}
	if c.Version.Lineage == s.lineage && c.Version.Order <= at.seq {
		return same // our own past comes back
	}
	if live != nil {
		switch c.Version.Compare(live.version) {
		case store.Same, store.Older:
			return same
		case store.Unknown:
			if live.shows(c.Version) {
				return same
			}
			if !wins(c, live) {
				lost := *live
				lost.seen = live.seenWith(c.Version, s.lineage, live.version.Lineage)
				lost.entries, lost.places = live.standsIn(), nil
				return outcome{version: c.Version, next: &lost}
			}
		}
	}
	at.seq++
	if c.Version.Lineage == s.lineage {
		at.seq = max(at.seq, c.Version.Order) // this store lost its end; do not give those numbers out again
	}
	next := &record{
		id:        w.id,
		body:      w.body,
		version:   c.Version,
		clusterID: c.ClusterID,
		deleted:   c.Deleted,
		committed: toNanos(c.Committed),
		expires:   toNanos(c.Doc.Meta.Expires),
		seq:       at.seq,
		seen:      old.seenWith(store.Version{}, s.lineage, c.Version.Lineage),
	}
	if !next.deleted {
		next.entries = w.entries
	}
	return outcome{version: c.Version, next: next}
}

// wins settles two states whose order is unknown, the same way on every replica.
func wins(c *store.Change, live *record) bool {
	if t := toNanos(c.Committed); t != live.committed {
		return t > live.committed
	}
	return c.Version.Rev > live.version.Rev
}
