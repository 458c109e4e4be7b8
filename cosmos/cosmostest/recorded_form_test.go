package cosmostest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestRecordedHeaders shows table 1.1 of cosmos-wire.md: which headers each kind of answer has, and which it lacks.
func TestRecordedHeaders(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	etag := create(t, srv, "a", item1).Header.Get("etag")
	create(t, srv, "a", `{"id":"k2","pk":"a"}`)
	gateway := []string{"content-type", "date", "server", "strict-transport-security", "x-ms-gatewayversion"}
	replica := append(slices.Clone(gateway), "x-ms-activity-id", "x-ms-request-charge", "x-ms-session-token", "lsn", "x-ms-cosmos-llsn", "x-ms-global-committed-lsn",
		"x-ms-number-of-read-regions", "x-ms-last-state-change-utc", "x-ms-schemaversion", "x-ms-serviceversion", "x-ms-transport-request-id",
		"x-ms-request-duration-ms", "x-ms-xp-role")
	with := func(base []string, more ...string) []string { return append(slices.Clone(base), more...) }
	data := with(replica, "x-ms-documentdb-partitionkeyrangeid", "x-ms-cosmos-internal-partition-id", "x-ms-cosmos-physical-partition-id")
	quota := with(data, "x-ms-resource-quota", "x-ms-resource-usage")
	quorum := []string{"x-ms-current-replica-set-size", "x-ms-current-write-quorum", "x-ms-quorum-acked-lsn", "x-ms-cosmos-quorum-acked-llsn"}
	itemLSN := []string{"x-ms-item-lsn", "x-ms-cosmos-item-llsn"}
	query := append(pk("a"), "content-type", "application/query+json", "x-ms-documentdb-populatequerymetrics", "True")
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		present, absent          []string
	}{
		{"account", "GET", "/", "", nil, 200, with(gateway, "content-location", "cache-control", "pragma", "x-ms-max-media-storage-usage-mb"), []string{"etag", "x-ms-activity-id", "x-ms-request-charge", "x-ms-session-token", "lsn"}},
		{"read", "GET", docs + "/k1", "", pk("a"), 200, with(quota, "etag", "x-ms-item-lsn", "x-ms-cosmos-item-llsn", "content-location", "cache-control", "pragma", "x-ms-alt-content-path", "x-ms-content-path"), with(quorum, "content-length", "x-ms-continuation")},
		{"not_modified", "GET", docs + "/k1", "", append(pk("a"), "If-None-Match", etag), 304, with(data, "etag", "content-length"), itemLSN},
		{"replace", "PUT", docs + "/k1", item1, pk("a"), 200, with(with(quota, quorum...), "etag", "content-location"), itemLSN},
		{"patch", "PATCH", docs + "/k1", `{"operations":[{"op":"set","path":"/n","value":1}]}`, pk("a"), 200, with(with(quota, quorum...), "etag", "content-location"), itemLSN},
		{"create", "POST", docs, `{"id":"k3","pk":"a"}`, pk("a"), 201, with(with(quota, quorum...), "etag"), with(itemLSN, "content-location")},
		{"delete", "DELETE", docs + "/k3", "", pk("a"), 204, with(with(quota, quorum...), "content-location", "content-length"), with(itemLSN, "etag")},
		{"query", "POST", docs, `{"query":"SELECT * FROM c"}`, query, 200, with(quota, "x-ms-item-count", "x-ms-documentdb-query-metrics", "x-ms-cosmos-query-execution-info"), with(itemLSN, "etag", "content-location")},
		{"list", "GET", docs, "", nil, 200, with(quota, "x-ms-item-count"), itemLSN},
		{"batch", "POST", docs, `[{"operationType":"Read","id":"k1"}]`, append(pk("a"), "x-ms-cosmos-is-batch-request", "True"), 200, with(data, "x-ms-item-count"), []string{"etag", "x-ms-resource-quota", "x-ms-resource-usage"}},
		{"missing_item", "GET", docs + "/none", "", pk("a"), 404, data, []string{"etag", "x-ms-substatus", "cache-control"}},
		{"missing_container", "GET", "/dbs/shop/colls/none", "", nil, 404, replica, []string{"x-ms-documentdb-partitionkeyrangeid", "x-ms-substatus"}},
		{"database", "GET", "/dbs/shop", "", nil, 200, with(replica, "etag", "x-ms-item-lsn"), []string{"x-ms-documentdb-partitionkeyrangeid"}},
		{"container", "GET", coll, "", nil, 200, with(replica, "etag", "x-ms-item-lsn", "x-ms-documentdb-partitionkeyrangeid", "x-ms-cosmos-max-content-length", "x-ms-share-throughput", "collection-partition-index", "collection-service-index"), nil},
		{"syntax_error", "POST", docs, `{"query":"SELECT FROM"}`, query, 400, with(gateway, "x-ms-activity-id"), []string{"x-ms-request-charge", "x-ms-session-token", "lsn"}},
	} {
		t.Run("1.1_"+c.name, func(t *testing.T) {
			a := expect(t, do(t, srv.URL(), c.method, c.path, c.body, c.header...), c.status)
			present(t, a, c.present...)
			absent(t, a, c.absent...)
			check(t, "type", a.Header.Get("content-type"), "application/json")
		})
	}
	t.Run("1.1_values", func(t *testing.T) {
		a := do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...)
		check(t, "other regions", a.Header.Get("x-ms-number-of-read-regions"), "0")
		check(t, "path", a.Header.Get("x-ms-alt-content-path"), "dbs/shop/colls/cart")
		if _, err := time.Parse("Mon, 02 Jan 2006 15:04:05.000 GMT", a.Header.Get("x-ms-last-state-change-utc")); err != nil {
			t.Error(err)
		}
	})
}

// TestRecordedErrorForms shows table 1.2.
func TestRecordedErrorForms(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for _, c := range []struct {
		name, form string
		got        answer
	}{
		{"replica", `^"Entity with the specified id does not exist in the system\..*, \\r\\nRequestStartTime: .*systemHistory`, do(t, srv.URL(), "GET", docs+"/none", "", pk("a")...)},
		{"errors", `^"Message: {\\"Errors\\":\[\\"Resource Not Found\..*\\"\]}\\r\\nActivityId: [0-9a-f-]{36}, Request URI: /apps/.*, SDK: Microsoft\.Azure\.Documents\.Common/2\.14\.0"$`, do(t, srv.URL(), "GET", "/dbs/none", "")},
		{"compile", `^"Message: {\\"errors\\":\[{\\"severity\\":\\"Error\\",.*\]}\\r\\nActivityId: `, ask(t, srv, "SELECT FROM c", crossed()...)},
		{"gateway", `^"Request url is invalid\.\\r\\nActivityId: [0-9a-f-]{36}, Microsoft\.Azure\.Documents\.Common/2\.14\.0"$`, do(t, srv.URL(), "GET", "/foo", "")},
	} {
		t.Run("1.2_"+c.name, func(t *testing.T) {
			if got := c.got.member(t, "message"); !regexp.MustCompile(c.form).MatchString(got) {
				t.Errorf("got %s want the form %s", got, c.form)
			}
		})
	}
}

// TestRecordedIdentifiers shows tables 2.1 to 2.3.
func TestRecordedIdentifiers(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	rid := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(strings.Trim(text, `"`), "-", "/"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	database := rid(do(t, srv.URL(), "GET", "/dbs/shop", "").member(t, "_rid"))
	parent := do(t, srv.URL(), "GET", coll, "")
	in := rid(parent.member(t, "_rid"))
	first := create(t, srv, "a", item1)
	t.Run("2.1_rids", func(t *testing.T) {
		check(t, "database", len(database), 4)
		check(t, "container", string(in[:4]) == string(database) && len(in) == 8 && in[4]&0x80 != 0, true)
		check(t, "item", fmt.Sprintf("%x", rid(first.member(t, "_rid"))), fmt.Sprintf("%x0100000000000000", in))
		ranges := do(t, srv.URL(), "GET", coll+"/pkranges", "").Body
		id := rid(regexp.MustCompile(`"_rid":"([^"]{24})"`).FindStringSubmatch(ranges)[1])
		check(t, "range", len(id) == 16 && id[15] == 0x50, true)
	})
	t.Run("2.1_counter", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", docs, `[{"operationType":"Create","resourceBody":{"id":"x","pk":"a"}},{"operationType":"Read","id":"none"}]`,
			append(pk("a"), "x-ms-cosmos-is-batch-request", "True")...), 207)
		next := rid(create(t, srv, "a", `{"id":"k2","pk":"a"}`).member(t, "_rid"))
		check(t, "not consumed by an aborted batch", next[8], 2)
	})
	t.Run("2.2_links_and_etag", func(t *testing.T) {
		self := strings.Trim(parent.member(t, "_self"), `"`) + "docs/" + strings.Trim(first.member(t, "_rid"), `"`) + "/"
		check(t, "_self", first.member(t, "_self"), `"`+self+`"`)
		form := regexp.MustCompile(`^"[0-9a-f]{8}-0000-0100-0000-([0-9a-f]{8})0000"$`).FindStringSubmatch(first.Header.Get("etag"))
		if form == nil {
			t.Fatalf("etag: got %s", first.Header.Get("etag"))
		}
		var ts int64
		if _, err := fmt.Sscanf(form[1], "%x", &ts); err != nil {
			t.Fatal(err)
		}
		check(t, "its last group is _ts", fmt.Sprint(ts), first.member(t, "_ts"))
	})
	t.Run("2.3_resources_take_an_lsn", func(t *testing.T) {
		before := do(t, srv.URL(), "GET", "/dbs/shop", "").Header.Get("lsn")
		expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"another"}`), 201)
		after := do(t, srv.URL(), "GET", "/dbs/shop", "").Header.Get("lsn")
		check(t, "advanced", before != after, true)
	})
}

// TestRecordedOthers shows recorded rows that stand alone.
func TestRecordedOthers(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for i := range 5 {
		create(t, srv, "a", fmt.Sprintf(`{"id":"k%d","pk":"a"}`, i))
	}
	t.Run("3_date_in_lower_case", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL()+"dbs", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := cosmostest.Sign(req, srv.Key()); err != nil {
			t.Fatal(err)
		}
		req.Header.Set("x-ms-date", strings.ToLower(req.Header.Get("x-ms-date"))) // what is signed is lower case anyway
		expect(t, send(t, req), 200)
	})
	t.Run("4.1_offers", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"mall"}`, "x-ms-offer-throughput", "400"), 201)
		a := expect(t, do(t, srv.URL(), "GET", "/offers", ""), 200)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "2")
		for _, want := range []string{`"_rid":"","Offers":[`, `"offerType":"Invalid"`, `"offerVersion":"V2"`, `"offerThroughput":400`, `"offerIsRUPerMinuteThroughputEnabled":false`, `"maxThroughputEverProvisioned":400`} {
			check(t, want, strings.Contains(a.Body, want), true)
		}
	})
	t.Run("4.2_list", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"a","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`), 201)
		a := expect(t, do(t, srv.URL(), "GET", "/dbs/shop/colls", ""), 200)
		check(t, "not sorted by name", strings.Index(a.Body, `"id":"cart"`) < strings.Index(a.Body, `"id":"a"`), true)
		check(t, "member", strings.HasPrefix(a.member(t, "DocumentCollections"), "["), true)
	})
	t.Run("4.7_read_feed", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", docs, ""), 200)
		check(t, "charge", a.Header.Get("x-ms-request-charge"), "1")
		check(t, "count", a.member(t, "_count"), "5")
	})
	t.Run("5_page_size", func(t *testing.T) {
		for size, want := range map[string]string{"-1": "5", "0": "5", "2": "2"} {
			check(t, size, ask(t, srv, "SELECT * FROM c", append(crossed(), "x-ms-max-item-count", size, "x-ms-documentdb-query-iscontinuationexpected", "False")...).member(t, "_count"), want)
		}
	})
}
