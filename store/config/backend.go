package config

import (
	"context"
	"log/slog"
	"strings"
	"time"

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

func openDatabase(_ context.Context, p *plan, deps Deps) (database, error) {
	switch p.database {
	case onMemory:
		return embedded{now: deps.Now, log: deps.Logger}, nil
	case onCosmosDB:
		return nil, unsupported(providerKey, "this build has no Cosmos DB backend; set it to %s", onMemory)
	case onCouchDB:
		return nil, unsupported(providerKey, "this build has no CouchDB backend; set it to %s", onMemory)
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
	case onS3:
		return nil, unsupported(attachmentsKey, "this build has no S3 attachment store; set it to %s", onMemory)
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
