package cosmostest_test

import (
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// present and absent list headers of an answer.
func present(t *testing.T, a answer, names ...string) {
	t.Helper()
	for _, n := range names {
		if a.Header.Get(n) == "" {
			t.Errorf("header %s: got none want one", n)
		}
	}
}

func absent(t *testing.T, a answer, names ...string) {
	t.Helper()
	for _, n := range names {
		if v := a.Header.Get(n); v != "" {
			t.Errorf("header %s: got %q want none", n, v)
		}
	}
}

const item1 = `{"id":"k1","pk":"a","n":7,"s":"x"}`

// TestRecordedItems shows the rows of cosmos-wire.md 4.4 and 4.5 that were recorded.
func TestRecordedItems(t *testing.T) {
	t.Run("4.4_create", func(t *testing.T) {
		srv := shop(t, cosmostest.Options{})
		a := create(t, srv, "a", item1)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "6.67")
		check(t, "token", a.Header.Get("x-ms-session-token"), "0:-1#2")
		check(t, "lsn", a.Header.Get("lsn"), "2")
		check(t, "committed", a.Header.Get("x-ms-global-committed-lsn"), "1")
		check(t, "etag", `"`+strings.ReplaceAll(a.Header.Get("etag"), `"`, `\"`)+`"`, a.member(t, "_etag"))
		check(t, "usage counts before the write", strings.Contains(a.Header.Get("x-ms-resource-usage"), "documentsCount=0;"), true)
		present(t, a, "x-ms-activity-id", "x-ms-documentdb-partitionkeyrangeid", "x-ms-resource-quota", "x-ms-alt-content-path", "x-ms-quorum-acked-lsn")
		absent(t, a, "x-ms-item-lsn", "content-location", "x-ms-substatus")
		if !strings.HasPrefix(a.Body, `{"id":"k1","pk":"a","n":7,"s":"x","_rid":"`) || !strings.Contains(a.Body, `"_attachments":"attachments/","_ts":`) {
			t.Errorf("body: got %s", a.Body)
		}
	})
	t.Run("4.4_upsert", func(t *testing.T) {
		srv := shop(t, cosmostest.Options{})
		up := append(pk("a"), "x-ms-documentdb-is-upsert", "True")
		first := expect(t, do(t, srv.URL(), "POST", docs, item1, up...), 201)
		second := expect(t, do(t, srv.URL(), "POST", docs, item1, up...), 200)
		check(t, "charge", second.Header.Get("x-ms-request-charge"), "10.67")
		check(t, "_rid kept", second.member(t, "_rid"), first.member(t, "_rid"))
		check(t, "etag changed", second.Header.Get("etag") != first.Header.Get("etag"), true)
		expect(t, do(t, srv.URL(), "POST", docs, item1, append(up, "If-Match", first.Header.Get("etag"))...), 412)
		expect(t, do(t, srv.URL(), "POST", docs, `{"id":"k2","pk":"a"}`, append(up, "If-Match", `"x"`)...), 201)
	})

	srv := shop(t, cosmostest.Options{})
	created := create(t, srv, "a", item1)
	etag := created.Header.Get("etag")
	refused := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		sub, code, text, charge  string
	}{
		{"4.4_id_exists", "POST", docs, item1, pk("a"), 409, "", "Conflict", "Entity with the specified id already exists in the system.", "1.48"},
		{"4.4_no_pk_header", "POST", docs, item1, nil, 400, "1001", "BadRequest", "has fewer components than defined in the the collection.", "0"},
		{"4.4_pk_header_differs", "POST", docs, item1, pk("b"), 400, "1001", "BadRequest", "PartitionKey extracted from document doesn't match", "1.24"},
		{"4.4_no_id", "POST", docs, `{"pk":"a"}`, pk("a"), 400, "", "BadRequest", "required properties - 'id; ' - are missing", "1.24"},
		{"4.4_broken_json", "POST", docs, `{"id":`, pk("a"), 400, "", "BadRequest", "The request payload is invalid.", "1.24"},
		{"4.4_too_large_number", "POST", docs, `{"id":"z","pk":"a","n":1e400}`, pk("a"), 400, "", "BadRequest", "The request payload is invalid.", "1.24"},
		{"4.4_array", "POST", docs, `[1]`, pk("a"), 400, "", "BadRequest", "One of the specified inputs is invalid", "1.24"},
		{"4.4_query_as_json", "POST", docs, `{"query":"SELECT * FROM c"}`, []string{"content-type", "application/json", "x-ms-documentdb-isquery", "True"}, 400, "1001", "BadRequest", "", "0"},
		{"4.5_get_absent", "GET", docs + "/none", "", pk("a"), 404, "", "NotFound", "Entity with the specified id does not exist in the system.", "1"},
		{"4.5_get_other_pk", "GET", docs + "/k1", "", pk("b"), 404, "", "NotFound", "Entity with the specified id does not exist", "1"},
		{"4.5_get_without_pk", "GET", docs + "/k1", "", nil, 400, "1001", "BadRequest", "has fewer components", "0"},
		{"4.5_put_stale", "PUT", docs + "/k1", item1, append(pk("a"), "If-Match", `"stale"`), 412, "", "PreconditionFailed", "Operation cannot be performed because one of the specified precondition is not met.", "1.24"},
		{"4.5_put_absent", "PUT", docs + "/none", `{"id":"none","pk":"a"}`, pk("a"), 404, "", "NotFound", "Entity with the specified id does not exist", "1"},
		{"4.5_delete_absent", "DELETE", docs + "/none", "", pk("a"), 404, "", "NotFound", "Entity with the specified id does not exist", "1"},
		{"4.5_delete_stale", "DELETE", docs + "/k1", "", append(pk("a"), "If-Match", `"stale"`), 412, "", "PreconditionFailed", "", "1.24"},
		{"4.2_missing_container", "GET", "/dbs/shop/colls/none/docs/k1", "", pk("a"), 404, "", "NotFound", "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found", "2"},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			a := expect(t, do(t, srv.URL(), c.method, c.path, c.body, c.header...), c.status)
			check(t, "substatus", a.sub(), c.sub)
			check(t, "code", a.member(t, "code"), `"`+c.code+`"`)
			check(t, "charge", a.Header.Get("x-ms-request-charge"), c.charge)
			check(t, "text", strings.Contains(a.Body, c.text), true)
			present(t, a, "x-ms-session-token", "lsn", "x-ms-activity-id")
			absent(t, a, "etag")
		})
	}
	t.Run("2.3_refused_writes_take_no_lsn", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 200)
		check(t, "lsn", a.Header.Get("lsn"), "2")
	})
	t.Run("4.5_get", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 200)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
		check(t, "item lsn", a.Header.Get("x-ms-item-lsn"), "2")
		check(t, "body", a.Body, created.Body)
		present(t, a, "etag", "content-location", "x-ms-cosmos-item-llsn")
	})
	t.Run("4.5_get_not_modified", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), "If-None-Match", etag)...), 304)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
		present(t, a, "etag", "x-ms-session-token", "lsn")
		absent(t, a, "x-ms-item-lsn")
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), "If-None-Match", `"other"`)...), 200)
	})
	t.Run("4.5_put_patch_delete", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "PUT", docs+"/k1", item1, append(pk("a"), "If-Match", etag)...), 200)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "11.05")
		check(t, "_rid kept", a.member(t, "_rid"), created.member(t, "_rid"))
		a = expect(t, do(t, srv.URL(), "PATCH", docs+"/k1", `{"operations":[{"op":"set","path":"/n","value":8},{"op":"incr","path":"/m","value":2}]}`, pk("a")...), 200)
		check(t, "n", a.member(t, "n"), "8")
		check(t, "m", a.member(t, "m"), "2")
		a = expect(t, do(t, srv.URL(), "DELETE", docs+"/k1", "", pk("a")...), 204)
		check(t, "token", a.Header.Get("x-ms-session-token"), "0:-1#5")
		absent(t, a, "etag")
	})
	t.Run("4.4_too_large", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "POST", docs, `{"id":"big","pk":"a","v":"`+strings.Repeat("x", 3<<20)+`"}`, pk("a")...), 413)
		check(t, "code", a.member(t, "code"), `"RequestEntityTooLarge"`)
		check(t, "flag", a.Header.Get("x-ms-request-validation-failure"), "1")
		absent(t, a, "x-ms-request-charge", "x-ms-session-token", "lsn", "x-ms-documentdb-partitionkeyrangeid")
	})
	t.Run("2.1_rids_are_not_reused", func(t *testing.T) {
		a := create(t, srv, "a", item1)
		check(t, "_rid differs", a.member(t, "_rid") != created.member(t, "_rid"), true)
	})
	t.Run("2.2_numbers_and_strings", func(t *testing.T) {
		a := create(t, srv, "a", `{"id":"num","pk":"a","big":18446744073709551615,"neg":-9223372036854775808,"one":1.0,"zero":-0.0,"tiny":1e-400,"nul":"\u0000","lone":"\ud800"}`)
		for name, want := range map[string]string{"big": "18446744073709551615", "neg": "-9223372036854775808", "one": "1", "zero": "0", "tiny": "0", "nul": `"\u0000"`, "lone": "\"\uFFFD\""} {
			check(t, name, a.member(t, name), want)
		}
	})
}

// TestRecordedBatch shows the rows of cosmos-wire.md 4.6.
func TestRecordedBatch(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	batch := func(body string, header ...string) answer {
		return do(t, srv.URL(), "POST", docs, body, append(append(pk("a"), "x-ms-cosmos-is-batch-request", "True", "x-ms-cosmos-batch-atomic", "True"), header...)...)
	}
	t.Run("4.6_all_succeed", func(t *testing.T) {
		a := expect(t, batch(`[{"operationType":"Create","resourceBody":{"id":"b1","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"b2","pk":"a"}},{"operationType":"Delete","id":"b1"}]`), 200)
		check(t, "one LSN", a.Header.Get("lsn"), "2")
		check(t, "count", a.Header.Get("x-ms-item-count"), "3")
		absent(t, a, "etag", "x-ms-resource-usage")
		check(t, "shape", strings.HasPrefix(a.Body, `[{"statusCode":201,"requestCharge":`) && strings.Contains(a.Body, `"eTag":"\"`) && strings.Contains(a.Body, `{"statusCode":204,`), true)
	})
	t.Run("4.6_one_fails", func(t *testing.T) {
		a := expect(t, batch(`[{"operationType":"Create","resourceBody":{"id":"b3","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"b2","pk":"a"}},{"operationType":"Read","id":"b2"}]`), 207)
		check(t, "body", a.Body, `[{"statusCode":424,"requestCharge":0},{"statusCode":409,"requestCharge":1.48},{"statusCode":424,"requestCharge":0}]`)
		check(t, "LSN unchanged", a.Header.Get("lsn"), "2")
		expect(t, do(t, srv.URL(), "GET", docs+"/b3", "", pk("a")...), 404)
	})
	t.Run("4.6_other_key", func(t *testing.T) {
		a := expect(t, batch(`[{"operationType":"Create","resourceBody":{"id":"b4","pk":"zzz"}}]`), 207)
		check(t, "substatus", a.sub(), "1001")
	})
	t.Run("4.6_too_many", func(t *testing.T) {
		one := `{"operationType":"Read","id":"b2"}`
		a := expect(t, batch("["+strings.Repeat(one+",", 100)+one+"]"), 400)
		check(t, "text", strings.Contains(a.Body, "Batch request has more operations than what is supported."), true)
	})
	t.Run("4.6_not_atomic", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "POST", docs, `[{"operationType":"Create","resourceBody":{"id":"b5","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"b2","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"b6","pk":"a"}}]`,
			append(pk("a"), "x-ms-cosmos-is-batch-request", "True", "x-ms-cosmos-batch-atomic", "False", "x-ms-cosmos-batch-continue-on-error", "True")...), 207)
		check(t, "one LSN", a.Header.Get("lsn"), "3")
		expect(t, do(t, srv.URL(), "GET", docs+"/b6", "", pk("a")...), 200)
	})
	t.Run("4.6_if_match_and_patch", func(t *testing.T) {
		a := expect(t, batch(`[{"operationType":"Patch","id":"b5","resourceBody":{"operations":[{"op":"set","path":"/v","value":1}]}},{"operationType":"Replace","id":"b6","ifMatch":"\"stale\"","resourceBody":{"id":"b6","pk":"a"}}]`), 207)
		check(t, "statuses", strings.Contains(a.Body, `"statusCode":424`) && strings.Contains(a.Body, `"statusCode":412`), true)
	})
}
