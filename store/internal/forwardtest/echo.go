// Package forwardtest shows that a decorator passes on what is not its own:
// every field of every argument reaches the store behind it, every result and
// error comes back as it was, and Close arrives as often as it should. It walks
// arguments and the contract by reflection, so that a field or a method added
// later is covered, or fails the test until it is.
package forwardtest

import (
	"context"
	"iter"
	"sync"

	"github.com/whiskstore/whiskstore/store"
)

// Call is one call that reached an Echo, its arguments copied.
type Call struct {
	Method string
	Ctx    context.Context
	ID     string
	Rev    string
	Doc    store.Document
	Get    *store.GetOptions
	Put    *store.PutOptions
	Delete *store.DeleteOptions
	Query  *store.Query
}

// Echo is a store that records calls and answers what it is told to. It is safe
// for concurrent use; its fields are set before that.
type Echo struct {
	Doc     store.Document // what Get returns
	Version store.Version  // what Put and Delete return
	Rows    []store.Row    // what Query yields
	N       int64          // what Count returns
	Err     error          // what every method returns, Query after its rows

	mu    sync.Mutex
	calls []Call
}

var _ store.ArtifactStore = (*Echo)(nil)

// Calls returns the calls so far.
func (e *Echo) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Call(nil), e.calls...)
}

func (e *Echo) record(c Call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, c)
}

// clone copies what p points to, as a store that only reads its options until it
// returns would have to.
func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Get records the call.
func (e *Echo) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	e.record(Call{Method: "Get", Ctx: ctx, ID: id, Get: clone(opts)})
	return e.Doc, e.Err
}

// Put records the call.
func (e *Echo) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	e.record(Call{Method: "Put", Ctx: ctx, Doc: doc, Put: clone(opts)})
	return e.Version, e.Err
}

// Delete records the call.
func (e *Echo) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	e.record(Call{Method: "Delete", Ctx: ctx, ID: id, Rev: rev, Delete: clone(opts)})
	return e.Version, e.Err
}

// Query records the call when the loop begins.
func (e *Echo) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		e.record(Call{Method: "Query", Ctx: ctx, Query: clone(q)})
		for _, row := range e.Rows {
			if !yield(row, nil) {
				e.record(Call{Method: "break"})
				return
			}
		}
		if e.Err != nil {
			yield(store.Row{}, e.Err)
		}
	}
}

// Count records the call.
func (e *Echo) Count(ctx context.Context, q *store.Query) (int64, error) {
	e.record(Call{Method: "Count", Ctx: ctx, Query: clone(q)})
	return e.N, e.Err
}

// Close records the call.
func (e *Echo) Close() error {
	e.record(Call{Method: "Close"})
	return e.Err
}
