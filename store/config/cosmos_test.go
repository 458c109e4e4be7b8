package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// startAccount serves a Cosmos DB account and returns a configuration file that
// leads to it, with further lines.
func startAccount(t *testing.T, lines ...string) (srv *cosmostest.Server, file string) {
	t.Helper()
	srv, err := cosmostest.Start(cosmostest.Options{Ranges: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	file = filepath.Join(t.TempDir(), "whiskstore.yaml")
	text := fmt.Sprintf("whisk.spi.ArtifactStoreProvider: cosmosdb\nwhisk.cosmosdb: {endpoint: %q, key: %q, db: openwhisk}\n", srv.URL(), srv.Key())
	if err := os.WriteFile(file, []byte(text+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return srv, file
}

// TestCosmosDBStack puts, gets, lists, deletes and follows through a stack that
// a file describes.
func TestCosmosDBStack(t *testing.T) {
	ctx := t.Context()
	srv, file := startAccount(t,
		"whisk.db.cluster-id: elsewhere",
		"whisk.cosmosdb.cluster-id: eu",
		"whisk.cosmosdb.soft-delete-ttl: 1 h",
		"whisk.cosmosdb.collections.WhiskActivation: {time-to-live: 1 d, soft-delete-ttl: 0, db: activations, throughput: 0}")
	cfg, err := Load(&LoadOptions{File: file})
	if err != nil {
		t.Fatal(err)
	}
	p, err := cfg.plan()
	if err != nil {
		t.Fatal(err)
	}
	var closed []string
	s, err := p.open(ctx, Deps{}, openers{
		func(ctx context.Context, p *plan, deps Deps) (database, error) {
			db, err := openDatabase(ctx, p, deps)
			return recorder{db, &closed}, err
		}, openAttachments})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Whisks.Put(ctx, store.Document{ID: "guest/t", Body: []byte(`{"namespace":"guest","name":"t","entityType":"trigger","updated":1700000000000}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if doc, err := s.Whisks.Get(ctx, "guest/t", nil); err != nil || doc.Meta.ClusterID != "eu" || doc.Version.Rev != v.Rev {
		t.Errorf("got %+v, %v, want what cluster eu wrote at %s", doc, err, v.Rev)
	}
	var ids []string
	for row, err := range s.Whisks.Query(ctx, &store.Query{Table: "whisks.v2.1.0/triggers", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	if !slices.Equal(ids, []string{"guest/t"}) {
		t.Errorf("got %q, want the trigger", ids)
	}
	if _, err := s.Whisks.Delete(ctx, "guest/t", v.Rev, nil); err != nil {
		t.Fatal(err)
	}
	if doc, err := s.Whisks.Get(ctx, "guest/t", &store.GetOptions{Tombstones: true}); err != nil || !doc.Meta.Deleted || doc.Meta.Expires.IsZero() {
		t.Errorf("got %+v, %v, want a tombstone that expires", doc.Meta, err)
	}
	if _, err := s.Activations.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{"entityType":"activation"}`)}, nil); err != nil {
		t.Fatal(err)
	}
	if doc, err := s.Activations.Get(ctx, "guest/a", nil); err != nil || doc.Meta.Expires.IsZero() {
		t.Errorf("got %+v, %v, want an activation that lives a day", doc.Meta, err)
	}
	if _, err := s.Subjects.Get(ctx, "a|b", nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("got %v, want an id that Cosmos DB cannot store to be refused", err)
	}
	changes := 0
	ranges, err := s.Feeds.Whisks.Ranges(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		token, err := s.Feeds.Whisks.Start(ctx, r, store.FromBeginning())
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Feeds.Whisks.Next(ctx, r, token, nil)
		if err != nil {
			t.Fatal(err)
		}
		changes += len(page.Changes)
	}
	if len(ranges) != 2 || changes != 1 {
		t.Errorf("got %d changes in %d ranges, want 1 in 2", changes, len(ranges))
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Database: "activations", Operation: cosmostest.CreateItem}); n.Requests != 1 {
		t.Errorf("got %d creations in the activations' own database, want 1", n.Requests)
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadAccount}); n.Requests != 1 {
		t.Errorf("the account document was read %d times, want one client for three collections", n.Requests)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("second close: got %v, want closed", err)
	}
	want := []string{"feed of subjects", "feed of activations", "feed of whisks", "subjects", "activations", "whisks", "database"}
	if !slices.Equal(closed, want) {
		t.Errorf("closed %q, want %q", closed, want)
	}
}

// recorder writes down what of a database is closed.
type recorder struct {
	database
	closed *[]string
}

func (r recorder) open(ctx context.Context, c *collectionPlan) (part, error) {
	p, err := r.database.open(ctx, c)
	p.store = recordedStore{p.store, c.collection, r.closed}
	p.feed = recordedFeed{p.feed, "feed of " + c.collection, r.closed}
	return p, err
}

func (r recorder) close() error {
	*r.closed = append(*r.closed, "database")
	return r.database.close()
}

type recordedStore struct {
	store.ArtifactStore
	name   string
	closed *[]string
}

func (r recordedStore) Close() error {
	*r.closed = append(*r.closed, r.name)
	return r.ArtifactStore.Close()
}

type recordedFeed struct {
	store.ChangeFeed
	name   string
	closed *[]string
}

func (r recordedFeed) Close() error {
	*r.closed = append(*r.closed, r.name)
	return r.ChangeFeed.Close()
}

// TestCosmosDBRefused: what cannot be opened is named, with what to change.
func TestCosmosDBRefused(t *testing.T) {
	container := func(properties azcosmos.ContainerProperties) func(*testing.T, *cosmostest.Server) {
		return func(t *testing.T, srv *cosmostest.Server) {
			own := &http.Transport{}
			defer own.CloseIdleConnections()
			o := &azcosmos.ClientOptions{}
			o.Transport = &http.Client{Transport: own}
			client, err := srv.Client(o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "openwhisk"}, nil); err != nil {
				t.Fatal(err)
			}
			db, err := client.NewDatabase("openwhisk")
			if err != nil {
				t.Fatal(err)
			}
			properties.ID = store.Whisks
			if _, err := db.CreateContainer(t.Context(), properties, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	pk := func(path string) azcosmos.PartitionKeyDefinition {
		return azcosmos.PartitionKeyDefinition{Paths: []string{path}}
	}
	forever := int32(-1)
	for _, tc := range []struct {
		name    string
		line    string
		prepare func(*testing.T, *cosmostest.Server)
		kind    store.Kind
		want    []string
	}{
		{"wrong_key", "whisk.cosmosdb.collections.WhiskAuth.key: d3Jvbmc=", nil, store.ErrUnauthorized, []string{"whisk.cosmosdb for WhiskAuth", "check key"}},
		{"no_base64", "whisk.cosmosdb.collections.WhiskEntity.key: letmein!", nil, store.ErrInvalid, []string{"key: is not Base64"}},
		{"unknown_host", "whisk.cosmosdb.collections.WhiskEntity.endpoint: http://nowhere.invalid:1", nil, store.ErrUnavailable, []string{"check endpoint http://nowhere.invalid:1"}},
		{"missing_database", "", func(_ *testing.T, srv *cosmostest.Server) {
			srv.Inject(cosmostest.Fault{Status: http.StatusForbidden, Match: func(r *cosmostest.Request) bool { return r.Operation == cosmostest.CreateDatabase }})
		}, store.ErrNotFound, []string{"database openwhisk does not exist", "create it beforehand"}},
		{"other_partition_key", "", container(azcosmos.ContainerProperties{PartitionKeyDefinition: pk("/namespace"), DefaultTimeToLive: &forever}),
			store.ErrInvalid, []string{"whisk.cosmosdb for WhiskEntity", "partition key", "create the container anew"}},
		{"ttl_off", "whisk.db.soft-delete-ttl: 1 h", container(azcosmos.ContainerProperties{PartitionKeyDefinition: pk("/id")}),
			store.ErrInvalid, []string{"time to live is off", "remove soft-delete-ttl"}},
		{"stronger_than_the_account", "whisk.cosmosdb.consistency-level: Strong", nil, store.ErrInvalid, []string{"consistency-level", "weaker"}},
		{"part_of_a_second", "whisk.db.soft-delete-ttl: 1500 ms", nil, store.ErrInvalid, []string{"soft-delete-ttl", "whole seconds"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, file := startAccount(t, tc.line)
			if tc.prepare != nil {
				tc.prepare(t, srv)
			}
			cfg, err := Load(&LoadOptions{File: file})
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), cfg, Deps{})
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, tc.kind) {
				t.Fatalf("got %v, want %v", err, tc.kind)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			for _, secret := range []string{srv.Key(), "letmein", "d3Jvbmc="} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows the key: %v", err)
				}
			}
		})
	}
}
