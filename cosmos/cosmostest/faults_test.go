package cosmostest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// attempt is do for requests whose connection is expected to break.
func attempt(t *testing.T, srv *cosmostest.Server, method, path, body string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(srv.URL(), "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.GetBody = nil // no silent repetition by the transport
	req.Header.Set("x-ms-documentdb-partitionkey", `["a"]`)
	if err := cosmostest.Sign(req, srv.Key()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	buf := make([]byte, 1<<16)
	for err == nil {
		_, err = resp.Body.Read(buf)
	}
	return err
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   cosmostest.Fault
		applied bool
	}{
		{"drop_reply", cosmostest.Fault{DropReply: true}, true},
		{"drop_request", cosmostest.Fault{DropRequest: true}, false},
		{"cut_body", cosmostest.Fault{CutBody: 10}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := shop(t, cosmostest.Options{})
			c.fault.Match = cosmostest.ForOperation(cosmostest.CreateItem)
			c.fault.Times = 1
			in := srv.Inject(c.fault)
			if err := attempt(t, srv, "POST", docs, item1); err == nil || err.Error() == "EOF" {
				t.Errorf("got %v want a broken connection", err)
			}
			want := 404
			if c.applied {
				want = 200
			}
			expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), want)
			check(t, "hits", in.Hits(), 1)
			create(t, srv, "a", `{"id":"next","pk":"a"}`)
		})
	}
	for _, status := range []int{408, 410, 449, 500, 503} {
		for _, apply := range []bool{false, true} {
			t.Run(strconv.Itoa(status)+map[bool]string{false: "_not_applied", true: "_applied"}[apply], func(t *testing.T) {
				srv := shop(t, cosmostest.Options{})
				in := srv.Inject(cosmostest.Fault{Status: status, Apply: apply, Match: cosmostest.ForOperation(cosmostest.CreateItem)})
				expect(t, do(t, srv.URL(), "POST", docs, item1, pk("a")...), status)
				in.Remove()
				want := 404
				if apply {
					want = 200
				}
				expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), want)
			})
		}
	}
	t.Run("skip_and_times", func(t *testing.T) {
		srv := shop(t, cosmostest.Options{})
		srv.Inject(cosmostest.Fault{Status: 429, RetryAfter: 7 * time.Millisecond, Skip: 1, Times: 1, Match: cosmostest.ForOperation(cosmostest.ReadItem)})
		expect(t, do(t, srv.URL(), "GET", docs+"/x", "", pk("a")...), 404)
		a := expect(t, do(t, srv.URL(), "GET", docs+"/x", "", pk("a")...), 429)
		check(t, "delay", a.Header.Get("x-ms-retry-after-ms"), "7")
		expect(t, do(t, srv.URL(), "GET", docs+"/x", "", pk("a")...), 404)
	})
	t.Run("delay", func(t *testing.T) {
		srv := shop(t, cosmostest.Options{})
		srv.Inject(cosmostest.Fault{Delay: 30 * time.Millisecond})
		start := time.Now()
		expect(t, do(t, srv.URL(), "GET", docs+"/x", "", pk("a")...), 404)
		if d := time.Since(start); d < 30*time.Millisecond {
			t.Errorf("got %v want at least 30ms", d)
		}
	})
}

// TestThroughput shows 8.1: the refusal, its delay, and that it is over after the delay.
func TestThroughput(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", item1)
	srv.SetThroughput("shop", "cart", 10)
	var refused answer
	for range 20 {
		if refused = do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...); refused.Status == 429 {
			break
		}
	}
	expect(t, refused, 429)
	check(t, "substatus", refused.sub(), "3200")
	check(t, "charge", refused.Header.Get("x-ms-request-charge"), "0.38")
	check(t, "code", refused.member(t, "code"), `"TooManyRequests"`)
	absent(t, refused, "x-ms-session-token", "x-ms-documentdb-partitionkeyrangeid", "retry-after")
	present(t, refused, "lsn", "x-ms-cosmos-llsn", "x-ms-cosmos-global-nregion-committed-glsn", "x-ms-activity-id")
	ms, err := strconv.Atoi(refused.Header.Get("x-ms-retry-after-ms"))
	if err != nil || ms < 1 {
		t.Fatalf("delay: got %q want milliseconds", refused.Header.Get("x-ms-retry-after-ms"))
	}
	srv.Advance(time.Duration(ms) * time.Millisecond)
	expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 200)
	srv.SetThroughput("shop", "cart", 0)
	for range 50 {
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 200)
	}
}

// TestSharedThroughput shows that the containers of a database use up its throughput together, and that one with an
// offer of its own does not take part.
func TestSharedThroughput(t *testing.T) {
	at := time.Now()
	srv := shop(t, cosmostest.Options{EnforceThroughput: true, Now: func() time.Time { return at }})
	expect(t, do(t, srv.URL(), "POST", "/dbs", `{"id":"mall"}`, "x-ms-offer-throughput", "400"), 201)
	for name, header := range map[string][]string{"a": nil, "b": nil, "own": {"x-ms-offer-throughput", "400"}} {
		expect(t, do(t, srv.URL(), "POST", "/dbs/mall/colls", `{"id":"`+name+`","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, header...), 201)
	}
	read := func(name string) answer {
		return do(t, srv.URL(), "GET", "/dbs/mall/colls/"+name+"/docs/none", "", pk("a")...)
	}
	spent := 0
	for ; read("a").Status != 429; spent++ {
		if spent > 10_000 {
			t.Fatal("nothing is refused")
		}
	}
	check(t, "the other container", read("b").Status, 429)
	check(t, "the container with its own", read("own").Status, 404)
	srv.Advance(time.Second)
	check(t, "a second later", read("b").Status, 404)
}

// TestCounters pins what is counted.
func TestCounters(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}})
	srv.ResetCounters()
	create(t, srv, "a", item1)
	do(t, srv.RegionURL("West US"), "GET", docs+"/k1", "", pk("a")...)
	do(t, srv.URL(), "GET", docs+"/none", "", pk("a")...)
	all := srv.Counters()
	check(t, "requests", all.Total(cosmostest.CounterKey{Database: "shop", Container: "cart"}).Requests, 3)
	check(t, "west", all.Total(cosmostest.CounterKey{Region: "West US"}).Requests, 1)
	reads := all.Total(cosmostest.CounterKey{Operation: cosmostest.ReadItem})
	check(t, "charge", reads.Charge, 2)
	check(t, "missing", reads.Status[404], 1)
	check(t, "bytes in", all.Total(cosmostest.CounterKey{Operation: cosmostest.CreateItem}).BytesIn, int64(len(item1)))
}
