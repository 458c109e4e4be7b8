package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

type (
	putFunc    = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error)
	getFunc    = func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error)
	deleteFunc = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error)
)

// onPut, onGet and onDelete are stores with another Put, Get or Delete.
func onPut(f func(w *wrong) putFunc) spoiled {
	return spoiled{store: func(w *wrong) { w.put = f(w) }}
}

func onGet(f func(w *wrong) getFunc) spoiled {
	return spoiled{store: func(w *wrong) { w.get = f(w) }}
}

func onDelete(f func(w *wrong) deleteFunc) spoiled {
	return spoiled{store: func(w *wrong) { w.del = f(w) }}
}

// grave is what a wrong store remembers of a document that it deleted.
type grave struct {
	body string
	rev  string
}

// recreating is a store that treats the creation of what it deleted physically
// in its own way.
func recreating(f func(w *wrong, ctx context.Context, doc store.Document, opts store.PutOptions, old grave) (store.Version, error)) spoiled {
	return spoiled{store: func(w *wrong) {
		graves := map[string]grave{}
		w.del = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			doc, _ := w.current(id)
			v, err := w.next.Delete(ctx, id, rev, &opts)
			if err == nil && opts.Tombstone == 0 {
				graves[id] = grave{string(doc.Body), rev}
			}
			return v, err
		}
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if old, ok := graves[doc.ID]; ok {
				delete(graves, doc.ID)
				return f(w, ctx, doc, opts, old)
			}
			return w.next.Put(ctx, doc, &opts)
		}
	}}
}

func conflict(op store.Op, id string) error {
	return &store.Error{Op: op, Collection: store.Subjects, ID: id, Kind: store.ErrConflict}
}

// isFirst reports whether a revision of memory's is the first of its document.
func isFirst(rev string) bool { return strings.HasPrefix(rev, "1-") }

// forced updates whatever is there.
func (w *wrong) forced(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
	now, _ := w.current(doc.ID)
	doc.Version = now.Version
	return w.next.Put(ctx, doc, &opts)
}

// background is for requests that a wrong store makes for itself.
var background = context.Background()

var writeMutants = []mutant{
	{"forgets the revision of a subject's creation without options", []string{"CRUD-01"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if w.nilOptions.Load() && doc.Version.Rev == "" && w.collection == store.Subjects {
				v = store.Version{}
			}
			return v, err
		}
	})},
	{"answers an update of what was read with the revision that was read", []string{"CRUD-02"}, spoiled{store: func(w *wrong) {
		read := map[string]store.Document{}
		w.get = func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if read[id] = doc; w.collection != store.Subjects || doc.Meta.ClusterID != "" {
				delete(read, id)
			}
			return doc, err
		}
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if old, ok := read[doc.ID]; err == nil && ok && old.Version == doc.Version && string(old.Body) != string(doc.Body) {
				v = old.Version
			}
			return v, err
		}
	}}},
	{"answers a re-creation with the revision of the first life", []string{"CRUD-03"}, recreating(
		func(w *wrong, ctx context.Context, doc store.Document, opts store.PutOptions, old grave) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if old.body != string(doc.Body) {
				v.Rev = old.rev
			}
			return v, err
		})},
	{"lets the last update of a subject win", []string{"CRUD-04"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if _, live := w.current(doc.ID); live && doc.Version.Rev != "" && errors.Is(err, store.ErrConflict) && w.collection == store.Subjects {
				return w.forced(ctx, doc, opts)
			}
			return v, err
		}
	})},
	{"overwrites a first state with a creation", []string{"CRUD-05"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if now, _ := w.current(doc.ID); doc.Version.Rev == "" && isFirst(now.Version.Rev) && errors.Is(err, store.ErrConflict) {
				return w.forced(ctx, doc, opts)
			}
			return v, err
		}
	})},
	{"refuses the contents that it deleted in their first state", []string{"CRUD-06"}, recreating(
		func(w *wrong, ctx context.Context, doc store.Document, opts store.PutOptions, old grave) (store.Version, error) {
			if old.body == string(doc.Body) && w.collection == store.Subjects && isFirst(old.rev) {
				return store.Version{}, conflict(store.OpPut, doc.ID)
			}
			return w.next.Put(ctx, doc, &opts)
		})},
	{"derives revisions from contents", []string{"CRUD-D2"}, recreating(
		func(w *wrong, ctx context.Context, doc store.Document, opts store.PutOptions, old grave) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if old.body == string(doc.Body) {
				v.Rev = old.rev
			}
			return v, err
		})},
	{"answers a physical delete with a version", []string{"CRUD-07"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			v, err := w.next.Delete(ctx, id, rev, &opts)
			if err == nil && v.IsZero() {
				v.Rev = rev
			}
			return v, err
		}
	})},
	{"deletes without a revision", []string{"CRUD-08"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			if rev == "" {
				doc, _ := w.current(id)
				rev = doc.Version.Rev
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
	})},
	{"calls it success to delete an unknown subject", []string{"CRUD-09"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			v, err := w.next.Delete(ctx, id, rev, &opts)
			if _, dead := w.tombstone(id); !dead && w.collection == store.Subjects && errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return v, err
		}
	})},
	{"deletes a subject at any revision", []string{"CRUD-10"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			if doc, live := w.current(id); live && rev != "" && w.collection == store.Subjects && ctx.Err() == nil {
				rev = doc.Version.Rev
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
	})},
	{"deletes a tombstone again", []string{"delete_twice"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			v, err := w.next.Delete(ctx, id, rev, &opts)
			if dead, ok := w.tombstone(id); ok && err != nil {
				return dead.Version, nil
			}
			return v, err
		}
	})},
	{"brings a deleted document back with an update", []string{"update_after_delete"}, recreating(
		func(w *wrong, ctx context.Context, doc store.Document, opts store.PutOptions, _ grave) (store.Version, error) {
			doc.Version = store.Version{}
			return w.next.Put(ctx, doc, &opts)
		})},
	{"brings a tombstone back with an update", []string{"update_after_delete"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if _, dead := w.tombstone(doc.ID); dead {
				doc.Version = store.Version{}
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"creates with an update", []string{"update_missing"}, spoiled{store: func(w *wrong) {
		known := map[string]bool{}
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if !known[doc.ID] && ctx.Err() == nil {
				doc.Version = store.Version{}
			}
			known[doc.ID] = true
			return w.next.Put(ctx, doc, &opts)
		}
	}}},
	{"loses every third delete", []string{"CRUD-I1"}, spoiled{store: func(w *wrong) {
		n := 0
		w.del = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			doc, live := w.current(id)
			if live {
				n++
			}
			if n == 3 && opts.Tombstone == 0 && w.collection == store.Whisks {
				return doc.Version, nil
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
	}}},
	{"takes an update's cluster id from the state before", []string{"cluster_id"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if now, live := w.current(doc.ID); live && opts.ClusterID == "" {
				opts.ClusterID = now.Meta.ClusterID
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"takes the cluster id from the document", []string{"meta_ignored"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if opts.ClusterID == "" {
				opts.ClusterID = doc.Meta.ClusterID
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"forgets the order of tombstones", []string{"versions_ordered"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			v, err := w.next.Delete(ctx, id, rev, &opts)
			v.Order = 0
			return v, err
		}
	})},
	{"rounds a time to live down", []string{"ttl_of_document"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if opts.TTL > 0 {
				opts.TTL = opts.TTL.Truncate(time.Second)
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"keeps the time to live of the state before", []string{"ttl_cleared_by_put"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if now, live := w.current(doc.ID); live && opts.TTL == 0 && !now.Meta.Expires.IsZero() {
				opts.TTL = 2 * time.Second
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"ignores the time to live of an update", []string{"ttl_of_update"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if doc.Version.Rev != "" {
				opts.TTL = 0
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
}
