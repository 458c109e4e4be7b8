package tworegions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// node is one control-plane node: a stack per collection and a model of what
// its own namespace must hold.
type node struct {
	name   string // "eu-0", its namespace too
	region *region
	cfg    Config
	ledger *ledger
	rng    *rand.Rand
	board  *board
	truth  *truth
	caches *caches
	secret entity.Secret // of all credentials; their uuids differ

	journal *journal // nil without Config.Dir

	templates map[string][]template // by collection
	stacks    map[string]store.ArtifactStore

	// The model belongs to the node's goroutine until the workload has ended.
	docs map[string]*expected // by id
	live []*expected          // live documents of whisks
	dead []*expected          // deleted documents of whisks
	made int

	counts counts
}

// expected is what the node knows of one of its documents.
type expected struct {
	collection string
	doc        store.Document // as last written
	writes     int            // generation of the content
	old        string         // an earlier revision
	deleted    bool
	expires    [2]time.Time // bounds of a tombstone's end
}

// maxDocs bounds how many documents of whisks a node keeps; beyond it updates
// and deletes take the place of creations.
const maxDocs = 2000

// work does operations until ctx ends. Only an operation that fails
// unexpectedly ends it earlier.
func (n *node) work(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(n.cfg.Rate))
	defer tick.Stop()
	// The operations themselves are not cancelled with ctx: one that is cut off
	// is in doubt, and the model would not know what to expect.
	opCtx := context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := n.step(opCtx); err != nil {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
	}
}

func (n *node) step(ctx context.Context) error {
	p := n.rng.IntN(100)
	switch {
	case p < 18 && len(n.live) < maxDocs || len(n.live) == 0:
		return n.create(ctx)
	case p < 34:
		among := n.live
		if n.rng.IntN(2) == 0 {
			among = among[:min(len(among), popular/4)] // about those that are read most
		}
		return n.update(ctx, pick(n.rng, among))
	case p < 38:
		return n.staleUpdate(ctx, pick(n.rng, n.live))
	case p < 48:
		return n.remove(ctx)
	case p < 54 && len(n.dead) > 0:
		return n.recreate(ctx)
	case p < 68:
		return n.readForeign(ctx)
	case p < 74:
		return n.list(ctx)
	case p < 90:
		return n.activate(ctx)
	case p < 95:
		return n.contend(ctx)
	case p < 97:
		return n.changeSubject(ctx)
	default:
		return n.readOwn(ctx, pick(n.rng, n.live))
	}
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (n *node) create(ctx context.Context) error {
	t := pick(n.rng, n.templates[store.Whisks])
	n.made++
	doc, err := t.instance(n.name, n.made, time.Now())
	if err != nil {
		return err
	}
	e := &expected{collection: store.Whisks, doc: doc, writes: 1}
	if err := n.put(ctx, e); err != nil {
		return err
	}
	n.docs[doc.ID] = e
	n.live = append(n.live, e)
	n.board.announce(n, doc.ID)
	n.counts.creates.Add(1)
	return nil
}

// put writes e.doc and checks that the node reads it.
func (n *node) put(ctx context.Context, e *expected) error {
	v, err := n.stacks[e.collection].Put(ctx, e.doc, nil)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	e.doc.Version = v
	n.wrote(e)
	if err := n.journal.acknowledged(n, e); err != nil {
		return err
	}
	return n.readOwn(ctx, e)
}

// wrote writes the truth down.
func (n *node) wrote(e *expected) {
	if e.collection != store.Activations {
		n.truth.committed(place{e.collection, e.doc.ID}, state{by: n, mark: markOf(e.collection, e.doc), gone: e.deleted})
	}
}

// markOf tells a state of a document from its others, as a reader sees it:
// identities do not show revisions.
func markOf(collection string, doc store.Document) string {
	switch {
	case collection == store.Whisks:
		return doc.Version.Rev
	case entity.IsLimitsID(doc.ID):
		return gjson.GetBytes(doc.Body, invocations).String()
	case gjson.GetBytes(doc.Body, "blocked").Bool():
		return absenceMark
	}
	return gjson.GetBytes(doc.Body, "namespaces.0.uuid").String()
}

// readOwn checks that the node reads what it wrote last.
func (n *node) readOwn(ctx context.Context, e *expected) error {
	n.counts.reads.Add(1)
	got, err := n.get(ctx, e.collection, e.doc.ID)
	if errors.Is(err, store.ErrNotFound) {
		n.ledger.check(ReadYourWrites, false, "%s wrote %s at %s and does not find it", n.name, e.doc.ID, e.doc.Version.Rev)
		return nil
	} else if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	n.ledger.check(ReadYourWrites, got.Version.Rev == e.doc.Version.Rev && bytes.Equal(got.Body, e.doc.Body),
		"%s wrote %s at %s and reads %s", n.name, e.doc.ID, e.doc.Version.Rev, got.Version.Rev)
	n.ledger.check(ClusterIDs, got.Meta.ClusterID == n.region.name, "%s wrote %s, it names cluster %q", n.name, e.doc.ID, got.Meta.ClusterID)
	n.ledger.check(TombstoneTTLs, got.Meta.Expires.IsZero(), "live document %s expires at %v", e.doc.ID, got.Meta.Expires)
	return nil
}

func (n *node) update(ctx context.Context, e *expected) error {
	old := e.doc.Version.Rev
	doc, err := touched(e.doc, e.writes+1, time.Now())
	if err != nil {
		return err
	}
	e.doc, e.old = doc, old
	e.writes++
	if err := n.put(ctx, e); err != nil {
		return err
	}
	n.counts.updates.Add(1)
	return nil
}

func (n *node) staleUpdate(ctx context.Context, e *expected) error {
	if e.old == "" {
		return n.update(ctx, e)
	}
	doc := e.doc
	doc.Version = store.Version{Rev: e.old}
	_, err := n.stacks[e.collection].Put(ctx, doc, nil)
	n.ledger.check(StaleWriteRefused, errors.Is(err, store.ErrConflict), "%s wrote %s with revision %s: %v", n.name, doc.ID, e.old, err)
	n.counts.conflicts.Add(1)
	return n.readOwn(ctx, e)
}

func (n *node) remove(ctx context.Context) error {
	i := n.rng.IntN(len(n.live))
	e := n.live[i]
	before := time.Now()
	v, err := n.stacks[e.collection].Delete(ctx, e.doc.ID, e.doc.Version.Rev, nil)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	e.deleted, e.old = true, e.doc.Version.Rev
	e.doc.Version = v
	e.expires = [2]time.Time{before.Add(n.cfg.TombstoneTTL - time.Second), time.Now().Add(n.cfg.TombstoneTTL + time.Second)}
	n.live[i] = n.live[len(n.live)-1]
	n.live = n.live[:len(n.live)-1]
	n.dead = append(n.dead, e)
	n.board.deleted(e.doc.ID, true)
	n.wrote(e)
	if err := n.journal.acknowledged(n, e); err != nil {
		return err
	}
	n.counts.deletes.Add(1)
	return n.checkDeleted(ctx, e)
}

// checkDeleted checks that the node does not see a document that it deleted,
// and what the tombstone says.
func (n *node) checkDeleted(ctx context.Context, e *expected) error {
	s := n.stacks[e.collection]
	_, err := s.Get(ctx, e.doc.ID, nil)
	if !n.ledger.check(DeletedStays, errors.Is(err, store.ErrNotFound), "%s deleted %s and still reads it (%v)", n.name, e.doc.ID, err) {
		return nil
	}
	got, err := s.Get(ctx, e.doc.ID, &store.GetOptions{Tombstones: true})
	if !n.ledger.check(TombstoneTTLs, err == nil, "%s deleted %s, its tombstone: %v", n.name, e.doc.ID, err) {
		return nil
	}
	n.checkTombstone(e, got)
	return nil
}

func (n *node) checkTombstone(e *expected, got store.Document) {
	n.ledger.check(ClusterIDs, got.Meta.ClusterID == n.region.name, "%s deleted %s, the tombstone names cluster %q", n.name, e.doc.ID, got.Meta.ClusterID)
	n.ledger.check(TombstoneTTLs, got.Meta.Deleted && got.Meta.Expires.After(e.expires[0]) && got.Meta.Expires.Before(e.expires[1]),
		"tombstone of %s expires at %v, not between %v and %v", e.doc.ID, got.Meta.Expires, e.expires[0], e.expires[1])
}

func (n *node) recreate(ctx context.Context) error {
	i := n.rng.IntN(len(n.dead))
	e := n.dead[i]
	doc, err := touched(e.doc, e.writes+1, time.Now())
	if err != nil {
		return err
	}
	doc.Version = store.Version{}
	v, err := n.stacks[e.collection].Put(ctx, doc, nil)
	if !n.ledger.check(RecreationWins, err == nil, "%s re-creates %s: %v", n.name, doc.ID, err) {
		return nil
	}
	e.old = "" // the revision before the tombstone is no revision of this life
	doc.Version = v
	e.doc, e.deleted, e.expires = doc, false, [2]time.Time{}
	e.writes++
	n.dead[i] = n.dead[len(n.dead)-1]
	n.dead = n.dead[:len(n.dead)-1]
	n.live = append(n.live, e)
	n.board.deleted(e.doc.ID, false)
	n.wrote(e)
	if err := n.journal.acknowledged(n, e); err != nil {
		return err
	}
	n.counts.recreations.Add(1)
	return n.readOwn(ctx, e)
}

// readForeign reads a document of another node through this node's region and
// checks that the region never shows an older state after a newer one.
func (n *node) readForeign(ctx context.Context) error {
	id, ok := n.board.foreign(n)
	if !ok {
		return nil
	}
	seen := n.region.seenVersion(id)
	n.counts.reads.Add(1)
	got, err := n.stacks[store.Whisks].Get(ctx, id, &store.GetOptions{Tombstones: true})
	if errors.Is(err, store.ErrNotFound) {
		n.ledger.check(NoGoingBack, seen.IsZero(), "%s reads %s: not found after %s", n.name, id, seen.Rev)
		return nil
	} else if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	n.ledger.check(NoGoingBack, seen.IsZero() || got.Version.Compare(seen) == store.Same || got.Version.Compare(seen) == store.Newer,
		"%s reads %s at %s after %s", n.name, id, got.Version.Rev, seen.Rev)
	n.region.sawVersion(id, got.Version)
	return nil
}

// list checks the node's own namespace where reads are never behind: in the
// region that takes the writes. Both regions are compared at the end.
func (n *node) list(ctx context.Context) error {
	if !n.region.primary {
		return nil
	}
	n.counts.lists.Add(1)
	return n.checkListsIn(ctx, n.region, n.stacks[store.Whisks])
}

// checkListsIn compares the views of the node's namespace, as region r shows
// them through s, with the model.
func (n *node) checkListsIn(ctx context.Context, r *region, s store.ArtifactStore) error {
	for _, v := range []struct{ view, entityType string }{
		{"actions", "action"}, {"triggers", "trigger"}, {"rules", "rule"}, {"packages", "package"},
	} {
		want := map[string]bool{}
		for _, e := range n.live {
			if gjson.GetBytes(e.doc.Body, "entityType").String() == v.entityType {
				want[e.doc.ID] = true
			}
		}
		q := &store.Query{Table: "whisks.v2.1.0/" + v.view, StartKey: store.Key{n.name, 0}, EndKey: store.Key{n.name, store.Top, store.Top}, Descending: true}
		count, err := s.Count(ctx, q)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		n.ledger.check(Lists, count == int64(len(want)), "%s counts %d %s of %s, want %d", r.name, count, v.view, n.name, len(want))
		rows := 0
		for row, err := range s.Query(ctx, q) {
			if err != nil {
				return fmt.Errorf("query: %w", err)
			}
			rows++
			if !want[row.ID] {
				n.ledger.check(Lists, false, "%s lists %s among the %s of %s", r.name, row.ID, v.view, n.name)
			}
		}
		n.ledger.check(Lists, rows == len(want), "%s lists %d %s of %s, want %d", r.name, rows, v.view, n.name, len(want))
	}
	return nil
}

// activate stores an activation in the node's own region and expects it first
// in the list.
func (n *node) activate(ctx context.Context) error {
	t := pick(n.rng, n.templates[store.Activations])
	n.made++
	doc, err := t.instance(n.name, n.made, time.Now())
	if err != nil {
		return err
	}
	e := &expected{collection: store.Activations, doc: doc, writes: 1}
	if err := n.put(ctx, e); err != nil {
		return err
	}
	n.docs[doc.ID] = e
	n.counts.activations.Add(1)
	for row, err := range n.stacks[store.Activations].Query(ctx, &store.Query{
		Table: "whisks.v2.1.0/activations", StartKey: store.Key{n.name, 0}, EndKey: store.Key{n.name, store.Top, store.Top}, Descending: true, Limit: 1,
	}) {
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		got := gjson.GetBytes(row.Value, "start").Int()
		n.ledger.check(Lists, got == gjson.GetBytes(doc.Body, "start").Int(), "%s stored %s and lists %s first", n.name, doc.ID, row.ID)
	}
	return nil
}

// contend adds one to the count in the document that all nodes share.
func (n *node) contend(ctx context.Context) error {
	s := n.stacks[store.Whisks]
	doc, err := n.get(ctx, store.Whisks, contendedID)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	count := gjson.GetBytes(doc.Body, contendedCount).Int() + 1
	body, err := sjson.SetBytes(append([]byte(nil), doc.Body...), contendedCount, count)
	if err != nil {
		return err
	}
	doc.Body = body
	switch v, err := s.Put(ctx, doc, nil); {
	case err == nil:
		n.truth.committed(place{store.Whisks, contendedID}, state{by: n, n: count + 1, mark: v.Rev})
		n.counts.contended.Add(1)
		return n.journal.write(entry{Contended: true})
	case errors.Is(err, store.ErrConflict):
		n.counts.conflicts.Add(1)
	default:
		return fmt.Errorf("put: %w", err)
	}
	return nil
}
