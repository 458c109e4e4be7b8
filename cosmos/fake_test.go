package cosmos

import (
	"testing"

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
