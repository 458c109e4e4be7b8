package cosmos

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// features are what the store promises on a served account.
func features() storetest.Features {
	return storetest.Features{MaxBody: MaxBody, RefusedIDs: []string{"a|b", `a\b`, "a?b", "a#b"}, RowRev: true,
		OrderOnRead: true, OrderInFeed: true, NativeTTL: true, ReportsExpiry: true, HardDelete: true,
		Sessions: true, FeedHasTime: true, FeedHasDocs: true}
}

// deployment is how a harness deploys the store.
type deployment struct {
	account  cosmostest.Options
	change   func(*Config)
	chain    store.Chain
	features func(*storetest.Features)
	served   func(*cosmostest.Server)
}

func (d deployment) harness(t testing.TB) *storetest.Harness {
	srv := startFake(t, d.account)
	if d.served != nil {
		d.served(srv)
	}
	accounts := &Accounts{}
	h := &storetest.Harness{Features: features()}
	if d.features != nil {
		d.features(&h.Features)
	}
	h.Store = func(collection string) store.ArtifactStore {
		cfg := fakeConfig(srv)
		if d.change != nil {
			d.change(&cfg)
		}
		s, err := Open(t.Context(), cfg, collection, Deps{Accounts: accounts})
		if err != nil {
			t.Fatal(err)
		}
		chain := d.chain
		chain.Check = store.Check(&store.CheckOptions{Collection: collection, MaxBody: MaxBody, ID: store.CheckCosmosID})
		return chain.Over(s)
	}
	h.Attachments = func() store.AttachmentStore {
		return memory.NewAttachments(memory.AttachmentOptions{Collection: store.Whisks})
	}
	h.Advance = srv.Advance
	h.Requests = func() int64 { return srv.Counters().Total(cosmostest.CounterKey{}).Requests }
	return h
}

const tombstoneTTL = 15 * time.Minute

// softDeleting is the full chain, without the cache.
func (d deployment) softDeleting() deployment {
	soft, err := softdelete.New(tombstoneTTL)
	if err != nil {
		panic(err)
	}
	d.chain = store.Chain{SoftDelete: soft, Stamp: stamp.New("cluster-a")}
	change := d.change
	d.change = func(c *Config) {
		if change != nil {
			change(c)
		}
		c.SoftDeleteTTL, c.ClusterID = tombstoneTTL, "cluster-a"
	}
	more := d.features
	d.features = func(f *storetest.Features) {
		if more != nil {
			more(f)
		}
		f.HardDelete, f.TombstoneTTL, f.Stamp = false, tombstoneTTL, "cluster-a"
	}
	return d
}

func regions(n int) []string { return []string{"East US", "West Europe", "Japan East"}[:n] }

// deployments are the accounts that the suites run on.
var deployments = map[string]deployment{
	"one_range":     {},
	"ranges":        {account: cosmostest.Options{Ranges: 5}},
	"second_region": {account: cosmostest.Options{Regions: regions(2), Ranges: 2}, change: readIn("West Europe")},
	"lagging_region": {account: cosmostest.Options{Regions: regions(2), Ranges: 2, ReplicationDelay: 20 * time.Millisecond,
		SecondaryLag: 20 * time.Millisecond}, change: readIn("West Europe")},
	"multi_write": {account: cosmostest.Options{Regions: regions(3), Ranges: 2, MultiWrite: true, ReplicationDelay: 5 * time.Millisecond},
		change: readIn("Japan East"), features: unordered},
	"eventual_account": {account: cosmostest.Options{Consistency: "Eventual"}, change: func(c *Config) { c.ConsistencyLevel = "Eventual" },
		features: func(f *storetest.Features) { f.Sessions = false }},
}

// readIn prefers a region.
func readIn(region string) func(*Config) {
	return func(c *Config) { c.ConnectionPolicy.PreferredLocations = []string{region} }
}

// unordered is for accounts with several write regions: no order of their states
// is proven.
func unordered(f *storetest.Features) { f.OrderOnRead, f.OrderInFeed = false, false }

// TestStore shows rows CRUD, QRY, WQ, AQ, SQ and ATT, bare and under the chain.
func TestStore(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.TestStore(t, d.harness)
		})
	}
}

// TestStoreSoftDelete is the same with tombstones and cluster ids (row COS-08).
func TestStoreSoftDelete(t *testing.T) {
	for name, d := range deployments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.TestStore(t, d.softDeleting().harness)
		})
	}
}

// TestSwitches runs the suites under each answer of the service that nobody
// recorded, those of linearizability and the comparison with answers lost.
func TestSwitches(t *testing.T) {
	for _, sw := range cosmostest.AllSwitches() {
		t.Run(sw.Name, func(t *testing.T) {
			t.Parallel()
			d := deployment{account: cosmostest.Options{Regions: regions(2), Ranges: 2}, change: readIn("West Europe")}
			sw.Set(&d.account.Switches)
			storetest.TestStore(t, d.softDeleting().harness)
			storetest.TestLinearizability(t, d.softDeleting().disturbed(writesItem, 3), &storetest.LinearizabilityOptions{Calls: 20})
			d.softDeleting().replay(t, 40)
		})
	}
}
