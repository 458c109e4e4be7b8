package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// statements are what both servers are asked. A reason says why @vercel/cosmosdb-server is known to answer otherwise.
var statements = []struct {
	sql       string
	params    string
	unordered bool
	differs   string
}{
	{sql: "SELECT * FROM c WHERE c.entityType = 'action'"},
	{sql: "SELECT * FROM root r WHERE r.entityType = @t AND (r.namespace = @n OR r._c.rootns = @n) ORDER BY r.updated", params: `[{"name":"@t","value":"action"},{"name":"@n","value":"guest"}]`},
	{sql: "SELECT * FROM root r WHERE (NOT IS_DEFINED(r._deleted) OR r._deleted = false) AND r.entityType = 'action' ORDER BY r.updated DESC"},
	{sql: "SELECT TOP 2 {\"namespace\": r['namespace'], \"id\": r['id'], \"exec\": {\"binary\": r['exec']['binary']}} AS view FROM root r WHERE r.entityType = 'action' ORDER BY r.updated DESC"},
	{sql: "SELECT * FROM root r WHERE r.updated BETWEEN @since AND @upto ORDER BY r.updated", params: `[{"name":"@since","value":2},{"name":"@upto","value":4}]`},
	{sql: "SELECT * FROM root r WHERE r.updated >= 3 ORDER BY r.updated DESC"},
	{sql: "SELECT * FROM root r WHERE r.publish = true AND (NOT IS_OBJECT(r.binding) OR r.binding = {}) ORDER BY r.updated"},
	{sql: "SELECT r AS view FROM root r JOIN n IN r.namespaces WHERE (r.subject = 'alice' AND IS_DEFINED(r.key)) OR n.name = 'alice'"},
	{sql: "SELECT r AS view FROM root r JOIN n IN r.namespaces WHERE n.uuid = 'u2' AND n.key = 'k2'"},
	{sql: "SELECT r AS view FROM root r WHERE r.blocked = true OR r.concurrentInvocations = 0"},
	{sql: "SELECT VALUE COUNT(1) FROM c"},
	{sql: "SELECT VALUE COUNT(c.exec) FROM c"},
	{sql: "SELECT VALUE SUM(c.updated) FROM c"},
	{sql: "SELECT VALUE MIN(c.updated) FROM c"},
	{sql: "SELECT VALUE MAX(c.updated) FROM c"},
	{sql: "SELECT VALUE AVG(c.updated) FROM c"},
	{sql: "SELECT TOP 1 VALUE COUNT(c) FROM c", differs: "applies TOP before the aggregate"},
	{sql: "SELECT c.id, c.none FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE c.none FROM c"},
	{sql: "SELECT VALUE [c.id, c.none] FROM c WHERE c.id = 'a1'", differs: "leaves undefined out of arrays"},
	{sql: "SELECT VALUE {\"a\": c.none, \"b\": c.id} FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT c.updated + 1, c.updated * 2 FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE c.updated FROM c WHERE c.updated IN (1, 3, 9)"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.updated NOT IN (1, 3)", differs: "no NOT IN"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.updated != 'x'"},
	{sql: "SELECT VALUE c.updated = 'x' FROM c"},
	{sql: "SELECT VALUE c.id FROM c WHERE NOT (c.updated = 'x')"},
	{sql: "SELECT VALUE NOT c.none FROM c"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.none = 1 OR c.updated = 2"},
	{sql: "SELECT VALUE c.id FROM c WHERE c._c = {\"rootns\": \"guest\"}"},
	{sql: "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.name, 'he')"},
	{sql: "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.name, 'HE', true)", differs: "no three-argument STARTSWITH"},
	{sql: "SELECT VALUE c.id FROM c WHERE CONTAINS(c.name, 'ell') OR ENDSWITH(c.name, 'ld')"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.name LIKE 'he%'", differs: "no LIKE"},
	{sql: "SELECT VALUE c.id FROM c WHERE ARRAY_CONTAINS(c.tags, 'x')"},
	{sql: "SELECT VALUE ARRAY_LENGTH(c.tags) FROM c"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.none = null"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.nil = null"},
	{sql: "SELECT VALUE c.id FROM c WHERE IS_NULL(c.nil)"},
	{sql: "SELECT VALUE c.id FROM c WHERE NOT (c.updated > 2)"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.updated > '1'"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.publish"},
	{sql: "SELECT VALUE c.id FROM c WHERE c.exec.binary = false"},
	{sql: "SELECT VALUE t FROM c JOIN t IN c.tags"},
	{sql: "SELECT VALUE c.tags[0] FROM c"},
	{sql: "SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'y')"},
	{sql: "SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.tags) FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE UPPER(c.name) FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE CONCAT(c.name, '-', c.id) FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE LENGTH(c.name) FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE c.updated = 1 ? 'one' : 'other' FROM c"},
	{sql: "SELECT VALUE c.none ?? 'fallback' FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE c.id || '!' FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE SUBSTRING(c.name, 1, 2) FROM c WHERE c.id = 'a1'"},
	{sql: "SELECT VALUE ROUND(2.5) + FLOOR(2.7) + ABS(-1)"},
	{sql: "SELECT DISTINCT VALUE c.entityType FROM c", unordered: true, differs: "no DISTINCT"},
	{sql: "SELECT VALUE c.id FROM c ORDER BY c.updated OFFSET 1 LIMIT 2", differs: "no OFFSET LIMIT"},
	{sql: "SELECT c.entityType, COUNT(1) AS n FROM c GROUP BY c.entityType", unordered: true, differs: "no GROUP BY"},
}

var corpus = []string{
	`{"id":"a1","entityType":"action","namespace":"guest","_c":{"rootns":"guest"},"name":"hello","updated":1,"publish":false,"exec":{"binary":false},"tags":["x","y"],"nil":null}`,
	`{"id":"a2","entityType":"action","namespace":"guest/pkg","_c":{"rootns":"guest"},"name":"help","updated":3,"publish":true,"exec":{"binary":true},"tags":["x"]}`,
	`{"id":"a3","entityType":"action","namespace":"other","name":"world","updated":2,"publish":true,"_deleted":false}`,
	`{"id":"a4","entityType":"action","namespace":"guest","name":"gone","updated":5,"_deleted":true,"ttl":1000}`,
	`{"id":"p1","entityType":"package","namespace":"guest","updated":4,"publish":true,"binding":{}}`,
	`{"id":"p2","entityType":"package","namespace":"guest","updated":4.5,"publish":true,"binding":{"name":"x"}}`,
	`{"id":"s1","subject":"alice","uuid":"u1","key":"k1","namespaces":[{"name":"alice","uuid":"u1","key":"k1"},{"name":"team","uuid":"u2","key":"k2"}]}`,
	`{"id":"s2","subject":"bob","namespaces":[{"name":"bob","uuid":"u3","key":"k3"}],"blocked":true}`,
	`{"id":"l1","concurrentInvocations":0,"invocationsPerMinute":10}`,
}

// asked is one server of the comparison.
type asked struct{ url, key string }

func (a asked) call(t *testing.T, method, path, body string, header ...string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(a.url, "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if err := cosmostest.Sign(req, a.key); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

func (a asked) load(t *testing.T, db string) {
	t.Helper()
	create := func(path, body string, header ...string) {
		if status, b := a.call(t, "POST", path, body, header...); status != 201 {
			t.Fatalf("POST %s: got %d want 201: %s", path, status, b)
		}
	}
	create("/dbs", `{"id":"`+db+`"}`)
	create("/dbs/"+db+"/colls", `{"id":"c","partitionKey":{"paths":["/id"],"kind":"Hash"}}`)
	for _, d := range corpus {
		var id struct{ ID string }
		if err := json.Unmarshal([]byte(d), &id); err != nil {
			t.Fatal(err)
		}
		create("/dbs/"+db+"/colls/c/docs", d, "x-ms-documentdb-partitionkey", `["`+id.ID+`"]`, "content-type", "application/json")
	}
}

// rows asks a statement and returns its rows without system properties.
func (a asked) rows(t *testing.T, db, sql, params string, header ...string) (int, []string) {
	t.Helper()
	if params == "" {
		params = "[]"
	}
	text, err := json.Marshal(sql)
	if err != nil {
		t.Fatal(err)
	}
	status, b := a.call(t, "POST", "/dbs/"+db+"/colls/c/docs", fmt.Sprintf(`{"query":%s,"parameters":%s}`, text, params),
		append(header, "content-type", "application/query+json", "x-ms-documentdb-isquery", "True", "x-ms-documentdb-query-enablecrosspartition", "True")...)
	var page struct{ Documents []any }
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&page); err != nil && status == 200 {
		t.Fatal(err)
	}
	var out []string
	for _, d := range page.Documents {
		row, err := json.Marshal(withoutSystem(d))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(row))
	}
	return status, out
}

func withoutSystem(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for _, name := range []string{"_rid", "_self", "_etag", "_ts", "_attachments"} {
		delete(m, name)
	}
	for k, x := range m {
		m[k] = withoutSystem(x)
	}
	return m
}

// TestStatementsAgainstVercel compares rows statement by statement with a server that others wrote.
func TestStatementsAgainstVercel(t *testing.T) {
	endpoint := os.Getenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT")
	if endpoint == "" {
		t.Skip("set WHISKSTORE_VERCEL_COSMOS_ENDPOINT to the URL of a @vercel/cosmosdb-server over plain HTTP, or run under .ci/judges.sh")
	}
	srv := cosmostest.NewServer(cosmostest.Options{})
	t.Cleanup(srv.Close)
	fake, judge := asked{srv.URL(), srv.Key()}, asked{endpoint, cosmostest.DefaultKey}
	db := fmt.Sprintf("statements-%d", os.Getpid())
	fake.load(t, db)
	judge.load(t, db)
	t.Cleanup(func() {
		req, err := http.NewRequest("DELETE", strings.TrimSuffix(endpoint, "/")+"/dbs/"+db, nil)
		if err != nil {
			return
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	})
	for _, s := range statements {
		t.Run(s.sql, func(t *testing.T) {
			status, got := fake.rows(t, db, s.sql, s.params, "x-ms-documentdb-partitionkeyrangeid", "0")
			judgeStatus, want := judge.rows(t, db, s.sql, s.params)
			if status != 200 {
				t.Fatalf("the fake refuses it: %d", status)
			}
			if s.unordered {
				slices.Sort(got)
				slices.Sort(want)
			}
			same := judgeStatus == 200 && slices.Equal(got, want)
			switch {
			case s.differs == "" && !same:
				t.Errorf("got  %s\nwant %s (status %d)", got, want, judgeStatus)
			case s.differs != "" && same:
				t.Errorf("both answer %s, although the judge %s", got, s.differs)
			}
		})
	}
}
