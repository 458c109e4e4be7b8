package cosmostest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestThroughputLimits refuses amounts that the service does not sell, which would also be that many ranges.
func TestThroughputLimits(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	const body = `{"id":"paid","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`
	for _, c := range []struct{ name, value string }{
		{"x-ms-offer-throughput", "300"}, {"x-ms-offer-throughput", "450"}, {"x-ms-offer-throughput", "1000000000000"}, {"x-ms-offer-throughput", "x"},
		{"x-ms-cosmos-offer-autopilot-settings", `{"maxThroughput":900}`}, {"x-ms-cosmos-offer-autopilot-settings", `{"maxThroughput":1500}`},
		{"x-ms-cosmos-offer-autopilot-settings", `{"maxThroughput":1000000000000}`},
	} {
		expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", body, c.name, c.value), 400)
	}
	expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", body, "x-ms-offer-throughput", "25000"), 201)
	check(t, "ranges", len(srv.Ranges("shop", "paid")), 3)
	list := do(t, srv.URL(), "GET", "/offers", "").member(t, "Offers")
	id := strings.Split(strings.Split(list, `"id":"`)[1], `"`)[0]
	for _, content := range []string{`{"offerThroughput":450}`, `{"offerThroughput":1000000000000}`, `{"offerAutopilotSettings":{"maxThroughput":1500}}`, `{}`} {
		expect(t, do(t, srv.URL(), "PUT", "/offers/"+id, `{"content":`+content+`}`), 400)
	}
	expect(t, do(t, srv.URL(), "PUT", "/offers/"+id, `{"content":{"offerAutopilotSettings":{"maxThroughput":4000}}}`), 200)
}

// TestBadResources shows answers to documents that are none.
func TestBadResources(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/dbs", ``}, {"POST", "/dbs", `{"id":`}, {"POST", "/dbs", `[]`}, {"POST", "/dbs", `null`}, {"POST", "/dbs", `{"id":7}`}, {"POST", "/dbs", `{"ID":"other"}`},
		{"POST", "/dbs/shop/colls", ``}, {"POST", "/dbs/shop/colls", `[]`}, {"POST", "/dbs/shop/colls", `{"id":"x"}`},
		{"POST", "/dbs/shop/colls", `{"id":"x","partitionKey":{"paths":["pk"],"kind":"Hash"}}`},
		{"POST", "/dbs/shop/colls", `{"id":"x","defaultTtl":2147483648,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{"PUT", coll, `{"id":"other","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{"PUT", coll, `{"id":"cart","partitionKey":{"paths":["/other"],"kind":"Hash"}}`},
	} {
		a := expect(t, do(t, srv.URL(), c.method, c.path, c.body), 400)
		if a.member(t, "code") != `"BadRequest"` || a.Header.Get("x-ms-session-token") == "" || a.Header.Get("lsn") == "0" {
			t.Errorf("%s %s %s: got %v %s want a bad request of the master partition", c.method, c.path, c.body, a.Header, a.Body)
		}
	}
}

// TestIncrementOverflow adds beyond 64 bits, where the sum is a double.
func TestIncrementOverflow(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", `{"id":"k1","pk":"a","n":9223372036854775807,"m":-9223372036854775808}`)
	a := expect(t, do(t, srv.URL(), "PATCH", docs+"/k1", `{"operations":[{"op":"incr","path":"/n","value":1},{"op":"incr","path":"/m","value":-1}]}`, pk("a")...), 200)
	for name, want := range map[string]float64{"n": 1 << 63, "m": -(1 << 63)} {
		if got, err := strconv.ParseFloat(a.member(t, name), 64); err != nil || got != want {
			t.Errorf("%s: got %s want %v", name, a.member(t, name), want)
		}
	}
}

// TestPagesOfEqualKeys reads equal ORDER BY keys page by page while the way to find the rows changes: few candidates are
// collected and sorted, many are read from the index.
func TestPagesOfEqualKeys(t *testing.T) {
	for _, direction := range []string{"ASC", "DESC"} {
		srv := shop(t, cosmostest.Options{})
		add := func(from, to int) {
			for n := from; n < to; n += 100 {
				var ops []string
				for i := n; i < min(to, n+100); i++ {
					ops = append(ops, fmt.Sprintf(`{"operationType":"Create","resourceBody":{"id":"%d","pk":"a","kind":"x","n":%d}}`, i, map[bool]int{true: 1, false: 1000}[i < 20]))
				}
				expect(t, do(t, srv.URL(), "POST", docs, "["+strings.Join(ops, ",")+"]", append(pk("a"), "x-ms-cosmos-is-batch-request", "True")...), 200)
			}
		}
		add(0, 20)
		sql := "SELECT VALUE c.id FROM c WHERE c.kind = 'x' AND c.n < 1000 ORDER BY c.n " + direction
		first := expect(t, ask(t, srv, sql, append(ranged("0"), "x-ms-max-item-count", "10")...), 200)
		add(20, 5000)
		rest := expect(t, ask(t, srv, sql, append(ranged("0"), "x-ms-continuation", first.Header.Get("x-ms-continuation"))...), 200)
		seen := map[string]int{}
		for _, a := range []answer{first, rest} {
			for id := range strings.SplitSeq(strings.Trim(a.member(t, "Documents"), "[]"), ",") {
				seen[id]++
			}
		}
		if len(seen) != 20 {
			t.Errorf("%s: got %d different rows of 20: %v", direction, len(seen), seen)
		}
	}
}

// TestCountersAreBounded asks for more names than are counted one by one.
func TestCountersAreBounded(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	const names = 5000
	for i := range names {
		expect(t, do(t, srv.URL(), "GET", fmt.Sprint("/dbs/none", i), ""), 404)
	}
	all := srv.Counters()
	check(t, "requests", all.Total(cosmostest.CounterKey{Operation: cosmostest.ReadDatabase}).Requests, names)
	if len(all) >= names {
		t.Errorf("got %d keys want fewer than names", len(all))
	}
}

// TestOptions refuses accounts that could not be.
func TestOptions(t *testing.T) {
	for name, opts := range map[string]cosmostest.Options{
		"consistency": {Consistency: "session-ish"},
		"key":         {Key: "not Base64!"},
		"same_region": {Regions: []string{"East US", "eastus"}},
		"empty":       {Regions: []string{"East US", ""}},
		"ranges":      {Ranges: -1},
		"many_ranges": {Ranges: 1 << 20},
		"delay":       {ReplicationDelay: -time.Second},
	} {
		srv, err := cosmostest.Start(opts)
		if err == nil {
			srv.Close()
			t.Errorf("%s: got no error", name)
		}
	}
	srv := shop(t, cosmostest.Options{})
	if err := srv.AddRegion("EASTUS"); err == nil {
		t.Error("a region twice: got no error")
	}
}

// TestForeignTokens refuses continuations that do not fit the statement, instead of failing on them.
func TestForeignTokens(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for i := range 3 {
		create(t, srv, "a", fmt.Sprintf(`{"id":"k%d","pk":"a","n":%d}`, i, i))
	}
	page := func(sql, token string) answer {
		return ask(t, srv, sql, append(ranged("0"), "x-ms-max-item-count", "1", "x-ms-continuation", token)...)
	}
	const two = "SELECT * FROM c ORDER BY c.n, c.id"
	plain := page("SELECT * FROM c", "").Header.Get("x-ms-continuation")
	single := page("SELECT * FROM c ORDER BY c.n", "").Header.Get("x-ms-continuation")
	for _, c := range []struct{ name, sql, token string }{
		{"no_keys", two, plain},
		{"too_few_keys", two, single},
		{"no_key_for_an_index", "SELECT * FROM c ORDER BY c.n", plain},
		{"negative_rows", "SELECT VALUE COUNT(1) FROM c", strings.Replace(plain, "TRC:1", "TRC:-5", 1)},
		{"negative_pages", "SELECT * FROM c", strings.Replace(plain, "RT:1", "RT:-1", 1)},
		{"other_form", "SELECT * FROM c", `{"token":"-RID:~AAAA","range":{"min":"","max":"FF"}}`},
		{"empty_list", "SELECT * FROM c", `[]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := expect(t, page(c.sql, c.token), 400)
			check(t, "text", strings.Contains(a.Body, "Invalid Continuation Token"), true)
		})
	}
}

// TestBadKeys refuses partition key headers that name no key.
func TestBadKeys(t *testing.T) {
	srv := shop(t, cosmostest.Options{Ranges: 3})
	create(t, srv, "a", item1)
	for _, key := range []string{`"a"`, `[`, `["a"`, `["a","b"]`, `[["a"]]`, `[{"a":1}]`, `{}`, `nonsense`} {
		header := []string{"x-ms-documentdb-partitionkey", key}
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", header...), 400)
		expect(t, do(t, srv.URL(), "POST", docs, item1, header...), 400)
		expect(t, ask(t, srv, "SELECT * FROM c", header...), 400)
		expect(t, do(t, srv.URL(), "GET", docs, "", append(header, "A-IM", "Incremental Feed")...), 400)
	}
	expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", "x-ms-documentdb-partitionkey", `[{}]`), 404)
}

// TestAdvertisedHost lists endpoints that a client on another host can use when the server listens everywhere.
func TestAdvertisedHost(t *testing.T) {
	srv := shop(t, cosmostest.Options{Listen: "0.0.0.0:0", Regions: []string{"East US", "West US"}})
	port := srv.URL()[strings.LastIndexByte(srv.URL(), ':'):]
	for _, host := range []string{"127.0.0.1", "localhost"} {
		a := expect(t, do(t, "http://"+host+port, "GET", "/", ""), 200)
		if got := a.member(t, "readableLocations"); strings.Count(got, "http://"+host+":") != 2 {
			t.Errorf("asked at %s: got %s", host, got)
		}
	}
}
