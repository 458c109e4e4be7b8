package cosmostest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// answer is what a raw request got.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) sub() string { return a.Header.Get("x-ms-substatus") }

// member returns a top-level member of the body as text.
func (a answer) member(t *testing.T, name string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("body %q: %v", a.Body, err)
	}
	return string(m[name])
}

// do sends a signed request; header is name, value, name, value...
func do(t *testing.T, url, method, path, body string, header ...string) answer {
	t.Helper()
	return send(t, request(t, url, method, path, body, header...))
}

// request is what do sends.
func request(t *testing.T, url, method, path, body string, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(url, "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if err := cosmostest.Sign(req, cosmostest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	return req
}

func send(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const (
	docs = "/dbs/shop/colls/cart/docs"
	coll = "/dbs/shop/colls/cart"
)

// shop starts an account with database shop and container cart, partitioned by /pk.
func shop(t *testing.T, opts cosmostest.Options) *cosmostest.Server {
	t.Helper()
	srv := cosmostest.NewServer(opts)
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"shop"}`), 201)
	expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"cart","defaultTtl":-1,"partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}`), 201)
	return srv
}

func expect(t *testing.T, a answer, status int) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status got %d (%s) want %d: %s", a.Status, a.sub(), status, a.Body)
	}
	return a
}

// pk is the partition key header.
func pk(value string) []string {
	return []string{"x-ms-documentdb-partitionkey", `["` + value + `"]`}
}

func create(t *testing.T, srv *cosmostest.Server, key, body string, header ...string) answer {
	t.Helper()
	return expect(t, do(t, srv.URL(), "POST", docs, body, append(pk(key), header...)...), 201)
}

// ask sends a query; header as for do.
func ask(t *testing.T, srv *cosmostest.Server, sql string, header ...string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": sql})
	if err != nil {
		t.Fatal(err)
	}
	return do(t, srv.URL(), "POST", docs, string(body), append([]string{"content-type", "application/query+json"}, header...)...)
}

func crossed() []string { return []string{"x-ms-documentdb-query-enablecrosspartition", "True"} }

func ranged(id string) []string {
	return append(crossed(), "x-ms-documentdb-partitionkeyrangeid", id)
}

// check compares, naming what differs.
func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v want %v", what, got, want)
	}
}
