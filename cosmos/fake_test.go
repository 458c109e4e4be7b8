package cosmos

import (
	"errors"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// startFake serves an account until the test has ended and its stores are
// closed.
func startFake(t testing.TB, o cosmostest.Options) *cosmostest.Server {
	t.Helper()
	srv, err := cosmostest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// fakeConfig is upstream's configuration for a served account, without the
// recording of usage.
func fakeConfig(srv *cosmostest.Server) Config {
	c := DefaultConfig()
	c.Endpoint, c.Key, c.DB = srv.URL(), srv.Key(), "whisk"
	c.RecordUsageFrequency = 0
	return c
}

// openFake opens a collection of a served account and closes it with the test.
// change, if any, alters the configuration, which the fake's own precedes.
func openFake(t testing.TB, srv *cosmostest.Server, collection string, d Deps, change func(*Config)) *Store {
	t.Helper()
	cfg := fakeConfig(srv)
	if change != nil {
		change(&cfg)
	}
	s, err := Open(t.Context(), cfg, collection, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !s.closed.Load() {
			s.Close()
		}
	})
	return s
}

// openWhisks is openFake for whisks on a fresh account.
func openWhisks(t testing.TB, o cosmostest.Options) (*Store, *cosmostest.Server) {
	t.Helper()
	srv := startFake(t, o)
	return openFake(t, srv, store.Whisks, Deps{}, nil), srv
}

func wantKind(t testing.TB, what string, err error, kind store.Kind) {
	t.Helper()
	if kind == 0 && err != nil || kind != 0 && !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	}
}

// container returns a bare client of a collection, for what the store never does.
func container(t testing.TB, srv *cosmostest.Server, collection string) *azcosmos.ContainerClient {
	t.Helper()
	client, err := srv.Client(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewContainer("whisk", collection)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// makeContainer makes a collection as somebody else may have made it.
func makeContainer(t testing.TB, srv *cosmostest.Server, props azcosmos.ContainerProperties) {
	t.Helper()
	client, err := srv.Client(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "whisk"}, nil); err != nil && failureOf(err).status != http.StatusConflict {
		t.Fatal(err)
	}
	db, err := client.NewDatabase("whisk")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateContainer(t.Context(), props, nil); err != nil {
		t.Fatal(err)
	}
}
