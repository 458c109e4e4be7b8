package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// The backends. Everything that chooses between them is in this file: a new one
// is a name, a line in each switch, and what its collections need in plan.go.
const (
	onMemory   = "memory"
	onCosmosDB = "cosmosdb"
	onCouchDB  = "couchdb"
	onS3       = "s3"
)

// databaseOf returns the database that whisk.spi.ArtifactStoreProvider names,
// "" if it names none that is known.
func databaseOf(provider string) string {
	switch strings.TrimSuffix(provider, "$") { // of a Scala object
	case onMemory, "org.apache.openwhisk.core.database.memory.MemoryArtifactStoreProvider":
		return onMemory
	case onCosmosDB, "org.apache.openwhisk.core.database.cosmosdb.CosmosDBArtifactStoreProvider":
		return onCosmosDB
	case onCouchDB, "org.apache.openwhisk.core.database.CouchDbStoreProvider":
		return onCouchDB
	}
	return ""
}

// attachmentsOf is databaseOf for whisk.spi.AttachmentStoreProvider.
func attachmentsOf(provider string) string {
	switch strings.TrimSuffix(provider, "$") {
	case onMemory, "org.apache.openwhisk.core.database.memory.MemoryAttachmentStoreProvider":
		return onMemory
	case onS3, "org.apache.openwhisk.core.database.s3.S3AttachmentStoreProvider":
		return onS3
	}
	return ""
}

// database is an opened backend. It opens collections, which are closed before
// it is.
type database interface {
	open(ctx context.Context, c *collectionPlan) (part, error)
	close() error
}

// part is one collection of a backend.
type part struct {
	store store.ArtifactStore
	feed  store.ChangeFeed
	check store.CheckOptions // what this backend needs to have checked
}

// built reports what a plan asks for and this build lacks.
func (p *plan) built() error {
	var errs []error
	if p.database == onCouchDB {
		errs = append(errs, unsupported(providerKey, "this build has no CouchDB backend; set it to %s or %s", onCosmosDB, onMemory))
	}
	if p.attachments == onS3 {
		errs = append(errs, unsupported(attachmentsKey, "this build has no S3 attachment store; set it to %s, or remove it", onMemory))
	}
	return errors.Join(errs...)
}

func openDatabase(_ context.Context, p *plan, deps Deps) (database, error) {
	switch p.database {
	case onMemory:
		return embedded{now: deps.Now, log: deps.Logger}, nil
	case onCosmosDB:
		return &cosmosDB{deps: deps, credentials: credentials{}}, nil
	}
	panic("config: no database " + p.database)
}

// openAttachments opens the attachment store, nil if there is none.
func openAttachments(_ context.Context, p *plan, deps Deps) (store.AttachmentStore, error) {
	switch p.attachments {
	case "":
		return nil, nil
	case onMemory:
		opts := memory.AttachmentOptions{Collection: store.Whisks, Now: deps.Now}
		if p.attachmentsDir == "" {
			return memory.NewAttachments(opts), nil
		}
		a, err := memory.OpenAttachments(p.attachmentsDir, opts)
		if err != nil {
			return nil, err // not a, which would be an interface that is not nil
		}
		return a, nil
	}
	panic("config: no attachment store " + p.attachments)
}

// embedded opens collections of package memory.
type embedded struct {
	now func() time.Time
	log *slog.Logger
}

func (e embedded) open(_ context.Context, c *collectionPlan) (part, error) {
	s, err := memory.New(memory.Options{
		Collection: c.collection,
		DefaultTTL: time.Duration(c.writes.TimeToLive),
		Dir:        c.dir,
		Now:        e.now,
		Logger:     e.log,
	})
	if err != nil {
		return part{}, err
	}
	return part{store: s, feed: s.Feed()}, nil
}

func (embedded) close() error { return nil }

// cosmosDB opens collections of package cosmos, which share the clients of
// accounts that are configured alike.
type cosmosDB struct {
	deps        Deps
	transport   http.RoundTripper // nil is the network
	accounts    cosmos.Accounts
	credentials credentials
}

func (d *cosmosDB) open(ctx context.Context, c *collectionPlan) (part, error) {
	at := func(err error) error {
		return fmt.Errorf("%s for %s: %w", cosmosBlock, c.class, err)
	}
	cfg := c.onCosmos()
	deps := cosmos.Deps{Accounts: &d.accounts, Transport: d.transport, Logger: d.deps.Logger, Meter: d.deps.MeterProvider}
	if err := d.credentials.sign(c.cosmos, &cfg, &deps); err != nil {
		return part{}, err
	}
	s, err := cosmos.Open(ctx, cfg, c.collection, deps)
	if err != nil {
		return part{}, at(err)
	}
	feed, err := s.Feed(nil)
	if err != nil {
		return part{}, at(errors.Join(err, s.Close()))
	}
	return part{store: s, feed: feed, check: store.CheckOptions{ID: store.CheckCosmosID}}, nil
}

// close has nothing left to close: a client goes with the last collection that
// uses it.
func (*cosmosDB) close() error { return nil }

// onCosmos returns the collection as package cosmos is configured, but for what
// signs requests.
func (c *collectionPlan) onCosmos() cosmos.Config {
	a, p := c.cosmos, c.cosmos.ConnectionPolicy
	return cosmos.Config{
		Endpoint:             string(a.Endpoint),
		DB:                   a.DB,
		Throughput:           a.Throughput,
		ConsistencyLevel:     a.ConsistencyLevel,
		TimeToLive:           time.Duration(c.writes.TimeToLive),
		ClusterID:            c.writes.ClusterID,
		SoftDeleteTTL:        time.Duration(c.writes.SoftDeleteTTL),
		RecordUsageFrequency: time.Duration(a.RecordUsageFrequency),
		RetryStatsEnabled:    a.RetryStatsEnabled,
		ConnectionPolicy: cosmos.ConnectionPolicy{
			MaxPoolSize:                 p.MaxPoolSize,
			UsingMultipleWriteLocations: p.UsingMultipleWriteLocations,
			ConnectionMode:              p.ConnectionMode,
			PreferredLocations:          p.PreferredLocations,
			RetryOptions: cosmos.RetryOptions{
				MaxRetryAttemptsOnThrottledRequests: p.RetryOptions.MaxRetryAttempts,
				MaxRetryWaitTime:                    time.Duration(p.RetryOptions.MaxRetryWaitTime),
			},
		},
	}
}
