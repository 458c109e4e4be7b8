package judge_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/judge"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// cosmosDB is one container of the server that judges, for one test.
type cosmosDB struct {
	server   *url.URL
	database string
}

// newCosmosDB creates a database with one container, and in it docs as Cosmos
// holds them: with escaped ids and the computed fields of package view. It is
// removed when the test ends.
func newCosmosDB(t *testing.T, collection string, docs []judge.Document) *cosmosDB {
	t.Helper()
	endpoint := os.Getenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT")
	if endpoint == "" {
		t.Skip("set WHISKSTORE_VERCEL_COSMOS_ENDPOINT to a @vercel/cosmosdb-server over plain HTTP, for example http://127.0.0.1:3000, or run under .ci/judges.sh")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatalf("WHISKSTORE_VERCEL_COSMOS_ENDPOINT: %v", err)
	}
	c := &cosmosDB{server: u, database: testName()}
	c.call(t, http.MethodPost, "dbs", nil, map[string]any{"id": c.database}, nil)
	t.Cleanup(func() { c.call(t, http.MethodDelete, "dbs/"+c.database, nil, nil, nil) })
	c.call(t, http.MethodPost, "dbs/"+c.database+"/colls", nil, map[string]any{
		"id": "c", "partitionKey": map[string]any{"kind": "Hash", "paths": []string{"/id"}}}, nil)
	for _, d := range docs {
		item := map[string]any{"id": strings.ReplaceAll(d.ID, "/", "|")}
		for k, v := range d.Body {
			item[k] = v
		}
		computed, err := view.Computed(collection, d.JSON())
		if err != nil {
			t.Fatalf("computed fields of %s: %v", d.ID, err)
		}
		if len(computed) > 0 {
			item["_c"] = computed
		}
		c.call(t, http.MethodPost, c.docs(), nil, item, nil)
	}
	return c
}

func (c *cosmosDB) docs() string { return "dbs/" + c.database + "/colls/c/docs" }

func (c *cosmosDB) call(t *testing.T, method, path string, header http.Header, in, out any) http.Header {
	t.Helper()
	if header == nil {
		header = http.Header{}
	}
	header.Set("x-ms-documentdb-query-enablecrosspartition", "true")
	return exchange(t, context.WithoutCancel(t.Context()), method, c.server.JoinPath(path), header, in, out)
}

// query returns all items of all pages.
func (c *cosmosDB) query(t *testing.T, sql judge.SQL) []json.RawMessage {
	t.Helper()
	var items []json.RawMessage
	for continuation := ""; ; {
		header := http.Header{"Content-Type": {"application/query+json"}}
		header.Set("x-ms-documentdb-isquery", "true")
		header.Set("x-ms-max-item-count", "7") // several pages, to see that they fit together
		if continuation != "" {
			header.Set("x-ms-continuation", continuation)
		}
		var page struct{ Documents []json.RawMessage }
		continuation = c.call(t, http.MethodPost, c.docs(), header, sql, &page).Get("x-ms-continuation")
		items = append(items, page.Documents...)
		if continuation == "" {
			return items
		}
	}
}

// rows runs the plan's statement and shapes what it finds with the plan.
func (c *cosmosDB) rows(t *testing.T, p *view.Plan, join view.Join) []row {
	t.Helper()
	var rows []store.Row
	skip := p.Skip
	seen := make(map[string]bool)
	for _, item := range c.query(t, judge.CosmosQuery(p)) {
		doc := fromItem(t, item)
		if seen[doc.ID] {
			continue // one for each namespace that matches
		}
		seen[doc.ID] = true
		if skip > 0 {
			skip--
			continue
		}
		more, err := p.Rows(t.Context(), doc, join)
		if err != nil {
			t.Fatalf("rows of %s: %v", doc.ID, err)
		}
		rows = append(rows, more...)
	}
	if p.Limit > 0 && len(rows) > p.Limit {
		rows = rows[:p.Limit]
	}
	return encodeRows(t, rows)
}

func (c *cosmosDB) count(t *testing.T, p *view.Plan) int64 {
	t.Helper()
	var n int64
	for _, item := range c.query(t, judge.CosmosCount(p)) {
		var page int64
		if err := decode(item, &page); err != nil {
			t.Fatal(err)
		}
		n += page
	}
	return p.Count(n)
}

// fromItem returns the document of an item, or of its member view: id unescaped,
// without what belongs to the backend.
func fromItem(t *testing.T, item json.RawMessage) store.Document {
	t.Helper()
	var members map[string]json.RawMessage
	if err := decode(item, &members); err != nil {
		t.Fatal(err)
	}
	if inner, ok := members["view"]; ok {
		members = nil
		if err := decode(inner, &members); err != nil {
			t.Fatal(err)
		}
	}
	var id string
	if err := decode(members["id"], &id); err != nil {
		t.Fatalf("id of %s: %v", item, err)
	}
	for name := range members {
		if name == "id" || name == "ttl" || strings.HasPrefix(name, "_") {
			delete(members, name)
		}
	}
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return store.Document{ID: strings.ReplaceAll(id, "|", "/"), Body: body}
}
