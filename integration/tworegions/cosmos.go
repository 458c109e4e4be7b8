package tworegions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// cosmosBackend is the value of Config.Backend for a fake Cosmos DB account.
const cosmosBackend = "cosmosdb"

// fakeAccount is an account of two regions that replicates by itself. Nodes
// write in its first region, whatever the collection, and read in their own.
type fakeAccount struct {
	srv    *cosmostest.Server
	cfg    Config
	opened []store.ArtifactStore // those of nodes
}

// AccountStats is what one region of the account served. The comparisons of the
// regions and the checks at rest are part of it.
type AccountStats struct {
	Region       string  `json:"region"`
	Requests     int64   `json:"requests"`
	Writes       int64   `json:"writes"`
	RequestUnits float64 `json:"requestUnits"`
}

func newFakeAccount(cfg Config) (*fakeAccount, error) {
	srv, err := cosmostest.Start(cosmostest.Options{
		Regions: regionNames(), Ranges: 2, ReplicationDelay: cfg.Delay,
		// A read whose session is not there yet waits for it, so that it need not be
		// answered by the other region: nodes of one region see one replica.
		SessionWait: 2*cfg.Delay + time.Second,
	})
	if err != nil {
		return nil, err
	}
	return &fakeAccount{srv: srv, cfg: cfg}, nil
}

// region returns a region of the account, with stores that observe it.
func (a *fakeAccount) region(ctx context.Context, name string, primary bool) (*region, error) {
	r := emptyRegion(name, primary)
	if !primary {
		r.behind = a.cfg.Delay
	}
	for _, c := range collections() {
		s, err := a.open(ctx, name, c, &cosmos.Accounts{})
		if err != nil {
			return r, err
		}
		feed, err := s.Feed(&cosmos.FeedOptions{Region: name})
		if err != nil {
			return r, errors.Join(err, s.Close())
		}
		r.stores[c] = accountCollection{s, feed}
	}
	return r, nil
}

// open opens a collection as a process in the region does; clients are those of
// the process.
func (a *fakeAccount) open(ctx context.Context, region, collection string, clients *cosmos.Accounts) (*cosmos.Store, error) {
	cfg := cosmos.DefaultConfig()
	cfg.Endpoint, cfg.Key, cfg.DB = a.srv.URL(), a.srv.Key(), "openwhisk"
	cfg.ClusterID, cfg.SoftDeleteTTL = region, a.cfg.TombstoneTTL
	cfg.RecordUsageFrequency = 0
	cfg.ConnectionPolicy.PreferredLocations = []string{region}
	for _, other := range regionNames() {
		if other != region {
			cfg.ConnectionPolicy.PreferredLocations = append(cfg.ConnectionPolicy.PreferredLocations, other)
		}
	}
	if a.cfg.sabotage == noReadRouting {
		cfg.ConsistencyLevel = "Eventual"
	}
	return cosmos.Open(ctx, cfg, collection, cosmos.Deps{Accounts: clients})
}

// connect opens a collection for a node.
func (a *fakeAccount) connect(ctx context.Context, r *region, collection string, clients *cosmos.Accounts) (store.ArtifactStore, error) {
	s, err := a.open(ctx, r.name, collection, clients)
	if err != nil {
		return nil, err
	}
	a.opened = append(a.opened, s)
	return &account{backend: s, requests: &r.requests}, nil
}

// stats returns the figures of each region so far.
func (a *fakeAccount) stats() []AccountStats {
	var all []AccountStats
	counts := a.srv.Counters()
	for _, name := range a.srv.Regions() {
		total := counts.Total(cosmostest.CounterKey{Region: name})
		s := AccountStats{Region: name, Requests: total.Requests, RequestUnits: total.Charge}
		for _, op := range []cosmostest.Operation{cosmostest.CreateItem, cosmostest.UpsertItem, cosmostest.ReplaceItem,
			cosmostest.DeleteItem, cosmostest.PatchItem, cosmostest.Batch} {
			s.Writes += counts.Total(cosmostest.CounterKey{Region: name, Operation: op}).Requests
		}
		all = append(all, s)
	}
	return all
}

// disrupt holds replication back and writes once more, for a run that is to
// notice it.
func (a *fakeAccount) disrupt(ctx context.Context, n *node) error {
	a.srv.PauseReplication(regionNames()[1])
	return n.create(ctx)
}

// closeNodes closes what nodes have opened.
func (a *fakeAccount) closeNodes() error {
	var errs []error
	for _, s := range a.opened {
		errs = append(errs, s.Close())
	}
	a.opened = nil
	return errors.Join(errs...)
}

// accountCollection is a collection of the account as one region has it.
type accountCollection struct {
	*cosmos.Store
	feed *cosmos.Feed
}

func (s accountCollection) changes() store.ChangeFeed { return s.feed }

func (s accountCollection) Close() error { return errors.Join(s.feed.Close(), s.Store.Close()) }

// line is the account's figures in one line.
func (a *fakeAccount) line() string {
	text := "account"
	for _, s := range a.stats() {
		text += fmt.Sprintf(" %s %d requests %.0f RU", s.Region, s.Requests, s.RequestUnits)
	}
	return text
}
