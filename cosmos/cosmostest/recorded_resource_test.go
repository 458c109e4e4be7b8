package cosmostest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestRecordedAccount shows the rows of cosmos-wire.md 3.
func TestRecordedAccount(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}, Tokens: []string{"bearer"}})
	plain := func(method, path string, header ...string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(srv.URL(), "/")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return send(t, req)
	}
	t.Run("3_no_authorization", func(t *testing.T) {
		a := expect(t, plain("GET", "/dbs"), 401)
		check(t, "text", strings.Contains(a.Body, "Required Header authorization is missing. Ensure a valid Authorization token is passed."), true)
		absent(t, a, "x-ms-request-charge", "x-ms-session-token", "lsn")
	})
	t.Run("3_wrong_signature", func(t *testing.T) {
		a := expect(t, plain("GET", "/dbs", "authorization", "type%3Dmaster%26ver%3D1.0%26sig%3Dbm8%3D", "x-ms-date", time.Now().UTC().Format(http.TimeFormat)), 401)
		check(t, "text", strings.Contains(a.Body, "The input authorization token can't serve the request."), true)
	})
	t.Run("3_bearer_token", func(t *testing.T) {
		expect(t, plain("GET", "/dbs", "authorization", "type%3Daad%26ver%3D1.0%26sig%3Dbearer"), 200)
		a := expect(t, plain("DELETE", "/dbs/shop", "authorization", "type%3Daad%26ver%3D1.0%26sig%3Dbearer"), 403)
		check(t, "substatus", a.sub(), "5300")
		expect(t, plain("GET", "/dbs", "authorization", "type%3Daad%26ver%3D1.0%26sig%3Dother"), 401)
	})
	t.Run("3_options", func(t *testing.T) {
		check(t, "body", expect(t, plain("OPTIONS", "/"), 403).Body, `{"code":"Forbidden"}`)
	})
	t.Run("3_unknown_path", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", "/foo", ""), 400)
		check(t, "text", strings.Contains(a.Body, "Request url is invalid."), true)
	})
	t.Run("3_unsupported_method", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "PATCH", docs, ""), 405)
		check(t, "code", a.member(t, "code"), `"MethodNotAllowed"`)
	})
	t.Run("3.1_account", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", "/", ""), 200)
		check(t, "id", a.member(t, "id"), `"acct"`)
		check(t, "writable", strings.Count(a.member(t, "writableLocations"), "name"), 1)
		check(t, "readable", strings.Count(a.member(t, "readableLocations"), "name"), 2)
		check(t, "consistency", a.member(t, "userConsistencyPolicy"), `{"defaultConsistencyLevel":"Session"}`)
		check(t, "no etag member", a.member(t, "_etag"), "")
		absent(t, a, "etag", "x-ms-request-charge", "x-ms-session-token", "x-ms-activity-id")
		check(t, "regional id", do(t, srv.RegionURL("West US"), "GET", "/", "").member(t, "id"), `"acct-westus"`)
	})
}

// TestRecordedResources shows the rows of cosmos-wire.md 4.1 to 4.3.
func TestRecordedResources(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	refused := []struct {
		name, path, body string
		status           int
		charge, text     string
	}{
		{"4.1_same_database", "/dbs", `{"id":"shop"}`, 409, "1.24", "Resource with specified id, name, or unique index already exists."},
		{"4.2_same_container", "/dbs/shop/colls", `{"id":"cart","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, 409, "0", "Resource with specified id"},
		{"4.2_missing_database", "/dbs/none/colls", `{"id":"x","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, 404, "2", "Resource Not Found"},
		{"4.2_id_with_slash", "/dbs/shop/colls", `{"id":"a/b","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, 400, "1.24", "The input name presented contains invalid character."},
		{"4.2_default_ttl_null", "/dbs/shop/colls", `{"id":"t","defaultTtl":0,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, 400, "1.24", ""},
		{"4.2_multi_hash_without_version", "/dbs/shop/colls", `{"id":"t","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash"}}`, 400, "1.24", "The 'kind' value 'MultiHash' specified"},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			a := expect(t, do(t, srv.URL(), "POST", c.path, c.body), c.status)
			check(t, "charge", a.Header.Get("x-ms-request-charge"), c.charge)
			check(t, "substatus", a.sub(), "")
			check(t, "text", strings.Contains(a.Body, c.text), true)
		})
	}
	t.Run("4.1_databases", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", "/dbs", ""), 200)
		check(t, "count", a.member(t, "_count"), "1")
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "2")
		a = expect(t, do(t, srv.URL(), "GET", "/dbs/shop", ""), 200)
		present(t, a, "etag", "x-ms-item-lsn", "x-ms-session-token")
		check(t, "links", a.member(t, "_colls")+a.member(t, "_users"), `"colls/""users/"`)
	})
	t.Run("4.1_shared_throughput", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"mall"}`, "x-ms-offer-throughput", "400"), 201)
		for _, name := range []string{"one", "two"} {
			expect(t, do(t, srv.URL(), "POST", "/dbs/mall/colls", `{"id":"`+name+`","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 201)
		}
		a := expect(t, do(t, srv.URL(), "POST", "/dbs/mall/colls/one/docs", item1, pk("a")...), 201)
		b := expect(t, do(t, srv.URL(), "POST", "/dbs/mall/colls/two/docs", item1, pk("a")...), 201)
		check(t, "one sequence for both", a.Header.Get("lsn")+b.Header.Get("lsn"), "45")
		check(t, "the other's token holds", do(t, srv.URL(), "GET", "/dbs/mall/colls/one/docs/k1", "", append(pk("a"), "x-ms-session-token", b.Header.Get("x-ms-session-token"))...).Status, 200)
		a = expect(t, do(t, srv.URL(), "POST", "/dbs/mall/colls", `{"id":"x"}`), 400)
		check(t, "text", strings.Contains(a.Body, "Shared throughput collection should have a partition key"), true)
		offers := expect(t, do(t, srv.URL(), "GET", "/offers", ""), 200)
		check(t, "offers", offers.member(t, "_count"), "1")
	})
	t.Run("4.2_members_added", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"plain","unknown":1,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 201)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
		check(t, "range id", a.Header.Get("x-ms-documentdb-partitionkeyrangeid"), "0")
		check(t, "indexing", a.member(t, "indexingPolicy"), `{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/*"}],"excludedPaths":[{"path":"/\"_etag\"/?"}]}`)
		check(t, "conflicts", a.member(t, "conflictResolutionPolicy"), `{"mode":"LastWriterWins","conflictResolutionPath":"/_ts","conflictResolutionProcedure":""}`)
		check(t, "geospatial", a.member(t, "geospatialConfig"), `{"type":"Geography"}`)
		check(t, "key", a.member(t, "partitionKey"), `{"paths":["/pk"],"kind":"Hash"}`)
		check(t, "unknown dropped", a.member(t, "unknown"), "")
	})
	t.Run("4.2_unique_keys", func(t *testing.T) {
		const body = `{"id":"uni","partitionKey":{"paths":["/pk"],"kind":"Hash"},"uniqueKeyPolicy":{"uniqueKeys":[{"paths":["/mail"]}]}}`
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", body), 201)
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls/uni/docs", `{"id":"1","pk":"a","mail":"m"}`, pk("a")...), 201)
		a := expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls/uni/docs", `{"id":"2","pk":"a","mail":"m"}`, pk("a")...), 409)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1.94")
		a = expect(t, do(t, srv.URL(), "PUT", "/dbs/shop/colls/uni", `{"id":"uni","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 403)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1.24")
	})
	t.Run("4.3_ranges", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", coll+"/pkranges", ""), 200)
		absent(t, a, "x-ms-request-charge", "etag")
		check(t, "count", a.Header.Get("x-ms-item-count"), "1")
		for _, want := range []string{`"id":"0"`, `"minInclusive":""`, `"maxExclusive":"FF"`, `"parents":[]`, `"status":"online"`, `"throughputFraction":1`} {
			check(t, want, strings.Contains(a.Body, want), true)
		}
	})
	t.Run("4.3_two_ranges", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"wide","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}`, "x-ms-offer-throughput", "11000"), 201)
		got := srv.Ranges("shop", "wide")
		check(t, "ranges", len(got), 2)
		check(t, "boundary", got[0].Max, "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")
	})
	t.Run("4.1_delete", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "DELETE", "/dbs/shop", ""), 204)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "4.95")
		expect(t, do(t, srv.URL(), "GET", "/dbs/shop", ""), 404)
	})
}

// TestRecordedTTL shows the rows of cosmos-wire.md 7.
func TestRecordedTTL(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", `{"id":"gone","pk":"a","ttl":1}`)
	create(t, srv, "a", `{"id":"stays","pk":"a"}`)
	before := do(t, srv.URL(), "GET", docs+"/stays", "", pk("a")...)
	srv.Advance(3 * time.Second)
	a := expect(t, do(t, srv.URL(), "GET", docs+"/gone", "", pk("a")...), 404)
	check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
	check(t, "no LSN for expiry", a.Header.Get("lsn"), before.Header.Get("lsn"))
	q := expect(t, ask(t, srv, "SELECT VALUE COUNT(1) FROM c", pk("a")...), 200)
	check(t, "count", q.member(t, "Documents"), "[1]")
	check(t, "still in documentsCount", strings.Contains(q.Header.Get("x-ms-resource-usage"), "documentsCount=2;"), true)
	feed := expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed"), 200)
	check(t, "not in the feed", strings.Contains(feed.Body, "gone"), false)
	expect(t, do(t, srv.URL(), "DELETE", docs+"/gone", "", pk("a")...), 404)
	again := create(t, srv, "a", `{"id":"gone","pk":"a"}`)
	check(t, "ttl member of the item", again.member(t, "ttl"), "")
	for _, ttl := range []string{"0", "null", "-5", `"x"`} {
		expect(t, do(t, srv.URL(), "POST", docs, `{"id":"bad","pk":"a","ttl":`+ttl+`}`, pk("a")...), 400)
	}
	t.Run("default", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"d","defaultTtl":10,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 201)
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls/d/docs", `{"id":"1","pk":"a"}`, pk("a")...), 201)
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls/d/docs", `{"id":"2","pk":"a","ttl":-1}`, pk("a")...), 201)
		srv.Advance(11 * time.Second)
		expect(t, do(t, srv.URL(), "GET", "/dbs/shop/colls/d/docs/1", "", pk("a")...), 404)
		expect(t, do(t, srv.URL(), "GET", "/dbs/shop/colls/d/docs/2", "", pk("a")...), 200)
	})
	t.Run("a_write_restarts_the_clock", func(t *testing.T) {
		create(t, srv, "a", `{"id":"r","pk":"a","ttl":10}`)
		srv.Advance(8 * time.Second)
		expect(t, do(t, srv.URL(), "PATCH", docs+"/r", `{"operations":[{"op":"set","path":"/n","value":1}]}`, pk("a")...), 200)
		srv.Advance(8 * time.Second)
		expect(t, do(t, srv.URL(), "GET", docs+"/r", "", pk("a")...), 200)
	})
}
