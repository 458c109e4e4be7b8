package cosmos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// openHub opens whisks as another process would, with little patience for old
// knowledge of the account.
func openHub(t testing.TB, srv *cosmostest.Server, knownFor time.Duration) *Store {
	s := openFake(t, srv, store.Whisks, Deps{}, nil)
	s.account.hub.knownFor = knownFor
	return s
}

// countUp adds one to a counter under compare-and-swap until told to stop, and
// returns how often it did.
func countUp(ctx context.Context, s *Store, id string, stop <-chan struct{}) (n int, err error) {
	for {
		select {
		case <-stop:
			return n, nil
		default:
		}
		doc, err := s.Get(ctx, id, nil)
		if err != nil {
			return n, err
		}
		var body struct{ N int }
		if err := json.Unmarshal(doc.Body, &body); err != nil {
			return n, err
		}
		doc.Body = fmt.Appendf(nil, `{"n":%d}`, body.N+1)
		switch _, err := s.Put(ctx, doc, nil); {
		case err == nil:
			n++
		case !errors.Is(err, store.ErrConflict):
			return n, err
		}
	}
}

// When the hub of several write regions moves, no update is lost, and all write
// in the new one within a time that knownFor bounds, though azcosmos goes on with
// the old one for five minutes.
func TestHubMoves(t *testing.T) {
	const (
		knownFor = 300 * time.Millisecond
		lag      = 20 * time.Millisecond // of replication
		id       = "guest/counter"
	)
	ctx := t.Context()
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true, ReplicationDelay: lag})
	stores := make([]*Store, 3)
	for i := range stores {
		stores[i] = openHub(t, srv, knownFor)
	}
	mustPut(t, stores[0], id, []byte(`{"n":0}`))
	srv.Advance(2 * lag)

	stop := make(chan struct{})
	counts := make([]int, len(stores))
	errs := make([]error, len(stores))
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() { counts[i], errs[i] = countUp(ctx, s, id, stop) })
	}
	waitFor(t, "writes in the hub", func() bool { return writesByRegion(srv, store.Whisks)["East US"] > 20 })
	moved := time.Now()
	moveHub(srv, true)
	waitFor(t, "writes in the new hub", func() bool { return writesByRegion(srv, store.Whisks)["West Europe"] > 20 })
	if took := time.Since(moved); took > 20*knownFor {
		t.Errorf("writes began in the new hub after %v, want about %v", took, 3*knownFor)
	}
	before := writesByRegion(srv, store.Whisks)["East US"]
	waitFor(t, "more writes in the new hub", func() bool { return writesByRegion(srv, store.Whisks)["West Europe"] > 60 })
	close(stop)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if after := writesByRegion(srv, store.Whisks)["East US"]; after != before {
		t.Errorf("writes in the old hub once the new one had some: got %d more, want none", after-before)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	srv.Advance(2 * lag)
	if got := string(mustGet(t, stores[0], id).Body); got != fmt.Sprintf(`{"n":%d}`, total) {
		t.Errorf("counter: got %s after %d acknowledged updates", got, total)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within 30 s", what)
		}
	}
}

// A write waits while the hub has just moved, and says so when its time is up.
func TestHubMovedJustNow(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
	s := openHub(t, srv, time.Hour)
	s.cfg.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 50 * time.Millisecond
	mustPut(t, s, "a", []byte(`{}`))
	moveHub(srv, true)
	if err := s.account.hub.refresh(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	srv.ResetCounters()
	_, err := s.Put(t.Context(), store.Document{ID: "b", Body: []byte(`{}`)}, nil)
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, errHubMoved) {
		t.Errorf("write just after the move: got %v, want ErrUnavailable", err)
	}
	if got := writesByRegion(srv, store.Whisks); len(got) != 0 {
		t.Errorf("writes by region: got %v, want none", got)
	}
}

// Where the account document cannot be read, nothing is written in a hub that may
// no longer be one, and the wait for it ends with the context.
func TestHubUnknown(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
	s := openHub(t, srv, time.Nanosecond)
	s.cfg.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 50 * time.Millisecond
	isAccount := func(r *cosmostest.Request) bool { return r.Operation == cosmostest.ReadAccount }
	fault := srv.Inject(cosmostest.Fault{Match: isAccount, Status: http.StatusServiceUnavailable})
	srv.ResetCounters()
	_, err := s.Put(t.Context(), store.Document{ID: "a", Body: []byte(`{}`)}, nil)
	wantKind(t, "write while the account document is not to be had", err, store.ErrUnavailable)
	if got := writesByRegion(srv, store.Whisks); len(got) != 0 {
		t.Errorf("writes by region: got %v, want none", got)
	}
	fault.Remove()
	fault = srv.Inject(cosmostest.Fault{Match: isAccount, Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = s.Put(ctx, store.Document{ID: "a", Body: []byte(`{}`)}, nil)
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
		t.Errorf("write while the account document is slow: got %v after %v, want the context's error at once", err, took)
	}
	fault.Remove()
	mustPut(t, s, "a", []byte(`{}`))
}

// A hub that refuses connections is no reason to write elsewhere.
func TestHubDown(t *testing.T) {
	t.Parallel()
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
	s := openFake(t, srv, store.Whisks, Deps{}, readIn("West Europe"))
	v := mustPut(t, s, "a", []byte(`{}`))
	srv.TakeDown("East US")
	srv.ResetCounters()
	_, err := s.Put(t.Context(), store.Document{ID: "a", Version: v, Body: []byte(`{"n":1}`)}, nil)
	if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrInDoubt) { // the latter when a kept connection breaks
		t.Errorf("write with the hub down: got %v, want ErrUnavailable or ErrInDoubt", err)
	}
	if got := writesByRegion(srv, store.Whisks); len(got) != 0 {
		t.Errorf("writes by region: got %v, want none", got)
	}
}

// A write that no region accepts ends with the time for repetitions; azcosmos by
// itself goes on for two minutes.
func TestNoWriteRegion(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2)})
	s := openFake(t, srv, store.Whisks, Deps{}, func(c *Config) { c.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 200 * time.Millisecond })
	v := mustPut(t, s, "a", []byte(`{}`))
	srv.Inject(cosmostest.Fault{Match: writesItem, Status: http.StatusForbidden, Substatus: subWriteForbidden})
	began := time.Now()
	_, err := s.Put(t.Context(), store.Document{ID: "a", Version: v, Body: []byte(`{"n":1}`)}, nil)
	wantKind(t, "write that no region accepts", err, store.ErrUnavailable)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the write ended after %v, want about 200 ms", took)
	}
}

// Activations that were written in the nearest region go to the only one when the
// account stops to take writes in several.
func TestMultiWriteEnds(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
	s := openFake(t, srv, store.Activations, Deps{}, func(c *Config) {
		c.ConnectionPolicy.UsingMultipleWriteLocations = true
		c.ConnectionPolicy.PreferredLocations = []string{"West Europe"}
	})
	mustPut(t, s, "guest/1", []byte(`{}`))
	srv.SetMultiWrite(false)
	mustPut(t, s, "guest/2", []byte(`{}`))
	if got := writesByRegion(srv, store.Activations); got["East US"] != 1 {
		t.Errorf("writes by region: got %v, want one in East US", got)
	}
}

// Writes of a single-write account follow its write region there and back again,
// each at its first refusal.
func TestWriteRegionMoves(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2)})
	s := openFake(t, srv, store.Whisks, Deps{}, nil)
	v := mustPut(t, s, "a", []byte(`{"n":0}`))
	for i, region := range []string{"West Europe", "East US", "West Europe"} {
		srv.Failover(region, false)
		srv.ResetCounters()
		began := time.Now()
		w, err := s.Put(t.Context(), store.Document{ID: "a", Version: v, Body: fmt.Appendf(nil, `{"n":%d}`, i+1)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 900*time.Millisecond {
			t.Errorf("the write in %s took %v; azcosmos needs a second", region, took)
		}
		if got := writesByRegion(srv, store.Whisks); got[region] != 1 {
			t.Errorf("writes by region: got %v, want one in %s", got, region)
		}
		v = w
		if doc := mustGet(t, s, "a"); doc.Version.Rev != w.Rev {
			t.Errorf("read in its own wake: got %v, want %v", doc.Version, w)
		}
	}
}
