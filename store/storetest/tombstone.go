package storetest

import (
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

var tombstoneCases = []suiteCase{
	{"tombstone_hidden_from_get", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v := s.put(doc)
		dead := s.bury(doc.ID, v.Rev, store.DeleteOptions{})
		if dead.Rev == "" || dead.Rev == v.Rev {
			e.Errorf("Delete with a tombstone: got version %+v, want the tombstone's own", dead)
		}
		s.gone(doc.ID)
		for _, rev := range []string{v.Rev, dead.Rev} {
			_, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: rev})
			e.wantKind("Get of a tombstone by revision", err, store.ErrNotFound)
		}
	}},
	{"tombstone_shown_when_asked", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		dead := s.bury(doc.ID, s.put(doc).Rev, store.DeleteOptions{ClusterID: "east"})
		ask := &store.GetOptions{Tombstones: true}
		e.must(func() error {
			got, err := s.s.Get(e.ctx, doc.ID, ask)
			if err != nil || !got.Meta.Deleted || got.ID != doc.ID {
				return fmt.Errorf("Get with tombstones: got %+v and %v, want a deleted %q", got, err, doc.ID)
			}
			if got.Version.Compare(dead) != store.Same {
				return fmt.Errorf("Get with tombstones: got version %+v, want %+v", got.Version, dead)
			}
			return nil
		})
		live := auth(e, "live")
		s.put(live)
		got, err := s.s.Get(e.ctx, live.ID, ask)
		if err != nil || got.Meta.Deleted {
			e.Errorf("Get of a live document with tombstones: got deleted %v and %v", got.Meta.Deleted, err)
		}
		_, err = s.s.Get(e.ctx, unique("missing"), ask)
		e.wantKind("Get of a missing document with tombstones", err, store.ErrNotFound)
	}},
	{"tombstone_cluster_id", func(e *env) {
		s := e.subjects()
		for _, cluster := range []string{"west", ""} {
			doc := auth(e, "foo")
			v, err := s.Put(e.ctx, doc, &store.PutOptions{ClusterID: "east"})
			if err != nil {
				e.Fatalf("Put: got %v, want nil", err)
			}
			s.bury(doc.ID, v.Rev, store.DeleteOptions{ClusterID: cluster})
			e.must(func() error {
				got, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Tombstones: true})
				if want := e.stamped(cluster); err != nil || got.Meta.ClusterID != want {
					return fmt.Errorf("Get of the tombstone of %q: got cluster id %q and %v, want %q", cluster, got.Meta.ClusterID, err, want)
				}
				return nil
			})
		}
	}},
	{"tombstone_hidden_from_query", func(e *env) {
		s := e.whisks()
		s.put(entity(action(e.ns, "kept", 1000)))
		doc := entity(action(e.ns, "buried", 2000))
		s.bury(doc.ID, s.put(doc).Rev, store.DeleteOptions{})
		for _, docs := range []bool{false, true} {
			q := under(actionsTable, e.ns)
			q.IncludeDocs = docs
			s.rows(q, 1)
		}
		q := under(actionsTable, e.ns)
		q.Limit = 1 // a tombstone takes no row's place
		if got := s.rows(q, 1); got[0].ID != e.ns+"/kept" {
			e.Errorf("Query of one row: got %q, want %q", got[0].ID, e.ns+"/kept")
		}
	}},
	{"tombstone_hidden_from_join", func(e *env) {
		s := e.subjects()
		who := newIdentity(e.ns)
		sub := document(unique("subject"), subject("s", who))
		s.put(sub)
		limits := document(e.ns+"/limits", object{"invocationsPerMinute": 7})
		v := s.put(limits)
		q := identityQuery(e.ns)
		e.eventually(func() error {
			if row := s.rows(q, 1)[0]; row.Doc == nil {
				return fmt.Errorf("identity: got no limits, want %s", limits.Body)
			}
			return nil
		})
		s.bury(limits.ID, v.Rev, store.DeleteOptions{})
		e.eventually(func() error {
			if row := s.rows(q, 1)[0]; row.Doc != nil || !row.Joined {
				return fmt.Errorf("identity with buried limits: got document %v, joined %v, want none, true", row.Doc, row.Joined)
			}
			return nil
		})
		got, err := s.s.Get(e.ctx, sub.ID, &store.GetOptions{})
		if err != nil {
			e.Fatalf("Get: got %v, want nil", err)
		}
		s.bury(sub.ID, got.Version.Rev, store.DeleteOptions{})
		s.rows(q, 0)
	}},
	{"recreate_over_tombstone", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v, err := s.Put(e.ctx, doc, &store.PutOptions{ClusterID: "east"})
		if err != nil {
			e.Fatalf("Put: got %v, want nil", err)
		}
		dead := s.bury(doc.ID, v.Rev, store.DeleteOptions{ClusterID: "west"})
		again := document(doc.ID, subject(doc.ID, newIdentity(e.ns+"again")))
		created := s.put(again)
		if created.Rev == v.Rev || created.Rev == dead.Rev || created.Rev == "" {
			e.Errorf("Put over a tombstone: got revision %q after %q and %q, want a new one", created.Rev, v.Rev, dead.Rev)
		}
		got := s.get(doc.ID)
		e.wantBody("Get after re-creation", got, again)
		if got.Meta.ClusterID != e.Features.Stamp || got.Meta.Deleted {
			e.Errorf("Get after re-creation: got meta %+v, want cluster id %q, live", got.Meta, e.Features.Stamp)
		}
		_, err = s.Put(e.ctx, again, &store.PutOptions{})
		e.wantKind("second Put without a revision", err, store.ErrConflict)
	}},
}

var ttlCases = []suiteCase{
	{"ttl_of_document", func(e *env) {
		e.needTTL()
		s := e.whisks()
		doc, kept := entity(action(e.ns, "mortal", 1000)), entity(action(e.ns, "kept", 1001))
		brief := entity(action(e.ns, "brief", 1002))
		for ttl, d := range map[time.Duration]store.Document{3 * time.Second: doc, 500 * time.Millisecond: brief} {
			if _, err := s.Put(e.ctx, d, &store.PutOptions{TTL: ttl}); err != nil {
				e.Fatalf("Put with a TTL of %v: got %v, want nil", ttl, err)
			}
		}
		s.put(kept)
		if got := s.get(doc.ID); e.Features.ReportsExpiry && got.Meta.Expires.IsZero() {
			e.Errorf("Get of a document with a TTL: got no Meta.Expires")
		}
		if got := s.get(kept.ID); !got.Meta.Expires.IsZero() {
			e.Errorf("Get of a document without a TTL: got Meta.Expires %v, want none", got.Meta.Expires)
		}
		e.Advance(1900 * time.Millisecond) // services count from the second of the commit
		s.get(doc.ID)
		e.Advance(2100 * time.Millisecond)
		s.gone(doc.ID)
		s.gone(brief.ID) // rounded up to a second, not down to never
		_, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Tombstones: true})
		e.wantKind("Get of an expired document with tombstones", err, store.ErrNotFound)
		s.wantCount(under(actionsTable, e.ns), 1)
		s.rows(under(actionsTable, e.ns), 1)
		s.put(doc) // an expired document is in nobody's way
		s.get(doc.ID)
	}},
	{"ttl_cleared_by_put", func(e *env) {
		e.needTTL()
		s := e.subjects()
		doc := auth(e, "foo")
		v, err := s.Put(e.ctx, doc, &store.PutOptions{TTL: 2 * time.Second})
		if err != nil {
			e.Fatalf("Put with a TTL: got %v, want nil", err)
		}
		s.update(doc, v)
		if got := s.get(doc.ID); !got.Meta.Expires.IsZero() {
			e.Errorf("Get after a Put without a TTL: got Meta.Expires %v, want none", got.Meta.Expires)
		}
		e.Advance(3 * time.Second)
		s.get(doc.ID)
	}},
	{"ttl_of_update", func(e *env) {
		e.needTTL()
		s := e.subjects()
		doc := auth(e, "foo")
		doc.Version = s.put(doc)
		if _, err := s.Put(e.ctx, doc, &store.PutOptions{TTL: 2 * time.Second}); err != nil {
			e.Fatalf("Put of an update with a TTL: got %v, want nil", err)
		}
		e.Advance(3 * time.Second)
		s.gone(doc.ID)
	}},
	{"ttl_of_tombstone", func(e *env) {
		e.needTTL()
		s := e.subjects()
		doc := auth(e, "foo")
		life := 2 * time.Second
		s.bury(doc.ID, s.put(doc).Rev, store.DeleteOptions{Tombstone: life})
		if e.Features.TombstoneTTL > 0 {
			life = e.Features.TombstoneTTL
		}
		ask := &store.GetOptions{Tombstones: true}
		if got, err := s.s.Get(e.ctx, doc.ID, ask); err != nil || e.Features.ReportsExpiry && got.Meta.Expires.IsZero() {
			e.Errorf("Get of a tombstone: got expiry %v and %v, want one", got.Meta.Expires, err)
		}
		e.Advance(life + time.Second)
		_, err := s.s.Get(e.ctx, doc.ID, ask)
		e.wantKind("Get of an expired tombstone", err, store.ErrNotFound)
		s.put(doc)
		s.get(doc.ID)
	}},
	{"ttl_cleared_over_tombstone", func(e *env) {
		e.needTTL()
		s := e.subjects()
		doc := auth(e, "foo")
		life := 2 * time.Second
		s.bury(doc.ID, s.put(doc).Rev, store.DeleteOptions{Tombstone: life})
		s.put(doc)
		if got := s.get(doc.ID); !got.Meta.Expires.IsZero() {
			e.Errorf("Get after re-creation: got Meta.Expires %v, want none", got.Meta.Expires)
		}
		e.Advance(max(life, e.Features.TombstoneTTL) + time.Second)
		s.get(doc.ID)
	}},
}

func (e *env) needTTL() {
	e.Helper()
	e.need(e.Features.NativeTTL, "Features.NativeTTL")
	e.need(e.Advance != nil, "Harness.Advance")
}
