package cosmos

import (
	"encoding/json"
	"fmt"
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
)

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
		var since []cosmostest.Exchange
		var mu sync.Mutex
		srv := startFake(t, cosmostest.Options{Observe: func(x cosmostest.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			since = append(since, x)
		}})
		taken := func() []cosmostest.Exchange {
			mu.Lock()
			defer mu.Unlock()
			x := since
			since = nil
			return x
		}
		s := openFake(t, srv, store.Whisks, Deps{}, nil)
		v := mustPut(t, s, "guest/a", bodyAt("guest", "a", 1))
		taken()
		w, err := s.Delete(ctx, "guest/a", v.Rev, tomb)
		if err != nil || w.Rev == "" || w.Rev == v.Rev {
			t.Fatalf("delete: got %v and %v, want a new revision", w, err)
		}
		if seen := taken(); len(seen) != 1 || seen[0].Operation != cosmostest.PatchItem || seen[0].Header.Get("If-Match") != v.Rev {
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
