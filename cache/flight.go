package cache

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// lifetime owns the loads of a cache: their goroutines end before close returns,
// and whoever begins one enters first.
type lifetime struct {
	timeout time.Duration
	ctx     context.Context
	end     context.CancelFunc
	flying  sync.WaitGroup

	mu     sync.RWMutex // held while closed is set, and by those who have entered
	closed atomic.Bool
}

func (l *lifetime) open(timeout time.Duration) {
	l.timeout = timeout
	l.ctx, l.end = context.WithCancel(context.Background())
}

// enter reports whether the cache is open; it stays so until leave.
func (l *lifetime) enter() bool {
	l.mu.RLock()
	if l.closed.Load() {
		l.mu.RUnlock()
		return false
	}
	return true
}

func (l *lifetime) leave() { l.mu.RUnlock() }

// shut lets nobody enter any more, once those who have did leave.
func (l *lifetime) shut() (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed.Swap(true)
}

func (l *lifetime) close() {
	l.shut()
	l.end()
	l.flying.Wait()
}

// flight is a load that readers wait for. R is what it results in.
type flight[R any] struct {
	request Request
	done    chan struct{}
	cancel  context.CancelFunc

	waiters   int  // guarded by the lock of the line
	abandoned bool // guarded by the same: the last waiter has gone

	result   R // valid when done is closed
	err      error
	panicked any
}

func newFlight[R any](r Request) *flight[R] {
	return &flight[R]{request: r, done: make(chan struct{})}
}

// launch runs load for f and then finish, which closes f.done. The load belongs
// to all who will wait for it: the end of ctx, the first reader's, is not its end.
func launch[R any](l *lifetime, ctx context.Context, f *flight[R], load func(context.Context, Request) (R, error), finish func()) {
	lctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	stop := context.AfterFunc(l.ctx, cancel)
	f.cancel = cancel
	l.flying.Go(func() {
		defer stop()
		defer cancel()
		ended := false
		defer func() {
			if !ended {
				f.panicked = recover()
				f.err = f.failed(store.ErrUnavailable, fmt.Errorf("load panicked: %v", f.panicked))
			}
			finish()
		}()
		f.result, f.err = load(lctx, f.request)
		if store.IsContext(f.err) { // the readers' own contexts have not ended
			kind := store.ErrUnavailable
			if l.closed.Load() {
				kind = store.ErrClosed
			}
			f.err = f.failed(kind, fmt.Errorf("load ended early: %w", f.err))
		}
		ended = true
	})
}

func (f *flight[R]) failed(kind store.Kind, cause error) error {
	return &store.Error{Op: store.OpGet, ID: f.request.Key, Kind: kind, Err: cause}
}

// wait waits for f, or for the end of ctx. mu is the lock of the line; abandon is
// called with it when the last waiter goes: the load is cancelled then, and
// nobody may join it any more.
func (f *flight[R]) wait(ctx context.Context, mu *sync.Mutex, abandon func()) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		mu.Lock()
		defer mu.Unlock()
		f.waiters--
		select {
		case <-f.done:
		default:
			if f.waiters == 0 && !f.abandoned {
				f.abandoned = true
				f.cancel()
				abandon()
			}
		}
		return ctx.Err()
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.err
}
