package storetest

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// lagging reads its views from a replica that catches up by one change with
// every other query.
type lagging struct {
	next    store.ArtifactStore // the primary
	replica *memory.Store
	feed    store.ChangeFeed
	token   store.Token
	queries int
}

func newLagging(t testing.TB, collection string, primary *memory.Store, next store.ArtifactStore, now func() time.Time) *lagging {
	replica, err := memory.New(memory.Options{Collection: collection, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	l := &lagging{next: next, replica: replica, feed: primary.Feed()}
	if l.token, err = l.feed.Start(background, store.Range{ID: "0"}, store.FromBeginning()); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lagging) catchUp() error {
	if l.queries++; l.queries%2 == 1 {
		return nil
	}
	page, err := l.feed.Next(background, store.Range{ID: "0"}, l.token, &store.NextOptions{Limit: 1})
	if err != nil {
		return err
	}
	l.token = page.Token
	for _, c := range page.Changes {
		if err := l.replica.Apply(background, c); err != nil {
			return err
		}
	}
	return nil
}

func (l *lagging) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := l.catchUp(); err != nil {
			yield(store.Row{}, err)
			return
		}
		l.replica.Query(ctx, q)(yield)
	}
}

func (l *lagging) Count(ctx context.Context, q *store.Query) (int64, error) {
	if err := l.catchUp(); err != nil {
		return 0, err
	}
	return l.replica.Count(ctx, q)
}

func (l *lagging) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return l.next.Get(ctx, id, opts)
}

func (l *lagging) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return l.next.Put(ctx, doc, opts)
}

// Delete always leaves a tombstone: a physical delete has no change.
func (l *lagging) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	var o store.DeleteOptions
	if opts != nil {
		o = *opts
	}
	if o.Tombstone == 0 {
		o.Tombstone = time.Hour
	}
	return l.next.Delete(ctx, id, rev, &o)
}

func (l *lagging) Close() error { return l.next.Close() }

// TestRetry holds that a store whose views lag passes with a schedule of
// retries, and fails without one.
func TestRetry(t *testing.T) {
	for _, schedule := range [][]time.Duration{make([]time.Duration, 100), nil} {
		outcomes := record(t, testStore, func(t testing.TB) *Harness {
			c := newClock()
			return &Harness{
				Features: Features{ExactBodies: true, ExactNumbers: true, Retry: schedule, NativeTTL: true, OrderOnWrite: true},
				Advance:  c.advance,
				Store: func(collection string) store.ArtifactStore {
					s, err := memory.New(memory.Options{Collection: collection, Now: c.Now})
					if err != nil {
						t.Fatal(err)
					}
					return store.Check(&store.CheckOptions{Collection: collection})(newLagging(t, collection, s, s, c.Now))
				},
			}
		})
		failed := failures(outcomes)
		if schedule != nil && len(failed) > 0 {
			t.Errorf("a store whose views lag, with retries: got failures of %q, want none\n%s", failed, logs(outcomes))
		}
		if all := strings.Join(failed, " "); schedule == nil && !strings.Contains(all, "QRY-10") {
			t.Errorf("a store whose views lag, without retries: got failures of %q, want QRY-10 among them", failed)
		}
	}
}
