package cosmos

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// writeFaults are the answers after which nobody knows whether a write happened,
// each both with and without the write having been carried out, and throttling,
// after which it has not.
var writeFaults = []cosmostest.Fault{
	{DropReply: true}, {DropRequest: true},
	{Status: http.StatusRequestTimeout}, {Status: http.StatusRequestTimeout, Apply: true},
	{Status: http.StatusInternalServerError}, {Status: http.StatusInternalServerError, Apply: true},
	{Status: http.StatusServiceUnavailable}, {Status: http.StatusServiceUnavailable, Apply: true},
	{Status: statusRetryWith}, {Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond},
}

func writesItem(r *cosmostest.Request) bool {
	switch r.Operation {
	case cosmostest.CreateItem, cosmostest.ReplaceItem, cosmostest.PatchItem, cosmostest.DeleteItem:
		return true
	}
	return false
}

// isMaking is writesItem without physical deletions.
func isMaking(r *cosmostest.Request) bool {
	return writesItem(r) && r.Operation != cosmostest.DeleteItem
}

// disturb makes a share of the matching requests fail, in all ways.
func disturb(srv *cosmostest.Server, match func(*cosmostest.Request) bool, share float64, seed uint64) {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	for _, f := range writeFaults {
		f.Match = func(r *cosmostest.Request) bool {
			if !match(r) {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			return random.Float64() < share/float64(len(writeFaults))
		}
		srv.Inject(f)
	}
}

// disturbed is a deployment some of whose writes fail.
func (d deployment) disturbed(match func(*cosmostest.Request) bool, seed uint64) storetest.NewHarness {
	const share = 0.3
	d.served = func(srv *cosmostest.Server) { disturb(srv, match, share, seed) }
	return d.harness
}

// TestLinearizability holds that single documents behave like registers, with
// replies lost between client and service as well as above the store.
func TestLinearizability(t *testing.T) {
	for name, d := range deployments {
		if name == "eventual_account" {
			continue // it promises no order of reads
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.TestLinearizability(t, d.harness, nil)
		})
		t.Run(name+"_disturbed", func(t *testing.T) {
			t.Parallel()
			storetest.TestLinearizability(t, d.softDeleting().disturbed(writesItem, 1), nil)
		})
		t.Run(name+"_disturbed_hard", func(t *testing.T) {
			t.Parallel()
			// Physical deletions are spared: of two at one revision both succeed when the
			// answer to the one that came too late is lost, as the contract has it.
			storetest.TestLinearizability(t, d.disturbed(isMaking, 2), nil)
		})
	}
}

// every matches one request in n.
func every(n int64) func(*cosmostest.Request) bool {
	var count atomic.Int64
	return func(*cosmostest.Request) bool { return count.Add(1)%n == 0 }
}

// TestReplay compares the store with the embedded one, operation by operation,
// on an account that throttles. Answers are not lost: what is in doubt here is
// certain there.
func TestReplay(t *testing.T) {
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		for _, name := range []string{"ranges", "second_region", "multi_write"} {
			t.Run(collection+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := deployments[name]
				d.served = func(srv *cosmostest.Server) {
					srv.Inject(cosmostest.Fault{Match: every(5), Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond})
				}
				h := d.harness(t)
				check := store.Check(&store.CheckOptions{Collection: collection})
				m, err := memory.New(memory.Options{Collection: collection})
				if err != nil {
					t.Fatal(err)
				}
				other := check(m)
				own := h.Store(collection)
				t.Cleanup(func() { other.Close(); own.Close() })
				storetest.Replay(t, &storetest.ReplayOptions{Collection: collection, A: h.Features,
					B: storetest.Features{ExactBodies: true, ExactNumbers: true, RowRev: true, HardDelete: true}}, own, other)
			})
		}
	}
}
