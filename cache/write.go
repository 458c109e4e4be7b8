package cache

import (
	"context"
	"errors"

	"github.com/whiskstore/whiskstore/store"
)

// Put runs write, which stores a new state of the document, and keeps its value
// if it may be kept. Other readers and writers of the key go on meanwhile; they
// see the new value only after write returned it (E2 of upstream).
//
// How an error is taken: in doubt (store.InDoubt) the cache forgets the key;
// Conflict and NotFound drop its value and make the next read fresh; any other
// refusal changes nothing.
func (c *Cache[V]) Put(ctx context.Context, key string, write func(context.Context) (Loaded[V], error)) (store.Version, error) {
	return c.write(ctx, key, false, write)
}

// Delete runs del, which deletes the document and returns the tombstone's
// version, or the zero Version of a physical delete.
func (c *Cache[V]) Delete(ctx context.Context, key string, del func(context.Context) (store.Version, error)) (store.Version, error) {
	return c.write(ctx, key, true, func(ctx context.Context) (Loaded[V], error) {
		v, err := del(ctx)
		return Loaded[V]{Version: v}, err
	})
}

func (c *Cache[V]) write(ctx context.Context, key string, deleted bool, write func(context.Context) (Loaded[V], error)) (store.Version, error) {
	w := c.BeginWrite(key, deleted)
	defer w.End(Loaded[V]{}, errPanicked) // does nothing once the write has ended
	l, err := write(ctx)
	w.End(l, err)
	return l.Version, err
}

var errPanicked = &store.Error{Op: store.OpPut, Kind: store.ErrInDoubt, Err: errors.New("write panicked")}

func outcomeOf(err error) Outcome {
	kind := store.KindOf(err) // of the outermost error: a doubt may be caused by a refusal
	switch {
	case err == nil:
		return Committed
	case kind == store.ErrInDoubt || kind == 0:
		return InDoubt
	case kind == store.ErrConflict || kind == store.ErrNotFound:
		return Conflicted
	}
	return Refused
}
