package cosmos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"go.uber.org/goleak"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/stamp"
)

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

// TestRows shows the rows on documents.
func TestRows(t *testing.T) {
	ctx := t.Context()
	tomb := &store.DeleteOptions{Tombstone: tombstoneTTL, ClusterID: "c"}

	t.Run("COS-06_nothing_left_open", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		srv := cosmostest.NewServer(cosmostest.Options{Ranges: 3})
		cfg := fakeConfig(srv)
		cfg.RecordUsageFrequency = time.Hour
		s, err := Open(ctx, cfg, store.Whisks, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		for range s.Query(ctx, actionsOf("guest")) {
			break
		}
		s.Close()
		srv.Close()
		goleak.VerifyNone(t, before)
	})
	for _, c := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"COS-16_no_fields", []string{}, `{}`},
		{"COS-17_one_field", []string{"a"}, `{"a":r['a']}`},
		{"COS-18_nested_field", []string{"a", "b.c"}, `{"a":r['a'],"b":{"c":r['b']['c']}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, want := selectClause(c.fields, "o"), "r['id'] AS i, r['_etag'] AS e, r['o'] AS o, "+c.want+" AS d"
			if got != want {
				t.Errorf("select clause: got %s, want %s", got, want)
			}
		})
	}
	t.Run("COS-19_escape", func(t *testing.T) {
		if got, err := escapeID("foo/bar"); got != "foo|bar" || err != nil {
			t.Errorf("got %q and %v, want foo|bar", got, err)
		}
	})
	t.Run("COS-20_refused", func(t *testing.T) {
		s, _ := openWhisks(t, cosmostest.Options{})
		for _, id := range []string{"foo/bar|baz", `a\b`, "a?b", "a#b"} {
			_, err := s.Put(ctx, store.Document{ID: id, Body: []byte(`{}`)}, nil)
			wantKind(t, "put "+id, err, store.ErrInvalid)
			_, err = s.Get(ctx, id, nil)
			wantKind(t, "get "+id, err, store.ErrInvalid)
			_, err = s.Delete(ctx, id, "1", nil)
			wantKind(t, "delete "+id, err, store.ErrInvalid)
		}
	})
	t.Run("COS-21_and_back", func(t *testing.T) {
		escaped, err1 := escapeID("foo/bar")
		got, err2 := unescapeID(escaped)
		if got != "foo/bar" || err1 != nil || err2 != nil {
			t.Errorf("got %q, %v and %v, want foo/bar", got, err1, err2)
		}
	})
	t.Run("COS-22_usage_headers", func(t *testing.T) {
		h := http.Header{}
		h.Set(headerUsage, "documentsCount=5058;documentsSize=780;collectionSize=800;")
		h.Set(headerQuota, "collectionSize=1000;")
		h.Set(headerIndexing, "42")
		want := Usage{Documents: 5058, DocumentsKB: 780, CollectionKB: 800, IndexKB: 20, QuotaKB: 1000, IndexingProgress: 42}
		if got, ok := parseUsage(h); got != want || !ok {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	paths := func(list ...string) *azcosmos.IndexingPolicy {
		p := &azcosmos.IndexingPolicy{}
		for _, l := range list {
			p.IncludedPaths = append(p.IncludedPaths, azcosmos.IncludedPath{Path: l})
		}
		return p
	}
	t.Run("COS-23_same_policy", func(t *testing.T) {
		if p := paths("foo", "bar"); !samePolicy(p, p) || !samePolicy(p, paths("bar", "foo", `/"_etag"/?`)) {
			t.Error("a policy differs from itself")
		}
	})
	t.Run("COS-24_other_policy", func(t *testing.T) {
		if samePolicy(paths("foo", "bar"), paths("foo2", "bar")) {
			t.Error("policies with other paths are the same")
		}
	})
	t.Run("COS-25_policy_and_back", func(t *testing.T) {
		p := paths("foo", "bar", "bar")
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back azcosmos.IndexingPolicy
		if err := json.Unmarshal(text, &back); err != nil || !samePolicy(p, &back) {
			t.Errorf("got %+v and %v, want %+v", back, err, p)
		}
	})

	t.Run("COS-D1_differs", func(t *testing.T) {
		var seen []cosmostest.Exchange
		var mu sync.Mutex
		srv := startFake(t, cosmostest.Options{Observe: func(x cosmostest.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, x)
		}})
		s := openFake(t, srv, store.Whisks, Deps{}, nil)
		v := mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		seen = nil
		w, err := s.Delete(ctx, "guest/a", v.Rev, tomb)
		if err != nil || w.Rev == "" || w.Rev == v.Rev {
			t.Fatalf("delete: got %v and %v, want a new revision", w, err)
		}
		if len(seen) != 1 || seen[0].Operation != cosmostest.PatchItem || seen[0].Header.Get("If-Match") != v.Rev {
			t.Errorf("requests: got %d, the first %s with If-Match %s, want one conditional PATCH", len(seen), seen[0].Operation, seen[0].Header.Get("If-Match"))
		}
		got := stored(t, s, "guest/a")
		if got["_deleted"] != true || fmt.Sprint(got["ttl"]) != "900" || got["_clusterId"] != "c" || got["name"] != "a" {
			t.Errorf("tombstone: got %v", got)
		}
		doc, err := s.Get(ctx, "guest/a", &store.GetOptions{Tombstones: true})
		if err != nil || !doc.Meta.Deleted || doc.Meta.ClusterID != "c" || doc.Version.Rev != w.Rev || doc.Meta.Expires.IsZero() {
			t.Errorf("tombstone read: got %+v and %v", doc, err)
		}
	})
	t.Run("COS-D2_create_again", func(t *testing.T) {
		s, _ := openWhisks(t, cosmostest.Options{})
		v := mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		_, err := s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil)
		wantKind(t, "create over a live document", err, store.ErrConflict)
		if _, err := s.Delete(ctx, "guest/a", v.Rev, tomb); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, "guest/a", bodyAt("guest", "a", 2))
		got := stored(t, s, "guest/a")
		for _, gone := range []string{"ttl", "_deleted", deleteMark, "_clusterId"} {
			if v, ok := got[gone]; ok {
				t.Errorf("after creation over a tombstone: %s is %v, want none", gone, v)
			}
		}
	})
	t.Run("COS-D3_differs", func(t *testing.T) {
		s, _ := openWhisks(t, cosmostest.Options{})
		v := mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		w, err := s.Delete(ctx, "guest/a", v.Rev, tomb)
		if err != nil {
			t.Fatal(err)
		}
		for _, rev := range []string{v.Rev, w.Rev} {
			_, err = s.Delete(ctx, "guest/a", rev, tomb)
			wantKind(t, "soft delete of a tombstone at "+rev, err, store.ErrNotFound)
		}
		_, err = s.Delete(ctx, "guest/a", v.Rev, nil)
		wantKind(t, "delete of a tombstone", err, store.ErrNotFound)
	})
	t.Run("COS-D4_tombstones_of_others", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		whisks, subjects := openFake(t, srv, store.Whisks, Deps{}, nil), openFake(t, srv, store.Subjects, Deps{}, nil)
		for _, c := range []struct{ name, deleted string }{{"live", ""}, {"false", `,"_deleted":false`}, {"true", `,"_deleted":true`}, {"odd", `,"_deleted":1`}} {
			for s, raw := range map[*Store]string{
				whisks:   fmt.Sprintf(`{"id":"guest|%s","namespace":"guest","name":"a","updated":1,"entityType":"action","_c":{"rootns":"guest"}%s}`, c.name, c.deleted),
				subjects: fmt.Sprintf(`{"id":"%s","subject":"%s","namespaces":[{"name":"guest","uuid":"u","key":"k"}],"blocked":false%s}`, c.name, c.name, c.deleted),
			} {
				var id struct{ ID string }
				if err := json.Unmarshal([]byte(raw), &id); err != nil {
					t.Fatal(err)
				}
				if _, err := s.reader.CreateItem(ctx, azcosmos.NewPartitionKeyString(id.ID), []byte(raw), nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := []string{"false", "live"}
		if got := rowIDs(t, whisks, actionsOf("guest")); !slices.Equal(got, []string{"guest/false", "guest/live"}) {
			t.Errorf("actions: got %q, want %q", got, want)
		}
		if n, err := whisks.Count(ctx, actionsOf("guest")); n != 2 || err != nil {
			t.Errorf("count of actions: got %d and %v, want 2", n, err)
		}
		ids := &store.Query{Table: "subjects/identities", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest"}}
		if got := rowIDs(t, subjects, ids); !slices.Equal(got, want) {
			t.Errorf("identities: got %q, want %q", got, want)
		}
		_, err := whisks.Get(ctx, "guest/odd", nil)
		wantKind(t, "get of a document that is deleted in an odd way", err, store.ErrNotFound)
	})
	t.Run("COS-D5_ids_and_revisions", func(t *testing.T) {
		s, srv := openWhisks(t, cosmostest.Options{})
		v := mustPut(t, s, "guest/pkg/a", bodyAt("guest/pkg", "a", 1))
		resp, err := container(t, srv, store.Whisks).ReadItem(ctx, azcosmos.NewPartitionKeyString("guest|pkg|a"), "guest|pkg|a", nil)
		if err != nil || string(resp.ETag) != v.Rev || !strings.HasPrefix(v.Rev, `"`) {
			t.Errorf("revision: got %s, want the etag %s; %v", v.Rev, resp.ETag, err)
		}
		_, err = s.Put(ctx, store.Document{ID: "guest/pkg/a", Body: []byte(`{}`)}, nil)
		wantKind(t, "409", err, store.ErrConflict)
		_, err = s.Put(ctx, store.Document{ID: "guest/pkg/a", Version: store.Version{Rev: `"0"`}, Body: []byte(`{}`)}, nil)
		wantKind(t, "412", err, store.ErrConflict)
	})
	t.Run("COS-D6_stripped", func(t *testing.T) {
		s, _ := openWhisks(t, cosmostest.Options{})
		raw := []byte(`{"id":"guest|a","a":1,"_c":{"rootns":"x"},"_clusterId":"k","_x":2,"ttl":77,"b":{"_y":[1,"}"],"id":3}}`)
		if _, err := s.reader.CreateItem(ctx, azcosmos.NewPartitionKeyString("guest|a"), raw, nil); err != nil {
			t.Fatal(err)
		}
		doc, err := s.Get(ctx, "guest/a", nil)
		if want := `{"a":1,"b":{"_y":[1,"}"],"id":3}}`; err != nil || string(doc.Body) != want || doc.Meta.ClusterID != "k" {
			t.Errorf("document: got %s of cluster %q and %v, want %s of k", doc.Body, doc.Meta.ClusterID, err, want)
		}
	})
}

func actionsOf(ns string) *store.Query {
	return &store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{ns}, EndKey: store.Key{ns, store.Top}}
}

func rowIDs(t testing.TB, s *Store, q *store.Query) (ids []string) {
	t.Helper()
	for row, err := range s.Query(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	slices.Sort(ids)
	return ids
}

// TestShared shows the rows of client sharing.
func TestShared(t *testing.T) {
	setup := func(t *testing.T, n int) (s *shared[int], refs []*reference[int], closed *int) {
		closed = new(int)
		s = &shared[int]{close: func(int) { *closed++ }}
		for range n {
			r, err := s.reference()
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, r)
		}
		return s, refs, closed
	}
	t.Run("COS-26_closed_once", func(t *testing.T) {
		s, refs, closed := setup(t, 1)
		refs[0].Close()
		refs[0].Close()
		if *closed != 1 || !s.isClosed() {
			t.Errorf("closed %d times, holder closed %v, want once", *closed, s.isClosed())
		}
	})
	t.Run("COS-27_one_of_two", func(t *testing.T) {
		s, refs, closed := setup(t, 2)
		refs[0].Close()
		refs[0].Close()
		if *closed != 0 || s.isClosed() {
			t.Errorf("closed %d times with a reference left, want never", *closed)
		}
	})
	t.Run("COS-28_both", func(t *testing.T) {
		_, refs, closed := setup(t, 2)
		refs[0].Close()
		refs[1].Close()
		if *closed != 1 {
			t.Errorf("closed %d times, want once", *closed)
		}
	})
	t.Run("COS-29_after_close", func(t *testing.T) {
		s, refs, _ := setup(t, 1)
		refs[0].Close()
		if _, err := s.reference(); err == nil {
			t.Error("a closed holder gave a reference")
		}
	})
	t.Run("COS-D7_one_client_for_equal_settings", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		d := Deps{Accounts: &Accounts{}}
		a, b := openFake(t, srv, store.Whisks, d, nil), openFake(t, srv, store.Subjects, d, nil)
		other := openFake(t, srv, store.Activations, d, readIn("East US"))
		if a.account != b.account || a.account == other.account {
			t.Error("stores with equal settings do not share a client, or others do")
		}
		if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadAccount}).Requests; n != 2 {
			t.Errorf("account document read %d times, want once for each client", n)
		}
		before := a.account
		a.Close()
		mustPut(t, b, "guest", []byte(`{}`))
		b.Close()
		if again := openFake(t, srv, store.Whisks, d, nil); again.account == before {
			t.Error("a closed client was given out again")
		}
		var all sync.WaitGroup
		accounts := make([]*account, 8)
		for i := range accounts {
			all.Go(func() {
				s, err := Open(t.Context(), fakeConfig(srv), store.Whisks, d)
				if err == nil {
					accounts[i] = s.account
					t.Cleanup(func() { s.Close() })
				}
			})
		}
		all.Wait()
		seen := map[*account]bool{}
		for _, a := range accounts {
			seen[a] = true
		}
		if len(slices.Collect(maps.Keys(seen))) != 1 {
			t.Errorf("stores opened at once have %d clients, want one", len(seen))
		}
	})
}
