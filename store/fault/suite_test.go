package fault_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/fault"
	"github.com/whiskstore/whiskstore/store/internal/suitetest"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// patient repeats what definitely failed and goes on where a loop was cut, so that
// callers see nothing of such faults.
type patient struct {
	next store.ArtifactStore
	seen *atomic.Int64 // the faults
}

// attempts bounds the repetitions: with one call in three failing, one of a
// thousand million fails that often.
const attempts = 20

func passing(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrThrottled)
}

// again repeats call until it ends otherwise than by a passing failure.
func again[T any](p *patient, call func() (T, error)) (v T, err error) {
	for range attempts {
		if v, err = call(); !passing(err) {
			break
		}
		p.seen.Add(1)
	}
	return v, err
}

func (p *patient) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	return again(p, func() (store.Document, error) { return p.next.Get(ctx, id, opts) })
}

func (p *patient) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	return again(p, func() (store.Version, error) { return p.next.Put(ctx, doc, opts) })
}

func (p *patient) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	return again(p, func() (store.Version, error) { return p.next.Delete(ctx, id, rev, opts) })
}

func (p *patient) Count(ctx context.Context, q *store.Query) (int64, error) {
	return again(p, func() (int64, error) { return p.next.Count(ctx, q) })
}

func (p *patient) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		given, reported := 0, 0
		for range attempts {
			cut, skip := false, given
			again, skipReports := *q, reported
			if q.OnUnreadable != nil {
				again.OnUnreadable = func(err error) {
					if skipReports > 0 {
						skipReports--
						return
					}
					reported++
					q.OnUnreadable(err)
				}
			}
			for row, err := range p.next.Query(ctx, &again) {
				if cut = passing(err); cut {
					break
				}
				if skip > 0 && err == nil {
					skip--
					continue
				}
				if given++; !yield(row, err) {
					return
				}
			}
			if !cut {
				return
			}
			p.seen.Add(1)
		}
	}
}

func (p *patient) Close() error { return p.next.Close() }

// The suites pass over a store that fails all the time, behind a caller who
// repeats: a call that failed has done nothing, and a loop that was cut has yielded
// what it should up to there.
func TestSuiteUnderFaults(t *testing.T) {
	rules := []fault.Rule{
		{Name: "latency", Probability: 0.3, Fault: fault.Delay(0, 200*time.Microsecond)},
		{Name: "throttled", Probability: 0.1, Fault: fault.Fail(store.ErrThrottled)},
		{Name: "down", Probability: 0.1, Fault: fault.Fail(nil)},
		{Name: "cut", Probability: 0.2, Fault: fault.Cut(2, nil)},
		{Name: "cut at once", Probability: 0.2, Fault: fault.Cut(0, nil)},
	}
	in := injector(t, 1, rules...)
	var seen atomic.Int64
	suitetest.Run(t, func(_ testing.TB, collection string, backend store.ArtifactStore) store.ArtifactStore {
		return store.Check(&store.CheckOptions{Collection: collection})(&patient{in.Wrap(backend), &seen})
	}, nil)
	surfaced := 0
	for _, r := range rules {
		c := in.Counts(r.Name)
		if c.Surfaced == 0 {
			t.Errorf("%s: got %+v, want some that surfaced", r.Name, c)
		}
		if r.Name != "latency" {
			surfaced += c.Surfaced
		}
	}
	if int64(surfaced) != seen.Load() {
		t.Errorf("got %d faults that surfaced, want the %d that were seen", surfaced, seen.Load())
	}
}

// Replies that are lost leave a history that still has an order.
func TestLinearizabilityUnderFaults(t *testing.T) {
	in := injector(t, 1,
		fault.Rule{Name: "latency", Probability: 0.3, Fault: fault.Delay(0, 200*time.Microsecond)},
		fault.Rule{Name: "lost", Probability: 0.15, Fault: fault.LoseReply(nil)},
		fault.Rule{Name: "down", Probability: 0.1, Fault: fault.Fail(nil)})
	storetest.TestLinearizability(t, func(t testing.TB) *storetest.Harness {
		return suitetest.Harness(t, suitetest.Wrapped(func(testing.TB, string) store.Middleware { return in.Wrap }), nil)
	}, &storetest.LinearizabilityOptions{Clients: 4, Calls: 30})
	if c := in.Counts("lost"); c.Surfaced == 0 {
		t.Errorf("got %+v, want replies that were lost", c)
	}
}
