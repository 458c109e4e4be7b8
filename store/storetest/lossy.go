package storetest

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"

	"github.com/whiskstore/whiskstore/store"
)

// lossy loses the replies of a seventh of the writes: they fail with ErrInDoubt,
// and have happened, happen later, or never happen.
type lossy struct {
	next store.ArtifactStore

	mu   sync.Mutex // guards what follows
	rng  *rand.Rand
	lost int // replies so far

	late sync.WaitGroup // writes that happen later; Close waits for them
}

var _ store.ArtifactStore = (*lossy)(nil)

func newLossy(next store.ArtifactStore, seed uint64) *lossy {
	return &lossy{next: next, rng: rand.New(rand.NewPCG(seed, 2))}
}

var errLost = errors.New("the reply was lost")

// lose runs a write, or not, and reports whether its reply is lost.
func (l *lossy) lose(write func()) bool {
	l.mu.Lock()
	fate := l.rng.IntN(21)
	if fate < 3 {
		l.lost++
	}
	l.mu.Unlock()
	switch fate {
	case 0: // never
	case 1: // later
		l.late.Go(write)
	case 2:
		write()
	default:
		write()
		return false
	}
	return true
}

func (l *lossy) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	var v store.Version
	var err error
	if l.lose(func() { v, err = l.next.Put(context.WithoutCancel(ctx), doc, opts) }) {
		return store.Version{}, &store.Error{Op: store.OpPut, ID: doc.ID, Kind: store.ErrInDoubt, Err: errLost}
	}
	return v, err
}

func (l *lossy) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	var v store.Version
	var err error
	if l.lose(func() { v, err = l.next.Delete(context.WithoutCancel(ctx), id, rev, opts) }) {
		return store.Version{}, &store.Error{Op: store.OpDelete, ID: id, Kind: store.ErrInDoubt, Err: errLost}
	}
	return v, err
}

func (l *lossy) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return l.next.Get(ctx, id, opts)
}

func (l *lossy) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return l.next.Query(ctx, q)
}

func (l *lossy) Count(ctx context.Context, q *store.Query) (int64, error) {
	return l.next.Count(ctx, q)
}

func (l *lossy) Close() error {
	l.late.Wait()
	return l.next.Close()
}
