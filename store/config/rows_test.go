package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// load reads a file of these lines.
func load(t *testing.T, lines ...string) *Config {
	t.Helper()
	cfg, err := Load(&LoadOptions{File: "test.yaml", Text: []byte(strings.Join(lines, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestCosmosDB shows what upstream's own tests ask of the configuration; what
// becomes of it in a container is the backend's.
func TestCosmosDB(t *testing.T) {
	account := []string{
		"whisk.spi.ArtifactStoreProvider: cosmosdb",
		"whisk.cosmosdb.endpoint: http://localhost",
		"whisk.cosmosdb.key: foo",
		"whisk.cosmosdb.db: openwhisk",
	}
	t.Run("COS-11_ttl_for_activations_only", func(t *testing.T) {
		cfg := load(t, append(account, "whisk.cosmosdb.collections.WhiskEntity.time-to-live: 60 s")...)
		if got := cfg.CosmosDB.Collections.WhiskEntity.TimeToLive.String(); got != "1 m" {
			t.Errorf("got a time to live of %v, want 1 m", got)
		}
		_, err := Open(t.Context(), cfg, Deps{})
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "collections.WhiskActivation.time-to-live") {
			t.Errorf("got %v, want an invalid argument that says what to set", err)
		}
	})
	t.Run("COS-12_defaults", func(t *testing.T) {
		c := load(t, account...).CosmosDB.Collections.WhiskAuth
		p := c.ConnectionPolicy
		if p.ConnectionMode != "Gateway" || p.MaxPoolSize != 1000 || p.PreferredLocations != nil || p.UsingMultipleWriteLocations ||
			p.RetryOptions.MaxRetryAttempts != 9 || p.RetryOptions.MaxRetryWaitTime.String() != "30 s" {
			t.Errorf("got %+v, want the defaults of upstream's SDK", p)
		}
	})
	t.Run("COS-13_account", func(t *testing.T) {
		c := load(t, account...).CosmosDB.Collections.WhiskAuth
		if c.Endpoint != "http://localhost" || c.Key.Reveal() != "foo" || c.DB != "openwhisk" {
			t.Errorf("got %q, a key and %q, want http://localhost, foo and openwhisk", c.Endpoint, c.DB)
		}
	})
	pool := append(account, "whisk.cosmosdb.connection-policy.max-pool-size: 42")
	t.Run("COS-14_policy", func(t *testing.T) {
		p := load(t, pool...).CosmosDB.Collections.WhiskAuth.ConnectionPolicy
		if p.MaxPoolSize != 42 || p.ConnectionMode != "Gateway" || p.RetryOptions.MaxRetryAttempts != 9 {
			t.Errorf("got %+v, want a pool of 42 and defaults", p)
		}
	})
	t.Run("COS-15_deep_merge", func(t *testing.T) {
		cfg := load(t, append(pool, strings.Split(`whisk.cosmosdb.connection-policy.retry-options.max-retry-wait-time: 2 m
whisk.cosmosdb.collections.WhiskAuth.connection-policy:
  using-multiple-write-locations: true
  preferred-locations: [a, b]
  connection-mode: Direct`, "\n")...)...)
		p := cfg.CosmosDB.Collections.WhiskAuth.ConnectionPolicy
		if !p.UsingMultipleWriteLocations || p.MaxPoolSize != 42 || p.ConnectionMode != "Direct" ||
			!slices.Equal(p.PreferredLocations, []string{"a", "b"}) || p.RetryOptions.MaxRetryWaitTime.String() != "2 m" {
			t.Errorf("got %+v, want the block over the common one", p)
		}
		if other := cfg.CosmosDB.Collections.WhiskEntity.ConnectionPolicy; other.UsingMultipleWriteLocations || other.PreferredLocations != nil {
			t.Errorf("got %+v for another collection, want the common block", other)
		}
	})
}
