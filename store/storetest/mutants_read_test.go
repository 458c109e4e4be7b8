package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// onDocument is a store that changes what Get found.
func onDocument(f func(w *wrong, opts store.GetOptions, doc *store.Document)) spoiled {
	return onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if err == nil {
				f(w, opts, &doc)
			}
			return doc, err
		}
	})
}

var readMutants = []mutant{
	{"reads a revision without saying which", []string{"CRUD-11"}, onDocument(func(_ *wrong, opts store.GetOptions, doc *store.Document) {
		if opts.Rev != "" && opts.After.IsZero() {
			doc.Version = store.Version{}
		}
	})},
	{"reads no body without options", []string{"CRUD-12"}, onDocument(func(w *wrong, _ store.GetOptions, doc *store.Document) {
		if w.nilOptions.Load() && w.collection == store.Subjects {
			doc.Body = json.RawMessage("{}")
		}
	})},
	{"reads times to the second", []string{"CRUD-13"}, onDocument(func(w *wrong, _ store.GetOptions, doc *store.Document) {
		var body map[string]any
		if w.collection != store.Activations || json.Unmarshal(doc.Body, &body) != nil {
			return
		}
		if start := int64(body["start"].(float64)); start > 1e12 {
			body["start"] = start / 1000 * 1000
			doc.Body = asJSON(body)
		}
	})},
	{"reads any revision", []string{"CRUD-14"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			if opts.After.IsZero() && w.collection == store.Subjects {
				if _, live := w.current(id); live {
					opts.Rev = ""
				}
			}
			return w.next.Get(ctx, id, &opts)
		}
	})},
	{"returns half a document with its error", []string{"CRUD-15"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			doc.ID = id
			return doc, err
		}
	})},
	{"calls a deleted document another revision", []string{"CRUD-16"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if _, dead := w.tombstone(id); !dead && opts.Rev != "" && errors.Is(err, store.ErrNotFound) {
				err = &store.Error{Op: store.OpGet, Collection: w.collection, ID: id, Kind: store.ErrRevisionMismatch}
			}
			return doc, err
		}
	})},
	{"mends what it cannot decode", []string{"CRUD-D1"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		doc.Body = bytes.Replace(doc.Body, []byte(`"exec":"not an object"`), []byte(`"exec":{}`), 1)
	})},
	{"knows no character beyond the basic plane", []string{"body_kept"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		doc.Body = bytes.ReplaceAll(doc.Body, []byte("😀"), []byte("\ufffd"))
	})},
	{"compacts bodies", []string{"body_bytes"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		var b bytes.Buffer
		if json.Compact(&b, doc.Body) == nil {
			doc.Body = b.Bytes()
		}
	})},
	{"keeps numbers as float64", []string{"body_numbers"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		var v any
		if bytes.HasPrefix(doc.Body, []byte(`{"n":`)) && !bytes.Contains(doc.Body, []byte("e+")) && json.Unmarshal(doc.Body, &v) == nil {
			doc.Body = asJSON(v)
		}
	})},
	{"hands out its own bodies", []string{"bodies_not_shared"}, spoiled{store: func(w *wrong) {
		own := map[string]json.RawMessage{}
		w.get = func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if err != nil {
				return doc, err
			}
			if b := own[doc.Version.Rev]; b != nil {
				doc.Body = b
			}
			own[doc.Version.Rev] = doc.Body
			return doc, nil
		}
	}}},
	{"keeps the body that it was given", []string{"bodies_not_shared"}, spoiled{store: func(w *wrong) {
		own := map[string]json.RawMessage{}
		w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			own[v.Rev] = doc.Body
			return v, err
		}
		w.get = func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if b := own[doc.Version.Rev]; b != nil && err == nil {
				doc.Body = bytes.Clone(b)
			}
			return doc, err
		}
	}}},
	{"forgets the order of what it reads", []string{"versions_of_reads"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		doc.Version.Order = 0
	})},
}

var contractMutants = []mutant{
	{"reads an old revision without options", []string{"options_nil"}, onDocument(func(w *wrong, _ store.GetOptions, doc *store.Document) {
		if w.nilOptions.Load() {
			doc.Version.Rev = "0"
		}
	})},
	{"names no document in a conflict", []string{"error_shape"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if errors.Is(err, store.ErrConflict) {
				err = &store.Error{Op: store.OpPut, Collection: w.collection, Kind: store.ErrConflict}
			}
			return v, err
		}
	})},
	{"ignores the context of a read", []string{"cancelled_context"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			return w.next.Get(context.WithoutCancel(ctx), id, &opts)
		}
	})},
	{"wraps the end of a context", []string{"cancelled_context"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			v, err := w.next.Put(ctx, doc, &opts)
			if store.IsContext(err) {
				err = &store.Error{Op: store.OpPut, Collection: w.collection, ID: doc.ID, Kind: store.ErrInDoubt, Err: err}
			}
			return v, err
		}
	})},
	{"counts nothing after Close", []string{"use_after_close"}, spoiled{store: func(w *wrong) {
		w.count = func(ctx context.Context, q *store.Query) (int64, error) {
			n, err := w.next.Count(ctx, q)
			if errors.Is(err, store.ErrClosed) {
				err = nil
			}
			return n, err
		}
	}}},
	{"takes any session for its own", []string{"get_after"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			opts.After.Session = ""
			return w.next.Get(ctx, id, &opts)
		}
	})},
	{"forgets the revision asked for when freshness is", []string{"get_after"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			if !opts.After.IsZero() {
				opts.Rev = ""
			}
			return w.next.Get(ctx, id, &opts)
		}
	})},
}

// unchecked is a store that lets pass what store.Check would refuse.
func unchecked(pass func(w *wrong, doc store.Document, opts *store.PutOptions) bool) spoiled {
	return onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if pass(w, doc, &opts) {
				return w.bare.Put(ctx, doc, &opts)
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})
}

var inputMutants = []mutant{
	{"accepts a blank id", []string{"CRUD-D3"}, unchecked(func(w *wrong, doc store.Document, _ *store.PutOptions) bool {
		return strings.TrimSpace(doc.ID) == "" && w.collection == store.Subjects
	})},
	{"accepts a control character in an id", []string{"bad_ids"}, unchecked(func(w *wrong, doc store.Document, _ *store.PutOptions) bool {
		return doc.ID == "a\nb"
	})},
	{"unescapes ids", []string{"good_ids"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		if id, err := url.PathUnescape(doc.ID); err == nil && strings.Contains(doc.ID, "%2F") {
			doc.ID = id
		}
	})},
	{"accepts a reserved member", []string{"bad_bodies"}, unchecked(func(_ *wrong, doc store.Document, _ *store.PutOptions) bool {
		return string(doc.Body) == `{"ttl":1}`
	})},
	{"has a limit that is one byte off", []string{"body_limit"}, unchecked(func(_ *wrong, doc store.Document, _ *store.PutOptions) bool {
		return len(doc.Body) == store.DefaultMaxBody+1
	})},
	{"takes a negative time to live for none", []string{"bad_lifetimes"}, unchecked(func(_ *wrong, _ store.Document, opts *store.PutOptions) bool {
		opts.TTL = max(opts.TTL, 0)
		return false
	})},
	{"finds nothing under a malformed key", []string{"bad_queries"}, spoiled{store: func(w *wrong) {
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			for _, e := range q.StartKey {
				if e == nil {
					return func(func(store.Row, error) bool) {}
				}
			}
			return w.next.Query(ctx, q)
		}
	}}},
}

var tombstoneMutants = []mutant{
	{"shows a tombstone to who knows its revision", []string{"tombstone_hidden_from_get"}, onGet(func(w *wrong) getFunc {
		return func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
			doc, err := w.next.Get(ctx, id, &opts)
			if dead, ok := w.tombstone(id); ok && opts.Rev == dead.Version.Rev {
				return dead, nil
			}
			return doc, err
		}
	})},
	{"does not mark a tombstone", []string{"tombstone_shown_when_asked"}, onDocument(func(_ *wrong, _ store.GetOptions, doc *store.Document) {
		doc.Meta.Deleted = false
	})},
	{"loses the cluster id on delete", []string{"tombstone_cluster_id"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			opts.ClusterID = ""
			return w.next.Delete(ctx, id, rev, &opts)
		}
	})},
	{"lists tombstones", []string{"tombstone_hidden_from_query"}, spoiled{store: func(w *wrong) {
		var buried []string
		w.del = func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			if opts.Tombstone > 0 {
				buried = append(buried, id)
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
		w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
			return func(yield func(store.Row, error) bool) {
				if q.Table == actionsTable {
					for _, id := range buried {
						if !yield(store.Row{ID: id}, nil) {
							return
						}
					}
				}
				w.next.Query(ctx, q)(yield)
			}
		}
	}}},
	{"joins tombstones", []string{"tombstone_hidden_from_join"}, spoiled{store: func(w *wrong) {
		w.query = w.rows(func(_ *store.Query, row store.Row) (store.Row, bool) {
			var v struct {
				ID string `json:"_id"`
			}
			if row.Joined && row.Doc == nil && json.Unmarshal(row.Value, &v) == nil {
				if dead, ok := w.tombstone(v.ID); ok {
					row.Doc = &dead
				}
			}
			return row, true
		})
	}}},
	{"keeps a tombstone's cluster id", []string{"recreate_over_tombstone"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if dead, ok := w.tombstone(doc.ID); ok && opts.ClusterID == "" {
				opts.ClusterID = dead.Meta.ClusterID
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"keeps tombstones for ever", []string{"ttl_of_tombstone"}, onDelete(func(w *wrong) deleteFunc {
		return func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error) {
			if opts.Tombstone > 0 && opts.Tombstone < time.Hour {
				opts.Tombstone = 1000 * time.Hour
			}
			return w.next.Delete(ctx, id, rev, &opts)
		}
	})},
	{"gives a re-creation the tombstone's time to live", []string{"ttl_cleared_over_tombstone"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if dead, ok := w.tombstone(doc.ID); ok && !dead.Meta.Expires.IsZero() && opts.TTL == 0 {
				opts.TTL = 2 * time.Second
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
}
