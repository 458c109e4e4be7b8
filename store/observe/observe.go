package observe

import (
	"context"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// New returns the middleware. It creates all instruments and attribute sets, so
// that a call creates none. Options without a System or Collection are of kind
// store.ErrInvalid, an instrument that the provider refuses is
// store.ErrUnsupported. The middleware is safe for concurrent use.
func New(opts Options) (store.Middleware, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	r, err := newRecorder(o)
	if err != nil {
		return nil, err
	}
	var ops operations
	if o.System == CosmosDB {
		ops = operations{
			get:    r.operation(store.OpGet, "read_item"),
			create: r.operation(store.OpPut, "create_item"),
			update: r.operation(store.OpPut, "replace_item"),
			delete: r.operation(store.OpDelete, "delete_item"),
			query:  r.operation(store.OpQuery, "query_items"),
			count:  r.operation(store.OpCount, "query_items"),
		}
	} else {
		put := r.named(store.OpPut)
		ops = operations{
			get:    r.named(store.OpGet),
			create: put,
			update: put,
			delete: r.named(store.OpDelete),
			query:  r.named(store.OpQuery),
			count:  r.named(store.OpCount),
		}
	}
	if err := r.publish(); err != nil {
		return nil, err
	}
	return func(next store.ArtifactStore) store.ArtifactStore {
		return &observed{next: next, ops: ops}
	}, nil
}

type operations struct {
	get, create, update, delete, query, count *operation
}

type observed struct {
	next store.ArtifactStore
	ops  operations
}

var _ store.ArtifactStore = (*observed)(nil)

func (o *observed) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	c := o.ops.get.begin(ctx, documentKey, id)
	doc, err := o.next.Get(c.ctx, id, opts)
	c.end(err, noRows)
	return doc, err
}

func (o *observed) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	op := o.ops.create
	if doc.Version.Rev != "" {
		op = o.ops.update
	}
	c := op.begin(ctx, documentKey, doc.ID)
	v, err := o.next.Put(c.ctx, doc, opts)
	c.end(err, noRows)
	return v, err
}

func (o *observed) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	c := o.ops.delete.begin(ctx, documentKey, id)
	v, err := o.next.Delete(c.ctx, id, rev, opts)
	c.end(err, noRows)
	return v, err
}

func (o *observed) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		c := o.ops.query.begin(ctx, tableKey, table(q))
		loop(&c, o.next.Query(c.ctx, q), yield)
	}
}

func (o *observed) Count(ctx context.Context, q *store.Query) (int64, error) {
	c := o.ops.count.begin(ctx, tableKey, table(q))
	n, err := o.next.Count(c.ctx, q)
	c.end(err, noRows)
	return n, err
}

func (o *observed) Close() error { return o.next.Close() }

func table(q *store.Query) string {
	if q == nil {
		return ""
	}
	return q.Table
}

// loop hands the pairs of seq to yield and ends c when that ends, however it does.
func loop[T any](c *call, seq iter.Seq2[T, error], yield func(T, error) bool) {
	var rows int64
	var failed error
	defer func() { c.end(failed, rows) }()
	for row, err := range seq {
		if err != nil {
			failed = err
		} else {
			rows++
		}
		if !yield(row, err) {
			return
		}
	}
}
