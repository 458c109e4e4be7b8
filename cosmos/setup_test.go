package cosmos

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// TestSetup shows the rows of initialisation.
func TestSetup(t *testing.T) {
	ctx := t.Context()
	t.Run("COS-01_throughput", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		for _, c := range []string{store.Whisks, store.Subjects, store.Activations} {
			s := openFake(t, srv, c, Deps{}, func(c *Config) { c.Throughput = 400 })
			resp, err := s.reader.ReadThroughput(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := resp.ThroughputProperties.ManualThroughput(); got != 400 {
				t.Errorf("throughput of %s: got %d, want 400", c, got)
			}
		}
	})
	t.Run("COS-02_cluster_id", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		cfg := fakeConfig(srv)
		cfg.ClusterID = "foo"
		s, err := Open(ctx, cfg, store.Whisks, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		chain := store.Chain{Stamp: stamp.New(cfg.ClusterID)}.Over(s)
		defer chain.Close()
		if _, err := chain.Put(ctx, store.Document{ID: "guest/pkg", Body: []byte(`{"namespace":"guest","entityType":"package"}`)}, nil); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, s, "guest/pkg")["_clusterId"]; got != "foo" {
			t.Errorf("_clusterId: got %v, want foo", got)
		}
	})
	for collection, paths := range includedPaths {
		t.Run("COS-09_indexing_"+collection, func(t *testing.T) {
			s := openFake(t, startFake(t, cosmostest.Options{}), collection, Deps{}, nil)
			props, err := s.readContainer(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range props.IndexingPolicy.IncludedPaths {
				got = append(got, p.Path)
			}
			if !slices.Equal(got, paths) {
				t.Errorf("included paths: got %q, want %q", got, paths)
			}
			if props.DefaultTimeToLive == nil || *props.DefaultTimeToLive != -1 {
				t.Errorf("default time to live: got %v, want -1", props.DefaultTimeToLive)
			}
			if pk := props.PartitionKeyDefinition; !slices.Equal(pk.Paths, []string{"/id"}) {
				t.Errorf("partition key: got %v, want /id", pk.Paths)
			}
		})
	}
	t.Run("COS-10_time_to_live", func(t *testing.T) {
		s := openFake(t, startFake(t, cosmostest.Options{}), store.Activations, Deps{}, func(c *Config) { c.TimeToLive = time.Minute })
		if got := s.here().defaultTTL; got != 60 {
			t.Errorf("default time to live of the container: got %d, want 60", got)
		}
		mustPut(t, s, "guest/1", []byte(`{}`))
		doc, err := s.Get(ctx, "guest/1", nil)
		if left := time.Until(doc.Meta.Expires); err != nil || left < 50*time.Second || left > 61*time.Second {
			t.Errorf("expiry of a document: got %v from now and %v, want about a minute", left, err)
		}
	})
	t.Run("COS-11_time_to_live_of_others", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		for _, collection := range []string{store.Whisks, store.Subjects} {
			cfg := fakeConfig(srv)
			cfg.TimeToLive = time.Minute
			accounts := &Accounts{}
			// Upstream's guard is passed by when the client is in use already.
			openFake(t, srv, store.Activations, Deps{Accounts: accounts}, func(c *Config) { c.TimeToLive = time.Minute })
			_, err := Open(ctx, cfg, collection, Deps{Accounts: accounts})
			wantKind(t, "open "+collection, err, store.ErrInvalid)
		}
	})
	t.Run("COS-12_defaults", func(t *testing.T) {
		c := DefaultConfig()
		want := Config{Throughput: 1000, ConsistencyLevel: "Session", RecordUsageFrequency: 10 * time.Minute, RetryStatsEnabled: true,
			ConnectionPolicy: ConnectionPolicy{MaxPoolSize: 1000, ConnectionMode: "Gateway",
				RetryOptions: RetryOptions{MaxRetryAttemptsOnThrottledRequests: 9, MaxRetryWaitTime: 30 * time.Second}}}
		if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", want) {
			t.Errorf("defaults: got %+v, want %+v", c, want)
		}
	})
	t.Run("COS-D10_existing_is_left", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		ttl := int32(-1)
		makeContainer(t, srv, azcosmos.ContainerProperties{ID: store.Whisks, DefaultTimeToLive: &ttl,
			PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/id"}}})
		var out bytes.Buffer
		openFake(t, srv, store.Whisks, Deps{Logger: slog.New(slog.NewTextHandler(&out, nil))}, nil)
		if !strings.Contains(out.String(), "indexing policy differs") {
			t.Errorf("log: got %s, want a warning of the policy", &out)
		}
		n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReplaceContainer}).Requests
		if n != 0 {
			t.Errorf("container replaced %d times, want never", n)
		}
		out.Reset()
		openFake(t, srv, store.Subjects, Deps{Logger: slog.New(slog.NewTextHandler(&out, nil))}, nil).Close()
		out.Reset()
		openFake(t, srv, store.Subjects, Deps{Logger: slog.New(slog.NewTextHandler(&out, nil))}, nil)
		if strings.Contains(out.String(), "differs") {
			t.Errorf("log for our own container: got %s, want no warning", &out)
		}
	})
	t.Run("COS-D11_per_document_time_to_live", func(t *testing.T) {
		s, srv := openWhisks(t, cosmostest.Options{})
		if _, err := s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, &store.PutOptions{TTL: time.Minute}); err != nil {
			t.Fatal(err)
		}
		srv.Advance(2 * time.Minute)
		_, err := s.Get(ctx, "guest/a", nil)
		wantKind(t, "get after the document's time", err, store.ErrNotFound)
	})
	t.Run("many_at_once", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				s, err := Open(ctx, fakeConfig(srv), store.Whisks, Deps{})
				if errs[i] = err; err == nil {
					s.Close()
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Errorf("concurrent creation: got %v, want success everywhere", err)
		}
	})
}
