package cache

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
)

// ActionOptions are the options of NewActions; every zero field has the default
// of Options.
type ActionOptions struct {
	MaxEntries int
	MaxBytes   int64 // of documents and code together; a larger action is not kept
}

// Actions caches whole actions, with their code, over an Attacher whose documents
// come through a chain with a cache in it (Middleware). It needs no protocol of its
// own: each Get asks that cache for the document, so what is served is as fresh as
// a document there, and what is kept here is only what was made of it. A document
// that is still in the same state is not decoded again; code is not read again as
// long as the document names the same attachment, whatever else changed in it.
//
// It is safe for concurrent use and holds nothing that needs closing.
type Actions struct {
	attacher *attach.Attacher
	opts     ActionOptions

	mu    sync.Mutex
	held  *simplelru.LRU[string, *attach.Assembled]
	bytes int64
	stats ActionStats
}

// ActionStats counts what happened since the cache was made.
type ActionStats struct {
	Hits    uint64 // reads that made nothing anew
	Misses  uint64
	Evicted uint64 // for room
	Entries int    // now
	Bytes   int64
}

// NewActions makes an empty cache over attacher.
func NewActions(attacher *attach.Attacher, opts ActionOptions) *Actions {
	def(&opts.MaxEntries, DefaultMaxEntries)
	def(&opts.MaxBytes, DefaultMaxBytes)
	a := &Actions{attacher: attacher, opts: opts}
	// NewLRU fails only for sizes below one.
	a.held, _ = simplelru.NewLRU[string, *attach.Assembled](unbounded, nil)
	return a
}

// Get returns the action with its code inline, as Attacher.GetAction does, and is
// as fresh as a Get of its document with the same options. The entity is the
// caller's.
func (a *Actions) Get(ctx context.Context, id string, opts *store.GetOptions) (*entity.Action, error) {
	a.mu.Lock()
	held, _ := a.held.Get(id)
	a.mu.Unlock()
	got, err := a.attacher.Assemble(ctx, id, opts, held)
	a.mu.Lock()
	switch {
	case err == nil && got == held:
		a.stats.Hits++
	case err == nil && !got.Deleted():
		a.stats.Misses++
		a.keep(id, got)
	case err == nil, store.KindOf(err) == store.ErrNotFound:
		a.drop(id)
		fallthrough
	default:
		a.stats.Misses++
	}
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return got.Action(), nil
}

// Put stores the action as Attacher.PutAction does, and remembers its code.
func (a *Actions) Put(ctx context.Context, action *entity.Action, old *entity.Attached, opts *store.PutOptions) (*entity.Action, error) {
	stored, err := a.attacher.PutAction(ctx, action, old, opts)
	if err != nil || action.Exec.Code == nil {
		return stored, err
	}
	if known := attach.Known(stored, action.Exec.Code.Inline); known != nil && action.Exec.Code.Attached == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.keep(action.DocID(), known)
	}
	return stored, nil
}

// Delete deletes the action as Attacher.DeleteAction does.
func (a *Actions) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	v, err := a.attacher.DeleteAction(ctx, id, rev, opts)
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.drop(id)
	}
	return v, err
}

// Stats returns the counters.
func (a *Actions) Stats() ActionStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Entries, s.Bytes = a.held.Len(), a.bytes
	return s
}

// keep holds what was assembled, within the bounds.
func (a *Actions) keep(id string, got *attach.Assembled) {
	a.drop(id)
	if charged(id, got) > a.opts.MaxBytes {
		return // all others would go, and then it as well
	}
	a.held.Add(id, got)
	a.bytes += charged(id, got)
	for a.held.Len() > a.opts.MaxEntries || a.bytes > a.opts.MaxBytes {
		oldest, e, ok := a.held.RemoveOldest()
		if !ok {
			return
		}
		a.bytes -= charged(oldest, e)
		a.stats.Evicted++
	}
}

func (a *Actions) drop(id string) {
	if e, ok := a.held.Peek(id); ok {
		a.bytes -= charged(id, e)
		a.held.Remove(id)
	}
}

func charged(id string, e *attach.Assembled) int64 { return int64(len(id) + e.Size()) }
