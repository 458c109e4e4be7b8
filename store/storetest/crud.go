package storetest

import (
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

var crudCases = []suiteCase{
	{"CRUD-01_put_new", func(e *env) {
		s := e.subjects()
		v, err := s.Put(e.ctx, auth(e, "foo"), nil)
		if err != nil {
			e.Fatalf("Put: got %v, want nil", err)
		}
		if v.Rev == "" {
			e.Errorf("Put: got version %+v, want a revision", v)
		}
	}},
	{"CRUD-02_put_update", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v1 := s.put(doc)
		read := s.get(doc.ID)
		read.Body = subject(doc.ID, newIdentity(e.ns+"foo1")).raw()
		v2 := s.put(read)
		if v2.Rev == "" || v2.Rev == v1.Rev {
			e.Errorf("Put of an update: got revision %q after %q, want a new one", v2.Rev, v1.Rev)
		}
		e.must(func() error {
			got := s.get(doc.ID)
			if !sameJSON(got.Body, read.Body) {
				return fmt.Errorf("Get after the update: got %s, want %s", got.Body, read.Body)
			}
			return nil
		})
	}},
	{"CRUD-03_put_after_delete", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v1 := s.put(doc)
		s.del(doc.ID, v1.Rev)
		changed := document(doc.ID, subject(doc.ID, newIdentity(e.ns+"foo1")))
		v2 := s.put(changed)
		if v2.Rev == "" || v2.Rev == v1.Rev {
			e.Errorf("Put after a delete: got revision %q after %q, want a new one", v2.Rev, v1.Rev)
		}
		e.wantBody("Get after a delete and a Put", s.get(doc.ID), changed)
	}},
	{"CRUD-04_put_stale", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v1 := s.put(doc)
		second := document(doc.ID, subject(doc.ID, newIdentity(e.ns+"foo1")))
		v2 := s.update(second, v1)
		doc.Version = v1
		_, err := s.Put(e.ctx, doc, &store.PutOptions{})
		e.wantKind("Put at an old revision", err, store.ErrConflict)
		got := s.get(doc.ID)
		e.wantBody("Get after a refused Put", got, second)
		if got.Version.Rev != v2.Rev {
			e.Errorf("Get after a refused Put: got revision %q, want %q", got.Version.Rev, v2.Rev)
		}
	}},
	{"CRUD-05_put_existing", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		s.put(doc)
		_, err := s.Put(e.ctx, doc, &store.PutOptions{})
		e.wantKind("Put of an existing document without a revision", err, store.ErrConflict)
	}},
	{"CRUD-06_put_identical_after_delete", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		s.del(doc.ID, s.put(doc).Rev)
		if v := s.put(doc); v.Rev == "" {
			e.Errorf("Put of the same content after a delete: got version %+v, want a revision", v)
		}
		e.wantBody("Get after a delete and the same Put", s.get(doc.ID), doc)
	}},
	{"CRUD-11_get_by_revision", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v := s.put(doc)
		var got store.Document
		e.must(func() (err error) {
			if got, err = s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: v.Rev}); err != nil {
				err = fmt.Errorf("Get %q at revision %q: got %w, want nil", doc.ID, v.Rev, err)
			}
			return err
		})
		e.wantBody("Get at a revision", got, doc)
		if got.Version.Rev != v.Rev {
			e.Errorf("Get at a revision: got revision %q, want %q", got.Version.Rev, v.Rev)
		}
	}},
	{"CRUD-12_get_by_id", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		s.put(doc)
		var got store.Document
		e.must(func() (err error) {
			if got, err = s.s.Get(e.ctx, doc.ID, nil); err != nil {
				err = fmt.Errorf("Get %q without options: got %w, want nil", doc.ID, err)
			}
			return err
		})
		e.wantBody("Get by id", got, doc)
	}},
	{"CRUD-13_get_activation", func(e *env) {
		s := e.activations()
		start := time.Date(2026, 3, 4, 5, 6, 7, int(891*time.Millisecond), time.UTC).UnixMilli()
		doc := activationDoc(activation(e.ns, "activation1", 1, start, start+1))
		s.put(doc)
		e.wantBody("Get of an activation", s.get(doc.ID), doc)
	}},
	{"CRUD-14_get_old_revision", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v1 := s.put(doc)
		second := document(doc.ID, subject(doc.ID, newIdentity(e.ns+"foo1")))
		v2 := s.update(second, v1)
		e.must(func() error {
			got, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: v2.Rev})
			if err != nil || !sameJSON(got.Body, second.Body) {
				return fmt.Errorf("Get at the new revision: got %v and %s, want %s", err, got.Body, second.Body)
			}
			return nil
		})
		_, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: v1.Rev})
		e.wantKind("Get at an old revision", err, store.ErrRevisionMismatch)
	}},
	{"CRUD-15_get_missing", func(e *env) {
		doc, err := e.subjects().s.Get(e.ctx, unique("non-existing-doc"), &store.GetOptions{})
		e.wantKind("Get of a missing document", err, store.ErrNotFound)
		if doc.ID != "" || doc.Body != nil {
			e.Errorf("Get of a missing document: got %+v, want the zero Document", doc)
		}
	}},
	{"CRUD-16_get_deleted", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v := s.put(doc)
		s.del(doc.ID, v.Rev)
		s.gone(doc.ID)
		_, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: v.Rev})
		e.wantKind("Get of a deleted document at its last revision", err, store.ErrNotFound)
	}},
	{"CRUD-D1_type_mismatch", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		s.put(doc)
		bad := document(e.ns+"/bad", action(e.ns, "bad", 1000).with(object{"exec": "not an object"}))
		s.put(bad)
		if a, err := store.GetAs[typedAction](e.ctx, s.s, doc.ID, &store.GetOptions{}); err != nil || a.name != "hello" {
			e.Errorf("GetAs of an action: got %+v and %v, want hello", a, err)
		}
		_, err := store.GetAs[typedTrigger](e.ctx, s.s, doc.ID, &store.GetOptions{})
		e.wantKind("GetAs of an action as a trigger", err, store.ErrTypeMismatch)
		_, err = store.GetAs[typedAction](e.ctx, s.s, bad.ID, &store.GetOptions{})
		e.wantKind("GetAs of an action without an exec object", err, store.ErrUnreadable)
	}},
	{"CRUD-D2_differs", func(e *env) {
		// Upstream's memory store derives revisions from contents.
		s := e.subjects()
		doc := auth(e, "foo")
		seen := map[string]bool{}
		for range 4 {
			v := s.put(doc)
			if seen[v.Rev] {
				e.Fatalf("Put of the same content: got revision %q again, want one that was never used", v.Rev)
			}
			seen[v.Rev] = true
			v = s.update(doc, v)
			if seen[v.Rev] {
				e.Fatalf("Put of the same content: got revision %q again, want one that was never used", v.Rev)
			}
			seen[v.Rev] = true
			s.del(doc.ID, v.Rev)
		}
	}},
	{"CRUD-D3_blank_id", func(e *env) {
		s := e.subjects()
		for _, id := range []string{"", " ", "\t"} {
			_, err := s.s.Put(e.ctx, document(id, object{"subject": "foo"}), &store.PutOptions{})
			e.wantKind(fmt.Sprintf("Put with id %q", id), err, store.ErrInvalid)
		}
	}},
	{"CRUD-I1_clean_up", func(e *env) {
		s := e.whisks()
		for i := range 3 {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		ids := s.ids
		s.clear()
		for _, id := range ids {
			s.gone(id)
		}
		s.wantCount(under(actionsTable, e.ns), 0)
	}},
}

var deleteCases = []suiteCase{
	{"CRUD-07_delete", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v := s.put(doc)
		deleted, err := s.s.Delete(e.ctx, doc.ID, v.Rev, nil)
		if err != nil {
			e.Fatalf("Delete: got %v, want nil", err)
		}
		if e.Features.HardDelete {
			if !deleted.IsZero() {
				e.Errorf("Delete: got version %+v, want the zero Version", deleted)
			}
		} else if deleted.Rev == "" || deleted.Rev == v.Rev {
			e.Errorf("Delete: got version %+v, want the tombstone's", deleted)
		}
	}},
	{"CRUD-08_delete_without_revision", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		s.put(doc)
		for _, id := range []string{doc.ID, "doc-with-empty-revision"} {
			e.sendsNothing("Delete without a revision", func() {
				_, err := s.s.Delete(e.ctx, id, "", &store.DeleteOptions{})
				e.wantKind("Delete without a revision", err, store.ErrInvalid)
			})
		}
		s.get(doc.ID)
	}},
	{"CRUD-09_delete_missing", func(e *env) {
		_, err := e.subjects().s.Delete(e.ctx, unique("non-existing-doc"), "42", &store.DeleteOptions{})
		e.wantKind("Delete of a missing document", err, store.ErrNotFound)
	}},
	{"CRUD-10_delete_stale", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v1 := s.put(doc)
		s.update(doc, v1)
		_, err := s.s.Delete(e.ctx, doc.ID, v1.Rev, &store.DeleteOptions{})
		e.wantKind("Delete at an old revision", err, store.ErrConflict)
		if _, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{}); err != nil {
			e.Errorf("Get after a refused Delete: got %v, want the document", err)
		}
	}},
	{"delete_twice", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		v := s.put(doc)
		dead := s.bury(doc.ID, v.Rev, store.DeleteOptions{})
		for _, rev := range []string{v.Rev, dead.Rev} {
			_, err := s.s.Delete(e.ctx, doc.ID, rev, &store.DeleteOptions{Tombstone: time.Hour})
			e.wantKind("Delete of a tombstone", err, store.ErrNotFound)
		}
	}},
	{"update_after_delete", func(e *env) {
		s := e.subjects()
		for _, tombstone := range []time.Duration{0, time.Hour} {
			doc := auth(e, "foo")
			doc.Version = s.put(doc)
			if _, err := s.s.Delete(e.ctx, doc.ID, doc.Version.Rev, &store.DeleteOptions{Tombstone: tombstone}); err != nil {
				e.Fatalf("Delete: got %v, want nil", err)
			}
			_, err := s.Put(e.ctx, doc, &store.PutOptions{})
			e.wantKind(fmt.Sprintf("Put at a revision of what was deleted (tombstone %v)", tombstone), err, store.ErrConflict)
			s.gone(doc.ID)
		}
	}},
	{"update_missing", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		doc.Version = s.put(auth(e, "other"))
		_, err := s.Put(e.ctx, doc, &store.PutOptions{})
		e.wantKind("Put at a revision where there is no document", err, store.ErrConflict)
		s.gone(doc.ID)
	}},
}

// sendsNothing holds that f sends no request to a backend, where the harness
// counts them.
func (e *env) sendsNothing(what string, f func()) {
	e.Helper()
	if e.Requests == nil {
		f()
		return
	}
	before := e.Requests()
	f()
	if n := e.Requests() - before; n != 0 {
		e.Errorf("%s: got %d requests, want none", what, n)
	}
}
