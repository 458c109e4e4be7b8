package cosmostest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// observations are, for each switch, a text that is different with the switch on.
func observations() map[string]func(t *testing.T, opts cosmostest.Options) string {
	feed := func(t *testing.T, srv *cosmostest.Server, header ...string) answer {
		return do(t, srv.URL(), "GET", docs, "", append(header, "A-IM", "Incremental Feed")...)
	}
	one := func(t *testing.T, opts cosmostest.Options) *cosmostest.Server {
		srv := shop(t, opts)
		create(t, srv, "a", item1)
		return srv
	}
	two := func(t *testing.T, opts cosmostest.Options) *cosmostest.Server {
		opts.Regions = []string{"East US", "West US"}
		return one(t, opts)
	}
	ranges := func(t *testing.T, opts cosmostest.Options, split bool) answer {
		srv := one(t, opts)
		if split {
			srv.Split("shop", "cart", "0")
		}
		return do(t, srv.URL(), "GET", coll+"/pkranges", "", "A-IM", "Incremental Feed")
	}
	return map[string]func(t *testing.T, opts cosmostest.Options) string{
		"ShortErrors": func(t *testing.T, opts cosmostest.Options) string {
			a := do(t, one(t, opts).URL(), "GET", docs+"/none", "", pk("a")...)
			return a.member(t, "message")[:20] + map[bool]string{true: " with diagnostics"}[strings.Contains(a.Body, "systemHistory")]
		},
		"OpaqueOrderTokens": func(t *testing.T, opts cosmostest.Options) string {
			a := ask(t, one(t, opts), "SELECT * FROM c ORDER BY c.n", append(ranged("0"), "x-ms-max-item-count", "1")...)
			return a.Header.Get("x-ms-continuation")[:1]
		},
		"EmptyPages": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			a := ask(t, srv, "SELECT * FROM c", crossed()...)
			count := a.member(t, "_count")
			if next := a.Header.Get("x-ms-continuation"); next != "" {
				count += " then " + ask(t, srv, "SELECT * FROM c", append(crossed(), "x-ms-continuation", next)...).member(t, "_count")
			}
			return count
		},
		"NoTrailingToken": func(t *testing.T, opts cosmostest.Options) string {
			a := ask(t, one(t, opts), "SELECT * FROM c", append(ranged("0"), "x-ms-max-item-count", "1")...)
			return map[bool]string{true: "none", false: "token"}[a.Header.Get("x-ms-continuation") == ""]
		},
		"OrderByKeepsUndefined": func(t *testing.T, opts cosmostest.Options) string {
			return ask(t, one(t, opts), "SELECT VALUE c.id FROM c ORDER BY c.none", ranged("0")...).member(t, "Documents")
		},
		"FeedETagLastItem": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			create(t, srv, "a", `{"id":"x","pk":"a","ttl":1}`)
			srv.Advance(time.Minute)
			return feed(t, srv).Header.Get("etag")
		},
		"FeedNotModifiedSameETag": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			create(t, srv, "a", `{"id":"x","pk":"a","ttl":1}`)
			srv.Advance(time.Minute)
			return feed(t, srv, "If-None-Match", `"2"`).Header.Get("etag")
		},
		"FeedFromNowEmptyPage": func(t *testing.T, opts cosmostest.Options) string {
			a := feed(t, one(t, opts), "If-None-Match", "*")
			return http.StatusText(a.Status) + a.Header.Get("etag")
		},
		"FeedSinceExclusive": func(t *testing.T, opts cosmostest.Options) string {
			at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			opts.Now = func() time.Time { return at }
			return http.StatusText(feed(t, one(t, opts), "If-Modified-Since", at.Format(time.RFC1123)).Status)
		},
		"RangesWithParents": func(t *testing.T, opts cosmostest.Options) string { return ranges(t, opts, true).member(t, "_count") },
		"RangesCharge": func(t *testing.T, opts cosmostest.Options) string {
			return "charge " + ranges(t, opts, false).Header.Get("x-ms-request-charge")
		},
		"RangesPlainETag": func(t *testing.T, opts cosmostest.Options) string {
			return ranges(t, opts, false).Header.Get("etag")[:1]
		},
		"WriteForbiddenCode": func(t *testing.T, opts cosmostest.Options) string {
			return do(t, two(t, opts).RegionURL("West US"), "POST", docs, item1, pk("a")...).member(t, "code")
		},
		"SimpleRegionTokens": func(t *testing.T, opts cosmostest.Options) string {
			return do(t, two(t, opts).URL(), "GET", docs+"/k1", "", pk("a")...).Header.Get("x-ms-session-token")
		},
		"TentativeWritesOptional": func(t *testing.T, opts cosmostest.Options) string {
			opts.MultiWrite = true
			return http.StatusText(do(t, two(t, opts).RegionURL("West US"), "POST", docs, `{"id":"k2","pk":"a"}`, pk("a")...).Status)
		},
		"AccountIDGlobal": func(t *testing.T, opts cosmostest.Options) string {
			return do(t, two(t, opts).RegionURL("West US"), "GET", "/", "").member(t, "id")
		},
		"BareServerErrors": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			srv.Inject(cosmostest.Fault{Status: 503})
			return "body " + do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...).Body
		},
		"Owner1003": func(t *testing.T, opts cosmostest.Options) string {
			return "substatus " + do(t, one(t, opts).URL(), "GET", "/dbs/shop/colls/none", "").sub()
		},
		"Gone1007": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			srv.Split("shop", "cart", "0")
			return ask(t, srv, "SELECT * FROM c", ranged("0")...).sub() + " then " + ask(t, srv, "SELECT * FROM c", ranged("0")...).sub()
		},
		"MinimalIgnored": func(t *testing.T, opts cosmostest.Options) string {
			a := do(t, one(t, opts).URL(), "PUT", docs+"/k1", item1, append(pk("a"), "Prefer", "return=minimal")...)
			return map[bool]string{true: "empty", false: "item"}[a.Body == ""] + map[bool]string{false: " with etag"}[a.Header.Get("etag") == ""]
		},
		"MinimalWithoutToken": func(t *testing.T, opts cosmostest.Options) string {
			return "token " + do(t, one(t, opts).URL(), "PUT", docs+"/k1", item1, append(pk("a"), "Prefer", "return=minimal")...).Header.Get("x-ms-session-token")
		},
		"PatchConditionNoSubstatus": func(t *testing.T, opts cosmostest.Options) string {
			a := do(t, one(t, opts).URL(), "PATCH", docs+"/k1", `{"condition":"from c where c.n = 8","operations":[{"op":"set","path":"/n","value":9}]}`, pk("a")...)
			return http.StatusText(a.Status) + a.sub()
		},
		"IfNoneMatchStarOnWrite": func(t *testing.T, opts cosmostest.Options) string {
			return http.StatusText(do(t, one(t, opts).URL(), "POST", docs, item1, append(pk("a"), "If-None-Match", "*")...).Status)
		},
		"ReplaceRefusesRename": func(t *testing.T, opts cosmostest.Options) string {
			return http.StatusText(do(t, one(t, opts).URL(), "PUT", docs+"/k1", `{"id":"k2","pk":"a"}`, pk("a")...).Status)
		},
		"BatchThrottled207": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			srv.SetThroughput("shop", "cart", 1)
			last := answer{}
			for range 2 {
				last = do(t, srv.URL(), "POST", docs, `[{"operationType":"Read","id":"k1"},{"operationType":"Create","resourceBody":{"id":"k5","pk":"a"}}]`, append(pk("a"), "x-ms-cosmos-is-batch-request", "True")...)
			}
			return http.StatusText(last.Status)
		},
		"BatchNotModified200": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			etag := strings.ReplaceAll(do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...).Header.Get("etag"), `"`, `\"`)
			return http.StatusText(do(t, srv.URL(), "POST", docs, `[{"operationType":"Read","id":"k1","ifNoneMatch":"`+etag+`"}]`, append(pk("a"), "x-ms-cosmos-is-batch-request", "True")...).Status)
		},
		"LimitOnStoredSize": func(t *testing.T, opts cosmostest.Options) string {
			return http.StatusText(do(t, one(t, opts).URL(), "POST", docs, `{"id":"big","pk":"a","v":"`+strings.Repeat("x", 2<<20-100)+`"}`, pk("a")...).Status)
		},
		"QuestionMarkIDs": func(t *testing.T, opts cosmostest.Options) string {
			return http.StatusText(do(t, one(t, opts).URL(), "POST", docs, `{"id":"what?","pk":"a"}`, pk("a")...).Status)
		},
		"OfferReplacePending": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"mall"}`, "x-ms-offer-throughput", "400"), 201)
			list := do(t, srv.URL(), "GET", "/offers", "").member(t, "Offers")
			id := strings.Split(strings.Split(list, `"id":"`)[1], `"`)[0]
			a := expect(t, do(t, srv.URL(), "PUT", "/offers/"+id, `{"content":{"offerThroughput":500}}`), 200)
			return "pending " + a.Header.Get("x-ms-offer-replace-pending")
		},
		"ExpiredDate401": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			return http.StatusText(expired(t, srv))
		},
		"NoSessionWait": func(t *testing.T, opts cosmostest.Options) string {
			opts.SessionWait = 40 * time.Millisecond
			srv := one(t, opts)
			start := time.Now()
			a := do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session("0:-1#99")...)...)
			return a.sub() + map[bool]string{true: " after a wait", false: " at once"}[time.Since(start) >= 40*time.Millisecond]
		},
		"TokenIgnoredAfterSplit": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			srv.Split("shop", "cart", "0")
			return http.StatusText(do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session("0:-1#99")...)...).Status)
		},
		"TTLEdgeInclusive": func(t *testing.T, opts cosmostest.Options) string {
			at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			opts.Now = func() time.Time { return at }
			srv := one(t, opts)
			create(t, srv, "a", `{"id":"x","pk":"a","ttl":10}`)
			srv.Advance(10 * time.Second)
			return http.StatusText(do(t, srv.URL(), "GET", docs+"/x", "", pk("a")...).Status)
		},
		"KeyPrefixServed": func(t *testing.T, opts cosmostest.Options) string {
			opts.Ranges = 5
			srv := one(t, opts)
			expect(t, do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"h","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash","version":2}}`), 201)
			const within = "/dbs/shop/colls/h/docs"
			for a := range 3 {
				for b := range 20 {
					body := fmt.Sprintf(`{"id":"k%02d","a":"a%d","b":%d}`, b, a, b)
					expect(t, do(t, srv.URL(), "POST", within, body, "x-ms-documentdb-partitionkey", fmt.Sprintf(`["a%d",%d]`, a, b)), 201)
				}
			}
			srv.Split("shop", "h", srv.Ranges("shop", "h")[0].ID)
			found, token := map[string]int{}, ""
			for {
				a := do(t, srv.URL(), "POST", within, `{"query":"SELECT VALUE c.a || c.id FROM c"}`, "content-type", "application/query+json",
					"x-ms-documentdb-partitionkey", `["a1"]`, "x-ms-max-item-count", "7", "x-ms-continuation", token)
				if a.Status != 200 {
					return a.sub()
				}
				var rows []string
				if err := json.Unmarshal([]byte(a.member(t, "Documents")), &rows); err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					found[row]++
				}
				if token = a.Header.Get("x-ms-continuation"); token == "" {
					check(t, "rows", len(found), 20)
					for row, n := range found {
						if n != 1 || !strings.HasPrefix(row, "a1") {
							t.Errorf("row %s: got it %d times", row, n)
						}
					}
					return fmt.Sprint(len(found), " rows")
				}
			}
		},
		"KeyVersionAdded": func(t *testing.T, opts cosmostest.Options) string {
			srv := one(t, opts)
			return do(t, srv.URL(), "POST", "/dbs/shop/colls", `{"id":"v","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`).member(t, "partitionKey")
		},
	}
}

// expired sends a request whose signature is right and whose date is not.
func expired(t *testing.T, srv *cosmostest.Server) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL()+"dbs", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cosmostest.SignAt(req, srv.Key(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	return send(t, req).Status
}

// TestSwitches turns each switch on alone and sees its answer change; every field has an entry and an observation.
func TestSwitches(t *testing.T) {
	all := observations()
	listed := map[string]bool{}
	for _, s := range cosmostest.AllSwitches() {
		listed[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			observe := all[s.Name]
			if observe == nil {
				t.Fatal("the switch has no observation")
			}
			var on cosmostest.Options
			s.Set(&on.Switches)
			if !reflect.ValueOf(on.Switches).FieldByName(s.Name).Bool() {
				t.Error("Set turns another field on")
			}
			before, after := observe(t, cosmostest.Options{}), observe(t, on)
			if before == after {
				t.Errorf("got %q with the switch off and on", before)
			}
			t.Logf("off %q, on %q", before, after)
		})
	}
	fields := reflect.TypeFor[cosmostest.Switches]()
	for i := range fields.NumField() {
		if !listed[fields.Field(i).Name] {
			t.Errorf("AllSwitches does not list %s", fields.Field(i).Name)
		}
	}
}
