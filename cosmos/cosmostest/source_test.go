package cosmostest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// TestItemsLookedAt pins how many of 5,000 items a page of a list looks at.
func TestItemsLookedAt(t *testing.T) {
	srv := NewServer(Options{})
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	post := func(path, body string, header ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", strings.TrimSuffix(srv.URL(), "/")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		if err := Sign(req, srv.Key()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("%s: %d", path, resp.StatusCode)
		}
	}
	post("/dbs", `{"id":"d"}`)
	post("/dbs/d/colls", `{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`)
	for n := 0; n < 5000; n += 100 {
		var ops []string
		for i := n; i < n+100; i++ {
			ops = append(ops, fmt.Sprintf(`{"operationType":"Create","resourceBody":{"id":"%d","pk":"a","entityType":"action","namespace":"ns%d","updated":%d}}`, i, i%50, i))
		}
		post("/dbs/d/colls/c/docs", "["+strings.Join(ops, ",")+"]", "x-ms-documentdb-partitionkey", `["a"]`, "x-ms-cosmos-is-batch-request", "True")
	}
	c := srv.mustContainer("d", "c")
	for _, q := range []struct {
		sql        string
		rows, most int
		pk         string
		page       int
	}{
		{"SELECT TOP 30 * FROM r WHERE r.entityType = 'action' ORDER BY r.updated DESC", 30, 30, "", 1000},
		{"SELECT TOP 30 * FROM r WHERE r.entityType = 'action' AND r.namespace = 'ns7' ORDER BY r.updated DESC", 30, 100, "", 1000},
		{"SELECT * FROM r WHERE r.namespace = 'ns7' OR r.namespace = 'ns8'", 200, 200, "", 1000},
		{"SELECT * FROM r WHERE r.id = '17'", 1, 1, "", 1000},
		{"SELECT * FROM r WHERE r.updated BETWEEN 10 AND 19 ORDER BY r.updated", 10, 10, "", 1000},
		{"SELECT TOP 5 * FROM r", 5, 5, "", 1000},
		{"SELECT * FROM r WHERE r.none = 1", 0, 0, "", 1000},
		{"SELECT * FROM r", 10, 10, `"a"`, 10},
	} {
		parsed, err := cosql.Parse(q.sql)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parsed.Bind(nil)
		if err != nil {
			t.Fatal(err)
		}
		x := &exchange{s: srv, req: &http.Request{}}
		run := &pageRun{x: x, c: c, b: b, limit: q.page, pk: q.pk, scanLeft: 1 << 30}
		run.bound()
		c.mu.Lock()
		src := run.source(c.parts[0].replicas[srv.top.Load().hub().primary])
		c.mu.Unlock()
		looked, each := 0, src.each
		src.each = func(from *position, yield func(*item) bool) {
			each(from, func(it *item) bool { looked++; return yield(it) })
		}
		if err := run.fill(c.parts[0], src); err != nil {
			t.Fatal(err)
		}
		if run.count != q.rows || looked > q.most {
			t.Errorf("%s: got %d rows of %d items, want %d of at most %d", q.sql, run.count, looked, q.rows, q.most)
		}
	}
}
