package judge_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/judge"
	"github.com/whiskstore/whiskstore/store"
)

// couchDB is one database of the server that judges, for one test.
type couchDB struct {
	url  *url.URL // of the database
	name string
}

// newCouchDB creates a database and fills it with the collection's design
// documents and docs. It is removed when the test ends.
func newCouchDB(t *testing.T, collection string, docs []judge.Document) *couchDB {
	t.Helper()
	server := os.Getenv("WHISKSTORE_COUCHDB_URL")
	if server == "" {
		t.Skip("set WHISKSTORE_COUCHDB_URL to a server with credentials, for example http://admin:password@127.0.0.1:5984, or run under .ci/judges.sh")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("WHISKSTORE_COUCHDB_URL: %v", err)
	}
	c := &couchDB{name: testName(), url: nil}
	c.url = u.JoinPath(c.name)
	c.call(t, http.MethodPut, "", nil, nil, nil)
	t.Cleanup(func() { c.call(t, http.MethodDelete, "", nil, nil, nil) })

	all := make([]map[string]any, 0, len(docs))
	for _, d := range docs {
		doc := map[string]any{"_id": d.ID}
		for k, v := range d.Body {
			doc[k] = v
		}
		all = append(all, doc)
	}
	var results []struct{ ID, Error, Reason string }
	c.call(t, http.MethodPost, "_bulk_docs", nil, map[string]any{"docs": all}, &results)
	for _, r := range results {
		if r.Error != "" {
			t.Fatalf("document %s: %s: %s", r.ID, r.Error, r.Reason)
		}
	}
	for _, d := range judge.DesignDocuments(collection) {
		c.call(t, http.MethodPut, d.ID, nil, d, nil)
	}
	return c
}

// testName returns a name that no other database has.
func testName() string { return "whiskstore-judge-" + strings.ToLower(rand.Text()) }

// call sends in as JSON and decodes the answer into out. A status other than
// 2xx fails the test.
func (c *couchDB) call(t *testing.T, method, path string, params url.Values, in, out any) {
	t.Helper()
	u := *c.url
	if path != "" {
		u = *u.JoinPath(path)
	}
	u.RawQuery = params.Encode()
	// The context outlives the test's own: databases are removed after it.
	exchange(t, context.WithoutCancel(t.Context()), method, &u, http.Header{"Content-Type": {"application/json"}}, in, out)
}

func exchange(t *testing.T, ctx context.Context, method string, u *url.URL, header http.Header, in, out any) http.Header {
	t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	if password, ok := u.User.Password(); ok {
		req.SetBasicAuth(u.User.Username(), password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s: %s", method, u.Redacted(), resp.Status, raw)
	}
	if out != nil {
		if err := decode(raw, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, u.Redacted(), err, raw)
		}
	}
	return resp.Header
}

// decode keeps numbers as they are written.
func decode(raw []byte, out any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(out)
}

// viewPath and viewParams are a query as CouchDB takes it: start and end change
// places when the order does (row QRY-D4).
func viewPath(q *store.Query) string {
	ddoc, name, _ := strings.Cut(q.Table, "/")
	return "_design/" + ddoc + "/_view/" + name
}

func viewParams(t *testing.T, q *store.Query) url.Values {
	t.Helper()
	params := url.Values{"reduce": {"false"}}
	start, end := q.StartKey, q.EndKey
	if q.Descending {
		start, end = end, start
		params.Set("descending", "true")
	}
	for name, key := range map[string]store.Key{"startkey": start, "endkey": end} {
		if len(key) > 0 {
			raw, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			params.Set(name, string(raw))
		}
	}
	for name, n := range map[string]int{"skip": q.Skip, "limit": q.Limit} {
		if n > 0 {
			params.Set(name, strconv.Itoa(n))
		}
	}
	if q.IncludeDocs {
		params.Set("include_docs", "true")
	}
	return params
}

func (c *couchDB) rows(t *testing.T, q *store.Query) []row {
	t.Helper()
	var answer struct{ Rows []json.RawMessage }
	c.call(t, http.MethodGet, viewPath(q), viewParams(t, q), nil, &answer)
	return decodeRows(t, answer.Rows)
}

// count asks the view's reduce function.
func (c *couchDB) count(t *testing.T, q *store.Query) int64 {
	t.Helper()
	params := viewParams(t, &store.Query{StartKey: q.StartKey, EndKey: q.EndKey})
	params.Set("reduce", "true")
	var answer struct {
		Rows []struct{ Value int64 }
	}
	c.call(t, http.MethodGet, viewPath(q), params, nil, &answer)
	switch len(answer.Rows) {
	case 0:
		return 0
	case 1:
		return answer.Rows[0].Value
	}
	t.Fatal(fmt.Errorf("count of %s: %d rows", q, len(answer.Rows)))
	return 0
}
