package attach

import (
	"context"
	"sync"

	"github.com/whiskstore/whiskstore/store"
)

// flights lets concurrent readers of one key share one read. The first reader
// does it in its own goroutine, under its own context; when that context ends,
// the next one that waits takes over. There is an entry only while somebody
// reads.
type flights[K comparable, V any] struct {
	mu      sync.Mutex
	current map[K]*flight[V]
}

type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// do returns what read returns for key, to all who ask while it runs. The value
// is shared and must not be changed.
func (f *flights[K, V]) do(ctx context.Context, key K, read func(context.Context) (V, error)) (got V, err error) {
	for {
		f.mu.Lock()
		fl, joined := f.current[key]
		if !joined {
			fl = &flight[V]{done: make(chan struct{})}
			if f.current == nil {
				f.current = map[K]*flight[V]{}
			}
			f.current[key] = fl
		}
		f.mu.Unlock()

		if !joined {
			return f.lead(ctx, key, fl, read)
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			return got, ctx.Err()
		}
		if !store.IsContext(fl.err) {
			return fl.value, fl.err
		}
		if err := ctx.Err(); err != nil {
			return got, err
		}
	}
}

func (f *flights[K, V]) lead(ctx context.Context, key K, fl *flight[V], read func(context.Context) (V, error)) (V, error) {
	// A read that panics must not leave the others waiting: to them it looks like
	// a reader that went away.
	fl.err = context.Canceled
	defer func() {
		f.mu.Lock()
		if f.current[key] == fl {
			delete(f.current, key)
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	fl.value, fl.err = read(ctx)
	return fl.value, fl.err
}

// forget lets nobody join the reads of key that run now.
func (f *flights[K, V]) forget(key K) {
	f.mu.Lock()
	delete(f.current, key)
	f.mu.Unlock()
}
