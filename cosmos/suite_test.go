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
}

func (d deployment) harness(t testing.TB) *storetest.Harness {
	srv := startFake(t, d.account)
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

func TestStore(t *testing.T) { storetest.TestStore(t, deployment{}.harness) }
