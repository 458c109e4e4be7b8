package storetest

import (
	"context"
	"io"
	"iter"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/store"
)

// wrong is a store with a defect: each function, where set, takes the place of
// the operation.
type wrong struct {
	next       store.ArtifactStore // the right store, store.Check included
	bare       store.ArtifactStore // the same without store.Check
	collection string

	get   func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error)
	put   func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error)
	del   func(ctx context.Context, id, rev string, opts store.DeleteOptions) (store.Version, error)
	query func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error]
	count func(ctx context.Context, q *store.Query) (int64, error)
	close func() error

	// nilOptions says that the call that runs came without options.
	nilOptions atomic.Bool
}

func (w *wrong) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	if w.get == nil {
		return w.next.Get(ctx, id, opts)
	}
	var o store.GetOptions
	if w.nilOptions.Store(opts == nil); opts != nil {
		o = *opts
	}
	return w.get(ctx, id, o)
}

func (w *wrong) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	if w.put == nil {
		return w.next.Put(ctx, doc, opts)
	}
	var o store.PutOptions
	if w.nilOptions.Store(opts == nil); opts != nil {
		o = *opts
	}
	return w.put(ctx, doc, o)
}

func (w *wrong) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	if w.del == nil {
		return w.next.Delete(ctx, id, rev, opts)
	}
	var o store.DeleteOptions
	if w.nilOptions.Store(opts == nil); opts != nil {
		o = *opts
	}
	return w.del(ctx, id, rev, o)
}

func (w *wrong) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	if w.query == nil || q == nil {
		return w.next.Query(ctx, q)
	}
	return w.query(ctx, q)
}

func (w *wrong) Count(ctx context.Context, q *store.Query) (int64, error) {
	if w.count == nil || q == nil {
		return w.next.Count(ctx, q)
	}
	return w.count(ctx, q)
}

func (w *wrong) Close() error {
	if w.close == nil {
		return w.next.Close()
	}
	return w.close()
}

// tombstone returns the tombstone of id, if that is what it is.
func (w *wrong) tombstone(id string) (store.Document, bool) {
	doc, err := w.bare.Get(context.Background(), id, &store.GetOptions{Tombstones: true})
	return doc, err == nil && doc.Meta.Deleted
}

// current returns the live document.
func (w *wrong) current(id string) (store.Document, bool) {
	doc, err := w.bare.Get(context.Background(), id, nil)
	return doc, err == nil
}

// rows returns a query that changes the rows of the right one: to what change
// returns, or away.
func (w *wrong) rows(change func(q *store.Query, row store.Row) (store.Row, bool)) func(context.Context, *store.Query) iter.Seq2[store.Row, error] {
	return func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
		return func(yield func(store.Row, error) bool) {
			for row, err := range w.next.Query(ctx, q) {
				keep := true
				if err == nil {
					row, keep = change(q, row)
				}
				if keep && !yield(row, err) {
					return
				}
			}
		}
	}
}

// ask returns a query that asks another one than it was given.
func (w *wrong) ask(change func(q *store.Query)) func(context.Context, *store.Query) iter.Seq2[store.Row, error] {
	return func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
		other := *q
		change(&other)
		return w.next.Query(ctx, &other)
	}
}

// wrongAttachments is an attachment store with a defect.
type wrongAttachments struct {
	next store.AttachmentStore

	scheme    string
	attach    func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error)
	read      func(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error)
	del       func(ctx context.Context, docID, name string) error
	deleteAll func(ctx context.Context, docID string) error
	list      func(ctx context.Context) iter.Seq2[store.AttachmentInfo, error]
}

func (w *wrongAttachments) Scheme() string {
	if w.scheme != "" {
		return w.scheme
	}
	return w.next.Scheme()
}

func (w *wrongAttachments) Attach(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	if w.attach != nil {
		return w.attach(ctx, docID, name, r, opts)
	}
	return w.next.Attach(ctx, docID, name, r, opts)
}

func (w *wrongAttachments) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	if w.read != nil {
		return w.read(ctx, docID, name, opts)
	}
	return w.next.Read(ctx, docID, name, opts)
}

func (w *wrongAttachments) Delete(ctx context.Context, docID, name string) error {
	if w.del != nil {
		return w.del(ctx, docID, name)
	}
	return w.next.Delete(ctx, docID, name)
}

func (w *wrongAttachments) DeleteAll(ctx context.Context, docID string) error {
	if w.deleteAll != nil {
		return w.deleteAll(ctx, docID)
	}
	return w.next.DeleteAll(ctx, docID)
}

func (w *wrongAttachments) List(ctx context.Context) iter.Seq2[store.AttachmentInfo, error] {
	if w.list != nil {
		return w.list(ctx)
	}
	return w.next.List(ctx)
}

func (w *wrongAttachments) Close() error { return w.next.Close() }

// wrongFeed is a change feed with a defect.
type wrongFeed struct {
	next store.ChangeFeed

	ranges func(ctx context.Context) ([]store.Range, error)
	start  func(ctx context.Context, r store.Range, from store.From) (store.Token, error)
	nextFn func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error)
}

func (w *wrongFeed) Ranges(ctx context.Context) ([]store.Range, error) {
	if w.ranges != nil {
		return w.ranges(ctx)
	}
	return w.next.Ranges(ctx)
}

func (w *wrongFeed) Start(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
	if w.start != nil {
		return w.start(ctx, r, from)
	}
	return w.next.Start(ctx, r, from)
}

func (w *wrongFeed) Next(ctx context.Context, r store.Range, token store.Token, opts *store.NextOptions) (store.Page, error) {
	if w.nextFn == nil {
		return w.next.Next(ctx, r, token, opts)
	}
	var o store.NextOptions
	if opts != nil {
		o = *opts
	}
	return w.nextFn(ctx, r, token, o)
}

func (w *wrongFeed) Close() error { return w.next.Close() }

// page returns a Next that changes the pages of the right one.
func (w *wrongFeed) page(change func(opts store.NextOptions, p *store.Page)) func(context.Context, store.Range, store.Token, store.NextOptions) (store.Page, error) {
	return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
		p, err := w.next.Next(ctx, r, token, &opts)
		if err == nil {
			change(opts, &p)
		}
		return p, err
	}
}
