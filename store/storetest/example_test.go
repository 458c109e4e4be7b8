package storetest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// embedded makes a harness of the embedded store: fresh collections for every
// subtest, behind store.Check, and what the store promises beyond the contract.
func embedded(t testing.TB) *storetest.Harness {
	return &storetest.Harness{
		Features: storetest.Features{ExactBodies: true, ExactNumbers: true, RowRev: true, HardDelete: true},
		Store: func(collection string) store.ArtifactStore {
			s, err := memory.New(memory.Options{Collection: collection})
			if err != nil {
				t.Fatal(err)
			}
			return store.Check(&store.CheckOptions{Collection: collection})(s)
		},
	}
}

// A backend's test hands the constructor to the suites:
//
//	func TestStore(t *testing.T) { storetest.TestStore(t, embedded) }
//
// What the harness leaves out is skipped by name, here all that needs
// Harness.Advance, Harness.Attachments or Harness.PutUnreadable.
func Example() {
	h := embedded(nil)
	whisks := h.Store(store.Whisks)
	defer whisks.Close()
	_, err := whisks.Get(context.Background(), "guest/hello", nil)
	fmt.Println(err)
	fmt.Println("rows carry revisions:", h.Features.RowRev)
	// Output:
	// get whisks "guest/hello": not found
	// rows carry revisions: true
}

// TestLeastHarness holds that a suite runs with the least harness, and skips.
func TestLeastHarness(t *testing.T) { storetest.TestStore(t, embedded) }
