package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// chained is memory under the decorators of a deployment with two clusters.
func chained(t testing.TB) *Harness {
	h := overMemory(spoiled{})(t)
	soft, err := softdelete.New(15 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	open := h.Store
	h.Store = func(collection string) store.ArtifactStore {
		return store.Chain{
			Check:      store.Check(&store.CheckOptions{Collection: collection}),
			SoftDelete: soft,
			Stamp:      stamp.New("east"),
		}.Over(open(collection))
	}
	h.Features.HardDelete = false
	h.Features.Stamp = "east"
	h.Features.TombstoneTTL = 15 * time.Minute
	return h
}

// TestChained holds that the features describe a chain, and nothing is skipped
// for it.
func TestChained(t *testing.T) {
	for name, suite := range map[string]func(tb, NewHarness){"store": testStore, "feed": testChangeFeed} {
		for sub, o := range record(t, suite, chained) {
			if o.failed || o.skipped {
				t.Errorf("%s/%s: got failed %v, skipped %v, want a pass\n%s", name, sub, o.failed, o.skipped, strings.Join(o.log, "\n"))
			}
		}
	}
}
