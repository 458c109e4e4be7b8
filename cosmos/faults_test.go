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
	{DropReply: true}, {DropRequest: true}, {CutBody: 1},
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

// disturb makes a share of the matching requests fail, in all ways. It returns
// the number of those so far that may have been carried out.
func disturb(srv *cosmostest.Server, match func(*cosmostest.Request) bool, share float64, seed uint64) func() int {
	var doubtful []*cosmostest.Injected
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
		if in := srv.Inject(f); f.Status != http.StatusTooManyRequests {
			doubtful = append(doubtful, in)
		}
	}
	return func() (n int) {
		for _, in := range doubtful {
			n += in.Hits()
		}
		return n
	}
}

// disturbance is the share of writes that fail.
const disturbance = 0.3

// disturbed is a deployment some of whose writes fail.
func (d deployment) disturbed(match func(*cosmostest.Request) bool, seed uint64) storetest.NewHarness {
	d.served = func(srv *cosmostest.Server) { disturb(srv, match, disturbance, seed) }
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
// on an account that throttles and loses answers to writes.
func TestReplay(t *testing.T) {
	for _, name := range []string{"ranges", "second_region", "multi_write"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deployments[name].softDeleting().replay(t, 300)
		})
		t.Run(name+"_hard", func(t *testing.T) {
			t.Parallel()
			deployments[name].replay(t, 300)
		})
	}
}

// replay compares a disturbed deployment with the embedded store in logs of some
// length over each collection.
func (d deployment) replay(t *testing.T, operations int) {
	var lost func() int
	d.served = func(srv *cosmostest.Server) {
		lost = disturb(srv, writesItem, disturbance, rand.Uint64())
		srv.Inject(cosmostest.Fault{Match: every(5), Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond})
	}
	h := d.harness(t)
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		// Without tombstones a creation is not repeated, but for activations.
		settles := d.chain.SoftDelete != nil || collection == store.Activations
		t.Run(collection, func(t *testing.T) {
			m, err := memory.New(memory.Options{Collection: collection})
			if err != nil {
				t.Fatal(err)
			}
			other := store.Check(&store.CheckOptions{Collection: collection})(m)
			own := h.Store(collection)
			defer other.Close()
			defer own.Close()
			storetest.Replay(t, &storetest.ReplayOptions{Collection: collection, Operations: operations, A: h.Features,
				B:    storetest.Features{ExactBodies: true, ExactNumbers: true, RowRev: true, HardDelete: true},
				Lost: lost, Settles: settles}, own, other)
		})
	}
	if lost() == 0 {
		t.Error("answers that were lost: got none, want some")
	}
}
